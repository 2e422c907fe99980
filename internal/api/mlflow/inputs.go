package mlflow

import (
	"fmt"
	"strconv"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

func inputRoutes() []route {
	read, write := project(registry.ReadRuns), project(registry.WriteRuns)
	return []route{
		v2("POST", "/mlflow/runs/log-inputs", write, logInputs),
		v2("POST", "/mlflow/runs/outputs", write, logOutputs),
		v2("POST", "/mlflow/experiments/search-datasets", read, searchInputDatasets),
	}
}

type datasetJSON struct {
	Name       string `json:"name" field:"name"`
	Digest     string `json:"digest" field:"digest"`
	SourceType string `json:"source_type" field:"source_type"`
	Source     string `json:"source" field:"source"`
	Schema     string `json:"schema,omitempty" field:"schema"`
	Profile    string `json:"profile,omitempty" field:"profile"`
}

type datasetInputJSON struct {
	Tags    []tagJSON   `json:"tags,omitempty" field:"tags"`
	Dataset datasetJSON `json:"dataset" field:"dataset"`
}

type modelInputJSON struct {
	ID string `json:"model_id" field:"model_id"`
}

type modelOutputJSON struct {
	ID   string `json:"model_id" field:"model_id"`
	Step int64  `json:"step" field:"step"`
}

type inputsJSON struct {
	Datasets []datasetInputJSON `json:"dataset_inputs,omitempty"`
	Models   []modelInputJSON   `json:"model_inputs,omitempty"`
}

type outputsJSON struct {
	Models []modelOutputJSON `json:"model_outputs,omitempty"`
}

func inputsWire(r registry.Run) inputsJSON {
	var out inputsJSON
	for _, in := range r.Inputs {
		out.Datasets = append(out.Datasets, datasetInputJSON{Tags: tagsWire(in.Tags), Dataset: datasetJSON{Name: in.Name, Digest: in.Digest,
			SourceType: in.SourceType, Source: in.Source, Schema: in.Schema, Profile: in.Profile}})
	}
	for _, m := range r.ModelInputs {
		out.Models = append(out.Models, modelInputJSON{m.Model})
	}
	return out
}

func outputsWire(r registry.Run) outputsJSON {
	var out outputsJSON
	for _, m := range r.ModelOutputs {
		out.Models = append(out.Models, modelOutputJSON{m.Model, m.Step})
	}
	return out
}

type newInputs struct {
	runID
	Datasets []datasetInputJSON `field:"datasets" check:"array"`
	Models   []modelInputJSON   `field:"models" check:"array"`
}

// bodyLimit lets the largest profile come, of 16 Mi characters, whatever they are.
func (*newInputs) bodyLimit() int64 { return 80 << 20 }

// Limits of data sets, in characters (mlflow/utils/validation.py).
const (
	maxDatasetName    = 500
	maxDatasetProfile = 16_777_215
	maxDatasetDigest  = 36
	maxDatasetSource  = 65_535
	maxDatasetSchema  = 1_048_575
	maxInputTagKey    = 255
	maxInputTagValue  = 500
)

func (in datasetInputJSON) check() error {
	d := in.Dataset
	switch {
	case d.Name == "":
		return invalid("Dataset name cannot be None")
	case d.Digest == "":
		return invalid("Dataset digest cannot be None")
	}
	for _, l := range []struct {
		name, value string
		most        int
	}{{"name", d.Name, maxDatasetName}, {"digest", d.Digest, maxDatasetDigest}, {"source", d.Source, maxDatasetSource}, {"schema", d.Schema, maxDatasetSchema},
		{"profile", d.Profile, maxDatasetProfile}} {
		if longer(l.value, l.most) {
			return tooLong(l.name, l.most)
		}
	}
	for _, t := range in.Tags {
		switch {
		case longer(t.Key, maxInputTagKey):
			return tooLong("key", maxInputTagKey)
		case longer(t.Value, maxInputTagValue):
			return tooLong("value", maxInputTagValue)
		}
	}
	return checkUniqueTags(in.Tags)
}

func logInputs(c *call, in newInputs) (none, error) {
	var ins []registry.Input
	for _, d := range in.Datasets {
		if err := d.check(); err != nil {
			return none{}, err
		}
		ins = append(ins, registry.Input{Name: d.Dataset.Name, Digest: d.Dataset.Digest, SourceType: d.Dataset.SourceType, Source: d.Dataset.Source,
			Schema: d.Dataset.Schema, Profile: d.Dataset.Profile, Tags: tags(d.Tags)})
	}
	var models []registry.ModelLink
	for _, m := range in.Models {
		models = append(models, registry.ModelLink{Model: m.ID})
	}
	return none{}, c.s.LogInputs(c.ctx(), c.ref, in.ref(), ins, models)
}

type newOutputs struct {
	runID
	Models []modelOutputJSON `field:"models" check:"required array"`
}

func logOutputs(c *call, in newOutputs) (none, error) {
	models := make([]registry.ModelLink, len(in.Models))
	for i, m := range in.Models {
		models[i] = registry.ModelLink{Model: m.ID, Step: m.Step}
	}
	return none{}, taken(c.s.LogOutputs(c.ctx(), c.ref, in.ref(), models))
}

type inputDatasetSearch struct {
	ExperimentIDs []string `field:"experiment_ids"`
}

type datasetSummaryJSON struct {
	ExperimentID string `json:"experiment_id"`
	Name         string `json:"name"`
	Digest       string `json:"digest"`
	Context      string `json:"context,omitempty"`
}

type inputDatasetsAnswer struct {
	Summaries []datasetSummaryJSON `json:"dataset_summaries,omitempty"`
}

// maxDatasetExperiments is how many experiments MLflow looks at.
const maxDatasetExperiments = 20

func searchInputDatasets(c *call, in inputDatasetSearch) (inputDatasetsAnswer, error) {
	switch n := len(in.ExperimentIDs); {
	case n == 0:
		return inputDatasetsAnswer{}, invalid("SearchDatasets request must specify at least one experiment_id.")
	case n > maxDatasetExperiments:
		return inputDatasetsAnswer{}, invalid(fmt.Sprintf("SearchDatasets request cannot specify more than %d experiment_ids. Received %d experiment_ids.", maxDatasetExperiments, n))
	}
	which, err := parseExperimentIDs(in.ExperimentIDs)
	if err != nil {
		return inputDatasetsAnswer{}, err
	}
	found, err := c.s.InputSummaries(c.ctx(), c.ref, which)
	var out inputDatasetsAnswer
	for _, v := range found {
		out.Summaries = append(out.Summaries, datasetSummaryJSON{ExperimentID: strconv.FormatInt(v.ExperimentIID, 10), Name: v.Name, Digest: v.Digest, Context: v.Context})
	}
	return out, err
}
