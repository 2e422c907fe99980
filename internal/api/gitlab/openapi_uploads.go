package gitlab

import (
	"net/http"
	"strings"
)

// tus describes an operation of the tus protocol: all but errors is in headers.
func (b *builder) tus(rt route, method string) object {
	op := b.frame(rt, tusID(rt, method))
	params := pathParameters(rt.pattern)
	if method != http.MethodOptions && method != http.MethodGet {
		version := headerParameter("Tus-Resumable", "Version of the protocol", object{"type": "string", "const": tusVersion})
		version["required"] = true
		params = append(params, version)
	}
	answer := object{"description": tusWords[method], "headers": tusHeaders(method)}
	switch method {
	case http.MethodPost:
		params = append(params, creationParameters(strings.HasSuffix(rt.pattern, "...}"))...)
		op["requestBody"] = object{"content": offsetBody(), "description": "The first bytes of the file, if they are to come at once"}
	case http.MethodPatch:
		params = append(params, appendParameters()...)
		op["requestBody"] = object{"content": offsetBody(), "required": true}
	case http.MethodGet:
		answer["content"] = jsonContent(b.schemas.answer(rt.out))
	}
	setParameters(op, params)
	responses := b.responses(rt, answer)
	if method == http.MethodHead {
		bodiless(responses)
	}
	op["responses"] = responses
	return op
}

// tusID names an operation; its address says what it is about.
func tusID(rt route, method string) string {
	noun := "Upload"
	switch {
	case strings.Contains(rt.pattern, "/uploads/ml_models/"):
		noun = "MlModelUpload"
	case strings.Contains(rt.pattern, "/uploads/generic/"):
		noun = "GenericPackageUpload"
	case strings.HasSuffix(rt.pattern, "/uploads"):
		noun = "Uploads"
	}
	if strings.HasSuffix(rt.pattern, "...}") {
		noun = strings.TrimSuffix(noun, "Upload") + "FileUpload"
	}
	return tusVerbs[method] + "Project" + noun
}

var tusVerbs = map[string]string{http.MethodOptions: "describe", http.MethodPost: "create", http.MethodGet: "get", http.MethodHead: "head",
	http.MethodPatch: "append", http.MethodDelete: "delete"}

var tusWords = map[string]string{
	http.MethodOptions: "The versions, extensions and limits of the protocol",
	http.MethodPost:    "The upload is there; one of no bytes, or whose bytes came along, is stored",
	http.MethodGet:     "The upload",
	http.MethodHead:    "How far the upload has come",
	http.MethodPatch:   "The bytes are on disk; with the last one the file is stored, and the answer has its SHA-256",
	http.MethodDelete:  "The upload is gone",
}

func tusHeaders(method string) object {
	out := object{"Tus-Resumable": header("Version of the protocol", "")}
	progress := func() {
		for name, h := range fileHeaders() {
			out[name] = h
		}
		out["Upload-Offset"] = header("How many bytes are on disk", "^[0-9]+$")
		out["Upload-Expires"] = header("Until when the next byte has to come", "")
	}
	switch method {
	case http.MethodOptions:
		out["Tus-Version"] = header("Versions, the preferred one first", "")
		out["Tus-Extension"] = header("Extensions that are offered", "")
		out["Tus-Checksum-Algorithm"] = header("What Upload-Checksum may name", "")
		out["Tus-Max-Size"] = header("Most bytes that a file may have; absent without a limit", "^[0-9]+$")
	case http.MethodPost:
		progress()
		out["Location"] = header("Address of the upload", "")
	case http.MethodGet, http.MethodHead:
		progress()
		out["Upload-Length"] = header("How many bytes the file has", "^[0-9]+$")
		out["Upload-Metadata"] = header("As it was sent when the upload began", "")
	case http.MethodPatch:
		progress()
	}
	return out
}

func offsetBody() object {
	return object{offsetStream: object{"schema": object{"type": "string", "format": "binary"}}}
}

func creationParameters(named bool) []object {
	length := headerParameter("Upload-Length", "How many bytes the file has", object{"type": "string", "pattern": "^[0-9]+$"})
	length["required"] = true
	words := "Pairs of a key and a value in Base64, separated by commas: sha256 is what the file must have, as 64 hexadecimal digits; others are given back"
	if !named {
		words += "; filename is the path of the file"
	}
	meta := headerParameter("Upload-Metadata", words, object{"type": "string", "maxLength": 4096})
	if !named {
		meta["required"] = true
	}
	return []object{length, meta,
		headerParameter("X-Checksum-Sha256", "The SHA-256 of the file; other content is refused when it is complete.", sumSchema()),
		headerParameter("If-None-Match", "* takes the file only if there is none of that path", object{"type": "string"}),
		checksumParameter()}
}

func appendParameters() []object {
	offset := headerParameter("Upload-Offset", "Where the bytes belong: how many the server has", object{"type": "string", "pattern": "^[0-9]+$"})
	offset["required"] = true
	return []object{offset, checksumParameter()}
}

func checksumParameter() object {
	return headerParameter("Upload-Checksum", "An algorithm ("+strings.Join(checksumNames(), ", ")+"), a blank and the sum of the request's bytes in Base64: they are taken as a whole or not at all",
		object{"type": "string"})
}
