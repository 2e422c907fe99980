package gitlab

import (
	"encoding/json"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// object is a JSON object of the OpenAPI document; encoding sorts its members,
// so the same table always gives the same bytes.
type object = map[string]any

// document is the OpenAPI document. All but the address of the server is the
// same for every request, and is encoded once.
type document struct {
	OpenAPI    string                `json:"openapi"`
	Info       object                `json:"info"`
	Servers    []object              `json:"servers"`
	Security   []map[string][]string `json:"security"`
	Tags       []object              `json:"tags"`
	Paths      json.RawMessage       `json:"paths"`
	Components json.RawMessage       `json:"components"`
}

// documents keeps what describe has made: version of the server to
// func() (document, error). A process has one version.
var documents sync.Map

func getOpenAPI(c *call, _ none) (document, error) {
	d := c.d
	made, _ := documents.LoadOrStore(d.Version, sync.OnceValues(func() (document, error) {
		return describe(d.routes, d.Version)
	}))
	doc, err := made.(func() (document, error))()
	doc.Servers = []object{{"url": c.base(), "description": "This server"}}
	return doc, err
}

// describe makes the document of a route table, without servers.
func describe(routes []route, version string) (document, error) {
	recorded, err := readExamples()
	if err != nil {
		return document{}, err
	}
	b := &builder{schemas: schemas{}, examples: recorded}
	paths := map[string]object{}
	for _, rt := range routes {
		b.addRoute(paths, rt)
	}
	doc := document{OpenAPI: "3.1.0", Info: info(version), Security: credentials(), Tags: tagList(routes)}
	if doc.Paths, err = json.Marshal(paths); err != nil {
		return document{}, err
	}
	doc.Components, err = json.Marshal(b.components())
	return doc, err
}

// builder turns routes into operations and gathers the schemas they use.
type builder struct {
	schemas  schemas
	examples map[string]example
}

// addRoute enters a route, with the operations that come with it unasked: HEAD
// with a download, and the pre-flight with an upload.
func (b *builder) addRoute(paths map[string]object, rt route) {
	p := documentPath(rt.pattern)
	add := func(p, method string, op object) {
		if paths[p] == nil {
			paths[p] = object{}
		}
		b.examples[rt.key()].illustrate(op, strconv.Itoa(rt.status))
		paths[p][strings.ToLower(method)] = op
	}
	switch {
	case rt.tus:
		add(p, rt.method, b.tus(rt, rt.method))
		if rt.method == http.MethodGet {
			add(p, http.MethodHead, b.tus(rt, http.MethodHead))
		}
	case rt.pattern == csvPattern:
		add(p, http.MethodGet, b.csv(rt))
	case rt.pattern == archivePattern, rt.pattern == packageArchivePattern:
		add(p, http.MethodGet, b.archive(rt))
	case rt.bytes && rt.method == http.MethodGet:
		add(p, http.MethodGet, b.download(rt, http.MethodGet))
		add(p, http.MethodHead, b.download(rt, http.MethodHead))
	case rt.bytes:
		add(p, rt.method, b.upload(rt))
		add(p+authorizeSuffix, rt.method, b.authorize(rt))
	default:
		add(p, rt.method, b.operation(rt))
	}
}

// documentPath spells the pattern of the mux as OpenAPI does.
func documentPath(pattern string) string {
	return Prefix + strings.ReplaceAll(pattern, "...}", "}")
}

func (b *builder) components() object {
	return object{"schemas": b.schemas, "securitySchemes": securitySchemes(), "responses": b.errorResponses(), "headers": pageHeaders()}
}

// tagList names the groups of routes in the order of the table.
func tagList(routes []route) []object {
	var out []object
	for _, rt := range routes {
		if !slices.ContainsFunc(out, func(t object) bool { return t["name"] == rt.tag }) {
			out = append(out, object{"name": rt.tag, "description": tagWords[rt.tag]})
		}
	}
	return out
}

var tagWords = map[string]string{
	"Metadata":             "The server itself.",
	"Users":                "Accounts of people and machines.",
	"Tokens":               "Personal access tokens, and tokens of CI jobs.",
	"Impersonation tokens": "Tokens with which administrators act as somebody, who does not see them.",
	"Access tokens":        "Tokens of projects and groups: each acts as a bot that is a member there and nowhere else.",
	"Deploy tokens":        "Tokens of machines that are nobody: each reads, or writes, the models and packages of one project or of a group's projects.",
	"Namespaces":           "Where projects are: groups, and the namespace that each person has.",
	"Groups":               "Groups hold projects and other groups.",
	"Projects":             "Projects hold models, experiments and candidates.",
	"Members":              "Who has which role in a project or group.",
	"Audit events":         "Who did what, when, and with which token.",
	"Model files":          "The files of a version or a candidate, by path.",
	"Resumable uploads": "Files over lines that break: the tus protocol 1.0 with creation, creation-with-upload, termination, checksum and expiration. " +
		"What Upload-Offset acknowledges is on disk and survives a restart of the server.",
	"Packages":         "What GitLab's package registry shows: the packages of versions and candidates, and generic ones.",
	"Generic packages": "Files that belong to no model, by name and version of a package.",
	"Models":           "Models, their metadata and their aliases.",
	"Versions":         "Versions of a model, numbered by Semantic Versioning.",
	"Experiments":      "Experiments gather candidates.",
	"Search":           "Things of one sort by a part of their names, in all places, a group or a project.",
	"Candidates":       "Candidates (MLflow: runs) with parameters, metrics and metadata; any can become a version.",
}

func info(version string) object {
	if version == "" {
		version = "0.0.0" // the document must have one
	}
	return object{"title": "Vitrine", "version": version, "summary": "A self-hosted registry of machine learning models", "description": infoText}
}

const infoText = `Vitrine speaks the part of GitLab's REST API, version 4, that a model registry needs.

**Credentials.** Send a personal access token as ` + "`PRIVATE-TOKEN`" + ` header, as ` + "`Authorization: Bearer`" + `, as the password of
HTTP Basic, or as ` + "`private_token`" + ` in the query; a CI job sends its token as ` + "`JOB-TOKEN`" + ` header, and a machine its deploy
token as ` + "`Deploy-Token`" + ` header or as the password of HTTP Basic. Operations that list no
credential as one of their alternatives can be called without: what is public can be read by everybody. Each operation names
the role and the scopes that it needs, for people in its description and for machines in ` + "`x-vitrine-permission`" + `.

**Sudo.** An administrator's personal access token with the scope ` + "`sudo`" + ` acts as another user for one request that has the
header ` + "`Sudo: USERNAME`" + `, or the parameter ` + "`sudo`" + ` in the query, with a username or a number. Everybody else gets 403, and 404 is the
answer about a user that there is not.

**Parameters** go in the query, and with POST and PUT also in a JSON object or a form. Lists are written ` + "`name[]=a&name[]=b`" + ` in
queries and forms. JSON null is the same as absent, and unknown parameters are ignored. Where an address takes a project or
group, give its number or its URL-encoded path, as ` + "`group%2Fproject`" + `.

**Paging.** Lists answer ` + "`per_page`" + ` items (20 unless told, 100 at most) of ` + "`page`" + `, with X-Total, X-Total-Pages, X-Page,
X-Per-Page, X-Next-Page, X-Prev-Page and Link headers; the totals are left out above 10,000 items, and pages end at 50,000 items.
` + "`pagination=keyset`" + ` goes on without end: follow the Link header's ` + "`rel=\"next\"`" + ` until there is none.

**Errors** are JSON objects: ` + "`{\"message\": …}`" + `, where the message is a text or an object from field to texts, or
` + "`{\"error\": …}`" + ` for parameters and credentials. What the caller may not see does not exist: it is 404. Every 503 has a
Retry-After header and can be tried again.`

// operation describes a route from parameters to a JSON answer.
func (b *builder) operation(rt route) object {
	op := b.frame(rt, operationID(rt))
	params := pathParameters(rt.pattern)
	switch rt.method {
	case http.MethodPost, http.MethodPut:
		if body := b.schemas.requestBody(rt); body != nil {
			op["requestBody"] = body
		}
	default:
		params = append(params, b.schemas.queryParameters(rt.in)...)
	}
	setParameters(op, params)
	op["responses"] = b.responses(rt, b.success(rt))
	return op
}

func setParameters(op object, params []object) {
	if len(params) > 0 {
		op["parameters"] = params
	}
}

// frame has what every operation has.
func (b *builder) frame(rt route, id string) object {
	n := needOf(rt)
	op := object{"operationId": id, "summary": rt.summary, "description": n.sentence(routeNotes[rt.key()]),
		"tags": []string{rt.tag}, "x-vitrine-permission": n}
	switch {
	case n.Anonymous && n.Scopes == nil:
		op["security"] = []object{}
	case n.Anonymous:
		op["security"] = append(credentials(), map[string][]string{})
	}
	return op
}

// success describes the answer of a route that went well.
func (b *builder) success(rt route) object {
	answer := object{"description": http.StatusText(rt.status)}
	if rt.status == http.StatusNoContent {
		return answer
	}
	answer["content"] = jsonContent(b.schemas.answer(rt.out))
	if paged(rt.in) {
		answer["description"] = "One page of the list"
		answer["headers"] = headerRefs(slices.Sorted(maps.Keys(pageHeaders()))...)
	}
	return answer
}

func jsonContent(schema object) object {
	return object{"application/json": object{"schema": schema}}
}

// paged reports whether parameters ask for a page of a list.
func paged(in reflect.Type) bool {
	f, ok := in.FieldByName("paging")
	return ok && f.Type == reflect.TypeFor[paging]()
}

func headerRefs(names ...string) object {
	out := object{}
	for _, n := range names {
		out[n] = object{"$ref": "#/components/headers/" + n}
	}
	return out
}

// pageHeaders are the headers of lists; those of files stand with their
// operations.
func pageHeaders() object {
	number := func(words string) object {
		return object{"description": words, "schema": object{"type": "integer"}}
	}
	maybe := func(words string) object {
		return object{"description": words, "schema": object{"type": "string", "pattern": "^[0-9]*$"}}
	}
	return object{
		"Link":          object{"description": "Addresses of the first, last, next and previous page (RFC 8288)", "schema": object{"type": "string"}},
		"X-Total":       number("Items in all; absent above 10,000 and with keyset paging"),
		"X-Total-Pages": number("Pages in all; absent above 10,000 items and with keyset paging"),
		"X-Page":        number("This page; absent with keyset paging"),
		"X-Per-Page":    number("Items on a page; absent with keyset paging"),
		"X-Next-Page":   maybe("The next page, empty on the last; absent with keyset paging"),
		"X-Prev-Page":   maybe("The page before, empty on the first; absent with keyset paging"),
	}
}
