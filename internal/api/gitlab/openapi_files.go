package gitlab

import (
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

// pathParameters describes the parameters in an address.
func pathParameters(pattern string) []object {
	var out []object
	for seg := range strings.SplitSeq(pattern, "/") {
		name, ok := strings.CutPrefix(seg, "{")
		if !ok {
			continue
		}
		name, long := strings.CutSuffix(strings.TrimSuffix(name, "}"), "...")
		p := object{"name": name, "in": "path", "required": true, "schema": pathSchema(pattern, name)}
		if words := pathWords(pattern, name, long); words != "" {
			p["description"] = words
		}
		out = append(out, p)
	}
	return out
}

// Numbers in addresses have at most 18 digits (registry.ParseID).
const maxPathID = 999_999_999_999_999_999

func pathSchema(pattern, name string) object {
	switch name {
	case "id", "project_id", "name", "file_path", "upload_id":
		return object{"type": "string", "minLength": 1}
	case "package_name":
		return object{"type": "string", "pattern": registry.GenericNameForm, "maxLength": 255}
	case "package_version":
		return object{"type": "string", "pattern": registry.GenericVersionForm, "maxLength": 255}
	case "model_version_id":
		return object{"type": "string", "pattern": "^([1-9][0-9]*|candidate:[1-9][0-9]*|model:.+[:@].+)$",
			"examples": []string{"5", "candidate:5", "model:iris:1.0.0", "model:iris@latest"}}
	case "token_id":
		if strings.HasPrefix(pattern, "/personal_access_tokens/") {
			return object{"type": "string", "pattern": "^(" + self + "|[1-9][0-9]*)$"}
		}
	}
	least := 1
	if name == "experiment_id" {
		least = 0 // the default experiment
	}
	return object{"type": "integer", "format": "int64", "minimum": least, "maximum": maxPathID}
}

func pathWords(pattern, name string, long bool) string {
	switch {
	case name == "id":
		noun, _, _ := strings.Cut(strings.TrimPrefix(pattern, "/"), "s/")
		return "Number or URL-encoded path of the " + noun
	case name == "model_version_id":
		return "Number of a version; candidate: and the number of a candidate; or model: and a model's name with :VERSION or @ALIAS"
	case name == "token_id" && strings.HasPrefix(pattern, "/personal_access_tokens/"):
		return "Number of a token, or self for the one that calls"
	case name == "upload_id":
		return "Name of the upload, from the Location that its creation answered"
	case name == "file_path":
		return "Path of the file; may hold slashes, as they are or as %2F"
	case name == "name" && long:
		return "Name of the entry; may hold slashes"
	case name == "name":
		return "Name of the alias"
	}
	return ""
}

// fileNoun names in operation ids what a route's files belong to.
func fileNoun(rt route) string {
	if strings.Contains(rt.pattern, "/generic/") {
		return "ProjectGenericPackageFile"
	}
	return "ProjectMlModelFile"
}

// download describes GET or HEAD of a file.
func (b *builder) download(rt route, method string) object {
	id := "download" + fileNoun(rt)
	if method == http.MethodHead {
		id = "head" + fileNoun(rt)
	}
	op := b.frame(rt, id)
	setParameters(op, append(pathParameters(rt.pattern),
		headerParameter("Range", "Which bytes to send, as bytes=0-99", object{"type": "string"}),
		headerParameter("If-None-Match", "An ETag: 304 when the file still has it", object{"type": "string"})))
	whole := object{"description": "The file", "headers": fileHeaders(), "content": binary()}
	part := object{"description": "The bytes that Range asks for", "headers": fileHeaders(), "content": binary()}
	part["headers"].(object)["Content-Range"] = header("Which bytes of how many", "")
	responses := b.responses(rt, whole)
	responses["206"] = part
	responses["304"] = object{"description": "The file has not changed", "headers": object{"ETag": fileHeaders()["ETag"]}}
	responses["412"] = object{"description": "If-Match or If-Unmodified-Since does not hold"}
	responses["416"] = object{"description": "The file has no such bytes", "content": object{"text/plain": object{"schema": object{"type": "string"}}}, "headers": object{"Content-Range": header("How many bytes the file has", "")}}
	if method == http.MethodHead {
		op["summary"] = "Size and checksum of a file"
		delete(responses, "206")
		delete(responses, "416")
		bodiless(responses)
	}
	op["responses"] = responses
	return op
}

// archive describes the download of a whole version or run.
func (b *builder) archive(rt route) object {
	id := "downloadProjectModelVersionArchive"
	if rt.pattern == packageArchivePattern {
		id = "downloadProjectMlModelArchive"
	}
	op := b.frame(rt, id)
	setParameters(op, append(pathParameters(rt.pattern), object{"name": "format", "in": "query",
		"description": "zip unless told", "schema": object{"type": "string", "enum": slices.Sorted(maps.Keys(archives))}}))
	content := object{}
	for _, f := range archives {
		content[f.mediaType] = object{"schema": object{"type": "string", "format": "binary"}}
	}
	responses := b.responses(rt, object{"description": "The files and " + manifestName + ", nothing compressed", "content": content})
	responses["400"] = object{"$ref": "#/components/responses/" + errorNames[http.StatusBadRequest]}
	op["responses"] = responses
	return op
}

// csv describes an experiment as a table.
func (b *builder) csv(rt route) object {
	op := b.frame(rt, "downloadProjectExperimentCSV")
	setParameters(op, pathParameters(rt.pattern))
	op["responses"] = b.responses(rt, object{"description": "The table", "content": object{"text/csv": object{"schema": object{"type": "string"}}}})
	return op
}

// bodiless is for HEAD: statuses and headers are those of GET, nothing else
// is sent.
func bodiless(responses object) {
	for status, r := range responses {
		answer := r.(object)
		if answer["$ref"] != nil {
			answer = object{"description": "As with GET"}
		}
		delete(answer, "content")
		responses[status] = answer
	}
}

func headerParameter(name, words string, schema object) object {
	return object{"name": name, "in": "header", "description": words, "schema": schema}
}

func header(words, pattern string) object {
	schema := object{"type": "string"}
	if pattern != "" {
		schema["pattern"] = pattern
	}
	return object{"description": words, "schema": schema}
}

func fileHeaders() object {
	return object{
		"ETag":              header("The SHA-256 of the file in quotes", `^"[0-9a-f]{64}"$`),
		"X-Checksum-Sha256": header("The SHA-256 of the file in hexadecimal", "^[0-9a-f]{64}$"),
		"Repr-Digest":       header("The SHA-256 of the file (RFC 9530)", ""),
	}
}

// sumSchema is for the SHA-256 that an uploader announces; empty is none.
func sumSchema() object { return object{"type": "string", "pattern": "^([0-9a-fA-F]{64})?$"} }

func binary() object {
	return object{"application/octet-stream": object{"schema": object{"type": "string", "format": "binary"}}}
}

// upload describes PUT of a file.
func (b *builder) upload(rt route) object {
	op := b.frame(rt, "upload"+fileNoun(rt))
	op["summary"] = "Upload a file"
	status := b.schemas.basic(reflect.TypeFor[registry.FileStatus]())
	text := object{"type": "string"}
	setParameters(op, append(pathParameters(rt.pattern),
		object{"name": "select", "in": "query", "description": "package_file: answer with the file instead of a message.",
			"schema": object{"type": "string", "enum": []string{selectFile}}},
		object{"name": "status", "in": "query", "description": "hidden keeps the file out of lists; default unless told.", "schema": status},
		headerParameter("If-None-Match", "*: only if there is no such file yet.", text),
		headerParameter("If-Match", "An ETag: only if the file there has it.", text),
		headerParameter("X-Checksum-Sha256", "The SHA-256 of the file; other content is refused.", sumSchema()),
		headerParameter("Repr-Digest", "The same as RFC 9530 has it, sha-256=:BASE64:; Content-Digest is read too.", text)))
	form := object{"type": "object", "required": []string{"file"}, "properties": object{
		"status": status, "file": object{"type": "string", "format": "binary", "description": "Has to come after status."}}}
	content := binary()
	content["multipart/form-data"] = object{"schema": form}
	op["requestBody"] = object{"description": "The file; without a body it is empty.", "content": content}
	headers := fileHeaders()
	delete(headers, "Repr-Digest")
	op["responses"] = b.responses(rt, object{"description": "The file is stored", "headers": headers,
		"content": jsonContent(object{"anyOf": []object{b.schemas.answer(reflect.TypeFor[acceptedJSON]()),
			b.schemas.answer(reflect.TypeFor[packageFileJSON]())}})})
	return op
}

// authorize describes the pre-flight of an upload.
func (b *builder) authorize(rt route) object {
	op := b.frame(rt, "authorize"+fileNoun(rt))
	op["summary"] = "Ask whether one may upload a file"
	op["description"] = needOf(rt).sentence("Nothing is stored.")
	params := pathParameters(rt.pattern)
	for _, p := range params {
		if p["name"] == "model_version_id" {
			p["schema"] = object{"type": "string", "minLength": 1} // it is not looked at
		}
	}
	setParameters(op, params)
	rt.status = http.StatusOK
	op["responses"] = b.responses(rt, object{"description": "One may", "content": jsonContent(objectSchema(
		object{"status": object{"type": "string", "const": "ok"}}, []string{"status"}))})
	return op
}
