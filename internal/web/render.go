package web

import (
	"bytes"
	"compress/gzip"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"

	"github.com/vitrine-ml/vitrine/internal/httpx"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

//go:embed templates
var templateFiles embed.FS

// pages are the templates by name: each one inside the layout, with the parts.
type pages map[string]func() (*template.Template, error)

// frame is what every page has around it. Each page's struct embeds one.
type frame struct {
	Title   string
	User    *viewer // nil: nobody has signed in
	Project *registry.Project
	Group   *registry.Namespace
	Base    string // begins the addresses of the project's or group's pages
	Manages bool   // the viewer may change its settings
	Admin   bool   // it is a page of administrators
	Section string // of its navigation
	Flash   string
	Theme   string // "light", "dark" or "" for the system's
	Path    string // of this page, to come back to
	Server  string // external address
	Build   string // version of the server
	Crumbs  []crumb
}

// viewer is who looks at a page.
type viewer struct {
	ID       int64
	Username string
	Admin    bool
}

// crumb is a step on the way to a page.
type crumb struct{ Text, Href string }

// framed is a page's struct.
type framed interface{ around() *frame }

func (f *frame) around() *frame { return f }

// frame makes the frame of a page.
func (c *call) frame(title string, crumbs ...crumb) frame {
	f := frame{Title: title, Server: c.base(), Build: c.d.Version, Crumbs: crumbs, Path: c.r.URL.RequestURI()}
	if of, ok := c.r.Context().Value(placeKey{}).(whose); ok {
		f.Base = of.base()
		f.Path = f.Base + c.r.URL.RequestURI()
		if c.r.URL.Path == "/" {
			f.Path = strings.TrimSuffix(f.Base, "/-")
		}
	}
	if a := c.s.Actor(); !a.Anonymous() {
		f.User = &viewer{a.UserID, a.Username, a.Admin}
	}
	if k, err := c.r.Cookie(themeCookie); err == nil && themes[k.Value] {
		f.Theme = k.Value
	}
	return f
}

// projectFrame makes the frame of a project's page.
func (c *call) projectFrame(p registry.Project, section, title string, crumbs ...crumb) frame {
	f := c.frame(title, append([]crumb{{p.FullPath, "/" + p.FullPath}}, crumbs...)...)
	f.Project, f.Section, f.Base = &p, section, "/"+p.FullPath+"/-"
	f.Manages = c.s.Allowed(p, registry.EditProject) == nil
	return f
}

// groupFrame makes the frame of a group's page.
func (c *call) groupFrame(s registry.Session, n registry.Namespace, section, title string, crumbs ...crumb) frame {
	f := c.frame(title, append(crumbsTo(n), crumbs...)...)
	f.Group, f.Section, f.Base = &n, section, groupPrefix+n.FullPath+"/-"
	f.Manages = n.Kind == registry.GroupNamespace && f.User != nil &&
		s.MayInGroup(c.ctx(), registry.NamespaceRef{ID: n.ID}, registry.Owner, groupScopes) == nil
	return f
}

// crumbsTo leads down to a group through those above it.
func crumbsTo(n registry.Namespace) []crumb {
	parts := strings.Split(n.FullPath, "/")
	out := make([]crumb, len(parts))
	for i, p := range parts {
		out[i] = crumb{p, groupPrefix + strings.Join(parts[:i+1], "/")}
	}
	return out
}

// loadPages parses the templates: files in templates are pages, those in
// templates/parts are for all.
func (d *door) loadPages() (pages, error) {
	base, err := template.New("").Funcs(d.functions()).ParseFS(templateFiles, "templates/parts/*.html")
	if err != nil {
		return nil, fmt.Errorf("web: templates: %w", err)
	}
	names, err := fs.Glob(templateFiles, "templates/*.html")
	if err != nil {
		return nil, fmt.Errorf("web: templates: %w", err)
	}
	all := pages{}
	for _, name := range names {
		// Each has a copy of all parts, 150 kB: made when it is first asked for.
		all[strings.TrimSuffix(path.Base(name), ".html")] = sync.OnceValues(func() (*template.Template, error) {
			t, err := base.Clone()
			if err == nil {
				t, err = t.ParseFS(templateFiles, name)
			}
			if err != nil {
				return nil, fmt.Errorf("web: template %s: %w", name, err)
			}
			return t, nil
		})
	}
	return all, nil
}

// render answers with a page.
func (c *call) render(name string, page framed) error {
	return c.renderAs(http.StatusOK, name, page)
}

var renderBuffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// renderAs answers with a page and a status. The page is made whole before
// anything is sent, so that a mistake still gets a proper answer.
func (c *call) renderAs(status int, name string, page framed) error {
	load, ok := c.d.pages[name]
	if !ok {
		return fmt.Errorf("web: no page %q", name)
	}
	t, err := load()
	if err != nil {
		return err
	}
	if f := page.around(); f.Flash == "" {
		f.Flash = c.takeFlash()
	}
	b := renderBuffers.Get().(*bytes.Buffer)
	b.Reset()
	defer renderBuffers.Put(b)
	if err := t.ExecuteTemplate(b, "layout", page); err != nil {
		return fmt.Errorf("web: page %s: %w", name, err)
	}
	h := c.w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Vary", "Accept-Encoding, Cookie")
	if !httpx.AcceptsGzip(c.r) || c.r.Method == http.MethodHead {
		h.Set("Content-Length", strconv.Itoa(b.Len()))
		c.w.WriteHeader(status)
		_, err := c.w.Write(b.Bytes())
		return err
	}
	h.Set("Content-Encoding", "gzip")
	c.w.WriteHeader(status)
	zw := gzip.NewWriter(c.w)
	if _, err := zw.Write(b.Bytes()); err != nil {
		return err
	}
	return zw.Close()
}
