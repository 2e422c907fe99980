package gitlab

import (
	"strconv"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

// tagJSON is one entry of metadata.
type tagJSON struct {
	Name  string `json:"name" param:"name,required"`
	Value string `json:"value" param:"value"`
}

func tagsWire(ts []registry.Tag) []tagJSON {
	out := make([]tagJSON, len(ts))
	for i, t := range ts {
		out[i] = tagJSON{t.Key, t.Value}
	}
	return out
}

func tags(in []tagJSON) []registry.Tag {
	out := make([]registry.Tag, len(in))
	for i, t := range in {
		out[i] = registry.Tag{Key: t.Name, Value: t.Value}
	}
	return out
}

// tagEdit gives nil when metadata is not to change.
func tagEdit(in *[]tagJSON) *[]registry.Tag {
	if in == nil {
		return nil
	}
	out := tags(*in)
	return &out
}

type versionRefJSON struct {
	ID      int64  `json:"id"`
	Version string `json:"version"`
}

type modelJSON struct {
	ID             int64           `json:"id"`
	Name           string          `json:"name"`
	Description    string          `json:"description"`
	ProjectID      int64           `json:"project_id"`
	Author         *userRefJSON    `json:"author"`
	CreatedAt      stamp           `json:"created_at"`
	UpdatedAt      stamp           `json:"updated_at"`
	VersionCount   int64           `json:"version_count"`
	CandidateCount int64           `json:"candidate_count"`
	LatestVersion  *versionRefJSON `json:"latest_version"`
	Size           int64           `json:"size"`      // of the latest version's files, in bytes
	Downloads      int64           `json:"downloads"` // of files of all versions
	ExperimentID   int64           `json:"default_experiment_id"`
	Metadata       []tagJSON       `json:"metadata"`
	Aliases        []aliasJSON     `json:"aliases"`
	WebURL         string          `json:"web_url"`
}

// page gives a page's address below a project.
func (c *call) page(projectPath, rest string) string {
	return c.base() + "/" + projectPath + "/-/ml/" + rest
}

func (c *call) model(m registry.Model) modelJSON {
	out := modelJSON{ID: m.ID, Name: m.Name, Description: m.Description, ProjectID: m.ProjectID, Author: c.author(m.Author),
		CreatedAt: stamp(m.CreatedAt), UpdatedAt: stamp(m.UpdatedAt), VersionCount: m.VersionCount, CandidateCount: m.CandidateCount,
		Size: m.LatestSize, Downloads: m.DownloadCount,
		ExperimentID: m.ExperimentIID, Metadata: tagsWire(m.Tags), Aliases: aliasesWire(m.Aliases),
		WebURL: c.page(m.ProjectPath, "models/"+strconv.FormatInt(m.ID, 10))}
	if m.LatestID != 0 {
		out.LatestVersion = &versionRefJSON{m.LatestID, m.LatestVersion}
	}
	return out
}

func modelRoutes() []route {
	all, one := "/projects/{id}/ml/models", "/projects/{id}/ml/models/{model_id}"
	return tagged("Models",
		op("GET", all, project(registry.ReadModels), "List models", listModels),
		op("POST", all, project(registry.WriteModels), "Create a model", createModel),
		op("GET", one, project(registry.ReadModels), "Get a model", getModel),
		op("PUT", one, project(registry.WriteModels), "Change a model", editModel),
		op("DELETE", one, project(registry.WriteModels), "Delete a model with its versions, candidates and files", deleteModel),
	)
}

// modelID gives the model that the address names.
func (c *call) modelID() (registry.ModelRef, error) {
	id, err := c.id("model_id", "model")
	return registry.ModelRef{ID: id}, err
}

type modelFilter struct {
	partial
	Search string `param:"search" doc:"Part of the name."`
	Name   string `param:"name" doc:"Exact name."`
	// Prompts are models, too, to those who know their names.
	Prompts bool `param:"prompts" doc:"MLflow's prompts, which are left out else."`
}

func listModels(c *call, in modelFilter) ([]modelJSON, error) {
	p, o, err := in.part("id")
	if err != nil {
		return nil, err
	}
	return listed(c, in.paging, c.model)(c.s.Models(c.ctx(), c.project(), registry.ModelQuery{Page: p, Order: o, Search: in.Search, Name: in.Name, Prompts: in.Prompts}))
}

type newModel struct {
	Name        string    `param:"name,required" doc:"Letters, digits and . _ - / @; unique in the project."`
	Description string    `param:"description" doc:"Markdown card."`
	Metadata    []tagJSON `param:"metadata"`
}

func createModel(c *call, in newModel) (modelJSON, error) {
	m, err := c.s.CreateModel(c.ctx(), c.project(), registry.ModelSpec{Name: in.Name, Description: in.Description, Tags: tags(in.Metadata)})
	return c.model(m), err
}

func getModel(c *call, _ none) (modelJSON, error) {
	id, err := c.modelID()
	if err != nil {
		return modelJSON{}, err
	}
	m, err := c.s.Model(c.ctx(), c.project(), id)
	return c.model(m), err
}

type modelEdit struct {
	Name        *string    `param:"name"`
	Description *string    `param:"description"`
	Metadata    *[]tagJSON `param:"metadata" doc:"Replaces all metadata."`
}

func editModel(c *call, in modelEdit) (modelJSON, error) {
	id, err := c.modelID()
	if err != nil {
		return modelJSON{}, err
	}
	m, err := c.s.EditModel(c.ctx(), c.project(), id, registry.ModelEdit{Name: in.Name, Description: in.Description, Tags: tagEdit(in.Metadata)})
	return c.model(m), err
}

func deleteModel(c *call, _ none) (none, error) {
	id, err := c.modelID()
	if err != nil {
		return none{}, err
	}
	return none{}, c.s.DeleteModel(c.ctx(), c.project(), id)
}
