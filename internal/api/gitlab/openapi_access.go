package gitlab

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// need is the permission of an operation, spelled out for its readers; it is
// also the value of x-vitrine-permission.
type need struct {
	Gate       string   `json:"gate"`
	Permission string   `json:"permission,omitempty"`
	Role       string   `json:"role,omitempty"`
	Scopes     []string `json:"scopes"` // any of these; none: no token is looked at
	Anonymous  bool     `json:"anonymous"`
	who        string
}

// openTo says which people without a role pass a permission.
type openTo uint8

const (
	toMembers openTo = iota // nobody
	toPublic                // everybody, on public projects
	toSeeing                // whoever sees the project
)

// permission repeats a row of the registry's table for the reader; a test
// holds each against what the registry does.
type permission struct {
	name   string
	role   registry.Role
	open   openTo
	scopes auth.Scopes
}

const (
	docReadScopes  = auth.ScopeAPI | auth.ScopeReadAPI
	docSelfScopes  = docReadScopes | auth.ScopeReadUser
	docPullScopes  = docReadScopes | auth.ScopeReadRegistry | auth.ScopeWriteRegistry
	docWriteScopes = auth.ScopeAPI | auth.ScopeWriteRegistry
)

var permissions = map[registry.Permission]permission{
	registry.ReadProject:     {"read_project", registry.Guest, toSeeing, docReadScopes},
	registry.ReadModels:      {"read_models", registry.Guest, toSeeing, docPullScopes},
	registry.WriteModels:     {"write_models", registry.Developer, toMembers, docWriteScopes},
	registry.ReadRuns:        {"read_candidates", registry.Guest, toSeeing, docPullScopes},
	registry.WriteRuns:       {"write_candidates", registry.Developer, toMembers, docWriteScopes},
	registry.PullFiles:       {"pull_files", registry.Reporter, toPublic, docPullScopes},
	registry.PushFiles:       {"push_files", registry.Developer, toMembers, docWriteScopes},
	registry.PullPackages:    {"pull_packages", registry.Reporter, toPublic, docPullScopes},
	registry.PushPackages:    {"push_packages", registry.Developer, toMembers, docWriteScopes},
	registry.DeletePackages:  {"delete_packages", registry.Maintainer, toMembers, docWriteScopes},
	registry.ReadMembers:     {"read_members", registry.Guest, toSeeing, docReadScopes},
	registry.ManageMembers:   {"manage_members", registry.Maintainer, toMembers, auth.ScopeAPI},
	registry.ReadInvitations: {"read_invitations", registry.Maintainer, toMembers, docReadScopes},
	registry.ReadTokens:      {"read_tokens", registry.Maintainer, toMembers, docReadScopes},
	registry.ReadEvents:      {"read_audit_events", registry.Developer, toMembers, docReadScopes},
	registry.ManageTokens:    {"manage_tokens", registry.Maintainer, toMembers, auth.ScopeAPI},
	registry.EditProject:     {"edit_project", registry.Maintainer, toMembers, auth.ScopeAPI},
	registry.MoveProject:     {"move_project", registry.Owner, toMembers, auth.ScopeAPI},
	registry.DeleteProject:   {"delete_project", registry.Owner, toMembers, auth.ScopeAPI},
}

var roleNames = map[registry.Role]string{registry.Minimal: "minimal", registry.Guest: "guest", registry.Planner: "planner",
	registry.Reporter: "reporter", registry.Developer: "developer", registry.Maintainer: "maintainer", registry.Owner: "owner"}

func needOf(rt route) need {
	switch rt.access.gate {
	case inProject:
		return projectNeed(permissions[rt.access.perm])
	case inGroup:
		return groupNeed(rt.access)
	case adminOnly:
		return need{Gate: "administrator", Scopes: accountScopes(rt).Names(), who: "Administrators only."}
	case ownOrAdmin:
		return need{Gate: "self_or_administrator", Scopes: accountScopes(rt).Names(), who: "The user in person, or an administrator."}
	case memberOf:
		return need{Gate: "member", Scopes: docReadScopes.Names(), who: "Members of the namespace, however low their role, or an administrator."}
	case tokenOwner:
		return need{Gate: "token_owner", Scopes: accountScopes(rt).Names(), who: "The user of the token, or an administrator."}
	case anyone:
		n := need{Gate: "anyone", Anonymous: true, who: "No account is needed."}
		if rt.pattern != "/openapi.json" && !rt.tus {
			n.Scopes = docReadScopes.Names()
			n.who = "No account is needed; lists what the caller may see."
		}
		return n
	}
	return need{Gate: "account", Scopes: accountScopes(rt).Names(), who: "Any account."}
}

