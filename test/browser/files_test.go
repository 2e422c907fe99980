package browser

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// ask sends one request of the administrator's to the API, and gives the answer.
func ask(t *testing.T, method, address string, body io.Reader) []byte {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, address, body)
	ok(t, err)
	req.Header.Set("Private-Token", rootToken)
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := http.DefaultClient.Do(req)
	ok(t, err)
	text, err := io.ReadAll(res.Body)
	ok(t, errors.Join(err, res.Body.Close()))
	if res.StatusCode >= 300 {
		t.Fatalf("%s %s answered %d: %.1000s", method, address, res.StatusCode, text)
	}
	return text
}

// made sends a POST and gives the id of what it made.
func made(t *testing.T, address, body string) int64 {
	t.Helper()
	var out struct{ ID int64 }
	ok(t, json.Unmarshal(ask(t, http.MethodPost, address, strings.NewReader(body)), &out))
	return out.ID
}

// newVersion makes a version of a new model in root/default, and gives it with
// the address of its page.
func newVersion(t *testing.T, home, model string) (id int64, address string) {
	t.Helper()
	models := home + "/api/v4/projects/root%2Fdefault/ml/models"
	m := made(t, models, `{"name":"`+model+`"}`)
	id = made(t, fmt.Sprintf("%s/%d/versions", models, m), `{}`)
	return id, fmt.Sprintf("/root/default/-/ml/models/%d/versions/%d", m, id)
}

// sums gives the SHA-256 that the API tells, by path.
func sums(t *testing.T, home string, version int64) map[string]string {
	t.Helper()
	var files []struct {
		Path   string
		SHA256 string `json:"file_sha256"`
	}
	raw := ask(t, http.MethodGet, fmt.Sprintf("%s/api/v4/projects/root%%2Fdefault/packages/ml_models/%d/files?per_page=100", home, version), nil)
	ok(t, json.Unmarshal(raw, &files))
	out := map[string]string{}
	for _, f := range files {
		out[f.Path] = f.SHA256
	}
	return out
}

// newFolder writes a folder of 30 files, the largest of that size, and gives
// their SHA-256 by path.
func newFolder(t *testing.T, large int) (dir string, want map[string]string) {
	t.Helper()
	dir, want = filepath.Join(t.TempDir(), "export"), map[string]string{}
	random := rand.NewChaCha8([32]byte{1})
	for i := range 30 {
		name, size := fmt.Sprintf("shards/part %02d.bin", i), 1000*(i+1)
		switch i {
		case 0:
			name, size = "weights/model.safetensors", large
		case 1:
			name = "MLmodel"
		case 2:
			name = "notes/ü #1?.md"
		}
		content := make([]byte, size)
		_, _ = random.Read(content) // never fails
		sum := sha256.Sum256(content)
		want[name] = hex.EncodeToString(sum[:])
		path := filepath.Join(dir, name)
		ok(t, os.MkdirAll(filepath.Dir(path), 0o700))
		ok(t, os.WriteFile(path, content, 0o600))
	}
	return dir, want
}

// throttle bounds what the page sends, in bytes a second; -1: not at all.
func (b *tab) throttle(rate float64) {
	b.t.Helper()
	_, err := chromedp.Call(b.ctx, network.EmulateNetworkConditionsByRule, network.EmulateNetworkConditionsByRuleParams{
		MatchedNetworkConditions: []*network.Conditions{{DownloadThroughput: -1, UploadThroughput: rate}}})
	b.must(err)
}

// drop drops files and folders onto the page, as from a file manager.
func (b *tab) drop(paths ...string) {
	b.t.Helper()
	data := &input.DragData{Items: []*input.DragDataItem{}, Files: paths, DragOperationsMask: 1}
	for _, step := range []input.DispatchDragEventType{input.DispatchDragEventTypeDragEnter, input.DispatchDragEventTypeDragOver, input.DispatchDragEventTypeDrop} {
		_, err := chromedp.Call(b.ctx, input.DispatchDragEvent, input.DispatchDragEventParams{Type: step, X: 300, Y: 300, Data: data})
		b.must(err)
	}
}

