package mlflow

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-ml/vitrine/internal/apitest"
	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/blob"
	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/httpx"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// proxied is where the shared files of root/private are.
const proxied = "/api/v4/projects/root%2Fprivate/ml/mlflow/api/2.0/mlflow-artifacts/artifacts/"

// there reports whether a file can be read.
func there(t *testing.T, w *apitest.World, path string) bool {
	t.Helper()
	rec := w.Do(t, "GET", proxied+path, "reporter", "")
	if rec.Code != http.StatusOK && rec.Code != http.StatusNotFound {
		t.Errorf("GET %s: %d %s", path, rec.Code, rec.Body)
	}
	return rec.Code == http.StatusOK
}

// TestArtifactUploads: a body whose length nobody knows is stored; one that is
// cut short, or too large, leaves nothing.
func TestArtifactUploads(t *testing.T) {
	w := newWorld(t)
	srv := httptest.NewServer(w.Handler)
	defer srv.Close()
	for path, c := range map[string]struct {
		head, body string
		status     int
	}{
		"chunked": {"Transfer-Encoding: chunked", "5\r\nhello\r\n0\r\n\r\n", 200},
		"cut":     {"Transfer-Encoding: chunked", "5\r\nhel", 0},
		"short":   {"Content-Length: 10", "hello", 0},
		"large":   {fmt.Sprintf("Content-Length: %d", 1<<20+1), "", 400},
		"empty":   {"Content-Length: 0", "", 200},
	} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(srv.URL, "http://"))
		apitest.OK(t, err)
		apitest.OK(t, conn.SetDeadline(time.Now().Add(20*time.Second)))
		_, err = io.WriteString(conn, "PUT "+proxied+path+" HTTP/1.1\r\nHost: x\r\nConnection: close\r\nPrivate-Token: "+w.Tokens["developer"]+"\r\n"+c.head+"\r\n\r\n"+c.body)
		apitest.OK(t, err)
		if c.status == 0 {
			apitest.OK(t, conn.(*net.TCPConn).CloseWrite())
		}
		answer, err := io.ReadAll(conn)
		apitest.OK(t, err)
		if c.status != 0 && !strings.HasPrefix(string(answer), fmt.Sprintf("HTTP/1.1 %d", c.status)) {
			t.Errorf("%s: %s", path, answer)
		}
		if got, want := there(t, w, path), c.status == 200; got != want {
			t.Errorf("%s is there: %v, want %v", path, got, want)
		}
		conn.Close()
	}
}

// fullDisk has no room when a file is to be kept.
type fullDisk struct{ blob.Driver }

func (d fullDisk) Begin(ctx context.Context, id string) (blob.Upload, error) {
	u, err := d.Driver.Begin(ctx, id)
	return fullUpload{u}, err
}

type fullUpload struct{ blob.Upload }

func (fullUpload) Sync() error { return &fault.Error{Kind: fault.Full, Msg: "the disk is full"} }

func TestArtifactsOnAFullDisk(t *testing.T) {
	w := apitest.New(t, apitest.Options{Wrap: func(d blob.Driver) blob.Driver { return fullDisk{d} }, Door: func(w *apitest.World) httpx.Mount {
		return New(Options{Registry: w.Registry, Auth: w.Auth, Log: w.Log})
	}})
	rec := w.Do(t, "PUT", proxied+"x", "developer", "x")
	if rec.Code != http.StatusTooManyRequests || !strings.Contains(rec.Body.String(), "the disk is full") {
		t.Errorf("answered %d %s", rec.Code, rec.Body)
	}
	if there(t, w, "x") {
		t.Error("the file is there")
	}
}

