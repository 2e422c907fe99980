package formats

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

func compareFacts(a, b Fact) int { return strings.Compare(a.Name, b.Name) }

// mlmodel is what is read of MLflow's description of a model: mlflow/models/model.py.
type mlmodel struct {
	Flavors       map[string]map[string]any `yaml:"flavors"`
	MLflowVersion string                    `yaml:"mlflow_version"`
	RunID         string                    `yaml:"run_id"`
	ModelID       string                    `yaml:"model_id"`
	Created       string                    `yaml:"utc_time_created"`
	Signature     struct {
		Inputs  string `yaml:"inputs"`
		Outputs string `yaml:"outputs"`
		Params  string `yaml:"params"`
	} `yaml:"signature"`
	Metadata map[string]any `yaml:"metadata"`
}

// python is the flavour that all models have that MLflow can serve.
const python = "python_function"

func readMLmodel(r *reader, d *Details) error {
	raw, err := r.whole()
	if err != nil {
		return err
	}
	var m mlmodel
	// The parser bounds what references to other places may add up to.
	if err := yaml.Unmarshal(raw, &m); err != nil {
		return malformed("is no YAML of MLflow's")
	}
	var names []string
	for name, of := range m.Flavors {
		for _, key := range []string{"sklearn_version", "pytorch_version", "xgb_version", "onnx_version", "transformers_version", "keras_version", "lgb_version"} {
			if v, ok := of[key]; ok {
				name += " " + say(v)
			}
		}
		names = append(names, name)
	}
	slices.Sort(names)
	d.fact("Flavours", strings.Join(names, ", "))
	d.fact("Python", say(m.Flavors[python]["python_version"]))
	d.fact("Loader", say(m.Flavors[python]["loader_module"]))
	d.fact("MLflow", m.MLflowVersion)
	d.fact("Run", m.RunID)
	d.fact("Logged model", m.ModelID)
	d.fact("Made", m.Created)
	d.Inputs, d.Outputs = columns(m.Signature.Inputs), columns(m.Signature.Outputs)
	for _, p := range columns(m.Signature.Params) {
		d.meta("parameter "+p.Name, p.Type)
	}
	for k, v := range m.Metadata {
		d.meta(k, say(v))
	}
	slices.SortFunc(d.Metadata, compareFacts)
	return nil
}

// columns reads one side of a signature: JSON in a text.
func columns(text string) []Value {
	var cols []struct {
		Name   string          `json:"name"`
		Type   json.RawMessage `json:"type"`
		Tensor struct {
			Type  string  `json:"dtype"`
			Shape []int64 `json:"shape"`
		} `json:"tensor-spec"`
	}
	if text == "" || json.Unmarshal([]byte(text), &cols) != nil {
		return nil
	}
	var out []Value
	for _, c := range cols[:min(len(cols), maxValues)] {
		v := Value{Name: clip(c.Name), Type: clip(strings.Trim(string(c.Type), `"`))}
		if c.Tensor.Type != "" {
			v.Type = clip(c.Tensor.Type)
			dims := make([]string, min(len(c.Tensor.Shape), maxRank))
			for i := range dims {
				if dims[i] = strconv.FormatInt(c.Tensor.Shape[i], 10); c.Tensor.Shape[i] < 0 {
					dims[i] = "?"
				}
			}
			v.Shape = strings.Join(dims, " × ")
		}
		out = append(out, v)
	}
	return out
}

// say writes a value of YAML or JSON for people; nothing for nothing.
func say(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case []any:
		parts := make([]string, min(len(v), 10))
		for i := range parts {
			parts[i] = say(v[i])
		}
		return strings.Join(parts, ", ")
	case map[string]any:
		raw, err := json.Marshal(v)
		if err != nil {
			return ""
		}
		return string(raw)
	}
	return fmt.Sprint(v)
}

// readConfig reads the config.json of a model of the transformers library.
func readConfig(r *reader, d *Details) error {
	raw, err := r.whole()
	if err != nil {
		return err
	}
	var c map[string]any
	if err := json.Unmarshal(raw, &c); err != nil {
		return malformed("is no JSON object")
	}
	first := func(keys ...string) string {
		for _, k := range keys {
			if v := say(c[k]); v != "" {
				return v
			}
		}
		return ""
	}
	d.fact("Architecture", first("architectures", "model_type"))
	d.fact("Type", first("model_type"))
	d.fact("Context length", first("max_position_embeddings", "n_positions", "n_ctx", "max_seq_len", "seq_length", "model_max_length"))
	d.fact("Layers", first("num_hidden_layers", "n_layer", "num_layers"))
	d.fact("Width", first("hidden_size", "n_embd", "d_model"))
	d.fact("Heads", first("num_attention_heads", "n_head"))
	d.fact("Vocabulary", first("vocab_size"))
	d.fact("Elements", first("dtype", "torch_dtype"))
	if q, ok := c["quantization_config"].(map[string]any); ok {
		d.fact("Quantisation", say(q["quant_method"]))
	}
	d.fact("transformers", first("transformers_version"))
	return nil
}
