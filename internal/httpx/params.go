package httpx

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// errBad is any value that does not fit its field; the field's name is added
// where it is known.
var errBad = errors.New(MsgInvalid)

var (
	timeType = reflect.TypeFor[time.Time]()
	rawType  = reflect.TypeFor[json.RawMessage]()
	// numbersType is a list of which one may be written as a number in JSON.
	numbersType = reflect.TypeFor[[]int64]()
)

// param is one tagged field of a struct.
type param struct {
	name     string
	index    []int
	required bool
	commas   bool // a list may come as one text
}

// plans remembers the tagged fields of each struct type: reflect.Type to
// []param.
var plans sync.Map

// planOf lists the parameters of a struct type. An error here is a mistake in
// our own types, not in the input.
func planOf(t reflect.Type) ([]param, error) {
	if plan, ok := plans.Load(t); ok {
		return plan.([]param), nil
	}
	var plan []param
	for i := range t.NumField() {
		f := t.Field(i)
		tag, ok := f.Tag.Lookup("param")
		switch {
		case !ok && f.Anonymous && f.Type.Kind() == reflect.Struct:
			inner, err := planOf(f.Type)
			if err != nil {
				return nil, err
			}
			for _, p := range inner {
				p.index = append([]int{i}, p.index...)
				plan = append(plan, p)
			}
		case !ok:
		case !f.IsExported() || !supported(f.Type, 0):
			return nil, fmt.Errorf("httpx: %s.%s: the type %s cannot be a parameter", t, f.Name, f.Type)
		default:
			words := strings.Split(tag, ",")
			plan = append(plan, param{name: words[0], index: f.Index, required: slices.Contains(words[1:], "required"), commas: slices.Contains(words[1:], "commas")})
		}
	}
	plans.Store(t, plan)
	return plan, nil
}

func supported(t reflect.Type, depth int) bool {
	switch {
	case t == timeType || t == rawType:
		return true
	case depth > 3:
		return false
	}
	switch t.Kind() {
	case reflect.String, reflect.Int64, reflect.Float64, reflect.Bool, reflect.Struct:
		return true
	case reflect.Slice, reflect.Pointer:
		return supported(t.Elem(), depth+1)
	}
	return false
}

func assignParams(params map[string]value, dst any) error {
	v := reflect.ValueOf(dst)
	if v.Kind() != reflect.Pointer || v.IsNil() || v.Elem().Kind() != reflect.Struct {
		return fmt.Errorf("httpx: parameters go into a pointer to a struct, not %T", dst)
	}
	var a assigner
	if err := a.fill(v.Elem(), params, ""); err != nil {
		return err
	}
	if len(a.problems) > 0 {
		return &ParamError{Problems: a.problems}
	}
	return nil
}

// assigner fills structs and gathers what is wrong on the way. The errors of
// its methods are errBad, or mistakes of ours.
type assigner struct{ problems []Problem }

// fill sets the fields of a struct. Inner structs have a prefix, and their
// members are named as Rails does: "params[0][name]".
func (a *assigner) fill(dst reflect.Value, params map[string]value, prefix string) error {
	plan, err := planOf(dst.Type())
	if err != nil {
		return err
	}
	for _, p := range plan {
		field := p.name
		if prefix != "" {
			field = prefix + "[" + p.name + "]"
		}
		dst := dst.FieldByIndex(p.index)
		v, ok := params[p.name]
		if !ok || v.absent(dst.Type()) {
			if p.required {
				a.problems = append(a.problems, Problem{field, MsgMissing})
			}
			continue
		}
		if p.commas {
			v = v.split(dst.Type() == numbersType)
		}
		if err := a.set(dst, v, field); errors.Is(err, errBad) {
			a.problems = append(a.problems, Problem{field, MsgInvalid})
		} else if err != nil {
			return err
		}
	}
	return nil
}

// absent reports whether a value that was sent means that there is none: JSON
// null, and in a form an empty text where no text is wanted.
func (v value) absent(t reflect.Type) bool {
	if t == rawType {
		return false
	}
	if v.json != nil {
		return string(v.json) == "null"
	}
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.Kind() != reflect.String && t.Kind() != reflect.Slice && len(v.text) == 1 && v.text[0] == ""
}

func (a *assigner) set(dst reflect.Value, v value, field string) error {
	switch t := dst.Type(); {
	case t == timeType:
		return setTime(dst, v)
	case t == rawType:
		return setRaw(dst, v)
	case t.Kind() == reflect.Pointer:
		target := reflect.New(t.Elem())
		dst.Set(target)
		return a.set(target.Elem(), v, field)
	case t.Kind() == reflect.Slice:
		return a.setSlice(dst, v, field)
	case t.Kind() == reflect.Struct:
		return a.setStruct(dst, v, field)
	}
	return setScalar(dst, v)
}

func (a *assigner) setStruct(dst reflect.Value, v value, field string) error {
	if v.json == nil || v.json[0] != '{' {
		return errBad
	}
	members, err := objectMembers(v.json)
	if err != nil {
		return errBad
	}
	params := make(map[string]value, len(members))
	for name, raw := range members {
		params[name] = value{json: raw}
	}
	return a.fill(dst, params, field)
}

