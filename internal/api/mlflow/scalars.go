package mlflow

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"sort"
	"strconv"
	"strings"
)

var rawType = reflect.TypeFor[json.RawMessage]()

// scalar is a type that reads itself from JSON, as an enumeration does. The
// value is neither null nor missing.
type scalar interface{ read(json.RawMessage) bool }

// assign sets dst from JSON, as protobuf's json_format does, and reports
// whether that could be done.
func assign(dst reflect.Value, raw json.RawMessage) bool {
	if s, ok := dst.Addr().Interface().(scalar); ok {
		return s.read(raw)
	}
	if dst.Type() == rawType {
		dst.SetBytes(bytes.Clone(raw))
		return true
	}
	switch dst.Kind() {
	case reflect.Pointer:
		target := reflect.New(dst.Type().Elem())
		if !assign(target.Elem(), raw) {
			return false
		}
		dst.Set(target)
		return true
	case reflect.Slice:
		return setList(dst, raw)
	case reflect.Struct:
		return setMessage(dst, raw)
	case reflect.String:
		if raw[0] != '"' {
			return false
		}
		dst.SetString(stringOf(raw))
		return true
	case reflect.Bool:
		return json.Unmarshal(raw, dst.Addr().Interface()) == nil
	case reflect.Int64:
		return setInt(dst, raw)
	case reflect.Float64:
		return setFloat(dst, raw)
	}
	panic("mlflow: a message cannot have a " + dst.Type().String())
}

func setList(dst reflect.Value, raw json.RawMessage) bool {
	if raw[0] != '[' {
		return false
	}
	items := splitList(raw)
	out := reflect.MakeSlice(dst.Type(), len(items), len(items))
	for i, item := range items {
		if string(item) == "null" || !assign(out.Index(i), item) {
			return false
		}
	}
	dst.Set(out)
	return true
}

func setMessage(dst reflect.Value, raw json.RawMessage) bool {
	if raw[0] != '{' {
		return false
	}
	plan := planOf(dst.Type())
	var few [8]spelled // a batch has a thousand messages of no more fields
	sent := few[:]
	if len(plan) > len(few) {
		sent = make([]spelled, len(plan))
	}
	for quoted, value := range eachMember(raw) {
		name := bytesOf(quoted)
		for i, f := range plan {
			switch string(name) {
			case f.name:
				sent[i].name = value
			case f.camel:
				sent[i].camel = value
			}
		}
	}
	for i, f := range plan {
		inner, err := f.choose(sent[i])
		if err != nil || inner != nil && !assign(dst.FieldByIndex(f.index), inner) {
			return false
		}
	}
	return true
}

// text gives a number's digits, whether it came as number or as text.
func text(raw json.RawMessage) (string, bool) {
	switch raw[0] {
	case '"':
		var s string
		err := json.Unmarshal(raw, &s)
		return s, err == nil
	case '{', '[', 't', 'f', 'n':
		return "", false
	}
	return string(raw), true
}

func setInt(dst reflect.Value, raw json.RawMessage) bool {
	s, ok := text(raw)
	if !ok {
		return false
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		dst.SetInt(n)
		return true
	}
	// 1.0 and 1e3 are whole numbers too.
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || f != math.Trunc(f) || math.Abs(f) >= 1<<63 || raw[0] == '"' {
		return false
	}
	dst.SetInt(int64(f))
	return true
}

func setFloat(dst reflect.Value, raw json.RawMessage) bool {
	s, ok := text(raw)
	if !ok || strings.ContainsAny(s, "xXpP_") {
		return false
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return false
	}
	// Of the words, only those of protobuf's JSON count.
	if (math.IsNaN(f) || math.IsInf(f, 0) && err == nil) && s != "NaN" && s != "Infinity" && s != "-Infinity" {
		return false
	}
	dst.SetFloat(f)
	return true
}