// TestLargeFolder: of a folder with more entries than are read at once, the
// proxy gives all and the list of a run gives pages.
func TestLargeFolder(t *testing.T) {
	const files = registry.MaxFolder + 5
	w := newWorld(t)
	sys := w.Registry.As(auth.System())
	ref := registry.ProjectRef{Path: "root/private"}
	run, err := sys.Run(t.Context(), ref, registry.RunRef{IID: w.IDs["private/run"]})
	apitest.OK(t, err)
	apitest.OK(t, w.Store.Update(t.Context(), func(tx registry.Tx) error {
		f, err := tx.FileAt(t.Context(), w.IDs["private"], registry.PackageRef{RunIID: run.IID}, "run.txt")
		for i := 0; i < files && err == nil; i++ {
			f.Path = fmt.Sprintf("many/f%06d/x", i)
			_, err = tx.PutFile(t.Context(), f)
		}
		return err
	}))
	var whole folderAnswer
	begin := time.Now()
	rec := w.Do(t, "GET", strings.TrimSuffix(proxied, "/")+"?path=candidate:"+fmt.Sprint(run.IID)+"/many", "reporter", "")
	apitest.OK(t, json.Unmarshal(rec.Body.Bytes(), &whole))
	t.Logf("%d entries in %v", len(whole.Files), time.Since(begin))
	if len(whole.Files) != files || !whole.Files[0].Dir || whole.Files[files-1].Path != fmt.Sprintf("f%06d", files-1) {
		t.Errorf("%d entries, the last is %+v", len(whole.Files), whole.Files[len(whole.Files)-1])
	}
	seen, token, pages := map[string]bool{}, "", 0
	for {
		var page runFolderAnswer
		rec := w.Do(t, "GET", "/api/v4/projects/root%2Fprivate/ml/mlflow/api/2.0/mlflow/artifacts/list?path=many&run_id="+run.EID+"&page_token="+token, "reporter", "")
		apitest.OK(t, json.Unmarshal(rec.Body.Bytes(), &page))
		for _, f := range page.Files {
			seen[f.Path] = true
		}
		if pages++; page.NextPageToken == "" || pages > 5 {
			break
		}
		token = page.NextPageToken
	}
	if pages != 2 || len(seen) != files {
		t.Errorf("%d entries on %d pages", len(seen), pages)
	}
}

func TestNamesOfFiles(t *testing.T) {
	for name, want := range map[string][2]string{
		"a.txt":     {"text/plain", "attachment; filename=a.txt"},
		"MLmodel":   {"text/plain", "attachment; filename=MLmodel"},
		"mlproject": {"text/plain", "attachment; filename=mlproject"},
		"a.PNG":     {"image/png", "attachment; filename=a.PNG"},
		"a.tar.gz":  {"application/x-tar", "attachment; filename=a.tar.gz"},
		"a.tgz":     {"application/x-tar", "attachment; filename=a.tgz"},
		"a.gz":      {"application/octet-stream", "attachment; filename=a.gz"},
		".png":      {"application/octet-stream", "attachment; filename=.png"},
		"png":       {"application/octet-stream", "attachment; filename=png"},
		`a "b".h5`:  {"application/x-hdf5", `attachment; filename="a \"b\".h5"`},
		"ünï.json":  {"text/plain", "attachment; filename=uni.json; filename*=UTF-8''%C3%BCn%C3%AF.json"},
		"日本":        {"application/octet-stream", "attachment; filename=download; filename*=UTF-8''%E6%97%A5%E6%9C%AC"},
	} {
		if got := [2]string{mediaType(name), attachment("dir/" + name)}; got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// FuzzArtifactPath: what passes is a path that the registry takes, and does not
// change when it is read again.
func FuzzArtifactPath(f *testing.F) {
	for _, s := range []string{"a/b", "../a", "%2e%2e/a", "a/%252e%252e/b", "/a", "C:/a", "a//b/./c/", "file:///a", "a#b", `a\b`, "100%", "a\x00", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := artifactPath(s)
		if err != nil || p == "" {
			return
		}
		if again, err := registry.ParseFilePath(p); err != nil || again != p {
			t.Errorf("%q gives %q, which the registry reads as %q, %v", s, p, again, err)
		}
	})
}
