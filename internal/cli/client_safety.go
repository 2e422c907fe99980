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
	found = found || s.Signature.Differing > 0
	r.differing(s.Signature)
	if found {
		fmt.Fprintln(r.env.Stdout)
	}
}

// signatureFact is how a signature stands to the files of a version.
func signatureFact(s *client.Safety) string {
	if s == nil || s.Signature.Status == "" || s.Signature.Status == "none" {
		return ""
	}
	sig, text := s.Signature, s.Signature.Status
	switch {
	case sig.Problem != "":
		text += ": it " + sig.Problem
	case sig.Differing > 0:
		text += ": " + counted(sig.Differing, "file")
	}
	if sig.Signer != "" {
		text += "; by " + sig.Signer
	}
	return text + "; who signed is not verified"
}

// differing prints which files are not as they were signed.
func (r *remote) differing(sig client.Signature) {
	for _, list := range []struct {
		what  string
		paths []string
	}{{"changed since it was signed", sig.Changed}, {"signed, and not here", sig.Missing}, {"here, and not signed", sig.Additional}} {
		for _, p := range list.paths {
			fmt.Fprintf(r.env.Stdout, "%s: %s\n", plain(p), list.what)
		}
	}
}
