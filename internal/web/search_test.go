package web

import (
	"strings"
	"testing"

	"github.com/vitrine-ml/vitrine/internal/apitest"
	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// TestSearch: everything is found by what people type, and nothing that they may
// not see.
func TestSearch(t *testing.T) {
	w := newWorld(t)
	sys, ctx := w.Registry.As(auth.System()), t.Context()
	for _, v := range []string{"private", "internal", "public"} {
		ref, model, one := registry.ProjectRef{ID: w.IDs[v]}, registry.ModelRef{ID: w.IDs[v+"/model"]}, registry.VersionRef{ID: w.IDs[v+"/version"]}
		apitest.OK(t, sys.SetModelTag(ctx, ref, model, registry.Tag{Key: "Task", Value: "Sorting flowers"}))
		apitest.OK(t, sys.SetVersionTag(ctx, ref, model, one, registry.Tag{Key: "framework", Value: "sklearn"}))
	}
	// Which of the three projects each search meets, for whom.
	all, open, public := "private internal public", "internal public", "public"
	for text, where := range map[string]string{"riva": "project", "iri": "model", "IRIS": "model", "1.0.0": "version", "iris 1": "version", "iris:v1.0": "version",
		"iris/1.0": "version", "1.1": "", "lily 1": "", "rose": "", "frame": "tag", "SKLEARN": "tag", "framework=sk": "tag", "framework=torch": "", "flowers": "",
		"task=sorting flowers": "tag", "%": "", "_": ""} {
		for who, seen := range map[string]string{"boss": all, "guest": all, "stranger": open, "": public} {
			page := visitor{t, w, who}.get("/search?search=" + strings.NewReplacer(" ", "+", "%", "%25").Replace(text))
			for _, v := range strings.Fields(all) {
				want := where != "" && strings.Contains(seen, v)
				if where == "project" {
					want = want && v == "private"
				}
				link := map[string]string{"project": `href="/root/` + v + `"`, "model": modelPath("root/"+v, w.IDs[v+"/model"]) + `"`,
					"version": "/versions/" + itoa(w.IDs[v+"/version"]) + `"`, "tag": `href="` + modelPath("root/"+v, w.IDs[v+"/model"])}[where]
				if where == "" {
					link = `href="` + "/root/" + v
				}
				if strings.Contains(page, link) != want {
					t.Errorf("%q finds %q in %s for %q: %t", text, link, v, who, !want)
				}
			}
		}
	}
}

// TestSearchOfHiddenParts: where models are off, or for members only, their names
// are not found.
func TestSearchOfHiddenParts(t *testing.T) {
	w := newWorld(t)
	for level, seen := range map[registry.Level]string{registry.MembersOnly: "boss guest", registry.Disabled: ""} {
		_, err := w.Registry.As(auth.System()).EditProject(t.Context(), registry.ProjectRef{ID: w.IDs["public"]}, registry.ProjectEdit{Models: &level})
		apitest.OK(t, err)
		for _, who := range []string{"boss", "guest", "stranger", ""} {
			for _, text := range []string{"iris", "1.0.0"} {
				page := visitor{t, w, who}.get("/search?search=" + text)
				if got := strings.Contains(page, "/root/public/-/ml/models/"); got != (who != "" && strings.Contains(seen, who)) {
					t.Errorf("%s: %q finds %s: %t", level, who, text, got)
				}
			}
		}
	}
}

// TestSearchScope: one sort is paged by key, and a text that is too long is told.
func TestSearchScope(t *testing.T) {
	w := newWorld(t)
	sys := w.Registry.As(auth.System())
	for i := range 40 {
		_, err := sys.CreateModel(t.Context(), registry.ProjectRef{ID: w.IDs["public"]}, registry.ModelSpec{Name: "lamp-" + itoa(int64(100+i))})
		apitest.OK(t, err)
	}
	v := visitor{t, w, "guest"}
	has(t, v.get("/search?search=lamp"), "scope=models", "More models")
	page := v.get("/search?search=lamp&scope=models")
	if n := strings.Count(page, ">lamp-"); n != perPage {
		t.Errorf("%d on the first page", n)
	}
	_, rest, _ := strings.Cut(page, `rel="next" href="`)
	next, _, _ := strings.Cut(rest, `"`)
	second := v.get("/search" + next)
	if n := strings.Count(second, ">lamp-"); n != 10 {
		t.Errorf("%d on the second page", n)
	}
	got := w.Do(t, "GET", "/search?search="+strings.Repeat("x", 501), "guest", "")
	if got.Code != again || !strings.Contains(problemIn(got.Body.String()), "too long") {
		t.Errorf("%d %q", got.Code, problemIn(got.Body.String()))
	}
}

// TestSearchOfManyTags: what is left out of metadata is told, as it has no next
// page.
func TestSearchOfManyTags(t *testing.T) {
	w := newWorld(t)
	sys, ref, model := w.Registry.As(auth.System()), registry.ProjectRef{ID: w.IDs["public"]}, registry.ModelRef{ID: w.IDs["public/model"]}
	v := visitor{t, w, "guest"}
	const told = " of more. A longer text"
	for i := range perPage + 1 {
		apitest.OK(t, sys.SetModelTag(t.Context(), ref, model, registry.Tag{Key: "lens" + itoa(int64(i)), Value: "glass"}))
		if page := v.get("/search?search=lens&scope=tags"); i >= perPage-1 && strings.Contains(page, told) != (i == perPage) {
			t.Errorf("%d found, told that there are more: %t", i+1, i != perPage)
		}
	}
	has(t, v.get("/search?search=lens"), "scope=tags", "More tags")
}
