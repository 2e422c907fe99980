package gitlab

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// input is one parameter, as its struct declares it.
type input struct {
	name, words string
	required    bool
	commas      bool         // a list that may come as one text
	typ         reflect.Type // never a pointer
	values      []any        // the only ones allowed, if these are known
	limits      object
}

// inputs lists the parameters of a struct, those of embedded ones too.
func inputs(t reflect.Type) []input { return embeddedInputs(t, t) }

func embeddedInputs(outer, t reflect.Type) []input {
	var out []input
	for i := range t.NumField() {
		f := t.Field(i)
		tag, ok := f.Tag.Lookup("param")
		if !ok {
			if f.Anonymous {
				out = append(out, embeddedInputs(outer, f.Type)...)
			}
			continue
		}
		words := strings.Split(tag, ",")
		name := words[0]
		in := input{name: name, words: f.Tag.Get("doc"), required: slices.Contains(words[1:], "required"), commas: slices.Contains(words[1:], "commas"), typ: f.Type}
		if in.typ.Kind() == reflect.Pointer {
			in.typ = in.typ.Elem()
		}
		if in.values, ok = allowed[outer.Name()+"."+name]; !ok {
			in.values = allowed[t.Name()+"."+name]
		}
		if in.limits, ok = limits[outer.Name()+"."+name]; !ok {
			in.limits = limits[t.Name()+"."+name]
		}
		out = append(out, in)
	}
	return out
}

// allowed are the values of parameters whose types do not tell them, by type
// and name. Tests hold the orders against the database's.
var allowed = map[string][]any{
	"impersonationFilter.state":      {"all", "active", "inactive"},
	"membershipFilter.type":          {"Project", "Namespace"},
	"sorting.sort":                   {"asc", "desc"},
	"paging.pagination":              {"keyset", "legacy"},
	"tokenFilter.state":              {"active", "inactive"},
	"tokenFilter.sort":               {"created_asc", "created_desc", "expires_asc", "expires_desc", "last_used_asc", "last_used_desc", "name_asc", "name_desc"},
	"newToken.scopes":                list(auth.PersonalScopes.Names()),
	"newAccessToken.scopes":          list(auth.BotScopes.Names()),
	"newAccessToken.access_level":    roleValues[1:],
	"newDeployToken.scopes":          list(auth.DeployScopes.Names()),
	"newInvitation.access_level":     roleValues,
	"newMember.access_level":         roleValues,
	"memberEdit.access_level":        roleValues,
	"userFilter.order_by":            {"id", "name", "username", "created_at"},
	"groupFilter.order_by":           {"id", "name", "path"},
	"projectFilter.order_by":         {"id", "name", "path", "created_at", "updated_at", "last_activity_at"},
	"fileFilter.order_by":            {"path", "id", "size"},
	"modelFilter.order_by":           {"id", "name", "created_at", "updated_at", "latest_version", "size", "downloads"},
	"versionFilter.order_by":         {"version", "id", "created_at"},
	"experimentFilter.order_by":      {"id", "name", "created_at", "updated_at"},
	"runFilter.order_by":             {"id", "name", "created_at", "started_at", "metric", "param"},
	"projectFilter.min_access_level": roleValues,
	"packageFilter.order_by":         {"created_at", "name", "version", "type"},
	"groupPackageFilter.order_by":    {"created_at", "name", "version", "type", "project_path"},
	"packageFilter.status":           list(packageStatuses),
	"packageFilter.sort":             {"asc", "desc"},
	"packageFilter.package_type":     list(packageTypes),
	"searchFilter.scope":             list(anywhere),
	"projectSearch.scope":            list(inPlace),
}

