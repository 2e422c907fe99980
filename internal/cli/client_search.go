package cli

import (
	"cmp"
	"context"
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vitrine-ml/vitrine/internal/client"
)

// hit is one thing that has the searched text in its name.
type hit struct {
	Kind   string `json:"kind"` // project, model, version, experiment or run
	Name   string `json:"name"` // as the other commands take it
	Detail string `json:"detail"`
	WebURL string `json:"web_url"`
}

func searchCommand(env Env) *cobra.Command {
	r := &remote{env: env}
	var limit int
	var everywhere bool
	var cmd *cobra.Command
	cmd = r.command("search TEXT [PROJECT]", "Find projects, models and versions; or models, experiments and runs of a project", cobra.RangeArgs(1, 2), func(ctx context.Context, args []string) error {
		if everywhere && (len(args) > 1 || cmd.Flags().Changed("project")) {
			return usagef("--all is for all projects; leave it out, or the project")
		}
		return r.search(ctx, args[0], strings.Join(args[1:], ""), everywhere, limit)
	})
	cmd.Long = `Find what has a text in its name, in whatever case: projects, models and versions of all
projects that you may see, versions as in "resnet 1.2"; with a project its models,
experiments and runs. Names are printed as the other commands take them.`
	cmd.Example = `  vitrine search vision
  vitrine search "resnet 1.2"
  vitrine search resnet team/vision
  vitrine search resnet --project team/vision --json`
	cmd.Flags().IntVar(&limit, "limit", 20, "how many of each kind at most; 0: all")
	cmd.Flags().BoolVar(&everywhere, "all", false, "look in all projects, also where one is set")
	return cmd
}

func (r *remote) search(ctx context.Context, text, project string, everywhere bool, limit int) error {
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
	if project = cmp.Or(project, r.project()); project == "" || everywhere {
		project = ""
		hits, err = r.searchAll(ctx, text, limit)
	} else {
		hits, err = r.searchIn(ctx, project, text, limit)
	}
	if err != nil {
		return err
	}
	if len(hits) == 0 && !r.json {
		r.foundNothing(text, project)
		return nil
	}
	return show(r.env.Stdout, listOf(hits, []string{"KIND", "NAME", "DETAIL"}, func(h hit) []string {
		return []string{h.Kind, h.Name, orDash(h.Detail)}
	}), r.json)
}

// foundNothing says what could be tried instead.
func (r *remote) foundNothing(text, project string) {
	if project == "" {
		r.say("Nothing that you may see has %q in its name. Versions are found as in \"resnet 1.2\"; vitrine ls lists projects.", text)
		return
	}
	r.say("Nothing in %s has %q in its name. vitrine search --all looks in all projects, vitrine ls %s lists the models.", project, text, project)
}

// searchAll looks through the three kinds of things that can be found in all
// projects.
func (r *remote) searchAll(ctx context.Context, text string, limit int) ([]hit, error) {
	ps, err := r.c.SomeProjects(ctx, text, limit)
	if err != nil {
		return nil, err
	}
	var hits []hit
	for _, p := range ps {
		hits = append(hits, hit{"project", p.Path, p.Visibility, p.WebURL})
	}
	models, err := r.c.FindModels(ctx, text, limit)
	if errors.Is(err, client.ErrNoAddress) {
		r.say("Models are not searched: a GitLab lists those of one project only (vitrine search TEXT PROJECT).")
		return hits, nil
	}
	if err != nil {
		return nil, err
	}
	for _, m := range models {
		hits = append(hits, modelHit(m.ProjectPath, m.Model))
	}
	versions, err := r.c.FindVersions(ctx, text, limit)
	for _, v := range versions {
		name := modelRef{Project: v.ProjectPath, Model: v.ModelName, Version: v.Version.Version}.String()
		hits = append(hits, hit{"version", name, strings.Join(v.Aliases, ", "), v.WebURL})
	}
	return hits, err
}

// modelHit tells the latest version of a model.
func modelHit(project string, m client.Model) hit {
	detail := "no version"
	if m.LatestVersion != nil {
		detail = m.LatestVersion.Version
	}
	return hit{"model", modelRef{Project: project, Model: m.Name}.String(), detail, m.WebURL}
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
		hits = append(hits, modelHit(p.Path, m))
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
