package gitlab

import (
	"strconv"
	"strings"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

type experimentJSON struct {
	ID             int64        `json:"id"`
	Name           string       `json:"name"`
	ProjectID      int64        `json:"project_id"`
	ModelID        *int64       `json:"model_id"`
	Author         *userRefJSON `json:"author"`
	CreatedAt      stamp        `json:"created_at"`
	UpdatedAt      stamp        `json:"updated_at"`
	CandidateCount int64        `json:"candidate_count"`
	Metadata       []tagJSON    `json:"metadata"`
	WebURL         string       `json:"web_url"`
}

func (c *call) experiment(e registry.Experiment) experimentJSON {
	return experimentJSON{ID: e.IID, Name: e.Name, ProjectID: e.ProjectID, ModelID: orNull(e.ModelID), Author: c.author(e.Author),
		CreatedAt: stamp(e.CreatedAt), UpdatedAt: stamp(e.UpdatedAt), CandidateCount: e.RunCount, Metadata: tagsWire(e.Tags),
		WebURL: c.page(e.ProjectPath, "experiments/"+strconv.FormatInt(e.IID, 10))}
}

func experimentRoutes() []route {
	all := "/projects/{id}/ml/experiments"
	one := all + "/{experiment_id}"
	return tagged("Experiments",
		op("GET", all, project(registry.ReadRuns), "List experiments", listExperiments),
		op("POST", all, project(registry.WriteRuns), "Create an experiment", createExperiment),
		op("GET", one, project(registry.ReadRuns), "Get an experiment", getExperiment),
		op("PUT", one, project(registry.WriteRuns), "Change an experiment", editExperiment),
		op("DELETE", one, project(registry.WriteRuns), "Delete an experiment with its candidates", deleteExperiment),
	)
}

func (c *call) experimentID() (registry.ExperimentRef, error) {
	return registry.ParseExperimentRef(c.r.PathValue("experiment_id"))
}

type experimentFilter struct {
	partial
	Search string `param:"search" doc:"Part of the name."`
	Name   string `param:"name" doc:"The whole name."`
}

func listExperiments(c *call, in experimentFilter) ([]experimentJSON, error) {
	p, o, err := in.part("id")
	if err != nil {
		return nil, err
	}
	return listed(c, in.paging, c.experiment)(c.s.Experiments(c.ctx(), c.project(), registry.ExperimentQuery{Page: p, Order: o, Name: in.Name, Search: in.Search}))
}

type newExperiment struct {
	Name     string    `param:"name,required"`
	Metadata []tagJSON `param:"metadata"`
}

func createExperiment(c *call, in newExperiment) (experimentJSON, error) {
	e, err := c.s.CreateExperiment(c.ctx(), c.project(), registry.ExperimentSpec{Name: strings.TrimSpace(in.Name), Tags: tags(in.Metadata)})
	return c.experiment(e), err
}

func getExperiment(c *call, _ none) (experimentJSON, error) {
	id, err := c.experimentID()
	if err != nil {
		return experimentJSON{}, err
	}
	e, err := c.s.Experiment(c.ctx(), c.project(), id)
	return c.experiment(e), err
}

type experimentEdit struct {
	Name     *string    `param:"name"`
	Metadata *[]tagJSON `param:"metadata" doc:"Replaces all metadata."`
}

func editExperiment(c *call, in experimentEdit) (experimentJSON, error) {
	id, err := c.experimentID()
	if err != nil {
		return experimentJSON{}, err
	}
	if in.Name != nil {
		*in.Name = strings.TrimSpace(*in.Name) // as GitLab does with names
	}
	e, err := c.s.EditExperiment(c.ctx(), c.project(), id, registry.ExperimentEdit{Name: in.Name, Tags: tagEdit(in.Metadata)})
	return c.experiment(e), err
}

func deleteExperiment(c *call, _ none) (none, error) {
	id, err := c.experimentID()
	if err != nil {
		return none{}, err
	}
	return none{}, c.s.DeleteExperiment(c.ctx(), c.project(), id)
}
