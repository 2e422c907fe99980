package safety

import (
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"compress/zlib"
	"context"
	"errors"
	"io"
	"regexp"

	"github.com/vitrine-ml/vitrine/internal/formats"
)

// Scan looks into a content of size bytes that has a name. It reads what may hold
// code, within bounds, and passes over the rest. An error is the store's, or that
// of ctx; whatever is wrong with the file is in the Report.
func Scan(ctx context.Context, name string, content io.ReadSeeker, size int64) (Report, error) {
	var r Report
	w := &work{ctx: ctx, left: maxRead}
	p := part{name: name, w: w, report: &r, size: size, seeker: kept{content, w}}
	p.look()
	if w.err == nil {
		w.err = ctx.Err()
	}
	return r, w.err
}

// part is a content: a file, or one within an archive.
type part struct {
	name   string
	w      *work
	report *Report
	depth  int
	size   int64         // bytes, -1 for unknown
	seeker io.ReadSeeker // nil: it can only be read in order
	reader io.Reader     // instead
}

// look looks into the content, and puts what was found into its report.
func (p part) look() {
	s := newStream(p.source(), p.w, 16<<10)
	head := s.peek(headSize)
	if len(head) == 0 {
		done, err := s.ended()
		if done && p.size > 0 {
			err = broken("ends too early")
		}
		p.failed(err)
		return
	}
	f, called := formOf(head, max(p.size, int64(len(head))))
	isPickle := formats.KindOf(p.name) == formats.Pickle
	if isPickle && f.mayBePickle() {
		f = formPickle // what a name promises is tried, whatever else it looks like
	}
	p.report.Form = formName(f, called, head)
	p.report.judgeName(p.name, f, called)
	p.failed(p.within(s, f, called, isPickle))
	if f != formPickle && f != formZip && !f.mayBePickle() {
		p.failed(p.alsoPickle(head))
	}
}

// alsoPickle reads as a pickle, from its start, what is of another form and has been
// read as that: some begin with bytes that a pickle may begin with.
func (p part) alsoPickle(head []byte) error {
	s := newStream(bytes.NewReader(head), p.w, headSize)
	if p.seeker != nil {
		if _, err := p.seeker.Seek(0, io.SeekStart); err != nil {
			return cut(err)
		}
		s = newStream(p.seeker, p.w, 16<<10)
	}
	var r Report
	var seen machine
	if err := pickles(s, &r, 0, &seen); errors.Is(err, errLimit) {
		return err
	}
	if seen.bad(r) {
		p.report.add(Suspicious, "is a pickle as well")
		p.report.join(r, "")
	}
	return nil
}

// bad reports whether what was read is sure to be a pickle, however it went on: it
// has imported something bad by its name, and called something.
func (m *machine) bad(r Report) bool { return r.Verdict >= Suspicious && m.names > 0 && m.calls > 0 }

func (p part) source() io.Reader {
	if p.seeker != nil {
		return p.seeker
	}
	return p.reader
}

// formName is what a report calls a form.
func formName(f form, called string, head []byte) string {
	if f == formPickle && pickleHead(head) {
		return "pickle, protocol " + string('0'+rune(head[1]))
	}
	if f == formPickle {
		return "pickle, protocol 0 or 1"
	}
	if f == unknownForm {
		return ""
	}
	return called
}

// failed notes why a content was not looked into to its end.
func (p part) failed(err error) {
	switch {
	case err == nil:
	case errors.Is(err, errLimit):
		p.report.add(Unscanned, "%v", err)
	default:
		p.report.add(Suspicious, "could not be read to its end: it %v", err)
	}
}

// within looks into what a form may hold.
func (p part) within(s *stream, f form, called string, isPickle bool) error {
	switch f {
	case formPickle, formText, formHTML, formScript, formImage, formTable, formTensors, formGGUF, unknownForm:
		if isPickle {
			return pickles(s, p.report, 0, nil)
		}
		return p.tryPickle(s, f)
	case formNumpy:
		return p.numpy(s)
	case formZip:
		return p.zip()
	case formTar:
		return p.tar(s)
	case formPacked:
		return p.unpack(s)
	case formHDF5:
		return p.hdf5(s)
	case formClosed:
		return beyond("is %s, which is not unpacked here", called)
	}
	return nil
}

// tryPickle reads as a pickle what is not called one. It is one if it can be read
// to its end and imports something, or if it has called something bad before.
func (p part) tryPickle(s *stream, f form) error {
	var r Report
	var seen machine
	err := pickles(s, &r, 0, &seen)
	if errors.Is(err, errLimit) {
		return err
	}
	whole := err == nil && (seen.imports > 0 || f == formPickle)
	if !whole && !seen.bad(r) {
		return p.noPickle(f)
	}
	if f != formPickle {
		p.report.judgeName(p.name, formPickle, "a pickle")
		p.report.Form = "pickle, protocol 0 or 1"
	}
	p.report.join(r, "")
	return err
}

// noPickle takes back what two bytes had promised.
func (p part) noPickle(f form) error {
	if f != formPickle && f != unknownForm {
		return nil
	}
	p.report.Form = ""
	if p.depth == 0 && fits[formats.KindOf(p.name)] == nil {
		return beyond("has a format that is not known here")
	}
	return nil
}

// unpack looks into what is compressed as a whole.
func (p part) unpack(s *stream) error {
	head := s.peek(2)
	var r io.Reader
	var err error
	switch head[0] {
	case 0x1f:
		r, err = gzip.NewReader(s.buf)
	case 'B':
		r = bzip2.NewReader(s.buf)
	default:
		r, err = zlib.NewReader(s.buf)
	}
	if err != nil {
		return cut(err)
	}
	return p.inner(p.name, r, nil, -1)
}

// inner looks into a content within this one.
func (p part) inner(name string, r io.Reader, seeker io.ReadSeeker, size int64) error {
	if p.depth+1 > maxDepth {
		return beyond("has archives within archives that are not looked into")
	}
	var found Report
	in := part{name: name, w: p.w, report: &found, depth: p.depth + 1, size: size, reader: r, seeker: seeker}
	in.look()
	where := ""
	if name != p.name {
		where = name
	}
	if p.report.Form != "" && found.Form != "" && where == "" {
		p.report.Form += ": " + found.Form
	}
	p.report.join(found, where)
	return nil
}

// objectType is a type of NumPy's with objects in the text of an array's head, as
// '|O' or 'O8'.
var objectType = regexp.MustCompile(`['"][<>|=]?O\d*['"]`)

// numpy looks into an array; behind the head of one with objects there is a pickle.
// The layout is in numpy/lib/_format_impl.py.
func (p part) numpy(s *stream) error {
	head, err := s.bytes(8)
	if err != nil {
		return err
	}
	width := 2
	if head[6] >= 2 {
		width = 4
	}
	n, err := s.number(width)
	if err != nil {
		return err
	}
	if n > 1<<20 {
		return broken("has a head of %d bytes", n)
	}
	text, err := s.bytes(int(n)) //nolint:gosec // at most 1 MiB
	if err != nil {
		return err
	}
	if !objectType.Match(text) {
		return nil
	}
	p.report.add(Notice, "is an array of Python objects, which are pickled")
	return pickles(s, p.report, 0, nil)
}
