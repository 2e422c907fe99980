package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vitrine-ml/vitrine/internal/client"
)

func removeCommand(env Env) *cobra.Command {
	r := &remote{env: env}
	var yes bool
	cmd := r.command("rm PROJECT/MODEL[:VERSION] [PATH…]", "Delete a model, a version, or files of a version", cobra.MinimumNArgs(1),
		func(ctx context.Context, args []string) error { return r.remove(ctx, args[0], args[1:], yes) })
	cmd.Long = `Delete a model with all its versions, or one version, or files of a version. There
is no way back. Paths and globs are those of vitrine pull.`
	cmd.Example = "  vitrine rm team/vision/resnet:1.0.0\n  vitrine rm team/vision/resnet:1.0.0 'logs/**' --yes"
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return cmd
}

// removed is the answer of rm.
type removed struct {
	Project string   `json:"project"`
	Model   string   `json:"model"`
	Version string   `json:"version,omitempty"`
	Files   []string `json:"files,omitempty"`
}

func (r *remote) remove(ctx context.Context, s string, patterns []string, yes bool) error {
	ref, err := r.ref(s)
	switch {
	case err != nil:
		return err
	case ref.Alias != "":
		return usagef("an alias can move: name the version to delete, as %s:VERSION", ref.bare())
	case len(patterns) > 0 && ref.Version == "":
		return usagef("name the version that the files are in, as %s:VERSION", ref.bare())
	}
	selected, err := parsePatterns(patterns)
	if err != nil {
		return err
	}
	m, err := r.reached(ctx, ref)
	if err != nil {
		return err
	}
	out := removed{Project: ref.Project, Model: m.Name, Version: ref.Version}
	what, act := fmt.Sprintf("the model %s with %s", ref, counted(m.VersionCount, "version")), func() error {
		return r.c.DeleteModel(ctx, ref.Project, m.ID)
	}
	if ref.Version != "" {
		if what, act, err = r.removal(ctx, ref, m, selected, &out); err != nil {
			return err
		}
	}
	if err := r.confirm(what, yes); err != nil {
		return err
	}
	if err := act(); err != nil {
		return err
	}
	r.say("Deleted %s.", plain(what))
	if r.json {
		return show(r.env.Stdout, out, true)
	}
	return nil
}

// removal says what is to be deleted of a version, and gives the function that
// does.
func (r *remote) removal(ctx context.Context, ref modelRef, m client.Model, selected []pathPattern, out *removed) (string, func() error, error) {
	v, err := r.c.FindVersion(ctx, ref.Project, m, ref.Version)
	if err != nil {
		return "", nil, err
	}
	if len(selected) == 0 {
		what := fmt.Sprintf("the version %s with its files", ref)
		if v.FileCount >= 0 {
			what = fmt.Sprintf("the version %s with %s", ref, counted(v.FileCount, "file"))
		}
		return what,
			func() error { return r.c.DeleteVersion(ctx, ref.Project, v) }, nil
	}
	place := client.VersionPlace(ref.Project, v.ID)
	files, err := r.c.Files(ctx, place)
	if err != nil {
		return "", nil, err
	}
	if files, err = choose(files, selected, target{ref: ref}); err != nil {
		return "", nil, err
	}
	for _, f := range files {
		out.Files = append(out.Files, f.Path)
	}
	return fmt.Sprintf("%s of %s (%s)", counted(len(files), "file"), ref, firstNames(out.Files)), func() error {
		for _, f := range files {
			if err := r.c.DeleteFile(ctx, place, f.Path); err != nil {
				return naming(err, "deleting "+plain(f.Path))
			}
		}
		return nil
	}, nil
}

// firstNames names a few of many.
func firstNames(names []string) string {
	if n := len(names) - maxNamed; n > 0 {
		return strings.Join(names[:maxNamed], ", ") + fmt.Sprintf(" and %d more", n)
	}
	return strings.Join(names, ", ")
}

// confirm asks at a terminal, and needs --yes elsewhere.
func (r *remote) confirm(what string, yes bool) error {
	if yes {
		return nil
	}
	if !r.asks() {
		return usagef("this deletes %s for good; add --yes", plain(what))
	}
	fmt.Fprintf(r.env.Stderr, "Delete %s for good? [y/N] ", plain(what))
	line, err := bufio.NewReader(r.env.Stdin).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	switch strings.ToLower(strings.TrimSpace(line)) {
	case "y", "yes":
		return nil
	}
	return errors.New("nothing was deleted")
}
