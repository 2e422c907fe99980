package mlflow

import (
	"strconv"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

func experimentRoutes() []route {
	return []route{
		v2("GET", "/mlflow/experiments/get", project(registry.ReadRuns), getExperiment),
	}
}

type tagJSON struct {
	Key   string `json:"key" field:"key"`
	Value string `json:"value" field:"value"`
}

func tagsWire(ts []registry.Tag) []tagJSON {
	out := make([]tagJSON, len(ts))
	for i, t := range ts {
		out[i] = tagJSON{t.Key, t.Value}
	}
	return out
}

type experimentJSON struct {
	ID               string    `json:"experiment_id"`
	Name             string    `json:"name"`
	ArtifactLocation string    `json:"artifact_location"`
	LifecycleStage   string    `json:"lifecycle_stage"`
	LastUpdateTime   int64     `json:"last_update_time"`
	CreationTime     int64     `json:"creation_time"`
	Tags             []tagJSON `json:"tags,omitempty"`
	Workspace        string    `json:"workspace,omitempty"`
}

func (c *call) experiment(e registry.Experiment) experimentJSON {
	id := strconv.FormatInt(e.IID, 10)
	return experimentJSON{ID: id, Name: e.Name, ArtifactLocation: "mlflow-artifacts:/" + id, LifecycleStage: "active",
		LastUpdateTime: e.UpdatedAt.UnixMilli(), CreationTime: e.CreatedAt.UnixMilli(), Tags: tagsWire(e.Tags), Workspace: c.workspace}
}

type experimentAnswer struct {
	Experiment experimentJSON `json:"experiment"`
}

type experimentID struct {
	ID string `field:"experiment_id" check:"required string"`
}

func (in experimentID) iid() (int64, error) { return registry.ParseID("experiment", in.ID) }

func getExperiment(c *call, in experimentID) (experimentAnswer, error) {
	id, err := in.iid()
	if err != nil {
		return experimentAnswer{}, err
	}
	e, err := c.s.Experiment(c.ctx(), c.ref, id)
	return experimentAnswer{c.experiment(e)}, err
}
