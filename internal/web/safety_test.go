package web

import (
	"context"
	"crypto/sha256"
	"fmt"
	"html/template"
	"io"
	"log/slog"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-ml/vitrine/internal/apitest"
	"github.com/vitrine-ml/vitrine/internal/blob"
	"github.com/vitrine-ml/vitrine/internal/formats"
	"github.com/vitrine-ml/vitrine/internal/registry"
	"github.com/vitrine-ml/vitrine/internal/safety"
)

// settled asks for a page again until all of its files are looked into.
func settled(t *testing.T, w *apitest.World, address, user string) *httptest.ResponseRecorder {
	t.Helper()
	for {
		got := w.Do(t, "GET", address, user, "")
		if !strings.Contains(got.Body.String(), "data-ask-again") {
			return got
		}
		time.Sleep(time.Millisecond)
	}
}

// TestSafetyShown: the page of a version has the worst verdict and what led to it,
// that of a file its own.
func TestSafetyShown(t *testing.T) {
	w := newWorld(t)
	version := w.IDs["private/version"]
	home, pkg := modelPath("root/private", w.IDs["private/model"])+"/versions/"+itoa(version), registry.PackageRef{VersionID: version}
	shows := func(address, user string, wants ...string) {
		t.Helper()
		got := settled(t, w, address, user)
		for _, want := range wants {
			if body := got.Body.String(); got.Code != 200 || strings.Contains(body, strings.TrimPrefix(want, "!")) == strings.HasPrefix(want, "!") {
				t.Errorf("%s: %d, want %q in\n%s", address, got.Code, want, body)
			}
		}
	}
	put(t, w, pkg, "README.md", "# Model")
	shows(home, "reporter", `Safety: <span class="badge good">safe</span>`, "!class=\"notice\"")
	put(t, w, pkg, "weights.json", "cos\nsystem\n(S'true'\ntR.")
	put(t, w, pkg, "cut.pkl", "\x80\x04\x95\x00")
	shows(home, "reporter", `Safety: <span class="badge bad">unsafe</span>`, "<li>imports os.system, which can do anything</li>", "is a pickle, not JSON as its name says",
		"could not be read to its end", "can do anything on your machine", `href="`+home+`/files/weights.json"`, `!files/README.md">README.md</a></td>`)
	shows(home, "guest", "!Safety")
	shows(home+"/files/weights.json", "reporter", `<span class="badge bad">unsafe</span>`, "Loading it can do anything")
	shows(home+"/files/README.md", "reporter", `<span class="badge good">safe</span>`)
}

// TestSignatureShown: a signature of the tool's own is compared with the files
// beside it, and nobody is told that its signer was verified.
func TestSignatureShown(t *testing.T) {
	w := newWorld(t)
	version := w.IDs["private/version"]
	home, pkg := modelPath("root/private", w.IDs["private/model"])+"/versions/"+itoa(version), registry.PackageRef{VersionID: version}
	raw, err := os.ReadFile("../safety/testdata/certificate.sig")
	apitest.OK(t, err)
	put(t, w, pkg, "m/model.sig", string(raw))
	put(t, w, pkg, "m/config.json", "{\"a\":1}\n")
	put(t, w, pkg, "m/weights.bin", string(make([]byte, 64)))
	put(t, w, pkg, "m/sub/notes.txt", "hi\n")
	for _, want := range []string{`<span class="badge good">matches</span>`, `<span class="badge bad">differs</span> 2 files differ`} {
		page := settled(t, w, home, "reporter").Body.String()
		for _, want := range []string{want, "ada@example.org", "https://issuer.example.org", "fits its certificate", "does not verify who signed"} {
			if !strings.Contains(page, want) {
				t.Errorf("no %q in\n%s", want, page)
			}
		}
		put(t, w, pkg, "m/config.json", "{}")
		put(t, w, pkg, "m/more.txt", "x")
	}
}

// TestManyNotable: what a page leaves out is told, and what waits too.
func TestManyNotable(t *testing.T) {
	w := newWorld(t)
	version := w.IDs["private/version"]
	home, pkg := modelPath("root/private", w.IDs["private/model"])+"/versions/"+itoa(version), registry.PackageRef{VersionID: version}
	for i := range maxNotable + 3 {
		put(t, w, pkg, fmt.Sprintf("%d.pkl", i), "cos\nsystem\n.")
	}
	if page := settled(t, w, home, "reporter").Body.String(); !strings.Contains(page, "left out: 3") {
		t.Errorf("nothing is left out in\n%s", page)
	}
	load := mustLoad(t, &door{})
	var b strings.Builder
	apitest.OK(t, load.ExecuteTemplate(&b, "safety", &safetyView{Whole: safety.Whole{More: true, Verdict: safety.Unscanned, Signature: safety.Signature{Status: safety.Unsigned}}}))
	for _, want := range []string{"Only the first 0 files", "could not be looked into"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, &b)
		}
	}
}

