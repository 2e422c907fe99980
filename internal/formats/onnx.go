package formats

import (
	"fmt"
	"strconv"
	"strings"
)

// The messages are in github.com/onnx/onnx, onnx/onnx.proto. Only the fields
// that are named here are read; everything else is passed over by its length.

// onnxTypes are the names of TensorProto.DataType, by number.
var onnxTypes = []string{"undefined", "F32", "U8", "I8", "U16", "I16", "I32", "I64", "string", "BOOL", "F16", "F64", "U32", "U64", "C64", "C128", "BF16",
	"F8_E4M3FN", "F8_E4M3FNUZ", "F8_E5M2", "F8_E5M2FNUZ", "U4", "I4", "F4_E2M1"}

func onnxType(n uint64) string {
	if n < uint64(len(onnxTypes)) {
		return onnxTypes[n]
	}
	return "type " + strconv.FormatUint(n, 10)
}

// field is the head of one field of a protobuf message.
type field struct {
	number uint64
	varint uint64 // its value when it is a number
	length uint64 // of the bytes that follow
	bytes  bool   // bytes follow
}

// varint reads a number of protobuf: 7 bits in a byte, the least first.
func (r *reader) varint() (uint64, error) {
	var v uint64
	for shift := 0; shift < 64; shift += 7 {
		b, err := r.byte()
		if err != nil {
			return 0, err
		}
		v |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return v, nil
		}
	}
	return 0, malformed("is no protobuf message")
}

// message calls fn for each field of a message that ends at end. What fn leaves
// of a field is passed over.
func (r *reader) message(end int64, fn func(field) error) error {
	for r.at < end {
		f, err := r.field()
		if err != nil {
			return err
		}
		next := r.at
		if f.bytes {
			if f.length > uint64(end-r.at) {
				return malformed("has a part that is longer than the whole")
			}
			next += int64(f.length)
		}
		if err := fn(f); err != nil {
			return err
		}
		if r.at > next {
			return malformed("has a part that is longer than it says")
		}
		if err := r.skip(uint64(next - r.at)); err != nil {
			return err
		}
	}
	return nil
}

func (r *reader) field() (field, error) {
	tag, err := r.varint()
	if err != nil {
		return field{}, err
	}
	f := field{number: tag >> 3}
	switch tag & 7 {
	case 0:
		f.varint, err = r.varint()
	case 1:
		err = r.skip(8)
	case 2:
		f.bytes = true
		f.length, err = r.varint()
	case 5:
		err = r.skip(4)
	default:
		err = malformed("is no protobuf message")
	}
	return f, err
}

// string reads the bytes of a field as a text.
func (r *reader) string(f field) (string, error) {
	if !f.bytes {
		return "", malformed("has a number where a text belongs")
	}
	b, err := r.bytes(f.length, maxText64)
	return clip(strings.ToValidUTF8(string(b), "\uFFFD")), err
}

// nested reads the message in a field.
func (r *reader) nested(f field, fn func(field) error) error {
	if !f.bytes {
		return malformed("has a number where a part belongs")
	}
	return r.message(r.at+int64(f.length), fn)
}

func readONNX(r *reader, d *Details) error {
	m := onnxModel{r: r, d: d, ops: map[string]int{}}
	err := r.message(r.size, m.model)
	if err == nil && !m.graph {
		err = malformed("has no graph")
	}
	d.fact("Producer", strings.TrimSpace(m.producer+" "+m.version))
	d.fact("Operators", strings.Join(m.opsets, ", "))
	if m.ir != 0 {
		d.fact("IR version", strconv.FormatUint(m.ir, 10))
	}
	d.fact("Graph", m.name)
	if m.nodes > 0 {
		d.fact("Nodes", strconv.Itoa(m.nodes))
	}
	if m.external {
		d.fact("Weights", "in files beside it")
	}
	d.fact("Description", m.doc)
	return err
}

// onnxModel gathers what is told in several places of a model.
type onnxModel struct {
	r                            *reader
	d                            *Details
	producer, version, name, doc string
	ir                           uint64
	opsets                       []string
	nodes                        int
	ops                          map[string]int
	graph, external              bool
}