func projectNeed(p permission) need {
	n := need{Gate: "project", Permission: p.name, Role: roleNames[p.role], Scopes: p.scopes.Names(), Anonymous: p.open != toMembers}
	switch p.open {
	case toSeeing:
		n.who = "Whoever sees the project: everybody if it is public, every account if internal, else members from " + n.Role + " up."
	case toPublic:
		n.who = "Members of the project from " + n.Role + " up; everybody if it is public."
	default:
		n.who = "Members of the project from " + n.Role + " up."
	}
	return n
}

func groupNeed(a access) need {
	n := need{Gate: "group", Role: roleNames[a.role], Scopes: a.scopes.Names(), Anonymous: a.role == registry.NoRole,
		who: "Members of the group from " + roleNames[a.role] + " up."}
	if n.Anonymous {
		n.who = "Whoever sees the group: everybody if it is public, every account if internal, else members from guest up."
	}
	return n
}

// accountScopes gives the scopes for what belongs to accounts: reading about
// users goes with read_user too.
func accountScopes(rt route) auth.Scopes {
	switch {
	case strings.HasSuffix(rt.pattern, "/self/rotate"):
		return auth.ScopeAPI | auth.ScopeSelfRotate
	case rt.method != http.MethodGet:
		return auth.ScopeAPI
	case strings.HasSuffix(rt.pattern, "/projects"), strings.HasSuffix(rt.pattern, "/personal_access_tokens"), rt.tag == "Tokens", rt.tag == "Audit events", rt.tag == "Impersonation tokens", rt.tag == "Deploy tokens", rt.tag == "Namespaces":
		return docReadScopes
	}
	return docSelfScopes
}

// sentence is the description of an operation.
func (n need) sentence(note string) string {
	s := n.who
	if len(n.Scopes) > 0 {
		s += " Token scope: " + strings.Join(n.Scopes, " or ") + "."
	}
	if note != "" {
		s += " " + note
	}
	return s
}

// credentials are the ways to sign in; each by itself is enough.
func credentials() []map[string][]string {
	var out []map[string][]string
	for _, name := range []string{"privateToken", "bearer", "basic", "jobToken", "deployToken", "privateTokenQuery"} {
		out = append(out, map[string][]string{name: {}})
	}
	return out
}

func securitySchemes() object {
	key := func(in, name, words string) object {
		return object{"type": "apiKey", "in": in, "name": name, "description": words}
	}
	return object{
		"privateToken":      key("header", "PRIVATE-TOKEN", "A personal access token."),
		"jobToken":          key("header", "JOB-TOKEN", "The token of a CI job; it reaches the job's project only."),
		"deployToken":       key("header", "Deploy-Token", "A deploy token; it reaches the models and packages of its project or group only."),
		"privateTokenQuery": key("query", "private_token", "A personal access token where no header can be sent. Addresses end up in logs: prefer a header."),
		"bearer":            object{"type": "http", "scheme": "bearer", "description": "A personal access token."},
		"basic": object{"type": "http", "scheme": "basic",
			"description": "Any name with a personal access token or a deploy token as password, or gitlab-ci-token with the token of a CI job."},
	}
}

// errorResponses are the answers that operations share, by name. Those with
// their status in the table of errorNames.
func (b *builder) errorResponses() object {
	b.schemas["Message"] = object{"type": "object", "required": []string{"message"}, "properties": object{
		"request_id": object{"type": "string", "description": "With 500: where to look in the log of the server"},
		"message": object{"description": "A text, or an object from field to what is wrong with it",
			"anyOf": []object{{"type": "string"}, {"type": "object", "additionalProperties": object{"type": "array", "items": object{"type": "string"}}}}}}}
	b.schemas["Problem"] = object{"type": "object", "required": []string{"error"}, "properties": object{
		"error": object{"type": "string"}, "error_description": object{"type": "string"},
		"scope": object{"type": "string", "description": "With insufficient_scope: the scopes of which one is needed"}}}
	body := object{"anyOf": []object{ref("Message"), ref("Problem")}}
	out := object{}
	for status, name := range errorNames {
		media := object{"schema": body}
		shown := object{}
		for when, v := range errorExamples[status] {
			shown[when] = object{"value": v}
		}
		media["examples"] = shown
		out[name] = object{"description": errorWords[status], "content": object{"application/json": media}}
	}
	header := func(words string) object { return object{"description": words, "schema": object{"type": "string"}} }
	out["Unauthorized"].(object)["headers"] = object{"WWW-Authenticate": header("How to sign in")}
	for _, name := range []string{"ServiceUnavailable", "Locked"} {
		out[name].(object)["headers"] = object{"Retry-After": header("Seconds to wait")}
	}
	return out
}

