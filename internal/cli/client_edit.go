package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/vitrine-ml/vitrine/internal/client"
)

// editOptions are the flags of edit.
type editOptions struct {
	description string
	file        string
	metadata    []string
	unset       []string
	rename      string
	describe    bool // description was given
}

func editCommand(env Env) *cobra.Command {
	r := &remote{env: env}
	var o editOptions
	var cmd *cobra.Command
	cmd = r.command("edit PROJECT/MODEL[:VERSION|@ALIAS]", "Change a model or a version", cobra.ExactArgs(1), func(ctx context.Context, args []string) error {
		o.describe = cmd.Flags().Changed("description")
		return r.edit(ctx, args[0], o)
	})
	cmd.Long = `Change the description or the metadata of a model or a version, or the name of a model.
The description is Markdown: a model card.`
	cmd.Example = `  vitrine edit team/vision/resnet --description-file card.md
  vitrine edit team/vision/resnet:2.0.0 --metadata dataset=imagenet --unset draft
  vitrine edit team/vision/resnet --rename resnet-50`
	f := cmd.Flags()
	f.StringVar(&o.description, "description", "", "description, in Markdown; empty removes it")
	f.StringVar(&o.file, "description-file", "", "file with the description; - is standard input")
	f.StringArrayVar(&o.metadata, "metadata", nil, "metadata to set, as key=value (repeatable)")
	f.StringArrayVar(&o.unset, "unset", nil, "metadata to remove, by key (repeatable)")
	f.StringVar(&o.rename, "rename", "", "new name of the model")
	return cmd
}

func (r *remote) edit(ctx context.Context, s string, o editOptions) error {
	ref, err := r.ref(s)
	if err != nil {
		return err
	}
	tags, err := tagsOf("--metadata", o.metadata)
	ofVersion := ref.Version != "" || ref.Alias != ""
	switch {
	case err != nil:
		return err
	case o.describe && o.file != "":
		return usagef("give either --description or --description-file")
	case o.rename != "" && ofVersion:
		return usagef("a version keeps its name; --rename is for a model")
	case !o.describe && o.file == "" && len(tags)+len(o.unset) == 0 && o.rename == "":
		return usagef("nothing to change: give --description, --description-file, --metadata, --unset or --rename")
	}
	text, err := r.descriptionOf(o)
	if err != nil {
		return err
	}
	if err := r.connect(); err != nil {
		return err
	}
	change := func(old []client.Tag) *[]client.Tag {
		if len(tags)+len(o.unset) == 0 {
			return nil
		}
		all := slices.DeleteFunc(mergeTags(old, tags), func(t client.Tag) bool { return slices.Contains(o.unset, t.Name) })
		all = orEmpty(all)
		return &all
	}
	if ofVersion {
		return r.editVersion(ctx, ref, text, change)
	}
	return r.editModel(ctx, ref, text, o.rename, change)
}

func (r *remote) editVersion(ctx context.Context, ref modelRef, text *string, change func([]client.Tag) *[]client.Tag) error {
	_, v, err := r.modelVersion(ctx, ref)
	if err != nil {
		return err
	}
	v, err = r.c.EditVersion(ctx, ref.Project, v, client.VersionEdit{Description: text, Metadata: change(v.Metadata)})
	return r.edited(modelRef{Project: ref.Project, Model: ref.Model, Version: v.Version}, v, err)
}

func (r *remote) editModel(ctx context.Context, ref modelRef, text *string, rename string, change func([]client.Tag) *[]client.Tag) error {
	m, err := r.model(ctx, ref)
	if err != nil {
		return err
	}
	e := client.ModelEdit{Description: text, Metadata: change(m.Metadata)}
	if rename != "" {
		e.Name = &rename
	}
	m, err = r.c.EditModel(ctx, ref.Project, m.ID, e)
	return r.edited(modelRef{Project: ref.Project, Model: m.Name}, m, err)
}

// edited tells about a change.
func (r *remote) edited(ref modelRef, now any, err error) error {
	if err != nil {
		return err
	}
	r.say("Changed %s.", plain(ref.String()))
	if r.json {
		return show(r.env.Stdout, now, true)
	}
	return nil
}

// maxCard bounds a description that is read, in bytes; servers take less.
const maxCard = 1 << 20

// descriptionOf gives the new description; nil: it stays.
func (r *remote) descriptionOf(o editOptions) (*string, error) {
	if o.describe {
		return &o.description, nil
	}
	if o.file == "" {
		return nil, nil
	}
	in := r.env.Stdin
	if o.file != "-" {
		f, err := os.Open(o.file)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, maxCard+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read the description: %w", err)
	case len(data) > maxCard:
		return nil, errors.New("the description is larger than 1 MiB; put large documents into a file of a version")
	case !utf8.Valid(data):
		return nil, fmt.Errorf("%s is no text in UTF-8", o.file)
	}
	text := string(data)
	return &text, nil
}
