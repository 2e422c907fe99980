package formats

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"slices"
)

// The layout is in github.com/huggingface/safetensors: the length of the head as
// a 64-bit number, the head in JSON, the elements.

// typeBits are the sizes of safetensors' element types in bits.
var typeBits = map[string]int64{"BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6,
	"I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32, "F64": 64, "I64": 64, "U64": 64, "C64": 64}

// tensorJSON is a tensor in the head.
type tensorJSON struct {
	Type    string    `json:"dtype"`
	Shape   []int64   `json:"shape"`
	Offsets [2]uint64 `json:"data_offsets"`
}

func readSafetensors(r *reader, d *Details) error {
	raw, err := r.bytes(8, 8)
	if err != nil {
		return err
	}
	n := binary.LittleEndian.Uint64(raw)
	if err := r.need(n); err != nil {
		return err
	}
	head, err := r.bytes(n, MaxHead-8)
	if err != nil {
		return err
	}
	return parseSafetensors(head, uint64(r.size-r.at), d)
}

// parseSafetensors reads a head, before which data bytes of elements come.
func parseSafetensors(head []byte, data uint64, d *Details) error {
	dec := json.NewDecoder(bytes.NewReader(head))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return malformed("has no JSON head")
	}
	seen := map[string]bool{}
	for dec.More() {
		key, err := dec.Token()
		name, isText := key.(string)
		switch {
		case err != nil || !isText:
			return malformed("has a head that is not JSON")
		case seen[name]:
			return malformed("has two entries %.60q", name)
		case len(name) > maxName || len(d.Tensors) == maxTensors:
			return malformed("has more or longer names of tensors than are read")
		}
		seen[name] = true
		if err := parseTensor(dec, name, data, d); err != nil {
			return err
		}
	}
	if _, err := dec.Token(); err != nil {
		return malformed("has a head that is not JSON")
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return malformed("has something behind its head")
	}
	return nil
}

func parseTensor(dec *json.Decoder, name string, data uint64, d *Details) error {
	if name == "__metadata__" {
		var meta map[string]string
		if err := dec.Decode(&meta); err != nil {
			return malformed("has metadata that are no texts")
		}
		for k, v := range meta {
			d.meta(k, v)
		}
		slices.SortFunc(d.Metadata, compareFacts)
		return nil
	}
	var t tensorJSON
	if err := dec.Decode(&t); err != nil {
		return malformed("has a tensor %.60q that cannot be read", name)
	}
	out := Tensor{name, t.Type, t.Shape}
	n, ok := out.elements()
	begin, end := t.Offsets[0], t.Offsets[1]
	bits, known := typeBits[t.Type]
	switch {
	case !ok || len(t.Shape) > maxRank || len(t.Type) > 20:
		return malformed("has a tensor %.60q with an impossible shape", name)
	case begin > end || end > data:
		return malformed("has a tensor %.60q that lies outside of it", name)
	case known && (n*bits+7)/8 != int64(end-begin):
		return malformed("has a tensor %.60q whose size is not that of its shape", name)
	}
	d.Tensors = append(d.Tensors, out)
	return nil
}
