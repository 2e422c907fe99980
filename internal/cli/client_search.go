package cli

import (
	"cmp"
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vitrine-ml/vitrine/internal/client"
)

// hit is one thing that has the searched text in its name.
type hit struct {
	Kind   string `json:"kind"` // project, model, experiment or run
	Name   string `json:"name"` // as the other commands take it
	Detail string `json:"detail"`
	WebURL string `json:"web_url"`
}

func searchCommand(env Env) *cobra.Command {
	r := &remote{env: env}
	var limit int
	cmd := r.command("search TEXT [PROJECT]", "Find projects; or models, experiments and runs of a project", cobra.RangeArgs(1, 2), func(ctx context.Context, args []string) error {
		return r.search(ctx, args[0], strings.Join(args[1:], ""), limit)
	})
	cmd.Long = `Find what has a text in its name, in whatever case: models, experiments and runs of a
project; without a project, projects. Names are printed as the other commands take them.`
	cmd.Example = "  vitrine search vision\n  vitrine search resnet team/vision\n  vitrine search resnet --project team/vision --json"
	cmd.Flags().IntVar(&limit, "limit", 20, "how many of each kind at most; 0: all")
	return cmd
}

func (r *remote) search(ctx context.Context, text, project string, limit int) error {
	switch {
	case limit < 0:
		return usagef("--limit has to be 0 or more")
	case strings.TrimSpace(text) == "":
		return usagef("name a text to search for; vitrine ls lists everything")
	}
	if err := r.connect(); err != nil {
		return err
	}
	var hits []hit
	var err error
	if project = cmp.Or(project, r.project()); project == "" {
		hits, err = r.searchProjects(ctx, text, limit)
	} else {
		hits, err = r.searchIn(ctx, project, text, limit)
	}
	if err != nil {
		return err
	}
	return show(r.env.Stdout, listOf(hits, []string{"KIND", "NAME", "DETAIL"}, func(h hit) []string {
		return []string{h.Kind, h.Name, orDash(h.Detail)}
	}), r.json)
}

func (r *remote) searchProjects(ctx context.Context, text string, limit int) ([]hit, error) {
	ps, err := r.c.SomeProjects(ctx, text, limit)
	hits := make([]hit, len(ps))
	for i, p := range ps {
		hits[i] = hit{"project", p.Path, p.Visibility, p.WebURL}
	}
	return hits, err
}

// searchIn looks through the three kinds of things that a project has.
func (r *remote) searchIn(ctx context.Context, project, text string, limit int) ([]hit, error) {
	p, err := r.c.Project(ctx, project)
	if err != nil {
		return nil, err
	}
	models, err := r.c.SomeModels(ctx, p.Path, text, limit)
	if err != nil {
		return nil, err
	}
	var hits []hit
	for _, m := range models {
		detail := "no version"
		if m.LatestVersion != nil {
			detail = m.LatestVersion.Version
		}
		hits = append(hits, hit{"model", modelRef{Project: p.Path, Model: m.Name}.String(), detail, m.WebURL})
	}
	experiments, err := r.c.SomeExperiments(ctx, p.Path, text, limit)
	if err != nil {
		return nil, err
	}
	for _, e := range experiments {
		hits = append(hits, hit{"experiment", e.Name, "", e.WebURL})
	}
	if r.c.GitLab() {
		r.say("Runs are not searched: a GitLab lists those of one experiment or model only (vitrine run ls).")
		return hits, nil
	}
	runs, err := r.c.Runs(ctx, p.Path, client.RunQuery{Search: text, Limit: limit})
	for _, v := range runs {
		hits = append(hits, hit{"run", r.c.Ref(p.Path, v).String(), v.Name + ", " + v.Status, v.WebURL})
	}
	return hits, err
}