// limits are bounds of parameters that their types do not tell, by type and
// name; whatever they refuse, the server refuses.
var limits = map[string]object{
	"paging.page":                       {"minimum": 1},
	"paging.per_page":                   {"minimum": 1},
	"detailsFilter.max_tensors":         {"minimum": 0, "maximum": maxTensorsGiven},
	"newUser.username":                  {"minLength": 1, "maxLength": 255},
	"newUser.name":                      {"minLength": 1, "maxLength": 255},
	"newUser.email":                     {"minLength": 3},
	"newUser.password":                  {"minLength": 8, "maxLength": 128},
	"userEdit.username":                 {"minLength": 1, "maxLength": 255},
	"userEdit.name":                     {"minLength": 1, "maxLength": 255},
	"userEdit.email":                    {"minLength": 3},
	"userEdit.password":                 {"minLength": 8, "maxLength": 128},
	"newToken.name":                     {"minLength": 1, "maxLength": 255},
	"newToken.scopes":                   {"minItems": 1},
	"newJobToken.expires_in":            {"minimum": 0, "maximum": 604800},
	"newGroup.name":                     {"minLength": 1, "maxLength": 255},
	"newGroup.path":                     {"minLength": 1, "maxLength": 255},
	"groupEdit.name":                    {"minLength": 1, "maxLength": 255},
	"groupEdit.path":                    {"minLength": 1, "maxLength": 255},
	"projectEdit.name":                  {"minLength": 1, "maxLength": 255},
	"projectEdit.path":                  {"minLength": 1, "maxLength": 255},
	"projectEdit.repository_size_limit": {"minimum": -1},
	"newProject.repository_size_limit":  {"minimum": -1},
	"searchFilter.search":               {"maxLength": registry.MaxFindText},
	"newModel.name":                     {"minLength": 1, "maxLength": 255, "pattern": registry.ModelNameForm},
	"modelEdit.name":                    {"minLength": 1, "maxLength": 255, "pattern": registry.ModelNameForm},
	"newModel.description":              {"maxLength": 10000},
	"modelEdit.description":             {"maxLength": 10000},
	"newVersion.description":            {"maxLength": 10000},
	"versionEdit.description":           {"maxLength": 10000},
	"promotion.description":             {"maxLength": 10000},
	"newExperiment.name":                {"minLength": 1, "maxLength": 500},
	"experimentEdit.name":               {"minLength": 1, "maxLength": 500},
	"runEdit.name":                      {"minLength": 1, "maxLength": 255},
	"metricParam.timestamp":             {"minimum": -maxMillis, "maximum": maxMillis},
	"newMetrics.timestamp":              {"minimum": -maxMillis, "maximum": maxMillis},
	"tagJSON.name":                      {"minLength": 1, "maxLength": 255},
	"paramJSON.name":                    {"minLength": 1, "maxLength": 250},
	"metricParam.name":                  {"minLength": 1, "maxLength": 250},
	"metricParam.value":                 {"minLength": 1},
	"newParams.name":                    {"maxLength": 250},
	"newMetrics.name":                   {"maxLength": 250},
	"uploadFilter.package_name":         {"pattern": registry.GenericNameForm},
	"uploadFilter.package_version":      {"pattern": registry.GenericVersionForm},
	"logged.metrics":                    {"maxItems": 1000},
	"logged.metadata":                   {"maxItems": 1000},
	"logged.params":                     {"maxItems": 1000},
	"newParams.params":                  {"maxItems": 1000},
	"newMetrics.metrics":                {"maxItems": 1000},
	"newTags.metadata":                  {"maxItems": 1000},
}

// either are the parameters of which one at least is needed, by type; of a
// parameter for one entry of a list, the list may take the place.
var either = map[string][][]string{
	"newUser":       {{"password"}, {"force_random_password"}, {"reset_password"}},
	"newMember":     {{"user_id"}, {"username"}},
	"newInvitation": {{"email"}, {"user_id"}},
	"newProject":    {{"name"}, {"path"}},
	"newRun":        {{"experiment_id"}, {"model_id"}},
	"newParams":     {{"params"}, {"name"}},
	"logged":        {{"params"}, {"metrics"}, {"metadata"}},
	"newMetrics":    {{"metrics"}, {"name", "value"}},
}

func list[T any](values []T) []any {
	out := make([]any, len(values))
	for i, v := range values {
		out[i] = v
	}
	return out
}

// schema describes a parameter.
func (in input) schema(s schemas) object {
	out := s.input(in.typ)
	if in.values != nil {
		target := out
		if items, ok := out["items"].(object); ok {
			target = items
		}
		target["enum"] = in.values
	}
	maps.Copy(out, in.limits)
	return out
}

// orText adds to the schema of a list that it may be one text.
func (in input) orText(schema object) object {
	if !in.commas {
		return schema
	}
	out := object{"anyOf": in.asText(schema)}
	if words, ok := schema["description"]; ok {
		out["description"] = words
		delete(schema, "description")
	}
	return out
}

// asText are the ways to write a list.
func (in input) asText(list object) []object {
	switch {
	case in.typ.Elem().Kind() == reflect.Int64:
		return []object{list, {"type": "integer", "format": "int64"}, {"type": "string", "pattern": "^( *[+-]?[0-9]+ *(, *[+-]?[0-9]+ *)*| *)$"}}
	case in.values == nil:
		return []object{list, {"type": "string"}}
	}
	one := make([]string, len(in.values))
	for i, v := range in.values {
		one[i] = fmt.Sprint(v)
	}
	word := "(" + strings.Join(one, "|") + ")"
	return []object{list, {"type": "string", "pattern": "^" + word + "(," + word + ")*$"}}
}

