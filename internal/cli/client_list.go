package cli

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vitrine-ml/vitrine/internal/client"
)

func listCommand(env Env) *cobra.Command {
	r := &remote{env: env}
	cmd := r.command("ls [PROJECT[/MODEL[:VERSION|@ALIAS]]]", "List projects, models, versions or files", cobra.MaximumNArgs(1),
		func(ctx context.Context, args []string) error { return r.list(ctx, strings.Join(args, "")) })
	cmd.Long = "List projects; or the models of a project, the versions of a model, or the files of a\nversion."
	cmd.Example = "  vitrine ls\n  vitrine ls team/vision\n  vitrine ls team/vision/resnet\n  vitrine ls team/vision/resnet:1.0.0"
	return cmd
}

func (r *remote) list(ctx context.Context, s string) error {
	s = r.qualified(s)
	if err := r.connect(); err != nil {
		return err
	}
	t, err := r.listed(ctx, s)
	if err != nil {
		return err
	}
	return show(r.env.Stdout, t, r.json)
}

// listed finds out what s names and lists what is in it.
func (r *remote) listed(ctx context.Context, s string) (table, error) {
	if s == "" {
		ps, err := r.c.Projects(ctx)
		return projectList(ps), err
	}
	if strings.ContainsAny(s, ":@") {
		ref, err := parseRef(s)
		if err != nil {
			return table{}, err
		}
		_, v, err := r.modelVersion(ctx, ref)
		if err != nil {
			return table{}, err
		}
		fs, err := r.c.Files(ctx, client.VersionPlace(ref.Project, v.ID))
		return fileList(fs), err
	}
	p, name, err := r.projectOf(ctx, s)
	if err != nil {
		return table{}, err
	}
	if name == "" {
		ms, err := r.c.Models(ctx, p.Path)
		return modelList(ms), err
	}
	m, err := r.c.FindModel(ctx, p.Path, name)
	if err != nil {
		return table{}, err
	}
	vs, err := r.c.Versions(ctx, p.Path, m)
	return versionList(vs), err
}

// listOf makes a table of items. An empty list is [] in JSON, not null.
func listOf[T any](items []T, head []string, row func(T) []string) table {
	t := table{Head: head, data: items}
	if items == nil {
		t.data = []T{}
	}
	for _, item := range items {
		cells := row(item)
		for i, c := range cells {
			cells[i] = plain(c)
		}
		t.Rows = append(t.Rows, cells)
	}
	return t
}

func projectList(ps []client.Project) table {
	return listOf(ps, []string{"PROJECT", "VISIBILITY", "LAST ACTIVITY"}, func(p client.Project) []string {
		return []string{p.Path, p.Visibility, timeText(p.LastActivityAt)}
	})
}

func modelList(ms []client.Model) table {
	return listOf(ms, []string{"MODEL", "LATEST", "VERSIONS", "UPDATED"}, func(m client.Model) []string {
		return []string{m.Name, latestText(m), strconv.FormatInt(m.VersionCount, 10), timeText(m.UpdatedAt)}
	})
}

func latestText(m client.Model) string {
	if m.LatestVersion == nil {
		return "-"
	}
	return m.LatestVersion.Version
}

func versionList(vs []client.Version) table {
	return listOf(vs, []string{"VERSION", "ALIASES", "FILES", "SIZE", "CREATED"}, func(v client.Version) []string {
		return []string{v.Version, orDash(strings.Join(v.Aliases, ", ")), countText(v.FileCount), bytesText(v.Size), timeText(v.CreatedAt)}
	})
}

// countText and bytesText write "-" for what a server does not tell.
func countText(n int64) string {
	if n < 0 {
		return "-"
	}
	return strconv.FormatInt(n, 10)
}

func bytesText(n int64) string {
	if n < 0 {
		return "-"
	}
	return sizeText(n)
}

// filesFact tells how many files a version has; "" where that is not known.
func filesFact(v client.Version) string {
	if v.FileCount < 0 {
		return ""
	}
	return fmt.Sprintf("%d, %s", v.FileCount, sizeText(v.Size))
}

