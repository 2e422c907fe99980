package oci

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/vitrine-ml/vitrine/internal/apitest"
	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/blob"
	"github.com/vitrine-ml/vitrine/internal/httpx"
	"github.com/vitrine-ml/vitrine/internal/httpx/httpxtest"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

func TestMain(m *testing.M) { apitest.Main(m) }

func newWorld(t *testing.T) *apitest.World {
	t.Helper()
	return apitest.New(t, apitest.Options{Door: func(w *apitest.World) httpx.Mount {
		return New(Options{Registry: w.Registry, Auth: w.Auth, Log: w.Log, URL: "https://models.example.org"})
	}})
}

// TestScripts plays the recorded conversations; they read as documentation.
func TestScripts(t *testing.T) {
	httpxtest.Run(t, "testdata/*.txtar", func(t *testing.T) (http.Handler, map[string]string) {
		w := newWorld(t)
		furnish(t, w)
		return w.Handler, w.Vars()
	})
}

// furnish gives the private project what other doors have made: more versions
// and aliases, names that need spelling, and hidden files.
func furnish(t *testing.T, w *apitest.World) {
	t.Helper()
	s, ctx := w.Registry.As(auth.System()).Under(registry.FreeRules), t.Context()
	ref, iris := registry.ProjectRef{ID: w.IDs["private"]}, registry.ModelRef{ID: w.IDs["private/model"]}
	apitest.OK(t, apitest.Put(ctx, s, ref, registry.PackageRef{VersionID: w.IDs["private/version"]}, "a b/ü.json", "{}"))
	for _, semver := range []string{"1.1.0-rc.1", "1.1.0+cuda.12", "1.0.1"} {
		v, err := s.CreateVersion(ctx, ref, iris, registry.VersionSpec{Semver: semver})
		apitest.OK(t, err)
		w.IDs["private/"+semver] = v.ID
	}
	_, err := s.PutFile(ctx, ref, registry.PackageRef{VersionID: w.IDs["private/1.0.1"]}, "secret", strings.NewReader("hidden"),
		registry.PutOptions{Size: -1, Status: registry.FileHidden})
	apitest.OK(t, err)
	for _, name := range []string{"champion", "größe"} {
		_, err := s.SetAlias(ctx, ref, iris, registry.AliasSpec{Name: name, Version: registry.VersionRef{ID: w.IDs["private/version"]}})
		apitest.OK(t, err)
	}
	for _, name := range []string{"Tulip", "Rose", "ROSE", "an empty one"} {
		m, err := s.CreateModel(ctx, ref, registry.ModelSpec{Name: name})
		apitest.OK(t, err)
		v, err := s.CreateVersion(ctx, ref, registry.ModelRef{ID: m.ID}, registry.VersionSpec{})
		apitest.OK(t, err)
		w.IDs["private/"+name], w.IDs["private/"+name+"/version"] = m.ID, v.ID
	}
}

// addresses are those of every route, in a project.
var addresses = map[resource]string{ping: "/v2/", manifests: "/v2/root/%s/iris/manifests/1.0.0",
	blobs: "/v2/root/%s/iris/blobs/" + string(emptyDigest), tags: "/v2/root/%s/iris/tags/list",
	referrers: "/v2/root/%s/iris/referrers/" + string(emptyDigest)}

// TestEveryRoute walks every route with every role and compares what happens
// with the permission that the route declares.
func TestEveryRoute(t *testing.T) {
	w := newWorld(t)
	for what, rt := range routes {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			for _, c := range apitest.Callers {
				t.Run(fmt.Sprintf("%s %q as %q", method, what, c.Who), func(t *testing.T) {
					target := addresses[what]
					if strings.Contains(target, "%s") {
						target = fmt.Sprintf(target, "private")
					}
					got := ask(t, w, method, target, w.Tokens[c.Who])
					if want := expected(rt.access, c); !want.Matches(got.Code) || want == apitest.Passes && got.Code != http.StatusOK {
						t.Errorf("answered %d, want %s: %s", got.Code, want, got.Body)
					}
				})
			}
		}
	}
}

// ask sends a request as clients do: with the token as a password.
func ask(t *testing.T, w *apitest.World, method, target, token string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, http.NoBody)
	if token != "" {
		r.SetBasicAuth("anybody", token)
	}
	rec := httptest.NewRecorder()
	w.Handler.ServeHTTP(rec, r)
	return rec
}

