package cli

import (
	"fmt"
	"strings"

	"github.com/vitrine-ml/vitrine/internal/client"
)

// verdictText is a verdict as people say it.
func verdictText(v string) string { return strings.ReplaceAll(v, "_", " ") }

// safetyFact is the worst verdict on the files of a version.
func safetyFact(s *client.Safety) string {
	switch {
	case s == nil || len(s.Files) == 0 && s.Verdict == "":
		return ""
	case s.Waiting > 0:
		return verdictText(s.Verdict) + "; " + counted(s.Waiting, "file") + " not looked into yet, ask again"
	}
	return verdictText(s.Verdict)
}

// findings prints what was found in files that are not simply safe.
func (r *remote) findings(s *client.Safety) {
	if s == nil {
		return
	}
	found := false
	for _, f := range s.Files {
		if f.Verdict == "safe" {
			continue
		}
		found = true
		fmt.Fprintf(r.env.Stdout, "%s: %s\n", plain(f.Path), verdictText(f.Verdict))
		for _, x := range f.Findings {
			fmt.Fprintf(r.env.Stdout, "  %s\n", plain(x.What))
		}
	}
	if found {
		fmt.Fprintln(r.env.Stdout)
	}
}
