package web

import (
	"cmp"
	"slices"
	"strings"

	"github.com/vitrine-ml/vitrine/internal/registry"
	"github.com/vitrine-ml/vitrine/internal/safety"
)

// safetyView is what a page says of loading files.
type safetyView struct {
	safety.Whole
	Notable []safety.Judged // those that are not simply safe, the worst first
	Cut     int             // of them that are left out
	Home    string          // address of the page that its files are below
}

// maxNotable is how many files a page tells of.
const maxNotable = 50

// lookInto tells what loading the files of a shelf would do and what they say of
// themselves, as far as that is known. The page waits for little of it, and is asked
// for again until all is known. It is no part of the snapshot, which is not to last
// that long.
func (c *call) lookInto(sh *shelf) error {
	if !sh.MayPull {
		return nil
	}
	h, err := c.holder()
	if err != nil {
		return err
	}
	look, err := c.s.LookAt(c.ctx(), c.ref, h.pkg, registry.FileQuery{Page: registry.Page{Limit: safety.MaxFiles, NoTotal: true}})
	if err != nil || len(look.Items) == 0 {
		return err
	}
	w, err := c.d.Safety.Of(c.ctx(), look, safety.Glance)
	if err != nil {
		return err
	}
	sh.Safety, sh.Runs = viewOf(w, h.home), nil // it says more than the names do
	waiting := map[string]bool{}
	for _, j := range w.Files {
		waiting[j.Path] = j.Waiting
	}
	sh.Inside, sh.Coming, err = c.insides(sh.look, waiting)
	return err
}

// viewOf chooses what a page says of the files below an address.
func viewOf(w safety.Whole, home string) *safetyView {
	v := &safetyView{Whole: w, Home: home}
	for _, j := range w.Files {
		if j.Verdict > safety.Safe && !j.Waiting {
			v.Notable = append(v.Notable, j)
		}
	}
	slices.SortStableFunc(v.Notable, func(a, b safety.Judged) int { return cmp.Compare(b.Verdict, a.Verdict) })
	if v.Cut = len(v.Notable) - maxNotable; v.Cut > 0 {
		v.Notable = v.Notable[:maxNotable]
	}
	return v
}

// Open reports whether the verdict may still become another one: nothing bad was
// found, and files wait.
func (v safetyView) Open() bool { return v.Waiting > 0 && v.Verdict <= safety.Unscanned }

// safetyOfFile looks into one file.
func (c *call) safetyOfFile(look registry.Look) (*safetyView, error) {
	w, err := c.d.Safety.Of(c.ctx(), look, safety.Glance)
	return &safetyView{Whole: w, Notable: w.Files}, err
}

// verdictWord is a verdict as people say it.
func verdictWord(v safety.Verdict) string { return strings.ReplaceAll(v.String(), "_", " ") }

// verdictClass is how the badge of a verdict looks.
func verdictClass(v safety.Verdict) string {
	return [...]string{safety.Safe: "good", safety.Notice: "", safety.Unscanned: "", safety.Suspicious: "warn", safety.Unsafe: "bad"}[v]
}

// verdictOfFile is the verdict on one file in a sentence.
func verdictOfFile(v safety.Verdict) string {
	return [...]string{
		safety.Safe:       "Nothing was found in it that runs when it is loaded.",
		safety.Notice:     "Loading it runs code of known libraries, or it is program text. Nothing else was found.",
		safety.Unscanned:  "It could not be looked into to its end.",
		safety.Suspicious: "It imports what is on no list, is broken, or is not what its name says. Load it only when you trust whoever made it.",
		safety.Unsafe:     "Loading it can do anything on your machine. Load it only when you trust whoever made it.",
	}[v]
}

// Says is the verdict on all files in a sentence.
func (v safetyView) Says() string {
	return [...]string{
		safety.Safe:       "Nothing was found in these files that runs when they are loaded.",
		safety.Notice:     "Loading these files runs code of known libraries, or some are program text. Nothing else was found.",
		safety.Unscanned:  "Some files could not be looked into.",
		safety.Suspicious: "Some files import what is on no list, are broken, or are not what their names say. Load them only when you trust whoever made them.",
		safety.Unsafe:     "Loading some of these files can do anything on your machine. Load them only when you trust whoever made them.",
	}[v.Verdict]
}