// download clicks a link that the browser keeps as a file, and gives where that is
// when all of it is there.
func (b *tab) download(selector string) string {
	b.t.Helper()
	dir := b.t.TempDir()
	_, err := chromedp.Call(b.ctx, browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{Behavior: browser.SetDownloadBehaviorBehaviorAllow, DownloadPath: dir})
	b.must(err)
	b.click(selector)
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		found, err := filepath.Glob(filepath.Join(dir, "*"))
		ok(b.t, err)
		if len(found) == 1 && filepath.Ext(found[0]) == ".zip" {
			return found[0]
		}
	}
	b.t.Fatalf("%s gives no file", selector)
	return ""
}

// leaveAnyway says yes when the page asks whether it may be left.
func (b *tab) leaveAnyway() {
	asked := chromedp.Events(b.ctx, page.JavascriptDialogOpening)
	go func() {
		for _, err := range asked {
			if err != nil {
				return // the browser has ended
			}
			if _, err := chromedp.Call(b.ctx, page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{Accept: true}); err != nil {
				b.t.Error(err)
			}
		}
	}()
}

// large is the row of the file that takes long.
const large = `[...document.querySelectorAll(".sending li")].find((li) => li.innerText.includes("model.safetensors"))`

// sent waits until a share of the large file has gone.
func (b *tab) sent(share float64) {
	b.t.Helper()
	b.until(fmt.Sprintf(`%s?.querySelector("progress").value > %g`, large, share))
}

// press presses a button of the large file's row.
func (b *tab) press(act string) {
	b.t.Helper()
	get[bool](b, large+`.querySelector('[data-act="`+act+`"]').click() ?? true`)
}

const mib = 1 << 20

// TestChooseFolder: a folder is chosen as by keyboard, and keeps its name when
// that is wanted.
func TestChooseFolder(t *testing.T) {
	home := serve(t)
	id, address := newVersion(t, home, "folder")
	dir, want := newFolder(t, mib)
	b := open(t, home, desktop)
	b.signIn()
	b.visit(address)
	b.click("[data-keep]")
	b.do(chromedp.SetUploadFiles(chromedp.CSS("[data-folder]"), []string{dir}))
	b.until(`document.querySelectorAll('.sending li[data-state="done"]').length === 30`)
	got := sums(t, home, id)
	for path, sum := range want {
		if got["export/"+path] != sum {
			t.Errorf("%s has the SHA-256 %q", path, got["export/"+path])
		}
	}
}

// TestDropTwoFolders: files of the same name in two folders stay two.
func TestDropTwoFolders(t *testing.T) {
	home := serve(t)
	id, address := newVersion(t, home, "two")
	dir := t.TempDir()
	for _, name := range []string{"a", "b"} {
		ok(t, os.Mkdir(filepath.Join(dir, name), 0o700))
		ok(t, os.WriteFile(filepath.Join(dir, name, "x.txt"), []byte(name), 0o600))
	}
	b := open(t, home, desktop)
	b.signIn()
	b.visit(address)
	b.drop(filepath.Join(dir, "a"), filepath.Join(dir, "b"))
	b.until(`document.querySelectorAll('.sending li[data-state="done"]').length === 2`)
	if got := slices.Sorted(maps.Keys(sums(t, home, id))); !slices.Equal(got, []string{"a/x.txt", "b/x.txt"}) {
		t.Errorf("the API tells %v", got)
	}
}

// TestUploadLeft: what another visit has left unfinished can be dropped, here and
// on the server.
func TestUploadLeft(t *testing.T) {
	home := serve(t)
	_, address := newVersion(t, home, "left")
	dir, _ := newFolder(t, 20*mib)
	b := open(t, home, desktop)
	b.signIn()
	b.visit(address)
	b.throttle(2 * mib)
	b.do(chromedp.SetUploadFiles(chromedp.CSS(`input[type="file"][name="file"]`), []string{filepath.Join(dir, "weights/model.safetensors")}))
	b.sent(.1)
	b.press("pause")
	b.until(large + `.dataset.state === "paused"`)
	b.visit(address)
	b.throttle(-1)
	b.click("[data-drop-left]")
	b.until(`document.querySelector("[data-left]").hidden && localStorage.length === 0`)
	for end := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		var waiting []json.RawMessage
		ok(t, json.Unmarshal(ask(t, http.MethodGet, home+"/api/v4/projects/root%2Fdefault/packages/uploads", nil), &waiting))
		if len(waiting) == 0 {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("the server keeps %d uploads", len(waiting))
		}
	}
}

