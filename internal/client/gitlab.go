package client

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/vitrine-ml/vitrine/internal/fault"
)

// A real GitLab has no REST addresses for models, versions, runs and
// experiments. It offers models and versions by GraphQL, runs and experiments
// by MLflow's API, and the list of a version's files by that of its package.
// Aliases it does not have.

// gitlabFacts are what is known of a server that is a GitLab.
type gitlabFacts struct {
	found    atomic.Bool // an address of ours was not there
	packages sync.Map    // id of a version to that of its package, as it was told
}

// either asks at an address of ours, or, where the server does not have it, in
// GitLab's way.
func either[T any](c *Client, ours, theirs func() (T, error)) (T, error) {
	if !c.gitlab.found.Load() {
		out, err := ours()
		if !errors.Is(err, ErrNoAddress) {
			return out, err
		}
		c.gitlab.found.Store(true)
	}
	return theirs()
}

// GitLab reports whether the server has turned out to be a GitLab.
func (c *Client) GitLab() bool { return c.gitlab.found.Load() }

// notThere is the error about what a GitLab does not have.
func notThere(what string) error {
	return &fault.Error{Kind: fault.Unsupported, Noun: "server", Err: ErrNoAddress, Msg: "the server is a GitLab, which has no " + what}
}

// gid is a global id of GraphQL, "gid://gitlab/Ml::Model/5", as a number.
type gid int64

// UnmarshalJSON takes the number at the end.
func (g *gid) UnmarshalJSON(data []byte) error {
	var s *string
	if err := json.Unmarshal(data, &s); err != nil || s == nil {
		return err
	}
	n, err := strconv.ParseInt(path.Base(*s), 10, 64)
	*g = gid(n)
	return err
}

func globalID(kind string, id int64) string {
	return "gid://gitlab/" + kind + "/" + strconv.FormatInt(id, 10)
}

// graphQuery asks by GraphQL and reads the data into out.
func (c *Client) graphQuery(ctx context.Context, query string, variables map[string]any, out any) error {
	if c.options.Job {
		return &fault.Error{Kind: fault.Unsupported, Noun: "server",
			Msg: "a GitLab lets no job token ask for models; set VITRINE_TOKEN to an access token with the scope api"}
	}
	var answer struct {
		Data   json.RawMessage
		Errors []struct{ Message string }
	}
	cl := &call{method: http.MethodPost, prefix: "/api", path: "/graphql", again: strings.HasPrefix(query, "query")}
	if _, err := c.perform(ctx, cl, map[string]any{"query": query, "variables": variables}, &answer); err != nil {
		return err
	}
	if len(answer.Errors) > 0 {
		return graphFault(answer.Errors[0].Message)
	}
	return json.Unmarshal(answer.Data, out)
}

// graphFault makes an error of a message, which is all that there is. GitLab
// says the same of what is missing and what is hidden.
func graphFault(msg string) error {
	kind := fault.Invalid
	if strings.Contains(msg, "does not exist or you don't have permission") {
		kind = fault.NotFound
	}
	return &fault.Error{Kind: kind, Msg: msg}
}

// broken makes an error of the rules that a mutation broke.
func broken(errs []string) error {
	if len(errs) == 0 {
		return nil
	}
	msg, kind := strings.Join(errs, "; "), fault.Invalid
	switch {
	case strings.Contains(msg, "should be unique"), strings.Contains(msg, "already been taken"):
		kind = fault.Conflict
	case strings.Contains(msg, "not found"):
		kind = fault.NotFound
	}
	return &fault.Error{Kind: kind, Msg: msg}
}

// fullPath gives the path of a project, which GraphQL wants.
func (c *Client) fullPath(ctx context.Context, project string) (string, error) {
	if _, err := strconv.ParseInt(project, 10, 64); err != nil {
		return project, nil
	}
	p, err := c.Project(ctx, project)
	return p.Path, err
}

// graphPage is a part of a connection.
type graphPage[T any] struct {
	Nodes    []T
	PageInfo struct {
		EndCursor   string
		HasNextPage bool
	}
}

// connection fetches a list; fetch gives the part behind a cursor, and limit 0
// is none.
func connection[T any](limit int, fetch func(after *string) (graphPage[T], error)) ([]T, error) {
	var out []T
	for after, seen := (*string)(nil), []string{}; ; {
		p, err := fetch(after)
		if err != nil {
			return nil, err
		}
		out = append(out, p.Nodes...)
		if limit > 0 && len(out) >= limit {
			return out[:limit], nil
		}
		if !p.PageInfo.HasNextPage {
			return out, nil
		}
		if slices.Contains(seen, p.PageInfo.EndCursor) {
			return nil, &fault.Error{Kind: fault.Unsupported, Noun: "server", Msg: "the server's list has no end"}
		}
		after, seen = &p.PageInfo.EndCursor, append(seen, p.PageInfo.EndCursor)
	}
}

// gitlabFiles lists the files of a version or run by its package.
func (c *Client) gitlabFiles(ctx context.Context, p Place) ([]File, error) {
	id, err := c.packageOf(ctx, p)
	if err != nil || id == 0 {
		return nil, err
	}
	type packageFile struct {
		File
		ID   int64  `json:"id"`
		Name string `json:"file_name"` // the whole path, URI-encoded
	}
	fs, err := list[packageFile](ctx, c, projectPath(p.Project)+"/packages/"+strconv.FormatInt(id, 10)+"/package_files", url.Values{})
	if err != nil {
		return nil, err
	}
	// The latest upload of a name wins.
	slices.SortFunc(fs, func(a, b packageFile) int { return int(a.ID - b.ID) })
	byPath := map[string]int{}
	var out []File
	for _, f := range fs {
		if f.Path, err = url.PathUnescape(f.Name); err != nil {
			f.Path = f.Name
		}
		if i, ok := byPath[f.Path]; ok {
			out[i] = f.File
			continue
		}
		byPath[f.Path] = len(out)
		out = append(out, f.File)
	}
	slices.SortFunc(out, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	return out, nil
}

// packageOf finds the package of a version or run; 0: it has none.
func (c *Client) packageOf(ctx context.Context, p Place) (int64, error) {
	if id, ok := c.gitlab.packages.Load(p.Package); ok {
		return id.(int64), nil
	}
	iid, ok := strings.CutPrefix(p.Package, "candidate:")
	if !ok {
		return 0, notThere("list of a version's files by the number of the version alone")
	}
	version := "candidate_" + iid
	type pkg struct {
		ID      int64
		Version string
	}
	ps, err := list[pkg](ctx, c, projectPath(p.Project)+"/packages", url.Values{"package_type": {"ml_model"}, "package_version": {version}})
	for _, found := range ps {
		if found.Version == version {
			return found.ID, err
		}
	}
	return 0, err
}
