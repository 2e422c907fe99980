package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/vitrine-ml/vitrine/internal/client"
	"github.com/vitrine-ml/vitrine/internal/fault"
)

// pullOptions are the flags of pull, and the sizes that tests make smaller.
type pullOptions struct {
	output   string
	parallel int
	force    bool
	run      int64
	whole    int64 // files up to this size come in one piece
	chunk    int64 // and larger ones in pieces of this
}

const (
	wholeSize = 64 << 20
	chunkSize = 32 << 20
)

func pullCommand(env Env) *cobra.Command {
	r := &remote{env: env}
	o := pullOptions{whole: wholeSize, chunk: chunkSize}
	cmd := r.command("pull PROJECT/MODEL[:VERSION|@ALIAS] [PATH|GLOB…]", "Download the files of a version", cobra.MinimumNArgs(1),
		func(ctx context.Context, args []string) error { return r.pull(ctx, args[0], args[1:], o) })
	cmd.Long = `Download the files of a version, of the latest unless told, with their folders.
Paths select files, or all of a folder; globs know *, ? and [] inside one part of
a path, and ** across parts. Quote them from the shell.

Every file is compared with its SHA-256 before it gets its name. Files that are
there already, byte for byte, are skipped; others are not overwritten without
--force. Large files come in pieces, several at once: after an interruption run the
command again and it goes on (until then the pieces are in *` + partSuffix + `).`
	cmd.Example = `  vitrine pull root/default/my-model
  vitrine pull team/vision/resnet@champion --output ./models
  vitrine pull team/vision/resnet:2.0.0 config.json 'weights/**/*.safetensors'`
	f := cmd.Flags()
	f.StringVarP(&o.output, "output", "o", ".", "folder to put the files into; made if it is missing")
	f.IntVar(&o.parallel, "parallel", 4, "connections to use at once")
	f.BoolVar(&o.force, "force", false, "overwrite files that differ")
	f.Int64Var(&o.run, "candidate", 0, "pull the files of this run (its number in PROJECT) instead of a version")
	return cmd
}

func (r *remote) pull(ctx context.Context, ref string, patterns []string, o pullOptions) error {
	if o.parallel < 1 {
		return usagef("--parallel has to be 1 or more")
	}
	selected, err := parsePatterns(patterns)
	if err != nil {
		return err
	}
	ref = r.qualified(ref)
	if o.run == 0 {
		if _, err := parseRef(ref); err != nil {
			return err
		}
	}
	if err := r.connect(); err != nil {
		return err
	}
	t, err := r.pullTarget(ctx, ref, o.run)
	if err != nil {
		return err
	}
	files, err := r.c.Files(ctx, t.place)
	if err != nil {
		return err
	}
	if files, err = choose(files, selected, t); err != nil {
		return err
	}
	out, err := r.download(ctx, t, files, o)
	if err != nil {
		return &resumable{err: err, next: pullAgain(t, patterns, o)}
	}
	if r.json {
		m := t.moved(out)
		m.Output = o.output
		return show(r.env.Stdout, m, true)
	}
	return nil
}