// TestUploadWithoutScript: a browser that runs no scripts sends a form.
func TestUploadWithoutScript(t *testing.T) {
	home := serve(t)
	id, address := newVersion(t, home, "plain")
	dir, want := newFolder(t, mib)
	b := open(t, home, phone)
	b.unscripted()
	b.signIn()
	b.visit(address)
	b.fill(`input[name="folder"]`, "in")
	b.do(chromedp.SetUploadFiles(chromedp.CSS(`input[type="file"][name="file"]`), []string{filepath.Join(dir, "MLmodel"), filepath.Join(dir, "weights/model.safetensors")}))
	b.shot("form")
	b.follow("[data-unscripted]")
	b.wait(".tree .file")
	b.shot("sent")
	if got := sums(t, home, id); got["in/MLmodel"] != want["MLmodel"] || got["in/model.safetensors"] != want["weights/model.safetensors"] {
		t.Errorf("the API tells %v", got)
	}
}

// TestUploadFolder drops a folder of 30 files, one of 200 MB, onto the page of a
// version. It survives a pause, the death of the server, and a new load of the
// page, and arrives as it was.
func TestUploadFolder(t *testing.T) {
	p := newProcess(t)
	id, address := newVersion(t, p.home, "dropped")
	dir, want := newFolder(t, 200*mib)
	b := open(t, p.home, desktop)
	b.signIn()
	b.visit(address)
	b.shot("empty")
	b.throttle(20 * mib)
	b.drop(dir)
	b.sent(.2)
	b.press("pause")
	b.until(large + `.dataset.state === "paused"`)
	b.do(scrollTo(".upload"))
	b.shot("paused")
	b.until(`document.querySelectorAll('.sending li[data-state="done"]').length === 29`)
	if got := sums(t, p.home, id); len(got) != 29 {
		t.Errorf("%d files are there while one is paused", len(got))
	}
	b.press("resume")
	b.sent(.4)
	p.kill()
	b.until(large + `.innerText.includes("does not answer")`)
	b.shot("server-gone")
	p.start()
	b.sent(.6)
	b.leaveAnyway()
	b.reload()
	b.until(`document.querySelector("[data-left]").innerText.includes("weights/model.safetensors")`)
	b.shot("reloaded")
	b.drop(dir)
	b.until(large + `?.querySelector("progress").value > .5`) // at once: what was there is not sent again
	b.throttle(-1)
	b.until(`document.querySelectorAll('.sending li[data-state="done"]').length === 30`)
	b.until(`document.querySelectorAll(".tree .file").length === 30`)
	if got := sums(t, p.home, id); !maps.Equal(got, want) {
		t.Errorf("the API tells %v, want %v", got, want)
	}
	if n := get[int](b, "localStorage.length"); n != 0 {
		t.Errorf("%d uploads are remembered", n)
	}
	b.do(scrollTo("#files"))
	b.shot("done")
	b.narrow()
	checkZip(t, b.download(`a[href$="?format=zip"]`), want)
	for _, e := range b.expectErrors() {
		if !strings.Contains(e, "ERR_") {
			t.Errorf("the page wrote an error: %s", e)
		}
	}
}

// TestUploadByForm: files are chosen by keyboard, and one is cancelled.
func TestUploadByForm(t *testing.T) {
	home := serve(t)
	id, address := newVersion(t, home, "chosen")
	dir, want := newFolder(t, 50*mib)
	for name, l := range map[string]look{"desktop-dark": desktopDark, "phone": phone} {
		t.Run(name, func(t *testing.T) {
			b := open(t, home, l)
			b.signIn()
			b.visit(address)
			b.fill(`input[name="folder"]`, name+"/in")
			b.throttle(5 * mib)
			b.do(chromedp.SetUploadFiles(chromedp.CSS(`input[type="file"][name="file"]`),
				[]string{filepath.Join(dir, "MLmodel"), filepath.Join(dir, "weights/model.safetensors")}))
			b.sent(.1)
			b.do(scrollTo(".upload"))
			b.shot("sending")
			b.look(address)
			b.press("cancel")
			b.until(`document.querySelectorAll(".sending li").length === 1`)
			b.until(`document.querySelector(".tree")?.innerText.includes("MLmodel")`)
			b.do(scrollTo("#files"))
			b.shot("cancelled")
			b.narrow()
			got := sums(t, home, id)
			if got[name+"/in/MLmodel"] != want["MLmodel"] || got[name+"/in/model.safetensors"] != "" {
				t.Errorf("the API tells %v", got)
			}
		})
	}
}