func fileList(fs []client.File) table {
	return listOf(fs, []string{"PATH", "SIZE", "SHA-256"}, func(f client.File) []string {
		return []string{f.Path, sizeText(f.Size), shortSum(f.SHA256)}
	})
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// shortSum is enough of a SHA-256 to tell files apart by eye.
func shortSum(s string) string { return s[:min(len(s), 12)] }

func showCommand(env Env) *cobra.Command {
	r := &remote{env: env}
	cmd := r.command("show PROJECT/MODEL[:VERSION|@ALIAS]", "Show a model or a version", cobra.ExactArgs(1),
		func(ctx context.Context, args []string) error { return r.show(ctx, args[0]) })
	cmd.Long = "Show a model with its versions, or a version with its files."
	return cmd
}

// shownModel is the answer of show about a model.
type shownModel struct {
	client.Model
	Versions []client.Version `json:"versions"`
}

// shownVersion is the answer of show about a version.
type shownVersion struct {
	client.Version
	Files  []client.File  `json:"files"`
	Safety *client.Safety `json:"safety"` // null: the server does not tell
}

func (r *remote) show(ctx context.Context, s string) error {
	ref, err := r.ref(s)
	if err != nil {
		return err
	}
	if err := r.connect(); err != nil {
		return err
	}
	if ref.Version == "" && ref.Alias == "" {
		return r.showModel(ctx, ref)
	}
	_, v, err := r.modelVersion(ctx, ref)
	if err != nil {
		return err
	}
	fs, err := r.c.Files(ctx, client.VersionPlace(ref.Project, v.ID))
	if err != nil {
		return err
	}
	safety, err := r.c.Safety(ctx, client.VersionPlace(ref.Project, v.ID))
	if err != nil {
		return err
	}
	if r.json {
		return show(r.env.Stdout, shownVersion{v, orEmpty(fs), safety}, true)
	}
	ref.Version, ref.Alias = v.Version, ""
	r.card(ref, v.Description, v.Metadata, [][2]string{
		{"aliases", strings.Join(v.Aliases, ", ")}, {"created", timeText(v.CreatedAt)},
		{"files", filesFact(v)}, {"safety", safetyFact(safety)}, {"signature", signatureFact(safety)}, {"page", v.WebURL}})
	r.findings(safety)
	return show(r.env.Stdout, fileList(fs), false)
}

func (r *remote) showModel(ctx context.Context, ref modelRef) error {
	m, err := r.model(ctx, ref)
	if err != nil {
		return err
	}
	vs, err := r.c.Versions(ctx, ref.Project, m)
	if err != nil {
		return err
	}
	if r.json {
		return show(r.env.Stdout, shownModel{m, orEmpty(vs)}, true)
	}
	var aliases []string
	for _, a := range m.Aliases {
		aliases = append(aliases, a.Name+" → "+a.Version)
	}
	r.card(ref, m.Description, m.Metadata, [][2]string{
		{"latest", latestText(m)}, {"aliases", strings.Join(aliases, ", ")}, {"created", timeText(m.CreatedAt)},
		{"runs", strconv.FormatInt(m.RunCount, 10)}, {"page", m.WebURL}})
	return show(r.env.Stdout, versionList(vs), false)
}

// orEmpty makes an empty list of none, for JSON.
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// card prints what is known about a thing, before the list of what is in it.
func (r *remote) card(ref modelRef, description string, metadata []client.Tag, facts [][2]string) {
	w := r.env.Stdout
	fmt.Fprintln(w, plain(ref.String()))
	for _, f := range facts {
		if f[1] != "" {
			fmt.Fprintf(w, "  %-9s %s\n", f[0], plain(f[1]))
		}
	}
	for _, t := range metadata {
		fmt.Fprintf(w, "  %s = %s\n", plain(t.Name), plain(t.Value))
	}
	if d := strings.TrimSpace(description); d != "" {
		fmt.Fprintf(w, "\n%s\n", plainLines(d))
	}
	fmt.Fprintln(w)
}
