// Package safety tells what loading a model's files would run, and whether a
// signature beside them fits them.
//
// Nothing is ever loaded to find out: pickles are read opcode by opcode, as
// pickletools of Python does, and what they import is held against a list. The
// list is of what is known to be good; what is on no list is suspicious, and a
// file that cannot be read to its end is never called safe. Content decides, not
// the name: a pickle that is called otherwise is found, and that is told too.
//
// A verdict helps people to decide whom to trust. It is no promise that a file
// does no harm.
package safety

import (
	"cmp"
	"fmt"
	"slices"
)

// Verdict is what is thought of a file; a greater one is worse.
type Verdict int

// The verdicts.
const (
	Safe       Verdict = iota // loading it runs no code but that of the format's reader
	Notice                    // uses code of a library that people know, or is program text
	Unscanned                 // nobody has looked, and the reason is told
	Suspicious                // imports what is on no list, is broken, or is not what its name says
	Unsafe                    // imports what can do anything
)

var verdicts = [...]string{Safe: "safe", Notice: "notice", Unscanned: "not_scanned", Suspicious: "suspicious", Unsafe: "unsafe"}

// String gives the word of the verdict in APIs.
func (v Verdict) String() string { return verdicts[v] }

// Finding is one thing that was found, in a sentence for people that begins with
// a verb: "imports os.system".
type Finding struct {
	Verdict Verdict
	What    string
}

// The limits of what is told of one file.
const (
	maxFindings = 40
	maxWhat     = 300 // bytes
)

// Report is what is known of one file.
type Report struct {
	Verdict  Verdict
	Form     string    // what the content is, as "pickle, protocol 4"; "" for unknown
	Findings []Finding // the worst first, none for a safe file
	More     int       // findings that are left out
	// Unreadable: the store could not give the file, so nothing is known of it.
	Unreadable bool
}

// add takes a finding in, once.
func (r *Report) add(v Verdict, format string, args ...any) {
	f := Finding{v, fmt.Sprintf(format, args...)}
	if len(f.What) > maxWhat {
		f.What = clipped(f.What)
	}
	r.Verdict = max(r.Verdict, v)
	if slices.Contains(r.Findings, f) {
		return
	}
	i, _ := slices.BinarySearchFunc(r.Findings, f.Verdict, func(f Finding, v Verdict) int {
		return cmp.Or(cmp.Compare(v, f.Verdict), -1) // behind those that are as bad
	})
	r.Findings = slices.Insert(r.Findings, i, f)
	if len(r.Findings) > maxFindings {
		r.Findings = r.Findings[:maxFindings]
		r.More++
	}
}

// join takes in what was found in a part of the file.
func (r *Report) join(part Report, where string) {
	for _, f := range part.Findings {
		if where != "" {
			f.What += ", in " + where
		}
		r.add(f.Verdict, "%s", f.What)
	}
	r.More += part.More
}

// clipped cuts a text of a file to maxWhat bytes.
func clipped(s string) string {
	cut := maxWhat - len(" …")
	for cut > 0 && s[cut]&0xC0 == 0x80 {
		cut--
	}
	return s[:cut] + " …"
}