// TestOnceRead: who looks into a file for its safety has read its head, too.
func TestOnceRead(t *testing.T) {
	scanner, opened := safety.NewScanner(slog.New(slog.DiscardHandler)), 0
	h := newHeads()
	scanner.Beside(h.beside)
	apitest.RunScanner(t, scanner)
	content := sample(t, "model.safetensors")
	f := safety.File{Path: "model.safetensors", Digest: "sha256:x", Size: int64(len(content)), Open: func(context.Context) (io.ReadSeekCloser, error) {
		opened++
		return contentOf{strings.NewReader(content)}, nil
	}}
	whole, err := scanner.All(t.Context(), []safety.File{f}, time.Minute)
	apitest.OK(t, err)
	if in, ok := h.insides.get(f.Digest); !ok || in.Kind != formats.Safetensors || in.Tensors != 3 || in.Details.Tensors != nil || whole.Files[0].Form != "safetensors" || opened != 1 {
		t.Errorf("%t %+v, %+v, opened %d times", ok, in, whole, opened)
	}
}

// TestWaiting: pages of versions, runs, logged models and files that are still to
// be looked into are shown before, and asked for again, with scripts and without.
func TestWaiting(t *testing.T) {
	scanner := safety.NewScanner(slog.New(slog.DiscardHandler)) // nobody runs it yet
	w := world.New(t, apitest.Options{Door: doorWith(t, nil, scanner)})
	for home, pkg := range homes(w) {
		put(t, w, pkg, "model.pkl", "cos\nsystem\n.")
		put(t, w, pkg, "model.safetensors", sample(t, "model.safetensors"))
		for address, wants := range map[string][]string{
			home:                      {`Safety: <span class="badge">being looked at</span>`, "3 files of 3 are still", "1 file is still being read", "!F16", `<noscript><meta http-equiv="refresh"`, "data-ask-again"},
			home + "/files/model.pkl": {`<span class="badge">being looked at</span>`, `<noscript><meta http-equiv="refresh"`, "data-ask-again"},
		} {
			page := w.Do(t, "GET", address, "reporter", "")
			for _, want := range wants {
				if page.Code != 200 || strings.Contains(page.Body.String(), strings.TrimPrefix(want, "!")) == strings.HasPrefix(want, "!") {
					t.Errorf("%s: %d, no %q in\n%s", address, page.Code, want, page.Body)
				}
			}
		}
	}
	apitest.RunScanner(t, scanner)
	for home := range homes(w) {
		if page := settled(t, w, home, "reporter").Body.String(); !strings.Contains(page, `Safety: <span class="badge bad">unsafe</span>`) || strings.Contains(page, "refresh") || !strings.Contains(page, ">F16") {
			t.Errorf("%s has no verdict:\n%s", home, page)
		}
	}
}

// mustLoad loads the templates of the page of a version.
func mustLoad(t *testing.T, d *door) *template.Template {
	t.Helper()
	pages, err := d.loadPages()
	apitest.OK(t, err)
	page, err := pages["version"]()
	apitest.OK(t, err)
	return page
}

// TestMissingContent: a page whose file is missing from the store tells which,
// and shows the rest.
func TestMissingContent(t *testing.T) {
	var store blob.Driver
	w := world.New(t, apitest.Options{Wrap: func(d blob.Driver) blob.Driver { store = d; return d }, Door: doorOf(t, nil)})
	version := w.IDs["private/version"]
	home, pkg := modelPath("root/private", w.IDs["private/model"])+"/versions/"+itoa(version), registry.PackageRef{VersionID: version}
	put(t, w, pkg, "README.md", "# Model")
	gone := map[string]string{"m/model.safetensors": sample(t, "model.safetensors"), "m/model.sig": "{}"}
	for path, content := range gone {
		put(t, w, pkg, path, content)
		apitest.OK(t, store.Delete(t.Context(), blob.Digest(fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(content))))))
	}
	page := settled(t, w, home, "reporter")
	for _, want := range []string{"2 files cannot be read", "vitrine verify", "<code>m/model.safetensors</code>", `<span class="badge ">not scanned</span>`, "cannot be read from the store",
		"The signature cannot be read", "README.md"} {
		if !strings.Contains(page.Body.String(), want) || page.Code != 200 {
			t.Errorf("%d, want %q in\n%s", page.Code, want, page.Body)
		}
	}
	for path := range gone {
		page := w.Do(t, "GET", home+"/files/"+path, "reporter", "")
		if text := page.Body.String(); page.Code != 200 || !strings.Contains(text, "cannot be read: the content is missing") || strings.Contains(text, `id="safety"`) || strings.Contains(text, ">Download<") || !strings.Contains(text, "SHA-256") {
			t.Errorf("%s: %d\n%s", path, page.Code, text)
		}
	}
}
