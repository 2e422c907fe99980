package web

import (
	"strings"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

func modelRoutes() []route {
	return []route{
		get("/ml/models", project(registry.ReadModels), listModels),
		get("/ml/models/new", project(registry.WriteModels), newModel),
		post("/ml/models", project(registry.WriteModels), createModel),
		get("/ml/models/{model}", project(registry.ReadModels), showModel),
		get("/ml/models/{model}/versions", project(registry.ReadModels), showModelVersions),
		get("/ml/models/{model}/candidates", project(registry.ReadRuns), showCandidates),
		get("/ml/models/{model}/edit", project(registry.WriteModels), showModelEdit),
		post("/ml/models/{model}", project(registry.WriteModels), editModel),
		post("/ml/models/{model}/preview", project(registry.WriteModels), previewCard),
		post("/ml/models/{model}/delete", project(registry.WriteModels), deleteModel),
		post("/ml/models/{model}/versions", project(registry.WriteModels), createVersion),
	}
}

type modelsPage struct {
	frame
	Search   string
	Sorts    []choice
	Models   registry.List[registry.Model]
	Pager    pager
	MayWrite bool
}

// modelSorts are the orders of a list of models.
var modelSorts = []choice{{Value: "-updated_at", Text: "Last changed"}, {Value: "name", Text: "Name"}, {Value: "-created_at", Text: "Newest"},
	{Value: "-latest_version", Text: "Highest version"}, {Value: "-size", Text: "Largest"}, {Value: "-downloads", Text: "Most downloaded"}}

// listModels shows the models of a project.
func listModels(c *call) error {
	p := &modelsPage{Search: strings.TrimSpace(c.r.URL.Query().Get("search"))}
	order, sort := c.order("-updated_at", "name", "created_at", "updated_at", "latest_version", "size", "downloads")
	page, n := c.page()
	p.Sorts = chooseFrom(modelSorts, sort)
	err := c.s.Snapshot(c.ctx(), func(s registry.Session) error {
		pr, err := s.Project(c.ctx(), c.ref)
		if err != nil {
			return err
		}
		p.frame = c.projectFrame(pr, "models", "Models")
		p.Models, err = s.Models(c.ctx(), c.ref, registry.ModelQuery{Search: p.Search, Order: order, Page: page})
		p.MayWrite = s.May(c.ctx(), c.ref, registry.WriteModels) == nil
		return err
	})
	if err != nil {
		return err
	}
	p.Pager = c.pager(n, p.Models.Total, p.Models.More)
	return c.render("models", p)
}

type modelForm struct {
	frame
	Name, Description, Problem string
}

// modelForm is the form in its project.
func (c *call) modelForm(f modelForm) (*modelForm, error) {
	pr, err := c.s.ProjectFor(c.ctx(), c.ref, registry.WriteModels)
	f.frame = c.projectFrame(pr, "models", "New model", crumb{"Models", "/" + pr.FullPath + "/-/ml/models"})
	return &f, err
}

func newModel(c *call) error {
	f, err := c.modelForm(modelForm{})
	if err != nil {
		return err
	}
	return c.render("model_new", f)
}

func createModel(c *call) error {
	if err := c.form(); err != nil {
		return err
	}
	given := modelForm{Name: c.r.PostFormValue("name"), Description: c.r.PostFormValue("description")}
	m, err := c.s.CreateModel(c.ctx(), c.ref, registry.ModelSpec{Name: given.Name, Description: given.Description})
	if problem, ok := formProblem(err); ok {
		given.Problem = problem
		f, err := c.modelForm(given)
		if err != nil {
			return err
		}
		return c.renderAs(422, "model_new", f)
	}
	if err != nil {
		return err
	}
	return c.goTo(modelPath(m.ProjectPath, m.ID))
}
