package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/vitrine-ml/vitrine/internal/client"
	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// pushOptions are the flags of push.
type pushOptions struct {
	description string
	describe    bool // description was given
	aliases     []string
	metadata    []string
	prefix      string
	parallel    int
	run         int64
	noCreate    bool
}

// The states of a file after a transfer.
const (
	statusUploaded   = "uploaded"
	statusDownloaded = "downloaded"
	statusSkipped    = "skipped" // was there already, byte for byte
)

// movedFile is a file of the answers of push and pull.
type movedFile struct {
	Path   string `json:"path"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
	Status string `json:"status"`
}

// moved is the answer of push and pull.
type moved struct {
	Project   string      `json:"project"`
	Model     string      `json:"model,omitempty"`
	Version   string      `json:"version,omitempty"`
	VersionID int64       `json:"version_id,omitempty"`
	Run       int64       `json:"candidate,omitempty"`
	Output    string      `json:"output,omitempty"` // folder, of pull
	Files     []movedFile `json:"files"`
}

// target is the version or run that files go to or come from.
type target struct {
	ref   modelRef // with the version; of a run only the project
	place client.Place
	model client.Model
	id    int64 // of the version
	run   int64
}

func (t target) moved(files []movedFile) moved {
	return moved{Project: t.ref.Project, Model: t.ref.Model, Version: t.ref.Version, VersionID: t.id, Run: t.run, Files: files}
}

// command is a command line about the target.
func (t target) command(verb string) string {
	if t.run != 0 {
		return verb + " " + t.ref.Project + " --candidate " + strconv.FormatInt(t.run, 10)
	}
	return verb + " " + t.ref.String()
}

func pushCommand(env Env) *cobra.Command {
	r := &remote{env: env}
	var o pushOptions
	var cmd *cobra.Command
	cmd = r.command("push PATH PROJECT/MODEL[:VERSION]", "Upload a file or folder as a version of a model", cobra.ExactArgs(2),
		func(ctx context.Context, args []string) error {
			o.describe = cmd.Flags().Changed("description")
			return r.push(ctx, args[0], args[1], o)
		})
	cmd.Long = `Upload a file or folder as a version of a model. Model and version are made if
they are missing; without VERSION it is the one that follows the highest. Write
PROJECT//MODEL when the name of the model has slashes.

Files that the version has already, byte for byte, are skipped: run the command
again after an interruption and it goes on, in the middle of a large file too.
The server checks the SHA-256 of each file. Of a folder everything is pushed but
.git, .DS_Store and what interrupted pulls left (*` + partSuffix + `). Links are
followed to files of the same folder only.`
	cmd.Example = `  vitrine push ./model.onnx root/default/my-model
  vitrine push ./export team/vision/resnet:2.0.0 --alias champion --metadata dataset=imagenet`
	f := cmd.Flags()
	f.StringVar(&o.description, "description", "", "description of the version, in Markdown")
	f.StringArrayVar(&o.aliases, "alias", nil, "alias to set to the version when all is uploaded (repeatable)")
	f.StringArrayVar(&o.metadata, "metadata", nil, "metadata of the version, as key=value (repeatable)")
	f.StringVar(&o.prefix, "prefix", "", "folder of the version to put the files into")
	f.IntVar(&o.parallel, "parallel", 4, "files to upload at once")
	f.Int64Var(&o.run, "candidate", 0, "push to the files of this run (its number in PROJECT) instead of a version")
	f.BoolVar(&o.noCreate, "no-create", false, "fail when the model is missing instead of making it")
	return cmd
}

func (r *remote) push(ctx context.Context, local, ref string, o pushOptions) error {
	ref = r.qualified(ref)
	tags, err := tagsOf("--metadata", o.metadata)
	switch {
	case err != nil:
		return err
	case o.parallel < 1:
		return usagef("--parallel has to be 1 or more")
	case o.run != 0 && (o.describe || len(o.aliases) > 0 || len(tags) > 0):
		return usagef("--description, --alias and --metadata belong to a version; leave them out with --candidate")
	}
	if err := checkAliases(o.aliases); err != nil {
		return err
	}
	if err := checkPushRef(ref, o.run); err != nil {
		return err
	}
	files, err := gather(local, o.prefix)
	if err != nil {
		return err
	}
	if err := r.connect(); err != nil {
		return err
	}
	t, err := r.pushTarget(ctx, ref, o, tags)
	if err != nil {
		return err
	}
	out, err := r.upload(ctx, t, files, o.parallel)
	if err == nil {
		err = r.setAliases(ctx, t, o.aliases)
	}
	if err != nil {
		again := t.command("vitrine push " + shellQuote(local))
		if ctx.Err() == nil {
			// The same command without a version would begin another one.
			r.say("To go on where this stopped, run: %s", again)
		}
		return &resumable{err: err, next: again}
	}
	r.say("Pull it with:\n  %s", t.command("vitrine pull"))
	if r.json {
		return show(r.env.Stdout, t.moved(out), true)
	}
	return nil
}

func checkPushRef(s string, run int64) error {
	if run != 0 {
		return nil
	}
	ref, err := parseRef(s)
	switch {
	case err != nil:
		return err
	case ref.Alias != "":
		return usagef("push needs a version, not an alias: write PROJECT/MODEL:VERSION, and --alias %s", ref.Alias)
	case ref.Version == "":
		return nil
	}
	if _, err := registry.ParseSemver(ref.Version); err != nil {
		return usagef("%q is no semantic version, which is like 1.0.0 or 2.1.0-rc.1", ref.Version)
	}
	return nil
}

// pushTarget finds or makes what to push to.
func (r *remote) pushTarget(ctx context.Context, s string, o pushOptions, tags []client.Tag) (target, error) {
	if o.run != 0 {
		return r.runTarget(ctx, s, o.run)
	}
	ref, err := parseRef(s)
	if err != nil {
		return target{}, err
	}
	find := r.madeModel
	if o.noCreate {
		find = r.model
	}
	m, err := find(ctx, ref)
	if err != nil {
		return target{}, err
	}
	v, err := r.pushVersion(ctx, ref, m, o, tags)
	ref.Version = v.Version
	return target{ref: ref, model: m, id: v.ID, place: client.VersionPlace(ref.Project, v.ID)}, err
}

// pushVersion finds the version and brings its description up to date, or makes
// it.
func (r *remote) pushVersion(ctx context.Context, ref modelRef, m client.Model, o pushOptions, tags []client.Tag) (client.Version, error) {
	spec := client.VersionSpec{Version: ref.Version, Description: o.description, Metadata: tags}
	if ref.Version == "" {
		return r.c.CreateVersion(ctx, ref.Project, m, spec)
	}
	v, err := r.c.FindVersion(ctx, ref.Project, m, ref.Version)
	if missing(err, "version") {
		v, err = r.c.CreateVersion(ctx, ref.Project, m, spec)
		if !taken(err) {
			return v, err
		}
		v, err = r.c.FindVersion(ctx, ref.Project, m, ref.Version)
	}
	if err != nil || !o.describe && len(tags) == 0 {
		return v, err
	}
	edit := client.VersionEdit{}
	if o.describe {
		edit.Description = &o.description
	}
	if len(tags) > 0 {
		all := mergeTags(v.Metadata, tags)
		edit.Metadata = &all
	}
	return r.c.EditVersion(ctx, ref.Project, v, edit)
}

// mergeTags gives old with the values of changed.
func mergeTags(old, changed []client.Tag) []client.Tag {
	at := map[string]int{}
	var out []client.Tag
	for _, t := range append(old[:len(old):len(old)], changed...) {
		if i, ok := at[t.Name]; ok {
			out[i] = t
			continue
		}
		at[t.Name] = len(out)
		out = append(out, t)
	}
	return out
}

// runTarget finds the run with a number; s may name a model too, which does not
// matter.
func (r *remote) runTarget(ctx context.Context, s string, iid int64) (target, error) {
	p, _, err := r.projectOf(ctx, s)
	if err != nil {
		return target{}, err
	}
	return target{ref: modelRef{Project: p.Path}, run: iid, place: client.RunPlace(p.Path, iid)}, nil
}

// missing reports whether just the named thing is not there, and not the
// project above it.
func missing(err error, noun string) bool {
	e, ok := fault.As(err)
	return ok && e.Kind == fault.NotFound && e.Noun == noun
}

// taken reports whether a name was given to something else meanwhile.
func taken(err error) bool {
	e, ok := fault.As(err)
	return ok && (e.Kind == fault.Conflict || e.Kind == fault.Invalid && strings.Contains(e.Msg, "already been taken"))
}

// upload hashes the files, and sends those that the target does not have.
func (r *remote) upload(ctx context.Context, t target, files []localFile, parallel int) ([]movedFile, error) {
	began := time.Now()
	if err := r.hashFiles(ctx, files, parallel); err != nil {
		return nil, err
	}
	there, err := r.c.Files(ctx, t.place)
	if err != nil {
		return nil, err
	}
	digests := make(map[string]string, len(there))
	for _, f := range there {
		digests[f.Path] = f.SHA256
	}
	out, todo, size := []movedFile{}, []localFile{}, int64(0)
	for _, f := range files {
		status := statusUploaded
		if digests[f.path] == f.sha256 {
			status = statusSkipped
		} else {
			todo = append(todo, f)
			size += f.size
		}
		out = append(out, movedFile{f.path, f.size, f.sha256, status})
	}
	if err := r.sendFiles(ctx, t, todo, size, parallel); err != nil {
		return nil, err
	}
	r.summary("Pushed", t, len(todo), len(files)-len(todo), size, time.Since(began))
	return out, nil
}

// summary tells what a transfer did.
func (r *remote) summary(verb string, t target, n, skipped int, size int64, d time.Duration) {
	what := t.ref.String()
	if t.run != 0 {
		what = fmt.Sprintf("run %d of %s", t.run, t.ref.Project)
	}
	text := fmt.Sprintf("%s %s: %s, %s in %s", verb, plain(what), counted(n, "file"), sizeText(size), durationText(d))
	if skipped > 0 {
		text += fmt.Sprintf("; %s unchanged", counted(skipped, "file"))
	}
	r.say("%s.", text)
}

func (r *remote) sendFiles(ctx context.Context, t target, files []localFile, size int64, parallel int) error {
	m := r.newMeter("uploading", size)
	defer m.end()
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	for _, f := range files {
		g.Go(func() error {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			return r.sendFile(ctx, t.place, f, m)
		})
	}
	return g.Wait()
}

func (r *remote) sendFile(ctx context.Context, p client.Place, f localFile, m *meter) error {
	fm := m.file(f.path, f.size)
	defer fm.close()
	var sent atomic.Int64 // the attempt before may not have stopped reading yet
	err := r.c.Upload(ctx, p, f.path, client.Source{Size: f.size, SHA256: f.sha256, Open: func(from int64) (io.ReadCloser, error) {
		in, err := os.Open(f.disk)
		if err != nil {
			return nil, err
		}
		if _, err := in.Seek(from, io.SeekStart); err != nil {
			return nil, errors.Join(err, in.Close())
		}
		fm.add(from - sent.Swap(from)) // what went beyond was in vain
		return &countReader{in, func(n int64) { sent.Add(n); fm.add(n) }}, nil
	}})
	if err != nil {
		return naming(err, "pushing "+plain(f.path))
	}
	fm.done(statusUploaded, f.size)
	return nil
}

// setAliases moves the aliases to a version that has all its files.
func (r *remote) setAliases(ctx context.Context, t target, aliases []string) error {
	for _, a := range aliases {
		if err := r.c.SetAlias(ctx, t.ref.Project, t.model, a, t.id); err != nil {
			return naming(err, "setting the alias "+a)
		}
	}
	return nil
}
