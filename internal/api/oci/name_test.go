package oci

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

func TestParseAddress(t *testing.T) {
	for path, want := range map[string]address{
		"/v2": {}, "/v2/": {},
		"/v2/g/p/m/manifests/1.0.0":            {manifests, "g/p/m", "1.0.0"},
		"/v2/g/manifests/m/manifests/latest":   {manifests, "g/manifests/m", "latest"},
		"/v2/g/blobs/manifests/blobs/sha256:0": {blobs, "g/blobs/manifests", "sha256:0"},
		"/v2/m/manifests/x":                    {manifests, "m", "x"},
		"/v2/g/p/m/tags/list":                  {tags, "g/p/m", "list"},
		"/v2/g/tags/list/tags/list":            {tags, "g/tags/list", "list"},
	} {
		if got, ok := parseAddress(path); !ok || got != want {
			t.Errorf("%s: %v, %t", path, got, ok)
		}
	}
	for _, path := range []string{"/v2//", "/v2/x", "/v2/manifests/x", "/v2//manifests/x", "/v2/g/p/m/manifests/", "/v2/_catalog", "/v2/g/p/m/", "/v2/g/p/m/other/x", "/v2/g/p/m/tags/other", "/v3/"} {
		if got, ok := parseAddress(path); ok {
			t.Errorf("%s: %v", path, got)
		}
	}
}

func TestByTag(t *testing.T) {
	for tag, want := range map[string]registry.VersionRef{
		"1.0.0":         {Semver: "1.0.0", Alias: "1.0.0"},
		"1.0.0-rc.1_b2": {Semver: "1.0.0-rc.1+b2", Alias: "1.0.0-rc.1_b2"},
		"1.0.0_a_b":     {Alias: "1.0.0_a_b"},
		"latest":        {Alias: "latest"},
		"v1.0.0":        {Alias: "v1.0.0"},
	} {
		got, err := parseReference(tag)
		if d := cmp.Diff(want, got); err != nil || d != "" {
			t.Errorf("%s: %v %s", tag, err, d)
		}
	}
}

// FuzzAddress: what is taken for an address is made of its parts, and its name
// of those of a project and a model.
func FuzzAddress(f *testing.F) {
	for _, s := range []string{"/v2/", "/v2/g/p/m/manifests/1.0.0", "/v2/g/sub/p/m/blobs/sha256:44136f", "/v2/a/b/c/tags/list", "/v2/A/b/c/manifests/x", "/v2/a%2Fb/c/d/manifests/x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, path string) {
		at, ok := parseAddress(path)
		if !ok || at.what == ping {
			return
		}
		if back := Prefix + at.name + "/" + string(at.what) + "/" + at.ref; back != path {
			t.Errorf("%q is read as %q", path, back)
		}
		if checkName(at.name) != nil {
			return
		}
		project, model := splitName(at.name)
		if project+"/"+model != at.name || strings.Contains(model, "/") || model == "" || !strings.Contains(project, "/") || strings.ToLower(at.name) != at.name {
			t.Errorf("%q is split into %q and %q", at.name, project, model)
		}
		if which, err := parseReference(at.ref); err == nil && which == (registry.VersionRef{}) {
			t.Errorf("%q names nothing", at.ref)
		}
	})
}

// TestReference: a version is named as parseAddress and byTag read it.
func TestReference(t *testing.T) {
	for _, c := range []struct{ project, model, version, want string }{
		{"Root/default", "iris", "1.0.0", "root/default/iris:1.0.0"},
		{"group/sub/project", "Iris", "1.0.0+cuda.12", "group/sub/project/iris:1.0.0_cuda.12"},
		{"group/project", "a/b", "1.0.0", ""},
		{"group/project", "a model", "1.0.0", ""},
	} {
		if got, ok := Reference(c.project, registry.Version{ModelName: c.model, Semver: c.version}); ok != (c.want != "") || ok && got != c.want {
			t.Errorf("%s/%s %s: %q %v, want %q", c.project, c.model, c.version, got, ok, c.want)
		}
	}
}
