package cli

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vitrine-ml/vitrine/internal/client"
)

func runCommand(env Env) *cobra.Command {
	cmd := parent("run", "Track trainings: start, log, finish, and promote a run to a version",
		runStartCommand(env), runLogCommand(env), runPutCommand(env), runFinishCommand(env), runExecCommand(env),
		runListCommand(env), runShowCommand(env), runRemoveCommand(env), runPromoteCommand(env))
	cmd.Long = `Track trainings. A run keeps the parameters that went in, the metrics by step, metadata
and files. It belongs to an experiment, or it is a candidate of a model: then a good one
can be promoted to a version, without a byte being copied.

A run is named PROJECT#NUMBER, or by its number alone where the project is known. Which
run is meant is said by --run, or by VITRINE_RUN for all commands that follow.`
	cmd.Example = `  export VITRINE_RUN=$(vitrine run start team/vision/resnet --param lr=0.1)
  vitrine run log --metric acc=0.91 --step 1
  python train.py | vitrine run log
  vitrine run put model.onnx
  vitrine run finish
  vitrine run promote --alias champion

  vitrine run exec team/vision/resnet --log -- python train.py`
	return cmd
}

const runForm = "PROJECT#NUMBER, as team/vision#12"

// runID is the id that a run has beside its number; a GitLab knows runs by it.
var runID = regexp.MustCompile(`^[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}$`)

// parseRun reads PROJECT#NUMBER or PROJECT#ID; home is the project of a number that comes
// without one.
func parseRun(s, home string) (client.RunRef, error) {
	project, number, ok := cutLast(s, "#")
	if !ok {
		project, number = home, s
	}
	n, err := strconv.ParseInt(number, 10, 64)
	byID := runID.MatchString(number)
	switch {
	case !byID && (err != nil || n < 1):
		return client.RunRef{}, usagef("%q is no run: write %s", s, runForm)
	case project == "":
		return client.RunRef{}, usagef("%q does not tell the project of the run: write %s, or give --project or VITRINE_PROJECT", s, runForm)
	}
	if byID {
		return client.RunRef{Project: project, ID: number}, nil
	}
	return client.RunRef{Project: project, Number: n}, nil
}

// cutLast cuts at the last sep.
func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// runFlag adds --run to a command about one run.
func (r *remote) runFlag(cmd *cobra.Command) *string {
	v := cmd.Flags().String("run", "", "the run, as PROJECT#NUMBER, or its number [$VITRINE_RUN]")
	return v
}

// run finds out which run is meant: by an argument, the flag, or the variable.
func (r *remote) run(given ...string) (client.RunRef, error) {
	s := cmp.Or(append(given, r.env.Getenv("VITRINE_RUN"))...)
	if s == "" {
		return client.RunRef{}, usagef("which run? Give --run NUMBER, or set VITRINE_RUN to what vitrine run start prints")
	}
	return parseRun(s, r.project())
}

// oneRun makes a command about one run, which an argument may name.
func (r *remote) oneRun(use, short string, work func(context.Context, client.RunRef) error) *cobra.Command {
	var flag *string
	cmd := r.command(use+" [RUN]", short, cobra.MaximumNArgs(1), func(ctx context.Context, args []string) error {
		ref, err := r.run(append(args, *flag)...)
		if err != nil {
			return err
		}
		if err := r.connect(); err != nil {
			return err
		}
		return work(ctx, ref)
	})
	flag = r.runFlag(cmd)
	return cmd
}

func runFinishCommand(env Env) *cobra.Command {
	r := &remote{env: env}
	var status string
	cmd := r.oneRun("finish", "End a run", func(ctx context.Context, ref client.RunRef) error {
		if err := checkEnd(status); err != nil {
			return err
		}
		run, err := r.c.EditRun(ctx, ref, client.RunEdit{Status: &status})
		if err != nil {
			return err
		}
		r.say("Run %s is %s.", ref, status)
		if r.json {
			return show(r.env.Stdout, run, true)
		}
		return nil
	})
	cmd.Long = "End a run now. Its files and what was logged stay; more may still be logged."
	cmd.Example = "  vitrine run finish\n  vitrine run finish team/vision#12 --status failed"
	cmd.Flags().StringVar(&status, "status", "finished", "how it ended: finished, failed or killed")
	return cmd
}

// The statuses that end a run.
const (
	runFinished = "finished"
	runFailed   = "failed"
	runKilled   = "killed"
)

func checkEnd(status string) error {
	switch status {
	case runFinished, runFailed, runKilled:
		return nil
	}
	return usagef("--status %q does not end a run: write finished, failed or killed", status)
}

func runPutCommand(env Env) *cobra.Command {
	r := &remote{env: env}
	var prefix string
	var parallel int
	var run *string
	cmd := r.command("put PATH…", "Upload files or folders to a run", cobra.MinimumNArgs(1), func(ctx context.Context, args []string) error {
		ref, err := r.run(*run)
		if err != nil {
			return err
		}
		if parallel < 1 {
			return usagef("--parallel has to be 1 or more")
		}
		return r.put(ctx, ref, args, prefix, parallel)
	})
	run = r.runFlag(cmd)
	cmd.Long = `Upload files to a run: each FILE under its own name, of each folder what is in it.
Files that the run has already, byte for byte, are skipped. When the run is promoted,
they are the files of the version.`
	cmd.Example = "  vitrine run put model.onnx metrics.json\n  vitrine run put ./plots --prefix plots --run team/vision#12"
	cmd.Flags().StringVar(&prefix, "prefix", "", "folder of the run to put the files into")
	cmd.Flags().IntVar(&parallel, "parallel", 4, "files to upload at once")
	return cmd
}

