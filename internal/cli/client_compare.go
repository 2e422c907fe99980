package cli

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/vitrine-ml/vitrine/internal/client"
)

func compareCommand(env Env) *cobra.Command {
	r := &remote{env: env}
	var changed bool
	cmd := r.command("compare A B", "Compare two versions or runs", cobra.ExactArgs(2), func(ctx context.Context, args []string) error {
		return r.compare(ctx, args[0], args[1], changed)
	})
	cmd.Long = `Compare two versions, two runs, or one of each: parameters, metrics and metadata side by
side, and the files by their SHA-256. A version has the parameters and metrics of its run.
What differs is marked: ~ changed, + only in B, - only in A.

B may be short: :VERSION or @ALIAS of the same model, or a number of a run.`
	cmd.Example = `  vitrine compare team/vision/resnet:1.0.0 :2.0.0
  vitrine compare team/vision/resnet@champion @candidate --changed
  vitrine compare team/vision#12 team/vision#15 --json`
	cmd.Flags().BoolVar(&changed, "changed", false, "only what differs")
	return cmd
}

// facet is one of the sides of a comparison.
type facet struct {
	Name     string `json:"name"`
	params   map[string]string
	metrics  map[string]client.Number
	metadata map[string]string
	files    map[string]comparedFile
}

