// Package formats reads what model files say of themselves: tensors, shapes,
// architecture, signature, licence.
//
// Everything that it reads was written by strangers. So it reads heads only, in
// ranges, never a whole model; every count is checked before anything is
// allocated for it; and nothing is ever executed. What it gives is for people to
// look at, and no promise that a file is sound.
package formats

import (
	"path"
	"strings"
)

// Kind is what a file is, as far as its name tells.
type Kind string

// The kinds. Those without a parser here are for the eye only.
const (
	Unknown     Kind = ""
	Safetensors Kind = "safetensors"
	GGUF        Kind = "GGUF"
	ONNX        Kind = "ONNX"
	MLmodel     Kind = "MLmodel"
	Config      Kind = "config"
	Pickle      Kind = "pickle"
	Keras       Kind = "Keras"
	JSON        Kind = "JSON"
	YAML        Kind = "YAML"
	CSV         Kind = "CSV"
	Markdown    Kind = "Markdown"
	Text        Kind = "text"
	Image       Kind = "image"
	Archive     Kind = "archive"
	Table       Kind = "table"
)

// byName are the kinds of files that have a name of their own, in lower case.
var byName = map[string]Kind{"mlmodel": MLmodel, "config.json": Config, "dockerfile": Text, "license": Text, "readme": Text,
	"pytorch_model.bin": Pickle, "python_env.yaml": YAML}

// byEnding are the kinds by the ending, in lower case.
var byEnding = map[string]Kind{
	".safetensors": Safetensors, ".gguf": GGUF, ".onnx": ONNX,
	".pkl": Pickle, ".pickle": Pickle, ".joblib": Pickle, ".pt": Pickle, ".pth": Pickle, ".ckpt": Pickle, ".dill": Pickle, ".cloudpickle": Pickle,
	".keras": Keras, ".h5": Keras, ".hdf5": Keras,
	".json": JSON, ".ipynb": JSON, ".yaml": YAML, ".yml": YAML, ".csv": CSV, ".tsv": CSV, ".md": Markdown, ".markdown": Markdown,
	".txt": Text, ".log": Text, ".py": Text, ".toml": Text, ".ini": Text, ".cfg": Text, ".sh": Text, ".xml": Text, ".html": Text, ".htm": Text,
	".jsonl": Text, ".sql": Text, ".r": Text, ".jinja": Text, ".css": Text, ".js": Text,
	".png": Image, ".jpg": Image, ".jpeg": Image, ".gif": Image, ".webp": Image, ".svg": Image, ".bmp": Image,
	".zip": Archive, ".tar": Archive, ".gz": Archive, ".tgz": Archive, ".bz2": Archive, ".xz": Archive, ".zst": Archive, ".7z": Archive, ".skops": Archive,
	".parquet": Table, ".arrow": Table, ".feather": Table, ".npy": Table, ".npz": Table,
}

// KindOf tells the kind of a file by its path.
func KindOf(p string) Kind {
	name := strings.ToLower(path.Base(p))
	if k, ok := byName[name]; ok {
		return k
	}
	return byEnding[path.Ext(name)]
}

// RunsCode reports whether loading a file of this kind may run code that is in
// it: a pickle names functions to call, and a Keras file may hold Python.
func (k Kind) RunsCode() bool { return k == Pickle || k == Keras }