// expected gives what a caller gets; who has no token is asked for one.
func expected(a access, c apitest.Caller) apitest.Outcome {
	switch {
	case c.Who == "":
		return apitest.Asks
	case a.gate == signedIn:
		return apitest.Passes
	}
	return c.Expect(apitest.Least[a.perm], apitest.Writes[a.perm])
}

// TestManifestBounds: a version with more files than a manifest can list is
// refused, by the number of its files or by the length of their names.
func TestManifestBounds(t *testing.T) {
	d := &dialect{}
	a := registry.Artifact{Files: make([]registry.File, maxLayers)}
	for i := range a.Files {
		a.Files[i] = registry.File{Path: "f", Digest: emptyDigest}
	}
	if _, err := d.manifestOf(a); err == nil {
		t.Errorf("%d layers fit: raise leastLayer", maxLayers)
	}
	a.Files = a.Files[:1000]
	if _, err := d.manifestOf(a); err != nil {
		t.Error(err)
	}
	for i := range a.Files {
		a.Files[i].Path = strings.Repeat("f", 2100)
	}
	_, err := d.manifestOf(a)
	status, body := spell(err)
	if status != http.StatusRequestEntityTooLarge || body.Code != sizeInvalid {
		t.Errorf("%d %v", status, body)
	}
}

// TestChangedFiles: a digest names what a version was when it was told; when its
// files have changed, the digest names nothing, and the tag the new state.
func TestChangedFiles(t *testing.T) {
	w := newWorld(t)
	const at = "/v2/root/private/iris/manifests/"
	first := ask(t, w, http.MethodHead, at+"1.0.0", w.Tokens["reporter"]).Header().Get(digestHeader)
	steps := []struct {
		ref  string
		want int
	}{{first, 404}, {"1.0.0", 200}, {first, 404}}
	s, ref := w.Registry.As(auth.System()), registry.ProjectRef{ID: w.IDs["private"]}
	pkg := registry.PackageRef{VersionID: w.IDs["private/version"]}
	if got := ask(t, w, http.MethodGet, at+first, w.Tokens["reporter"]); got.Code != http.StatusOK {
		t.Fatalf("by digest: %d %s", got.Code, got.Body)
	}
	apitest.OK(t, apitest.Put(t.Context(), s, ref, pkg, "more", "more"))
	for _, step := range steps {
		if got := ask(t, w, http.MethodGet, at+step.ref, w.Tokens["reporter"]); got.Code != step.want {
			t.Errorf("%s: %d, want %d: %s", step.ref, got.Code, step.want, got.Body)
		}
	}
	apitest.OK(t, s.DeleteFile(t.Context(), ref, pkg, "more"))
	if got := ask(t, w, http.MethodGet, at+"latest", w.Tokens["reporter"]).Header().Get(digestHeader); got != first {
		t.Errorf("the same files are %s, were %s", got, first)
	}
}

// TestDownloadsCount: a layer that was fetched is a download of its model; a
// manifest, or asking for a size, is none.
func TestDownloadsCount(t *testing.T) {
	w := newWorld(t)
	const at = "/v2/root/private/iris/"
	sum := blob.SumDigest(sha256Of("weights"))
	for _, want := range []struct {
		method, path string
		count        int64
	}{{http.MethodGet, "manifests/1.0.0", 0}, {http.MethodHead, "blobs/" + string(sum), 0}, {http.MethodGet, "blobs/" + string(sum), 1}} {
		if got := ask(t, w, want.method, at+want.path, w.Tokens["reporter"]); got.Code != http.StatusOK {
			t.Fatalf("%s: %d %s", want.path, got.Code, got.Body)
		}
		apitest.OK(t, w.Registry.FlushDownloads(t.Context()))
		m, err := w.Registry.As(auth.System()).Model(t.Context(), registry.ProjectRef{ID: w.IDs["private"]}, registry.ModelRef{ID: w.IDs["private/model"]})
		apitest.OK(t, err)
		if m.DownloadCount != want.count {
			t.Errorf("%s %s: %d downloads, want %d", want.method, want.path, m.DownloadCount, want.count)
		}
	}
}

func sha256Of(s string) []byte {
	sum := sha256.Sum256([]byte(s))
	return sum[:]
}
