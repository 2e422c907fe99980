package formats

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// The layout is in github.com/ggml-org/ggml, docs/gguf.md.

const (
	ggufMagic = "GGUF"
	maxPairs  = 100_000
)

// The types of values in a GGUF head.
const (
	ggufU8 = iota
	ggufI8
	ggufU16
	ggufI16
	ggufU32
	ggufI32
	ggufF32
	ggufBool
	ggufString
	ggufArray
	ggufU64
	ggufI64
	ggufF64
)

// ggufWidths are the sizes in bytes of the types that have one.
var ggufWidths = map[uint32]uint64{ggufU8: 1, ggufI8: 1, ggufU16: 2, ggufI16: 2, ggufU32: 4, ggufI32: 4, ggufF32: 4, ggufBool: 1, ggufU64: 8, ggufI64: 8, ggufF64: 8}

// ggmlTypes are the types of elements, by number; "" are those that were removed.
var ggmlTypes = []string{"F32", "F16", "Q4_0", "Q4_1", "", "", "Q5_0", "Q5_1", "Q8_0", "Q8_1", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "Q8_K",
	"IQ2_XXS", "IQ2_XS", "IQ3_XXS", "IQ1_S", "IQ4_NL", "IQ3_S", "IQ2_S", "IQ4_XS", "I8", "I16", "I32", "I64", "F64", "IQ1_M", "BF16", "", "", "",
	"TQ1_0", "TQ2_0", "", "", "", "MXFP4"}

// ggufFiles are the mixtures that general.file_type means, by number.
var ggufFiles = map[string]string{"0": "F32", "1": "F16", "2": "Q4_0", "3": "Q4_1", "7": "Q8_0", "8": "Q5_0", "9": "Q5_1", "10": "Q2_K", "11": "Q3_K_S",
	"12": "Q3_K_M", "13": "Q3_K_L", "14": "Q4_K_S", "15": "Q4_K_M", "16": "Q5_K_S", "17": "Q5_K_M", "18": "Q6_K", "19": "IQ2_XXS", "20": "IQ2_XS",
	"21": "Q2_K_S", "22": "IQ3_XS", "23": "IQ3_XXS", "24": "IQ1_S", "25": "IQ4_NL", "26": "IQ3_S", "27": "IQ3_M", "28": "IQ2_S", "29": "IQ2_M",
	"30": "IQ4_XS", "31": "IQ1_M", "32": "BF16", "36": "TQ1_0", "37": "TQ2_0", "38": "MXFP4"}

func (r *reader) u32() (uint32, error) {
	b, err := r.bytes(4, 4)
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint32(b), nil
}

func (r *reader) u64() (uint64, error) {
	b, err := r.bytes(8, 8)
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint64(b), nil
}

// text reads a length and as many bytes.
func (r *reader) text(most int) (string, error) {
	n, err := r.u64()
	if err != nil {
		return "", err
	}
	b, err := r.bytes(n, most)
	return strings.ToValidUTF8(string(b), "\uFFFD"), err
}

func readGGUF(r *reader, d *Details) error {
	magic, err := r.bytes(4, 4)
	if err != nil || string(magic) != ggufMagic {
		return malformed("does not begin as a GGUF file does")
	}
	version, err := r.u32()
	if err != nil {
		return err
	}
	if version != 2 && version != 3 {
		return malformed("has version %d of GGUF; 2 and 3, with the least byte first, are read", version)
	}
	tensors, err := r.u64()
	if err != nil {
		return err
	}
	pairs, err := r.u64()
	if err != nil {
		return err
	}
	if tensors > maxTensors || pairs > maxPairs {
		return malformed("has more tensors or keys than are read")
	}
	known := map[string]string{}
	for range pairs {
		if err := r.ggufPair(known, d); err != nil {
			return err
		}
	}
	d.ggufFacts(known)
	for range tensors {
		if err := r.ggufTensor(d); err != nil {
			return err
		}
	}
	return nil
}

// ggufPair reads a key with its value; of an array only the length is kept.
func (r *reader) ggufPair(known map[string]string, d *Details) error {
	key, err := r.text(maxName)
	if err != nil {
		return err
	}
	kind, err := r.u32()
	if err != nil {
		return err
	}
	value, err := r.ggufValue(kind)
	if err != nil {
		return err
	}
	known[key] = clip(value)
	d.meta(key, value)
	return nil
}