var errorNames = map[int]string{
	http.StatusBadRequest: "BadRequest", http.StatusUnauthorized: "Unauthorized", http.StatusForbidden: "Forbidden",
	http.StatusNotFound: "NotFound", http.StatusMethodNotAllowed: "NotAllowed", http.StatusConflict: "Conflict",
	http.StatusRequestEntityTooLarge: "TooLarge", http.StatusServiceUnavailable: "ServiceUnavailable",
	http.StatusInsufficientStorage: "InsufficientStorage", http.StatusPreconditionFailed: "PreconditionFailed",
	http.StatusInternalServerError: "ServerError", http.StatusGone: "Gone", http.StatusLocked: "Locked",
	http.StatusUnsupportedMediaType: "UnsupportedMediaType", statusChecksumMismatch: "ChecksumMismatch",
}

var errorWords = map[int]string{
	http.StatusBadRequest:            "A parameter is missing, malformed or breaks a rule",
	http.StatusUnauthorized:          "A credential is needed, or the one that was sent is unknown, expired or revoked",
	http.StatusForbidden:             "The caller's role, or the scope of the token, does not allow this",
	http.StatusNotFound:              "There is no such thing, or the caller may not see it",
	http.StatusMethodNotAllowed:      "Not for this: the page lies too deep in the list for paging by number (use pagination=keyset), the token is not of the kind wanted, or the project has moved (name it by its number or new path)",
	http.StatusConflict:              "It clashes with something that exists",
	http.StatusRequestEntityTooLarge: "The body is too large, or the storage of the project is used up",
	http.StatusPreconditionFailed:    "A condition of the request (If-Match and the like) does not hold",
	http.StatusInternalServerError:   "The server has failed; its log has more under request_id",
	http.StatusServiceUnavailable:    "The server is busy; try again after Retry-After",
	http.StatusGone:                  "The upload has expired; begin a new one",
	http.StatusLocked:                "Another request is sending to the upload; try again after Retry-After",
	http.StatusUnsupportedMediaType:  "The bytes came with another Content-Type",
	statusChecksumMismatch:           "The bytes are not those of Upload-Checksum; none of them was taken",
	http.StatusInsufficientStorage:   "The server has no room left",
}

// responses joins the success of a route with the errors that it can give.
func (b *builder) responses(rt route, success object) object {
	out := object{strconv.Itoa(rt.status): success}
	for _, status := range rt.failures() {
		out[strconv.Itoa(status)] = object{"$ref": "#/components/responses/" + errorNames[status]}
	}
	if rt.inProject() && rt.method == http.MethodGet {
		out["301"] = object{"description": "The project was named by a path that it no longer has",
			"headers": object{"Location": header("The same address with the number of the project", "")},
			"content": object{"text/plain": object{"schema": object{"type": "string"}}}}
	}
	return out
}

// inProject reports whether the address names a project, which may have moved.
func (rt route) inProject() bool { return strings.HasPrefix(rt.pattern, "/projects/{id}") }

// failures lists the statuses of the errors of a route. 401 is everywhere: a
// credential that does not count is refused even where none is needed.
func (rt route) failures() []int {
	out := []int{http.StatusUnauthorized, http.StatusInternalServerError, http.StatusServiceUnavailable}
	add := func(when bool, status ...int) {
		if when {
			out = append(out, status...)
		}
	}
	reads, body := rt.method == http.MethodGet || rt.method == http.MethodOptions, rt.method == http.MethodPost || rt.method == http.MethodPut
	add(!reads || rt.in.NumField() > 0 || strings.Contains(rt.pattern, "/packages/"), http.StatusBadRequest)
	add(needOf(rt).Scopes != nil, http.StatusForbidden)
	add(!reads || strings.Contains(rt.pattern, "{"), http.StatusNotFound)
	add(paged(rt.in) || !reads && rt.inProject(), http.StatusMethodNotAllowed)
	add(rt.clashes(), http.StatusConflict)
	add(body && rt.in.NumField() > 0, http.StatusRequestEntityTooLarge)
	add(!reads, http.StatusInsufficientStorage)
	add(rt.bytes && rt.method == http.MethodPut, http.StatusPreconditionFailed, http.StatusRequestEntityTooLarge)
	out = append(out, rt.fails...)
	slices.Sort(out)
	return slices.Compact(out)
}

// clashes reports whether a conflict is a 409: it is 400 but for users and new
// members (see spellConflict).
func (rt route) clashes() bool {
	return rt.tag == "Users" && rt.method != http.MethodGet || rt.tag == "Members" && rt.method == http.MethodPost
}