func parsePatterns(texts []string) ([]pathPattern, error) {
	out := make([]pathPattern, len(texts))
	for i, s := range texts {
		var err error
		if out[i], err = parsePattern(s); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// pullAgain is the command that goes on after an interruption.
func pullAgain(t target, patterns []string, o pullOptions) string {
	words := []string{t.command("vitrine pull")}
	for _, p := range patterns {
		words = append(words, shellQuote(p))
	}
	if o.output != "." {
		words = append(words, "--output", shellQuote(o.output))
	}
	if o.force {
		words = append(words, "--force")
	}
	return strings.Join(words, " ")
}

func (r *remote) pullTarget(ctx context.Context, s string, run int64) (target, error) {
	if run != 0 {
		return r.runTarget(ctx, s, run)
	}
	ref, err := parseRef(s)
	if err != nil {
		return target{}, err
	}
	m, v, err := r.modelVersion(ctx, ref)
	if err != nil {
		return target{}, err
	}
	// From here on the version counts: an alias can move.
	ref.Version, ref.Alias = v.Version, ""
	return target{ref: ref, model: m, id: v.ID, place: client.VersionPlace(ref.Project, v.ID)}, nil
}

// choose gives the files that the patterns select; each has to select one.
func choose(files []client.File, patterns []pathPattern, t target) ([]client.File, error) {
	if len(files) == 0 {
		return nil, &fault.Error{Kind: fault.NotFound, Noun: "file", Msg: fmt.Sprintf("no files found: %s has none", plain(t.ref.String()))}
	}
	if len(patterns) == 0 {
		return files, nil
	}
	used := make([]bool, len(patterns))
	out := slices.DeleteFunc(files, func(f client.File) bool {
		chosen := false
		for i, p := range patterns {
			if p.match(f.Path) {
				chosen, used[i] = true, true
			}
		}
		return !chosen
	})
	if i := slices.Index(used, false); i >= 0 {
		return nil, &fault.Error{Kind: fault.NotFound, Noun: "file", Name: patterns[i].text,
			Msg: fmt.Sprintf("no file of %s matches %q: not found; list them with: vitrine ls %s", plain(t.ref.String()), patterns[i].text, plain(t.ref.String()))}
	}
	return out, nil
}

// download fetches files into the output folder.
func (r *remote) download(ctx context.Context, t target, files []client.File, o pullOptions) ([]movedFile, error) {
	began := time.Now()
	wanted, err := checkPaths(files)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(o.output, 0o777); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(o.output)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	p := &puller{remote: r, pullOptions: o, root: root, place: t.place, slots: make(chan struct{}, o.parallel)}
	if err := p.inspect(ctx, wanted); err != nil {
		return nil, err
	}
	n, size, err := p.fetchAll(ctx, wanted)
	if err != nil {
		return nil, err
	}
	r.summary("Pulled", t, n, len(wanted)-n, size, time.Since(began))
	out := make([]movedFile, len(wanted))
	for i, w := range wanted {
		status := statusDownloaded
		if w.there {
			status = statusSkipped
		}
		out[i] = movedFile{w.Path, w.Size, w.SHA256, status}
	}
	return out, nil
}

// puller downloads into one folder, which it cannot leave.
type puller struct {
	*remote
	pullOptions
	root  *os.Root
	place client.Place
	slots chan struct{} // one for each connection
	meter *meter
}

// slot waits for a connection to be free; the result frees it.
func (p *puller) slot(ctx context.Context) (func(), error) {
	select {
	case p.slots <- struct{}{}:
		return func() { <-p.slots }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// fetchAll fetches what is not there, and tells how much that was.
func (p *puller) fetchAll(ctx context.Context, wanted []*wantedFile) (n int, size int64, err error) {
	for _, w := range wanted {
		if !w.there {
			n, size = n+1, size+w.Size-p.resumes(w)
		}
	}
	p.meter = p.newMeter("downloading", size)
	defer p.meter.end()
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(p.parallel)
	for _, w := range wanted {
		if w.there {
			continue
		}
		g.Go(func() error {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			return naming(p.fetch(ctx, w), "pulling "+plain(w.Path))
		})
	}
	return n, size, g.Wait()
}

// maxChanges is how often a file may change while it is fetched.
const maxChanges = 3

// fetch fetches one file, anew when it has changed on the server.
func (p *puller) fetch(ctx context.Context, w *wantedFile) error {
	for n := 0; ; n++ {
		err := p.fetchVersion(ctx, w)
		if !errors.Is(err, client.ErrChanged) || n == maxChanges {
			return err
		}
		f, err := p.c.Stat(ctx, p.place, w.Path)
		if err != nil {
			return err
		}
		w.File = f
	}
}

// naming puts what was done before an error. It keeps the kind.
func naming(err error, doing string) error {
	if err == nil {
		return nil
	}
	if e, ok := fault.As(err); ok {
		return &fault.Error{Kind: e.Kind, Noun: e.Noun, Name: e.Name, Msg: doing + ": " + errorText(err), Err: err}
	}
	return fmt.Errorf("%s: %w", doing, err)
}