// comparedFile is what a side has at a path.
type comparedFile struct {
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// The states of what is compared.
const (
	stateSame    = "same"
	stateChanged = "changed"
	stateAdded   = "added"   // only in B
	stateRemoved = "removed" // only in A
)

// difference compares one thing of both sides; nil: a side does not have it.
type difference[T any] struct {
	Name   string `json:"name"`
	Status string `json:"status"`
	A      *T     `json:"a"`
	B      *T     `json:"b"`
}

// comparison is the answer of compare.
type comparison struct {
	A        facet                       `json:"a"`
	B        facet                       `json:"b"`
	Params   []difference[string]        `json:"params"`
	Metrics  []difference[client.Number] `json:"metrics"`
	Metadata []difference[string]        `json:"metadata"`
	Files    []difference[comparedFile]  `json:"files"`
}

func (r *remote) compare(ctx context.Context, a, b string, changed bool) error {
	look, err := r.facets(a, b)
	if err != nil {
		return err
	}
	if err := r.connect(); err != nil {
		return err
	}
	var sides [2]facet
	for i, find := range look {
		if sides[i], err = find(ctx); err != nil {
			return err
		}
	}
	c := compared(sides[0], sides[1])
	if changed {
		c = c.changes()
	}
	if r.json {
		return show(r.env.Stdout, c, true)
	}
	return c.print(r.env.Stdout, r.colored(), changed)
}

// facets reads both references and gives the functions that look them up.
func (r *remote) facets(a, b string) ([2]func(context.Context) (facet, error), error) {
	var out [2]func(context.Context) (facet, error)
	var first modelRef
	for i, s := range []string{a, b} {
		if strings.Contains(s, "#") || isNumber(s) {
			ref, err := parseRun(s, r.project())
			if err != nil {
				return out, err
			}
			out[i] = func(ctx context.Context) (facet, error) { return r.runFacet(ctx, ref) }
			continue
		}
		if i == 1 && first.Model != "" && (s[:min(1, len(s))] == ":" || s[:min(1, len(s))] == "@") {
			s = first.bare().shortest() + s
		}
		ref, err := r.ref(s)
		if err != nil {
			return out, err
		}
		first = ref
		out[i] = func(ctx context.Context) (facet, error) { return r.versionFacet(ctx, ref) }
	}
	return out, nil
}

func isNumber(s string) bool {
	_, err := strconv.ParseInt(s, 10, 64)
	return err == nil
}

// shortest is the reference with a place for version or alias.
func (r modelRef) shortest() string {
	return strings.TrimSuffix(r.String(), "@latest")
}

func (r *remote) runFacet(ctx context.Context, ref client.RunRef) (facet, error) {
	run, err := r.c.Run(ctx, ref)
	if err != nil {
		return facet{}, err
	}
	place, err := r.c.RunFiles(ctx, ref)
	if err != nil {
		return facet{}, err
	}
	return r.facet(ctx, ref.String(), run, run.Metadata, place)
}

func (r *remote) versionFacet(ctx context.Context, ref modelRef) (facet, error) {
	_, v, err := r.modelVersion(ctx, ref)
	if err != nil {
		return facet{}, err
	}
	run, err := r.c.Run(ctx, client.RunRef{Project: ref.Project, Number: v.RunIID, ID: v.RunID})
	if err != nil {
		return facet{}, naming(err, "the run of "+ref.String())
	}
	ref.Version, ref.Alias = v.Version, ""
	return r.facet(ctx, ref.String(), run, v.Metadata, client.VersionPlace(ref.Project, v.ID))
}

func (r *remote) facet(ctx context.Context, name string, run client.Run, metadata []client.Tag, p client.Place) (facet, error) {
	files, err := r.c.Files(ctx, p)
	f := facet{Name: name, params: map[string]string{}, metrics: map[string]client.Number{}, metadata: map[string]string{}, files: map[string]comparedFile{}}
	for _, v := range run.Params {
		f.params[v.Name] = v.Value
	}
	for _, v := range run.Metrics {
		f.metrics[v.Name] = v.Value
	}
	for _, v := range metadata {
		f.metadata[v.Name] = v.Value
	}
	for _, v := range files {
		f.files[v.Path] = comparedFile{v.Size, v.SHA256}
	}
	return f, err
}

func compared(a, b facet) comparison {
	return comparison{A: a, B: b, Params: differences(a.params, b.params, equal), Metrics: differences(a.metrics, b.metrics, sameNumber),
		Metadata: differences(a.metadata, b.metadata, equal),
		Files:    differences(a.files, b.files, func(x, y comparedFile) bool { return x.SHA256 == y.SHA256 })}
}

func equal(x, y string) bool { return x == y }

// sameNumber takes one NaN for another.
func sameNumber(x, y client.Number) bool { return x.String() == y.String() }

// differences pairs what two sides have, by name.
func differences[T any](a, b map[string]T, same func(T, T) bool) []difference[T] {
	names := map[string]bool{}
	for _, side := range []map[string]T{a, b} {
		for n := range side {
			names[n] = true
		}
	}
	out := []difference[T]{}
	for _, n := range slices.Sorted(maps.Keys(names)) {
		d := difference[T]{Name: n, Status: stateChanged}
		x, inA := a[n]
		y, inB := b[n]
		if inA {
			d.A = &x
		}
		if inB {
			d.B = &y
		}
		switch {
		case !inA:
			d.Status = stateAdded
		case !inB:
			d.Status = stateRemoved
		case same(x, y):
			d.Status = stateSame
		}
		out = append(out, d)
	}
	return out
}

func (c comparison) changes() comparison {
	c.Params, c.Metrics, c.Metadata, c.Files = differing(c.Params), differing(c.Metrics), differing(c.Metadata), differing(c.Files)
	return c
}

func differing[T any](ds []difference[T]) []difference[T] {
	return slices.DeleteFunc(ds, func(d difference[T]) bool { return d.Status == stateSame })
}

// marks begin the lines of differences.
var marks = map[string]string{stateSame: " ", stateChanged: "~", stateAdded: "+", stateRemoved: "-"}

// colors are those of the marks on a terminal.
var colors = map[byte]string{'~': "\x1b[33m", '+': "\x1b[32m", '-': "\x1b[31m"}

// colored reports whether standard output shows colours, and may.
func (r *remote) colored() bool {
	f, ok := r.env.Stdout.(*os.File)
	return ok && term.IsTerminal(int(f.Fd())) && r.env.Getenv("NO_COLOR") == "" && r.env.Getenv("TERM") != "dumb"
}

// print writes the comparison for people. Files that are the same are counted
// only.
func (c comparison) print(w io.Writer, color, changed bool) error {
	var b bytes.Buffer
	tw := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintf(tw, "  \tA: %s\tB: %s\n", plain(c.A.Name), plain(c.B.Name))
	section(tw, "PARAMETERS", c.Params, func(v string) string { return v })
	section(tw, "METRICS", c.Metrics, client.Number.String)
	section(tw, "METADATA", c.Metadata, func(v string) string { return v })
	alike := 0
	files := slices.DeleteFunc(slices.Clone(c.Files), func(d difference[comparedFile]) bool {
		if d.Status == stateSame {
			alike++
		}
		return d.Status == stateSame
	})
	section(tw, "FILES", files, func(f comparedFile) string { return shortSum(f.SHA256) + " " + sizeText(f.Size) })
	if err := tw.Flush(); err != nil {
		return err
	}
	if alike > 0 {
		fmt.Fprintf(&b, "  %s the same\n", counted(alike, "file"))
	}
	if changed && len(c.Params)+len(c.Metrics)+len(c.Metadata)+len(c.Files) == 0 {
		fmt.Fprintln(&b, "  nothing differs")
	}
	for line := range strings.Lines(b.String()) {
		line = strings.TrimRight(line, " \n")
		if code := colors[cmp.Or(line, " ")[0]]; color && code != "" {
			line = code + line + "\x1b[0m"
		}
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return nil
}

func section[T any](w io.Writer, title string, ds []difference[T], text func(T) string) {
	if len(ds) == 0 {
		return
	}
	fmt.Fprintf(w, "  %s\t\t\n", title)
	cell := func(v *T) string {
		if v == nil {
			return "-"
		}
		return plain(text(*v))
	}
	for _, d := range ds {
		fmt.Fprintf(w, "%s %s\t%s\t%s\n", marks[d.Status], plain(d.Name), cell(d.A), cell(d.B))
	}
}
