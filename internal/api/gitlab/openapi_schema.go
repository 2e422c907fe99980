package gitlab

import (
	"reflect"
	"strings"
	"time"

	"github.com/vitrine-ml/vitrine/internal/registry"
	"github.com/vitrine-ml/vitrine/internal/safety"
)

// schemas are the named schemas of the document.
type schemas map[string]any

func ref(name string) object { return object{"$ref": "#/components/schemas/" + name} }

// plain are the types that say by themselves how they are written.
var plain = map[reflect.Type]func() object{
	reflect.TypeFor[stamp](): func() object {
		return object{"type": []string{"string", "null"}, "format": "date-time"}
	},
	reflect.TypeFor[date](): func() object {
		return object{"type": []string{"string", "null"}, "format": "date"}
	},
	reflect.TypeFor[text](): func() object { return object{"type": []string{"string", "null"}} },
	reflect.TypeFor[number](): func() object {
		return object{"description": "JSON has no NaN and no infinity: they are strings",
			"oneOf": []object{{"type": "number"}, {"type": "string", "enum": []string{"NaN", "Infinity", "-Infinity"}}}}
	},
	reflect.TypeFor[time.Time](): func() object {
		return object{"type": "string", "anyOf": []object{{"format": "date-time"}, {"format": "date"}}}
	},
	reflect.TypeFor[document](): func() object { return object{"type": "object"} },
}

// kind is a type with few values.
type kind struct {
	name, words string
	values      []any
}

var kinds = map[reflect.Type]kind{
	reflect.TypeFor[registry.Visibility](): {"Visibility", "Who may see it: members, every account, or everybody",
		[]any{registry.Private, registry.Internal, registry.Public}},
	reflect.TypeFor[registry.Level](): {"FeatureLevel", "For whom a part of a project is on: whoever sees the project, members, or nobody; packages also for everybody",
		[]any{registry.Enabled, registry.MembersOnly, registry.Disabled, registry.Everyone}},
	reflect.TypeFor[registry.RunStatus](): {"CandidateStatus", "How far a candidate has come",
		[]any{registry.Running, registry.Scheduled, registry.Finished, registry.Failed, registry.Killed}},
	reflect.TypeFor[registry.FileStatus](): {"FileStatus", "Hidden files are not listed unless asked for",
		[]any{registry.FileDefault, registry.FileHidden}},
	reflect.TypeFor[verdict](): {"SafetyVerdict", "What is thought of loading a file: safe, notice (code of known libraries), not_scanned, suspicious, unsafe; each is worse than those before it",
		[]any{safety.Safe.String(), safety.Notice.String(), safety.Unscanned.String(), safety.Suspicious.String(), safety.Unsafe.String()}},
	reflect.TypeFor[signatureStatus](): {"SignatureStatus", "How a signature stands to the files: none, matches, differs, incomparable (problem says why), invalid (it does not fit its own certificate). It says nothing about whose key signed",
		[]any{safety.Unsigned, safety.Matches, safety.Differs, safety.Incomparable, safety.Invalid}},
	reflect.TypeFor[fit](): {"SignatureFit", "Whether a signature is that of the certificate that comes with it",
		[]any{safety.Unchecked, safety.FitsWell, safety.FitsNot}},
	reflect.TypeFor[registry.Role](): {"AccessLevel",
		"5 minimal, 10 guest, 15 planner, 20 reporter, 30 developer, 40 maintainer, 50 owner", roleValues},
}

var roleValues = []any{registry.Minimal, registry.Guest, registry.Planner, registry.Reporter, registry.Developer,
	registry.Maintainer, registry.Owner}

// basic gives the schema of what is no struct, slice or pointer.
func (s schemas) basic(t reflect.Type) object {
	if k, ok := kinds[t]; ok {
		schema := object{"type": "string", "description": k.words, "enum": k.values}
		if t.Kind() == reflect.Int {
			schema["type"] = "integer"
		}
		s[k.name] = schema
		return ref(k.name)
	}
	switch t.Kind() {
	case reflect.String:
		return object{"type": "string"}
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.Float64:
		return object{"type": "number"}
	case reflect.Int64:
		return object{"type": "integer", "format": "int64"}
	}
	return object{"type": "integer"}
}

// answer gives the schema of a type as encoding/json writes it.
func (s schemas) answer(t reflect.Type) object {
	// Lists of projects, and what searches find, have no type of their own.
	if t == reflect.TypeFor[projectsJSON]() {
		full, few := s.answer(reflect.TypeFor[projectJSON]()), s.answer(reflect.TypeFor[projectBasicsJSON]())
		return object{"type": "array", "items": object{"anyOf": []object{full, few}}}
	}
	if t == reflect.TypeFor[foundJSON]() {
		return object{"type": "array", "items": object{"anyOf": []object{s.answer(reflect.TypeFor[projectBasicsJSON]()), s.answer(reflect.TypeFor[userRefJSON]()),
			s.answer(reflect.TypeFor[foundModelJSON]()), s.answer(reflect.TypeFor[foundVersionJSON]())}}}
	}
	if schema := plain[t]; schema != nil {
		return schema()
	}
	switch t.Kind() {
	case reflect.Pointer:
		return nullable(s.answer(t.Elem()))
	case reflect.Slice:
		return object{"type": "array", "items": s.answer(t.Elem())}
	case reflect.Map:
		return object{"type": "object", "additionalProperties": s.answer(t.Elem())}
	case reflect.Struct:
		return s.named(schemaName(t), func() object { return s.answerObject(t) })
	}
	return s.basic(t)
}

// named enters a schema once and refers to it.
func (s schemas) named(name string, build func() object) object {
	if _, ok := s[name]; !ok {
		s[name] = build()
	}
	return ref(name)
}

// schemaName makes a public name of a wire type: modelVersionJSON is
// ModelVersion.
func schemaName(t reflect.Type) string {
	name := strings.TrimSuffix(t.Name(), "JSON")
	if public, ok := publicNames[name]; ok {
		return public
	}
	return strings.ToUpper(name[:1]) + name[1:]
}

// publicNames are for types whose names are not the words of the API.
var publicNames = map[string]string{"tag": "MetadataEntry", "metricParam": "Metric", "role": "MemberAccess", "newTags": "NewMetadata", "newRun": "NewCandidate", "runEdit": "CandidateEdit",
	"rotation": "TokenRotation", "newVersion": "NewModelVersion", "versionEdit": "ModelVersionEdit"}

func (s schemas) answerObject(t reflect.Type) object {
	props, required := object{}, []string{}
	s.answerFields(t, props, &required)
	return object{"type": "object", "properties": props, "required": required}
}

func (s schemas) answerFields(t reflect.Type, props object, required *[]string) {
	for i := range t.NumField() {
		f := t.Field(i)
		name, option, tagged := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "":
			s.answerFields(f.Type, props, required)
		case tagged && option == "omitempty" && f.Type.Kind() == reflect.Pointer:
			props[name] = s.answer(f.Type.Elem()) // nil is absent, never null
		case tagged && option == "omitempty":
			props[name] = s.answer(f.Type)
		default:
			props[name] = s.answer(f.Type)
			*required = append(*required, name)
		}
	}
}

// nullable lets a schema be null too.
func nullable(schema object) object {
	t, ok := schema["type"].(string)
	switch {
	case ok:
		schema["type"] = []string{t, "null"}
	case schema["type"] == nil:
		return object{"anyOf": []object{schema, {"type": "null"}}}
	}
	return schema
}
