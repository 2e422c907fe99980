package clients

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

const (
	resumeSize = 2 * gib
	// resumeKill is how much has to be there before something is killed.
	resumeKill = 600 * mib
)

// sender is a client under way.
type sender struct {
	cmd      *exec.Cmd
	out, err bytes.Buffer
	done     chan error
}

// send starts a client of the server in a folder.
func (s *server) send(t *testing.T, dir, name string, args ...string) *sender {
	t.Helper()
	c := &sender{cmd: exec.CommandContext(t.Context(), name, args...), done: make(chan error, 1)}
	c.cmd.Dir, c.cmd.Env = dir, s.env("HOME="+dir, "PYTHONDONTWRITEBYTECODE=1")
	c.cmd.Stdout, c.cmd.Stderr = &c.out, &c.err
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { c.done <- c.cmd.Wait() }()
	return c
}

// finish waits for the client's success and gives what it printed.
func (c *sender) finish(t *testing.T) string {
	t.Helper()
	select {
	case err := <-c.done:
		if err != nil {
			t.Fatalf("%s: %v\n%s%s", c.cmd.Path, err, c.out.String(), c.err.String())
		}
	case <-time.After(5 * time.Minute):
		_ = c.cmd.Process.Kill()
		t.Fatalf("%s does not come to an end\n%s%s", c.cmd.Path, c.out.String(), c.err.String())
	}
	return c.out.String()
}