// pythonType names the type that Python's json makes of a value.
func pythonType(raw json.RawMessage) string {
	switch {
	case len(raw) == 0 || raw[0] == 'n':
		return "NoneType"
	case raw[0] == '"':
		return "str"
	case raw[0] == '{':
		return "dict"
	case raw[0] == '[':
		return "list"
	case raw[0] == 't' || raw[0] == 'f':
		return "bool"
	case bytes.ContainsAny(raw, ".eE"):
		return "float"
	}
	return "int"
}

// maxQuoted bounds how much of a refused value a message repeats, in bytes.
const maxQuoted = 1000

// pythonJSON writes a value as Python's json.dumps does with sorted keys and
// without blanks.
func pythonJSON(raw json.RawMessage) string {
	if len(raw) == 0 {
		return "null"
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	if dec.Decode(&v) != nil {
		return "null"
	}
	var b strings.Builder
	writePython(&b, v)
	if b.Len() > maxQuoted {
		return b.String()[:maxQuoted] + "…"
	}
	return b.String()
}

func writePython(b *strings.Builder, v any) {
	switch v := v.(type) {
	case nil:
		b.WriteString("null")
	case bool:
		b.WriteString(strconv.FormatBool(v))
	case json.Number:
		b.WriteString(v.String())
	case string:
		b.WriteString(pythonString(v))
	case []any:
		b.WriteByte('[')
		for i, item := range v {
			if i > 0 {
				b.WriteByte(',')
			}
			writePython(b, item)
		}
		b.WriteByte(']')
	case map[string]any:
		keys := make([]string, 0, len(v))
		for k := range v {
			keys = append(keys, k)
		}
		sort.Strings(keys)
		b.WriteByte('{')
		for i, k := range keys {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(pythonString(k) + ":")
			writePython(b, v[k])
		}
		b.WriteByte('}')
	}
}

// pythonString quotes with nothing but ASCII.
func pythonString(s string) string { return quotePython(s, 0x7f) }

// quotePython quotes as Python's json.dumps; characters from most on are escaped.
func quotePython(s string, most rune) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteString(`\` + string(r))
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == '\b':
			b.WriteString(`\b`)
		case r == '\f':
			b.WriteString(`\f`)
		case r >= 0x10000 && r >= most:
			r -= 0x10000
			writeEscape(&b, 0xd800+r>>10)
			writeEscape(&b, 0xdc00+r&0x3ff)
		case r < 0x20 || r >= most:
			writeEscape(&b, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

func writeEscape(b *strings.Builder, r rune) {
	const digits = "0123456789abcdef"
	b.WriteString(`\u`)
	for shift := 12; shift >= 0; shift -= 4 {
		b.WriteByte(digits[r>>shift&15])
	}
}

// pythonFloat writes a number as Python does.
func pythonFloat(f float64) string {
	raw, err := double(f).MarshalJSON()
	if err != nil {
		return ""
	}
	return strings.Trim(string(raw), `"`)
}

// pythonSpaced writes JSON with the blanks and escapes that Python's json.dumps
// has.
func pythonSpaced(raw []byte) string {
	var b strings.Builder
	for i := 0; i < len(raw); {
		switch c := raw[i]; c {
		case '"':
			end := stringEnd(raw, i)
			var s string
			if json.Unmarshal(raw[i:end], &s) != nil {
				return string(raw) // it was written by json.Marshal
			}
			b.WriteString(pythonString(s))
			i = end
			continue
		case ',', ':':
			b.WriteByte(c)
			b.WriteByte(' ')
		default:
			b.WriteByte(c)
		}
		i++
	}
	return b.String()
}

// double is a number as MLflow writes it: always with a point or an exponent,
// and with texts for what JSON has no numbers for.
type double float64

// MarshalJSON implements json.Marshaler.
func (d double) MarshalJSON() ([]byte, error) {
	f := float64(d)
	switch {
	case math.IsNaN(f):
		return []byte(`"NaN"`), nil
	case math.IsInf(f, 1):
		return []byte(`"Infinity"`), nil
	case math.IsInf(f, -1):
		return []byte(`"-Infinity"`), nil
	}
	out, err := json.Marshal(f)
	if err == nil && !bytes.ContainsAny(out, ".eE") {
		out = append(out, '.', '0')
	}
	return out, err
}
