package formats

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
)

func read(t *testing.T, kind Kind, content []byte) (Details, error) {
	t.Helper()
	return Read(kind, bytes.NewReader(content), int64(len(content)))
}

func file(t testing.TB, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// has looks for a fact with that value.
func has(t *testing.T, facts []Fact, name, value string) {
	t.Helper()
	for _, f := range facts {
		if f.Name == name {
			if f.Value != value {
				t.Errorf("%s is %q, want %q", name, f.Value, value)
			}
			return
		}
	}
	t.Errorf("no %s in %v", name, facts)
}

// TestRealFiles reads what the tools themselves have written.
func TestRealFiles(t *testing.T) {
	for _, c := range []struct {
		name       string
		parameters int64
		tensors    string
		types      string
		facts      []Fact
	}{
		{"model.safetensors", 60, "[{embed.weight F16 [10 4]} {layer.0.bias F32 [4]} {layer.0.weight F32 [4 4]}]", "[{F16 1 40} {F32 2 20}]", nil},
		{"model.gguf", 24 + 8 + 256, "[{blk.0.attn_norm.weight F32 [8]} {blk.0.ffn.weight Q8_0 [8 32]} {token_embd.weight F16 [3 8]}]", "[{Q8_0 1 256} {F16 1 24} {F32 1 8}]",
			[]Fact{{"Name", "tiny"}, {"Architecture", "llama"}, {"Context length", "2048"}, {"Licence", "apache-2.0"}, {"Quantisation", "F16"}, {"Layers", "2"}, {"Vocabulary", "3 values"}}},
		{"model.onnx", 15, "[{B F32 [3]} {W F32 [4 3]}]", "[{F32 2 15}]",
			[]Fact{{"Producer", "vitrine-test 1.2"}, {"Operators", "ai.onnx 17, ai.onnx.ml 3"}, {"IR version", "8"}, {"Graph", "iris"}, {"Nodes", "1"}, {"Description", "classifies flowers"}}},
		{"MLmodel", 0, "[]", "[]", []Fact{{"Flavours", "python_function, sklearn 1.9.1"}, {"Python", "3.11.7"}, {"MLflow", "3.17.2"}, {"Loader", "mlflow.sklearn"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, err := read(t, KindOf(c.name), file(t, c.name))
			if err != nil {
				t.Fatal(err)
			}
			if d.Parameters != c.parameters || fmt.Sprint(d.Tensors) != c.tensors || fmt.Sprint(d.Types) != c.types {
				t.Errorf("%d parameters, %v, %v", d.Parameters, d.Tensors, d.Types)
			}
			for _, f := range c.facts {
				has(t, d.Facts, f.Name, f.Value)
			}
		})
	}
}

func TestSidesOfModels(t *testing.T) {
	for name, want := range map[string]string{
		"model.onnx": "[{x F32 batch × 4}] [{y F32 ? × 3}]",
		"MLmodel":    "[{sepal length (cm) double } {sepal width (cm) double } {petal length (cm) double } {petal width (cm) double }] [{ int64 ?}]",
	} {
		d, err := read(t, KindOf(name), file(t, name))
		if got := fmt.Sprint(d.Inputs, d.Outputs); err != nil || got != want {
			t.Errorf("%s: %s, %v", name, got, err)
		}
	}
}

func TestMetadata(t *testing.T) {
	d, err := read(t, Safetensors, file(t, "model.safetensors"))
	if err != nil || fmt.Sprint(d.Metadata) != "[{format pt} {licence mit}]" {
		t.Errorf("%v, %v", d.Metadata, err)
	}
	d, err = read(t, MLmodel, file(t, "MLmodel"))
	if err != nil {
		t.Fatal(err)
	}
	has(t, d.Metadata, "team", "vision")
}

func TestConfig(t *testing.T) {
	d, err := read(t, Config, []byte(`{"architectures":["LlamaForCausalLM"],"model_type":"llama","max_position_embeddings":131072,
		"num_hidden_layers":32,"torch_dtype":"bfloat16","vocab_size":128256,"quantization_config":{"quant_method":"awq"}}`))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{"Architecture": "LlamaForCausalLM", "Context length": "131072", "Elements": "bfloat16", "Quantisation": "awq"} {
		has(t, d.Facts, name, value)
	}
	if _, err := read(t, Config, []byte(`[1]`)); !errors.Is(err, ErrMalformed) {
		t.Error(err)
	}
}

func TestKinds(t *testing.T) {
	for path, want := range map[string]Kind{"a/MODEL.GGUF": GGUF, "MLmodel": MLmodel, "x/config.json": Config, "y.json": JSON, "model.pkl": Pickle,
		"pytorch_model.bin": Pickle, "model.bin": Unknown, "safetensors": Unknown} {
		if got := KindOf(path); got != want {
			t.Errorf("%s is %q", path, got)
		}
	}
	if Sniff([]byte("\x80\x04\x95")) != Pickle || Sniff([]byte("PK\x03\x04................archive/data.pkl")) != Pickle || Sniff([]byte("GGUF\x03")) != GGUF || Sniff([]byte("hello")) != Unknown {
		t.Error("the first bytes tell something else")
	}
	d, err := read(t, Pickle, []byte("\x80\x05\x95\x00"))
	if err != nil || !d.Kind.RunsCode() {
		t.Error(d, err)
	}
	has(t, d.Facts, "Form", "pickle, protocol 5")
}

// safetensorsOf writes a file with a head and so many bytes of elements.
func safetensorsOf(head string, data int) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(head)))
	return append(append(b, head...), make([]byte, data)...)
}