func (r *remote) put(ctx context.Context, ref client.RunRef, paths []string, prefix string, parallel int) error {
	var files []localFile
	seen := map[string]string{}
	for _, p := range paths {
		more, err := gather(p, prefix)
		if err != nil {
			return err
		}
		for _, f := range more {
			if other, ok := seen[f.path]; ok {
				return fmt.Errorf("%s and %s have the same name in the run; use --prefix for one of them", other, f.disk)
			}
			seen[f.path] = f.disk
		}
		files = append(files, more...)
	}
	if err := r.connect(); err != nil {
		return err
	}
	place, err := r.c.RunFiles(ctx, ref)
	if err != nil {
		return err
	}
	number, err := strconv.ParseInt(strings.TrimPrefix(place.Package, "candidate:"), 10, 64)
	if err != nil {
		return err
	}
	t := target{ref: modelRef{Project: ref.Project}, run: number, place: place}
	moved, err := r.upload(ctx, t, files, parallel)
	if err != nil {
		return err
	}
	if r.json {
		return show(r.env.Stdout, t.moved(moved), true)
	}
	return nil
}

func runRemoveCommand(env Env) *cobra.Command {
	r := &remote{env: env}
	var yes bool
	cmd := r.command("rm RUN…", "Delete runs with their files", cobra.MinimumNArgs(1), func(ctx context.Context, args []string) error {
		return r.removeRuns(ctx, args, yes)
	})
	cmd.Long = "Delete runs with all that was logged and their files. There is no way back. The run of\na version goes with the version only."
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return cmd
}

func (r *remote) removeRuns(ctx context.Context, args []string, yes bool) error {
	refs, names := make([]client.RunRef, len(args)), make([]string, len(args))
	for i, s := range args {
		var err error
		if refs[i], err = parseRun(s, r.project()); err != nil {
			return err
		}
		names[i] = refs[i].String()
	}
	if err := r.connect(); err != nil {
		return err
	}
	what := "the run " + names[0]
	if len(names) > 1 {
		what = fmt.Sprintf("%s (%s)", counted(len(names), "run"), firstNames(names))
	}
	if err := r.confirm(what, yes); err != nil {
		return err
	}
	for _, ref := range refs {
		if err := r.c.DeleteRun(ctx, ref); err != nil {
			return naming(err, "deleting "+ref.String())
		}
	}
	r.say("Deleted %s.", plain(what))
	if r.json {
		return show(r.env.Stdout, map[string]any{"runs": names}, true)
	}
	return nil
}

// promoteOptions are the flags of run promote.
type promoteOptions struct {
	version     string
	description string
	metadata    []string
	aliases     []string
}

func runPromoteCommand(env Env) *cobra.Command {
	r := &remote{env: env}
	var o promoteOptions
	cmd := r.oneRun("promote", "Make a version of a model's run", func(ctx context.Context, ref client.RunRef) error {
		return r.promote(ctx, ref, o)
	})
	cmd.Long = `Make a version of a run that is a candidate of a model. The files of the run become
those of the version; no byte is copied. Without --version it is the one that follows
the highest.`
	cmd.Example = "  vitrine run promote team/vision#12 --version 2.0.0\n  vitrine run promote --alias champion"
	f := cmd.Flags()
	f.StringVar(&o.version, "version", "", "semantic version (default: the next one)")
	f.StringVar(&o.description, "description", "", "description of the version, in Markdown")
	f.StringArrayVar(&o.metadata, "metadata", nil, "metadata of the version, as key=value (repeatable)")
	f.StringArrayVar(&o.aliases, "alias", nil, "alias to set to the version (repeatable)")
	return cmd
}

func (r *remote) promote(ctx context.Context, ref client.RunRef, o promoteOptions) error {
	tags, err := tagsOf("--metadata", o.metadata)
	if err != nil {
		return err
	}
	if err := checkAliases(o.aliases); err != nil {
		return err
	}
	v, err := r.c.Promote(ctx, ref, client.VersionSpec{Version: o.version, Description: o.description, Metadata: tags})
	if err != nil {
		return naming(err, "promoting "+ref.String())
	}
	out := modelRef{Project: ref.Project, Model: v.ModelName, Version: v.Version}
	t := target{ref: out, model: client.Model{ID: v.ModelID, Name: v.ModelName}, id: v.ID}
	if err := r.setAliases(ctx, t, o.aliases); err != nil {
		return err
	}
	r.say("Run %s is now %s. Pull it with:\n  vitrine pull %s", ref, plain(out.String()), plain(out.String()))
	if r.json {
		v.Aliases = append(orEmpty(v.Aliases), o.aliases...)
		return show(r.env.Stdout, v, true)
	}
	_, err = fmt.Fprintln(r.env.Stdout, plain(out.String()))
	return err
}