func (a *assigner) setSlice(dst reflect.Value, v value, field string) error {
	items, err := v.items()
	if err != nil {
		return err
	}
	out := reflect.MakeSlice(dst.Type(), len(items), len(items))
	bad := false
	for i, item := range items {
		name := fmt.Sprintf("%s[%d]", field, i)
		switch err := a.set(out.Index(i), item, name); {
		case errors.Is(err, errBad) && item.json != nil && out.Index(i).Kind() == reflect.Struct:
			a.problems = append(a.problems, Problem{name, MsgInvalid})
		case errors.Is(err, errBad):
			bad = true
		case err != nil:
			return err
		}
	}
	dst.Set(out)
	if bad {
		return errBad // the list as a whole: "scopes is invalid"
	}
	return nil
}

// split makes a list of a text with commas, and of a number where numbers are
// wanted; a list stays as it is, and an empty text is an empty list.
func (v value) split(numbers bool) value {
	texts := v.text
	if v.json != nil {
		var one string
		var n json.Number
		switch {
		case json.Unmarshal(v.json, &one) == nil:
		case numbers && json.Unmarshal(v.json, &n) == nil:
			return value{json: []byte("[" + n + "]")}
		default:
			return v
		}
		texts = []string{one}
	}
	out := value{list: true}
	for _, s := range texts {
		for part := range strings.SplitSeq(s, ",") {
			out.text = append(out.text, strings.Trim(part, " "))
		}
	}
	return out
}

// items takes a list apart.
func (v value) items() ([]value, error) {
	if v.json == nil {
		items := make([]value, 0, len(v.text))
		for _, s := range v.text {
			// "name[]=" alone is how a form writes an empty list.
			if s != "" || len(v.text) > 1 {
				items = append(items, value{text: []string{s}})
			}
		}
		return items, nil
	}
	var raws []json.RawMessage
	if v.json[0] != '[' || json.Unmarshal(v.json, &raws) != nil {
		return nil, errBad
	}
	items := make([]value, len(raws))
	for i, raw := range raws {
		items[i] = value{json: raw}
	}
	return items, nil
}

// scalar gives the one text of a value, and whether JSON wrote it as a string.
func (v value) scalar() (text string, quoted bool, err error) {
	if v.json == nil {
		// A parameter given twice is ambiguous: readers differ in which counts.
		if v.list || len(v.text) != 1 {
			return "", false, errBad
		}
		return v.text[0], true, nil
	}
	switch v.json[0] {
	case '"':
		err = json.Unmarshal(v.json, &text)
		return text, true, err
	case '{', '[', 'n':
		return "", false, errBad
	}
	return string(v.json), false, nil
}

func setScalar(dst reflect.Value, v value) error {
	text, quoted, err := v.scalar()
	if err != nil {
		return errBad
	}
	switch dst.Kind() {
	case reflect.String:
		// Numbers pass as their text, true and false do not. NUL is in no
		// sensible text and cuts strings short elsewhere.
		if !quoted && (text == "true" || text == "false") || !utf8.ValidString(text) || strings.IndexByte(text, 0) >= 0 {
			return errBad
		}
		dst.SetString(text)
	case reflect.Int64:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil && !quoted {
			n, err = wholeNumber(text)
		}
		if err != nil {
			return errBad
		}
		dst.SetInt(n)
	case reflect.Float64:
		f, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsNaN(f) || math.IsInf(f, 0) || strings.ContainsAny(text, "xX_") {
			return errBad
		}
		dst.SetFloat(f)
	default:
		b, ok := parseBool(text)
		if !ok {
			return errBad
		}
		dst.SetBool(b)
	}
	return nil
}

// wholeNumber reads the other spellings that JSON has for integers, as 5.0 and
// 1e3: to JSON, and to JSON Schema, they are the same number.
func wholeNumber(text string) (int64, error) {
	const exact = 1 << 53 // beyond, floating point skips integers
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || f != math.Trunc(f) || math.Abs(f) > exact {
		return 0, errBad
	}
	return int64(f), nil
}

// parseBool knows the words that Grape knows.
func parseBool(s string) (value, ok bool) {
	switch strings.ToLower(s) {
	case "true", "t", "1", "yes", "y", "on":
		return true, true
	case "false", "f", "0", "no", "n", "off":
		return false, true
	}
	return false, false
}

func setTime(dst reflect.Value, v value) error {
	text, quoted, err := v.scalar()
	if err != nil || !quoted {
		return errBad
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			dst.Set(reflect.ValueOf(t))
			return nil
		}
	}
	return errBad
}

// setRaw keeps JSON as it came, and turns the text of a form into a JSON
// string.
func setRaw(dst reflect.Value, v value) error {
	if v.json != nil {
		dst.SetBytes(bytes.Clone(v.json))
		return nil
	}
	text, _, err := v.scalar()
	if err != nil || !utf8.ValidString(text) {
		return errBad
	}
	raw, err := json.Marshal(text)
	dst.SetBytes(raw)
	return err
}