// TestMalformed: what is wrong is told, nothing is believed.
func TestMalformed(t *testing.T) {
	huge := binary.LittleEndian.AppendUint64(nil, 1<<62)
	gguf := append([]byte("GGUF"), 3, 0, 0, 0)
	for name, c := range map[string]struct {
		kind    Kind
		content []byte
		says    string
	}{
		"empty":         {Safetensors, nil, "ends before"},
		"long head":     {Safetensors, huge, "ends before"},
		"no JSON":       {Safetensors, safetensorsOf("hello", 0), "no JSON head"},
		"cut":           {Safetensors, safetensorsOf(`{"a":`, 0), "cannot be read"},
		"behind":        {Safetensors, safetensorsOf(`{}{}`, 0), "behind its head"},
		"twice":         {Safetensors, safetensorsOf(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, 1), "two entries"},
		"outside":       {Safetensors, safetensorsOf(`{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}`, 1), "outside"},
		"size":          {Safetensors, safetensorsOf(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}`, 4), "not that of its shape"},
		"overflow":      {Safetensors, safetensorsOf(`{"a":{"dtype":"F32","shape":[9223372036854775807,2],"data_offsets":[0,4]}}`, 4), "impossible"},
		"negative":      {Safetensors, safetensorsOf(`{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}`, 4), "impossible"},
		"metadata":      {Safetensors, safetensorsOf(`{"__metadata__":{"a":1}}`, 0), "metadata"},
		"magic":         {GGUF, []byte("GGML\x03\x00\x00\x00"), "does not begin"},
		"big-endian":    {GGUF, []byte("GGUF\x00\x00\x00\x03"), "version"},
		"counts":        {GGUF, append(bytes.Clone(gguf), bytes.Repeat([]byte{0xff}, 16)...), "more tensors"},
		"GGUF cut":      {GGUF, file(t, "model.gguf")[:300], "ends before"},
		"ONNX cut":      {ONNX, file(t, "model.onnx")[:100], "longer than the whole"},
		"no ONNX":       {ONNX, []byte("hello, world"), "protobuf"},
		"ONNX no graph": {ONNX, []byte{8, 1}, "no graph"},
		"YAML":          {MLmodel, []byte("flavors: [1"), "YAML"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := read(t, c.kind, c.content)
			if !errors.Is(err, ErrMalformed) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v, want …%s…", err, c.says)
			}
		})
	}
}

// refusing fails the test when the elements of a model are read.
type refusing struct {
	*bytes.Reader
	most int64
	t    *testing.T
}

func (r refusing) Read(p []byte) (int, error) {
	if at, _ := r.Seek(0, 1); at > r.most {
		r.t.Errorf("byte %d was read", at)
	}
	return r.Reader.Read(p)
}

// TestHeadOnly: of a large file only the head is read.
func TestHeadOnly(t *testing.T) {
	content := safetensorsOf(`{"a":{"dtype":"U8","shape":[10000000],"data_offsets":[0,10000000]}}`, 10_000_000)
	d, err := Read(Safetensors, refusing{bytes.NewReader(content), 1 << 16, t}, int64(len(content)))
	if err != nil || d.Parameters != 10_000_000 {
		t.Error(d, err)
	}
}

// FuzzRead: whatever a file has, reading it ends, in bounds.
func FuzzRead(f *testing.F) {
	kinds := []Kind{Safetensors, GGUF, ONNX, MLmodel, Config, Pickle}
	for i, name := range []string{"model.safetensors", "model.gguf", "model.onnx", "MLmodel"} {
		f.Add(uint8(i), file(f, name))
	}
	f.Fuzz(func(t *testing.T, which uint8, content []byte) {
		d, err := read(t, kinds[int(which)%len(kinds)], content)
		if err != nil && !errors.Is(err, ErrMalformed) {
			t.Errorf("an error that is not the file's: %v", err)
		}
		if len(d.Metadata) > MaxMetadata || len(d.Inputs) > maxValues || len(d.Tensors) > maxTensors {
			t.Error("the limits do not hold")
		}
		for _, x := range append(d.Facts, d.Metadata...) {
			if len(x.Name) > maxText+10 || len(x.Value) > maxText+10 {
				t.Errorf("a fact of %d bytes", len(x.Value))
			}
		}
	})
}
