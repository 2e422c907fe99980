package hub

import (
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/vitrine-ml/vitrine/internal/httpx"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// repoJSON is a repository as clients read it (ModelInfo of hf_api.py).
type repoJSON struct {
	MongoID      string        `json:"_id"`
	ID           string        `json:"id"`
	ModelID      string        `json:"modelId"`
	Author       string        `json:"author"`
	SHA          string        `json:"sha,omitempty"`
	LastModified string        `json:"lastModified"`
	CreatedAt    string        `json:"createdAt"`
	Private      bool          `json:"private"`
	Gated        bool          `json:"gated"`
	Disabled     bool          `json:"disabled"`
	Downloads    int64         `json:"downloads"`
	Likes        int64         `json:"likes"`
	Tags         []string      `json:"tags"`
	UsedStorage  int64         `json:"usedStorage,omitempty"`
	Siblings     []siblingJSON `json:"siblings,omitempty"`
}

// siblingJSON is a file of a repository; all but the name only when asked for.
type siblingJSON struct {
	Name string   `json:"rfilename"`
	Size *int64   `json:"size,omitempty"`
	Blob string   `json:"blobId,omitempty"`
	LFS  *lfsJSON `json:"lfs,omitempty"`
}

// stamp is the form of times that clients parse.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// name is what a model is called in answers: as the client has called it.
func (c *call) name(model string) string {
	if c.at.namespace != "" {
		return c.at.namespace + "/" + model
	}
	return model
}

func (c *call) repo(m registry.Model, p registry.Project) repoJSON {
	out := repoJSON{MongoID: strconv.FormatInt(m.ID, 10), ID: c.name(m.Name), ModelID: c.name(m.Name), Author: path.Base(p.FullPath),
		LastModified: stamp(m.UpdatedAt), CreatedAt: stamp(m.CreatedAt), Private: p.Visibility != registry.Public,
		Downloads: m.DownloadCount, UsedStorage: m.LatestSize, Tags: []string{}}
	for _, t := range m.Tags {
		out.Tags = append(out.Tags, t.Key+":"+t.Value)
	}
	return out
}

// showRepo describes a repository at a revision. One without versions has no
// main yet, and is told without commit and files.
func showRepo(c *call) error {
	p, err := c.place()
	if err != nil {
		return err
	}
	m, err := c.s.Model(c.ctx(), c.ref, registry.ModelRef{Name: c.at.model})
	if err != nil {
		return err
	}
	out := c.repo(m, p)
	if c.at.revision == "" && m.LatestID == 0 {
		return httpx.WriteJSON(c.w, http.StatusOK, out)
	}
	n, err := c.commitOf(registry.ModelRef{ID: m.ID})
	if err != nil {
		return err
	}
	out.SHA, out.LastModified, out.UsedStorage = n.ID, stamp(n.Version.UpdatedAt), n.Version.Size
	out.Siblings = siblings(n.Files, c.r.URL.Query().Get("blobs") != "")
	return httpx.WriteJSON(c.w, http.StatusOK, out)
}

func siblings(files []registry.File, blobs bool) []siblingJSON {
	out := make([]siblingJSON, len(files))
	for i, f := range files {
		if out[i].Name = f.Path; blobs {
			size := f.Size
			out[i].Size, out[i].Blob, out[i].LFS = &size, oid(f), lfs(f)
		}
	}
	return out
}

// maxRepos bounds a page of repositories.
const maxRepos = 100

// listRepos lists the models of the project, the latest first. What clients
// sort and filter by beyond that is the Hub's own.
func listRepos(c *call) error {
	p, err := c.s.ProjectFor(c.ctx(), c.ref, registry.ReadModels)
	if err != nil {
		return err
	}
	q := c.r.URL.Query()
	if a := q.Get("author"); a != "" && !strings.EqualFold(a, path.Base(p.FullPath)) {
		return httpx.WriteJSON(c.w, http.StatusOK, []repoJSON{})
	}
	page := registry.Page{Limit: c.limit(maxRepos), NoTotal: true}
	after, err := c.after()
	if err != nil {
		return err
	}
	if after != nil {
		page.After = &registry.Cursor{Key: after.Key, ID: after.ID}
	}
	l, err := c.s.Models(c.ctx(), c.ref, registry.ModelQuery{Page: page, Search: q.Get("search")})
	if err != nil {
		return err
	}
	out := make([]repoJSON, len(l.Items))
	for i, m := range l.Items {
		out[i] = c.repo(m, p)
	}
	if l.More {
		c.next(httpx.Cursor{Key: l.Next.Key, ID: l.Next.ID})
	}
	return httpx.WriteJSON(c.w, http.StatusOK, out)
}

// limit is how many rows of a list are asked for.
func (c *call) limit(most int) int {
	if n, err := strconv.Atoi(c.r.URL.Query().Get("limit")); err == nil && n > 0 {
		return min(n, most)
	}
	return most
}

// after is where a list goes on; nil: it begins.
func (c *call) after() (*httpx.Cursor, error) {
	text := c.r.URL.Query().Get("cursor")
	if text == "" {
		return nil, nil //nolint:nilnil // there is none
	}
	after, err := httpx.DecodeCursor(text)
	if err != nil {
		return nil, &hubError{status: http.StatusBadRequest, msg: "The cursor is not one that this server has given."}
	}
	return &after, nil
}

// next tells where a list goes on.
func (c *call) next(after httpx.Cursor) {
	_, rest, _ := split(c.r)
	q := c.r.URL.Query()
	q.Set("cursor", httpx.EncodeCursor(after))
	c.w.Header().Set("Link", "<"+c.base+rest+"?"+q.Encode()+`>; rel="next"`)
}

type refJSON struct {
	Name   string `json:"name"`
	Ref    string `json:"ref"`
	Commit string `json:"targetCommit"`
}

type refsJSON struct {
	Branches []refJSON `json:"branches"`
	Converts []refJSON `json:"converts"`
	Tags     []refJSON `json:"tags"`
}

// maxRefs bounds the versions that are told as tags, the latest first.
const maxRefs = 100

// showRefs tells the latest versions as tags, and the aliases as branches beside
// main.
func showRefs(c *call) error {
	ref, err := c.model()
	if err != nil {
		return err
	}
	m, err := c.s.Model(c.ctx(), c.ref, ref)
	if err != nil {
		return err
	}
	versions, err := c.s.Versions(c.ctx(), c.ref, ref, registry.VersionQuery{Page: registry.Page{Limit: maxRefs, NoTotal: true},
		Order: registry.Order{By: "version", Desc: true}})
	if err != nil {
		return err
	}
	out := refsJSON{Branches: []refJSON{}, Converts: []refJSON{}, Tags: []refJSON{}}
	commits, err := c.s.CommitIDs(c.ctx(), c.ref, ref, versions.Items)
	if err != nil {
		return err
	}
	for i, v := range versions.Items {
		out.Tags = append(out.Tags, refJSON{v.Semver, "refs/tags/" + v.Semver, commits[i]})
		if v.ID == m.LatestID {
			out.Branches = append(out.Branches, refJSON{mainBranch, "refs/heads/" + mainBranch, commits[i]})
		}
		for _, a := range v.Aliases {
			out.Branches = append(out.Branches, refJSON{a, "refs/heads/" + a, commits[i]})
		}
	}
	return httpx.WriteJSON(c.w, http.StatusOK, out)
}

type whoJSON struct {
	Type     string     `json:"type"`
	ID       string     `json:"id"`
	Name     string     `json:"name"`
	FullName string     `json:"fullname"`
	Orgs     []struct{} `json:"orgs"`
	Auth     struct {
		Type  string `json:"type"`
		Token struct {
			Name string `json:"displayName"`
			Role string `json:"role"`
		} `json:"accessToken"`
	} `json:"auth"`
}

// whoAmI tells whose token it is, as `hf auth login` asks.
func whoAmI(c *call) error {
	a := c.s.Actor()
	out := whoJSON{Type: "user", ID: strconv.FormatInt(a.UserID, 10), Name: a.Username, FullName: a.Username, Orgs: []struct{}{}}
	out.Auth.Type, out.Auth.Token.Name, out.Auth.Token.Role = "access_token", "vitrine", "read"
	return httpx.WriteJSON(c.w, http.StatusOK, out)
}
