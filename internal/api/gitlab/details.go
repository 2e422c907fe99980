package gitlab

import (
	"errors"

	"github.com/vitrine-ml/vitrine/internal/formats"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// detailRoutes are Vitrine's own: what a file says of itself.
func detailRoutes() []route {
	return tagged("Model files",
		op("GET", "/projects/{id}/packages/ml_models/{model_version_id}/details/{file_path...}", project(registry.PullFiles),
			"What a model file says of itself: tensors, architecture, signature", getDetails))
}

type detailsJSON struct {
	Path       string       `json:"path"`
	Kind       formats.Kind `json:"kind"`      // by the name: safetensors, GGUF, ONNX, MLmodel, config, pickle …; empty: unknown
	RunsCode   bool         `json:"runs_code"` // loading it can run code that is in it
	Problem    text         `json:"problem"`   // why it cannot be read as its kind
	Facts      []factJSON   `json:"facts"`
	Parameters int64        `json:"parameters"` // elements of all tensors
	Types      []shareJSON  `json:"types"`
	Tensors    []tensorJSON `json:"tensors"` // by name, at most as many as max_tensors says
	Count      int          `json:"tensor_count"`
	Inputs     []valueJSON  `json:"inputs"`
	Outputs    []valueJSON  `json:"outputs"`
	Metadata   []factJSON   `json:"metadata"`
}

type factJSON struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type shareJSON struct {
	Type       string `json:"type"`
	Tensors    int    `json:"tensors"`
	Parameters int64  `json:"parameters"`
}

type tensorJSON struct {
	Name  string  `json:"name"`
	Type  string  `json:"type"`
	Shape []int64 `json:"shape"`
}

type valueJSON struct {
	Name  string `json:"name"`
	Type  string `json:"type"`
	Shape string `json:"shape"` // as "batch × 4"
}

type detailsFilter struct {
	Tensors int64 `param:"max_tensors" doc:"How many tensors to give."`
}

// maxTensorsGiven bounds the tensors of an answer; without a word it is fewer.
const (
	maxTensorsGiven = 100_000
	someTensors     = 1000
)

func getDetails(c *call, in detailsFilter) (detailsJSON, error) {
	if in.Tensors < 0 || in.Tensors > maxTensorsGiven {
		return detailsJSON{}, badParam("max_tensors", "does not have a valid value")
	}
	if in.Tensors == 0 {
		in.Tensors = someTensors
	}
	ref, err := c.pkg()
	if err != nil {
		return detailsJSON{}, err
	}
	f, content, err := c.s.LookInto(c.ctx(), c.project(), ref, c.r.PathValue("file_path"))
	if err != nil {
		return detailsJSON{}, err
	}
	defer content.Close()
	d, err := c.d.heads.Read(c.ctx(), formats.KindOf(f.Path), content, f.Size)
	problem := ""
	if errors.Is(err, formats.ErrMalformed) {
		problem, err = "the file "+err.Error(), nil
	}
	return detailsWire(f, d, problem, int(in.Tensors)), err
}

func detailsWire(f registry.File, d formats.Details, problem string, most int) detailsJSON {
	return detailsJSON{Path: f.Path, Kind: d.Kind, RunsCode: d.Kind.RunsCode(), Problem: text(problem), Parameters: d.Parameters, Count: len(d.Tensors),
		Facts: each(d.Facts, factWire), Metadata: each(d.Metadata, factWire),
		Types:   each(d.Types, func(s formats.Share) shareJSON { return shareJSON(s) }),
		Tensors: each(d.Tensors[:min(most, len(d.Tensors))], tensorWire),
		Inputs:  each(d.Inputs, valueWire), Outputs: each(d.Outputs, valueWire)}
}

// each spells all of a list, which is never null.
func each[D, W any](all []D, wire func(D) W) []W {
	out := make([]W, len(all))
	for i, v := range all {
		out[i] = wire(v)
	}
	return out
}

func factWire(f formats.Fact) factJSON    { return factJSON(f) }
func valueWire(v formats.Value) valueJSON { return valueJSON(v) }

func tensorWire(t formats.Tensor) tensorJSON {
	if t.Shape == nil {
		t.Shape = []int64{}
	}
	return tensorJSON(t)
}