// received waits until the one upload of a server has at least so many bytes,
// and gives their number.
func (s *server) received(t *testing.T, c *sender, least int64) int64 {
	t.Helper()
	for {
		var list []struct{ Offset int64 }
		text := s.call(t, http.MethodGet, s.url+"/api/v4/projects/1/packages/uploads", nil, http.StatusOK)
		if err := json.Unmarshal([]byte(text), &list); err != nil || len(list) > 1 {
			t.Fatalf("uploads are %s: %v", text, err)
		}
		if len(list) == 1 && list[0].Offset >= least {
			return list[0].Offset
		}
		select {
		case err := <-c.done:
			t.Fatalf("the client ended too early: %v\n%s%s", err, c.out.String(), c.err.String())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// TestKillDuringResumableUpload kills the server in the middle of an upload of
// 2 GiB by each client and starts it again. The client goes on by itself; the
// file is right, what the server had acknowledged is not sent again, and its
// memory stays small.
func TestKillDuringResumableUpload(t *testing.T) {
	path := filepath.Join(bigDir(t), "big.bin")
	want := writeSparse(t, path, resumeSize)
	js := filepath.Join(root(t), ".venv", "tus-js")
	if _, err := os.Stat(filepath.Join(js, "stamp")); err != nil {
		t.Fatalf("tus-js-client is missing (%v); scripts/setup-tests installs it", err)
	}
	script := func(name string) string { return filepath.Join(root(t), "test", "clients", "tus", name) }
	for name, begin := range map[string]func(t *testing.T, s *server, endpoint string) *sender{
		"tuspy": func(t *testing.T, s *server, endpoint string) *sender {
			return s.send(t, t.TempDir(), venvPython(t, "clients"), script("upload.py"), endpoint, path, want, fmt.Sprint(100*mib+13))
		},
		"tus-js": func(t *testing.T, s *server, endpoint string) *sender {
			return s.send(t, js, "node", script("upload.js"), endpoint, path, want)
		},
		"vitrine": func(t *testing.T, s *server, _ string) *sender {
			return s.send(t, t.TempDir(), s.bin, "push", path, "root/default/resume:1.0.0", "--prefix", "vitrine")
		},
	} {
		t.Run(name, func(t *testing.T) {
			data := bigDir(t)
			s := launch(t, data)
			version := s.newVersion(t, "resume")
			c := begin(t, s, fmt.Sprintf("%s/api/v4/projects/1/packages/uploads/ml_models/%d", s.url, version))
			s.received(t, c, resumeKill)
			checkPeak(t, s)
			s.kill(t)
			time.Sleep(time.Second)
			s = launchAt(t, data, strings.TrimPrefix(s.url, "http://"))
			defer s.stop(t)
			if out := c.finish(t); name != "vitrine" && strings.TrimSpace(out) != want {
				t.Errorf("the client was told the SHA-256 %s, want %s", out, want)
			}
			s.checkResumed(t, version, name+"/big.bin", want, resumeKill)
		})
	}
}

// checkResumed checks the file, and that the server took the rest only.
func (s *server) checkResumed(t *testing.T, version int64, name, want string, had int64) {
	t.Helper()
	checkPeak(t, s)
	if got := s.patched(t); got > resumeSize-had {
		t.Errorf("after %d MiB were there, %d MiB were sent", had/mib, got/mib)
	}
	hash := sha256.New()
	s.download(t, s.fileURL(version, name), hash)
	if got := hex.EncodeToString(hash.Sum(nil)); got != want {
		t.Errorf("SHA-256 of the download is %s, want %s", got, want)
	}
	run(t, s.env(), s.bin, "verify", "--data", s.data)
}

var patchLine = regexp.MustCompile(`method=PATCH .*bytes_in=(\d+)`)

// patched is how many bytes came by PATCH, by the log.
func (s *server) patched(t *testing.T) (total int64) {
	t.Helper()
	text, err := os.ReadFile(s.log)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range patchLine.FindAllSubmatch(text, -1) {
		n, err := strconv.ParseInt(string(m[1]), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		total += n
	}
	return total
}

// TestKillDuringPush kills `vitrine push` in the middle: the same command in a
// new process sends the rest only, and garbage collection beside the running
// server leaves the unfinished upload alone.
func TestKillDuringPush(t *testing.T) {
	dir := bigDir(t)
	want := writeSparse(t, filepath.Join(dir, "big.bin"), resumeSize)
	s := start(t, bigDir(t))
	push := []string{"push", filepath.Join(dir, "big.bin"), "root/default/push:1.0.0"}
	c := s.send(t, dir, s.bin, push...)
	s.received(t, c, resumeKill)
	if err := c.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := <-c.done; err == nil {
		t.Fatal("the push was faster than its killer")
	}
	run(t, s.env(), s.bin, "gc", "--data", s.data, "--gc-grace", "0s")
	c = s.send(t, dir, s.bin, push...)
	c.finish(t)
	version := s.create(t, s.url+"/api/v4/projects/root%2Fdefault/ml/models/1/versions", map[string][]string{"version": {"2.0.0"}}) - 1
	if got := s.patched(t); got != resumeSize {
		t.Errorf("both pushes together sent %d bytes of %d", got, resumeSize)
	}
	s.checkResumed(t, version, "big.bin", want, 0)
}

// TestTusClientOptions: the other ways in which the clients can work.
func TestTusClientOptions(t *testing.T) {
	s := start(t, bigDir(t))
	path := filepath.Join(bigDir(t), "small.bin")
	want := writeSparse(t, path, 5*mib+7)
	endpoint := fmt.Sprintf("%s/api/v4/projects/1/packages/uploads/ml_models/%d", s.url, s.newVersion(t, "options"))
	js, script := filepath.Join(root(t), ".venv", "tus-js"), filepath.Join(root(t), "test", "clients", "tus")
	for _, args := range [][]string{{"node", "upload.js"}, {"node", "upload.js", "overridePatchMethod"}, {"node", "upload.js", "uploadDataDuringCreation"},
		{venvPython(t, "clients"), "upload.py", fmt.Sprint(mib), "sum"}} {
		line := append([]string{filepath.Join(script, args[1]), endpoint, path, want}, args[2:]...)
		if out := s.send(t, js, args[0], line...).finish(t); strings.TrimSpace(out) != want {
			t.Errorf("%v: the SHA-256 is %q, want %s", args, out, want)
		}
	}
}