// described is the schema with the parameter's description.
func (in input) described(s schemas) object {
	out := in.schema(s)
	if in.words != "" {
		out["description"] = in.words
	}
	return out
}

// input gives the schema of a type as httpx.DecodeParams reads it.
func (s schemas) input(t reflect.Type) object {
	if schema := plain[t]; schema != nil {
		return schema()
	}
	switch t.Kind() {
	case reflect.Slice:
		return object{"type": "array", "items": s.input(t.Elem())}
	case reflect.Struct:
		return s.named(entryName(t), func() object { return s.inputObject(t) })
	}
	return s.basic(t)
}

// entryName is for structs inside lists, some of which are also part of
// answers: metricParam is NewMetric, tagJSON is NewMetadataEntry.
func entryName(t reflect.Type) string { return "New" + schemaName(t) }

func (s schemas) inputObject(t reflect.Type) object {
	props, required := object{}, []string{}
	for _, in := range inputs(t) {
		props[in.name] = in.orText(in.described(s))
		if in.required {
			required = append(required, in.name)
		}
	}
	return withEither(t, objectSchema(props, required))
}

// withEither adds those of either for which there are properties.
func withEither(t reflect.Type, schema object) object {
	var any []object
	for _, names := range either[t.Name()] {
		prop, ok := schema["properties"].(object)[names[0]].(object)
		if !ok {
			continue
		}
		one := object{"required": names}
		switch prop["type"] {
		case "array":
			one["properties"] = object{names[0]: object{"minItems": 1}}
		case "string":
			one["properties"] = object{names[0]: object{"minLength": 1}}
		}
		any = append(any, one)
	}
	if any != nil {
		schema["anyOf"] = any
	}
	return schema
}

func objectSchema(props object, required []string) object {
	out := object{"type": "object", "properties": props}
	if len(required) > 0 {
		out["required"] = required
	}
	return out
}

// listName is how queries and forms write the name of a parameter.
func (in input) listName() string {
	if in.typ.Kind() == reflect.Slice {
		return in.name + "[]"
	}
	return in.name
}

// nested reports whether a parameter can be written in JSON only.
func (in input) nested() bool {
	return in.typ.Kind() == reflect.Slice && in.typ.Elem().Kind() == reflect.Struct
}

// queryParameters describes the parameters of a request without a body.
func (s schemas) queryParameters(t reflect.Type) []object {
	var out []object
	for _, in := range inputs(t) {
		p := object{"name": in.listName(), "in": "query", "schema": in.schema(s)}
		if in.words != "" {
			p["description"] = in.words
		}
		if in.required {
			p["required"] = true
		}
		out = append(out, p)
	}
	return out
}

// requestBody describes parameters in a body, or nil when there are none.
func (s schemas) requestBody(rt route) object {
	if rt.in.NumField() == 0 {
		return nil
	}
	schema := s.named(schemaName(rt.in), func() object { return s.inputObject(rt.in) })
	content := object{"application/json": object{"schema": schema}}
	if form := s.form(rt.in); form != nil {
		content["application/x-www-form-urlencoded"] = object{"schema": form}
	}
	body := object{"content": content}
	for _, in := range inputs(rt.in) {
		if in.required {
			body["required"] = true
		}
	}
	return body
}

// form describes parameters as a form, or gives nil when one that is required
// can only be written in JSON.
func (s schemas) form(t reflect.Type) object {
	props, required := object{}, []string{}
	for _, in := range inputs(t) {
		switch {
		case in.nested() && in.required:
			return nil
		case in.nested():
			continue
		case in.required:
			required = append(required, in.listName())
		}
		props[in.listName()] = in.described(s)
	}
	return withEither(t, objectSchema(props, required))
}

// routeNotes are what a description says beyond the permission, by route.
var routeNotes = map[string]string{
	"GET /personal_access_tokens/{token_id}":    "With self, any token will do.",
	"DELETE /personal_access_tokens/{token_id}": "With self, any token will do.",
	"POST /personal_access_tokens/{token_id}/rotate": "With self, the scope self_rotate is enough. Rotating a token that was revoked " +
		"revokes all that it was rotated to.",
	"POST /groups": "A sub-group needs the role maintainer in its parent.",
	"DELETE /projects/{id}/members/{user_id}":                                       "Everybody may take their own role away.",
	"DELETE /groups/{id}/members/{user_id}":                                         "Everybody may take their own role away.",
	"POST /projects/{id}/ml/candidates/{candidate_id}/promote":                      "candidate_id of the body is not looked at.",
	"PUT /projects/{id}/packages/ml_models/{model_version_id}/files/{file_path...}": "As in: curl -T model.onnx -H \"PRIVATE-TOKEN: $TOKEN\" …/projects/1/packages/ml_models/1/files/model.onnx",
}