func (r *reader) ggufValue(kind uint32) (string, error) {
	switch kind {
	case ggufString:
		return r.text(maxText64)
	case ggufArray:
		return r.ggufArray()
	}
	width, ok := ggufWidths[kind]
	if !ok {
		return "", malformed("has a value of an unknown type %d", kind)
	}
	b, err := r.bytes(width, 8)
	if err != nil {
		return "", err
	}
	return ggufScalar(kind, b), nil
}

func ggufScalar(kind uint32, b []byte) string {
	wide := make([]byte, 8)
	copy(wide, b)
	u := binary.LittleEndian.Uint64(wide)
	switch kind {
	case ggufI8:
		return strconv.Itoa(int(int8(u)))
	case ggufI16:
		return strconv.Itoa(int(int16(u)))
	case ggufI32:
		return strconv.Itoa(int(int32(u)))
	case ggufI64:
		return strconv.FormatInt(int64(u), 10)
	case ggufF32:
		return strconv.FormatFloat(float64(math.Float32frombits(uint32(u))), 'g', -1, 32)
	case ggufF64:
		return strconv.FormatFloat(math.Float64frombits(u), 'g', -1, 64)
	case ggufBool:
		return strconv.FormatBool(u != 0)
	}
	return strconv.FormatUint(u, 10)
}

// ggufArray passes over an array, as the words of a tokenizer.
func (r *reader) ggufArray() (string, error) {
	kind, err := r.u32()
	if err != nil {
		return "", err
	}
	n, err := r.u64()
	if err != nil {
		return "", err
	}
	said := fmt.Sprintf("%d values", n)
	if width, ok := ggufWidths[kind]; ok {
		if n > uint64(r.size) {
			return "", malformed("ends before its head does")
		}
		return said, r.skip(n * width)
	}
	if kind != ggufString {
		return "", malformed("has an array of an unknown type %d", kind)
	}
	// Each text is at least its length, so need bounds n.
	if n > uint64(r.size)/8 {
		return "", malformed("ends before its head does")
	}
	for range n {
		length, err := r.u64()
		if err != nil {
			return "", err
		}
		if err := r.skip(length); err != nil {
			return "", err
		}
	}
	return said, nil
}

func (r *reader) ggufTensor(d *Details) error {
	name, err := r.text(maxName)
	if err != nil {
		return err
	}
	rank, err := r.u32()
	if err != nil {
		return err
	}
	if rank > maxRank {
		return malformed("has a tensor %.60q with an impossible shape", name)
	}
	t := Tensor{Name: name, Shape: make([]int64, rank)}
	for i := range t.Shape {
		n, err := r.u64()
		if err != nil {
			return err
		}
		// GGUF has the dimension that changes fastest first.
		if t.Shape[len(t.Shape)-1-i] = int64(n); n > math.MaxInt64 {
			return malformed("has a tensor %.60q with an impossible shape", name)
		}
	}
	kind, err := r.u32()
	if err != nil {
		return err
	}
	if t.Type = fmt.Sprintf("type %d", kind); kind < uint32(len(ggmlTypes)) && ggmlTypes[kind] != "" {
		t.Type = ggmlTypes[kind]
	}
	if _, err := r.u64(); err != nil { // where its elements begin
		return err
	}
	if _, ok := t.elements(); !ok {
		return malformed("has a tensor %.60q with an impossible shape", name)
	}
	d.Tensors = append(d.Tensors, t)
	return nil
}

func (d *Details) ggufFacts(known map[string]string) {
	of := known["general.architecture"] + "."
	quantised := known["general.file_type"]
	if name, ok := ggufFiles[quantised]; ok {
		quantised = name
	}
	for _, f := range []Fact{{"Name", known["general.name"]}, {"Architecture", known["general.architecture"]}, {"Quantisation", quantised},
		{"Context length", known[of+"context_length"]}, {"Layers", known[of+"block_count"]}, {"Width", known[of+"embedding_length"]},
		{"Heads", known[of+"attention.head_count"]}, {"Tokenizer", known["tokenizer.ggml.model"]}, {"Vocabulary", known["tokenizer.ggml.tokens"]},
		{"Licence", known["general.license"]}, {"Author", known["general.author"]}} {
		d.fact(f.Name, f.Value)
	}
}