func (m *onnxModel) model(f field) (err error) {
	switch f.number {
	case 1:
		m.ir = f.varint
	case 2:
		m.producer, err = m.r.string(f)
	case 3:
		m.version, err = m.r.string(f)
	case 6:
		m.doc, err = m.r.string(f)
	case 7:
		m.graph = true
		err = m.r.nested(f, m.graphField)
	case 8:
		err = m.opset(f)
	case 14:
		err = m.property(f)
	}
	return err
}

func (m *onnxModel) opset(f field) error {
	domain, version := "", uint64(0)
	err := m.r.nested(f, func(f field) (err error) {
		switch f.number {
		case 1:
			domain, err = m.r.string(f)
		case 2:
			version = f.varint
		}
		return err
	})
	if domain == "" {
		domain = "ai.onnx"
	}
	if len(m.opsets) < 20 {
		m.opsets = append(m.opsets, fmt.Sprintf("%s %d", domain, version))
	}
	return err
}

func (m *onnxModel) property(f field) error {
	key, value := "", ""
	err := m.r.nested(f, func(f field) (err error) {
		switch f.number {
		case 1:
			key, err = m.r.string(f)
		case 2:
			value, err = m.r.string(f)
		}
		return err
	})
	m.d.meta(key, value)
	return err
}

func (m *onnxModel) graphField(f field) (err error) {
	switch f.number {
	case 1:
		m.nodes++
	case 2:
		m.name, err = m.r.string(f)
	case 5:
		err = m.initializer(f)
	case 11:
		err = m.value(f, &m.d.Inputs)
	case 12:
		err = m.value(f, &m.d.Outputs)
	}
	return err
}

// initializer reads the head of a tensor, not its elements.
func (m *onnxModel) initializer(f field) error {
	t := Tensor{Type: onnxType(0)}
	err := m.r.nested(f, func(f field) (err error) {
		switch f.number {
		case 1:
			return m.dims(f, &t)
		case 2:
			t.Type = onnxType(f.varint)
		case 8:
			t.Name, err = m.r.string(f)
		case 14:
			m.external = m.external || f.varint == 1
		}
		return err
	})
	if err != nil {
		return err
	}
	if _, ok := t.elements(); !ok || len(m.d.Tensors) == maxTensors {
		return malformed("has a tensor %.60q with an impossible shape, or more tensors than are read", t.Name)
	}
	m.d.Tensors = append(m.d.Tensors, t)
	return nil
}

// dims reads dimensions, one alone or several packed.
func (m *onnxModel) dims(f field, t *Tensor) error {
	end := m.r.at + int64(f.length)
	for first := true; first && !f.bytes || m.r.at < end; first = false {
		v := f.varint
		if f.bytes {
			var err error
			if v, err = m.r.varint(); err != nil {
				return err
			}
		}
		if len(t.Shape) == maxRank {
			return malformed("has a tensor %.60q with an impossible shape", t.Name)
		}
		t.Shape = append(t.Shape, int64(v))
	}
	return nil
}

// maxValues bounds the inputs, and the outputs, that are kept.
const maxValues = 200

// value reads what goes into a graph, or comes out.
func (m *onnxModel) value(f field, out *[]Value) error {
	var v Value
	var shape []string
	dim := func(f field) error {
		said := "?"
		err := m.r.nested(f, func(f field) (err error) {
			switch f.number {
			case 1:
				said = strconv.FormatUint(f.varint, 10)
			case 2:
				said, err = m.r.string(f)
			}
			return err
		})
		if len(shape) < maxRank {
			shape = append(shape, said)
		}
		return err
	}
	tensor := func(f field) error {
		switch f.number {
		case 1:
			v.Type = onnxType(f.varint)
		case 2:
			return m.r.nested(f, dim)
		}
		return nil
	}
	err := m.r.nested(f, func(f field) (err error) {
		switch f.number {
		case 1:
			v.Name, err = m.r.string(f)
		case 2:
			err = m.r.nested(f, func(f field) error {
				if f.number == 1 {
					return m.r.nested(f, tensor)
				}
				return nil
			})
		}
		return err
	})
	if v.Shape = strings.Join(shape, " × "); len(*out) < maxValues {
		*out = append(*out, v)
	}
	return err
}
