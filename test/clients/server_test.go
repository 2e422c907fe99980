package clients

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	rootPassword = "correct horse battery staple"
	rootToken    = "vtpat-ClientTestsClientTestsClientTest"
)

// binary is vitrine as `make build` makes it, built once for all tests.
var binary struct {
	once sync.Once
	dir  string
	err  error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if binary.dir != "" {
		if err := os.RemoveAll(binary.dir); err != nil {
			fmt.Fprintln(os.Stderr, "cleaning up:", err)
		}
	}
	os.Exit(code)
}

// vitrine gives the path of the binary, building it at the first call.
func vitrine(t *testing.T) string {
	t.Helper()
	top := root(t)
	binary.once.Do(func() {
		if binary.dir, binary.err = os.MkdirTemp("", "vitrine-clients-"); binary.err != nil {
			return
		}
		if binary.err = noteSources(top); binary.err != nil {
			return
		}
		cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-o", binary.dir, "./cmd/vitrine")
		cmd.Dir = top
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			binary.err = fmt.Errorf("go build: %w\n%s", err, out)
		}
	})
	if binary.err != nil {
		t.Fatalf("building vitrine: %v", binary.err)
	}
	return filepath.Join(binary.dir, "vitrine")
}

// noteSources looks at every source file of the module. The go command sees
// which files a test looks at, and runs the test again when one has changed;
// without this it would call results of an older server "cached".
func noteSources(top string) error {
	return filepath.WalkDir(top, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		if entry.IsDir() && path != top && (strings.HasPrefix(name, ".") || name == "out" || name == "bin") {
			return fs.SkipDir
		}
		if slices.Contains([]string{".go", ".sql", ".py", ".mod", ".html", ".css", ".js", ".yml", ".txt", ".graphql"}, filepath.Ext(name)) {
			_, err = os.Stat(path)
		}
		return err
	})
}

// server is one running `vitrine serve`.
type server struct {
	url     string
	data    string
	bin     string
	cmd     *exec.Cmd
	log     string
	done    chan struct{} // closed when the process has ended
	started time.Time
	ready   time.Duration // from exec to the first ready answer
}

// start runs a server on a data directory until the test ends; then it must
// stop in order.
func start(t *testing.T, data string) *server {
	t.Helper()
	s := launch(t, data)
	t.Cleanup(func() { s.stop(t) })
	return s
}

// launch starts a server and waits until it is ready; the caller ends it.
func launch(t *testing.T, data string) *server {
	t.Helper()
	return launchAt(t, data, freeAddress(t))
}

// launchAt is launch at an address.
func launchAt(t *testing.T, data, address string) *server {
	t.Helper()
	s := &server{url: "http://" + address, data: data, bin: vitrine(t), done: make(chan struct{})}
	log, err := os.CreateTemp(t.TempDir(), "server-*.log")
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	s.log = log.Name()
	s.cmd = exec.Command(s.bin, "serve", "--listen", address, "--data", data)
	s.cmd.Env = append(cleanEnv(), "VITRINE_ROOT_PASSWORD="+rootPassword, "VITRINE_ROOT_TOKEN="+rootToken)
	s.cmd.Stdout, s.cmd.Stderr = log, log
	s.started = time.Now()
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = s.cmd.Wait() // stop looks at ProcessState
		close(s.done)
	}()
	t.Cleanup(func() { // of a test that failed before it ended the server
		_ = s.cmd.Process.Kill()
		<-s.done
	})
	if err := s.waitReady(t.Context()); err != nil {
		_ = s.cmd.Process.Kill()
		t.Fatalf("starting the server: %v\n%s", err, s.logTail())
	}
	return s
}

// waitReady asks for readiness until it is there, and notes how long that took.
func (s *server) waitReady(ctx context.Context) error {
	for time.Since(s.started) < time.Minute {
		select {
		case <-s.done:
			return fmt.Errorf("it ended: %v", s.cmd.ProcessState)
		case <-time.After(2 * time.Millisecond):
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+"/-/readiness", nil)
		if err != nil {
			return err
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			continue // not listening yet
		}
		resp.Body.Close()
		if resp.StatusCode == http.StatusOK {
			s.ready = time.Since(s.started)
			return nil
		}
	}
	return errors.New("not ready within a minute")
}

// stop asks the server to end, which it must do soon and with status 0.
func (s *server) stop(t *testing.T) {
	t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Errorf("stopping the server: %v", err)
	}
	select {
	case <-s.done:
	case <-time.After(30 * time.Second):
		t.Error("the server did not stop within 30 s of SIGTERM")
		_ = s.cmd.Process.Kill()
		<-s.done
	}
	if code := s.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("after SIGTERM the server ended with %v, want exit status 0", s.cmd.ProcessState)
	}
	if t.Failed() {
		t.Logf("the server's log ends:\n%s", s.logTail())
	}
}

// kill ends the server as a power cut would.
func (s *server) kill(t *testing.T) {
	t.Helper()
	if err := s.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-s.done
}

// logTail is the end of what the server printed.
func (s *server) logTail() string {
	text, err := os.ReadFile(s.log)
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-8000):])
}

// env is the environment for a client of this server.
func (s *server) env(more ...string) []string {
	env := append(cleanEnv(), "VITRINE_SERVER="+s.url, "VITRINE_TOKEN="+rootToken, "VITRINE_BIN="+s.bin,
		"VITRINE_DATA="+s.data, "NO_PROXY=127.0.0.1", "no_proxy=127.0.0.1")
	return append(env, more...)
}

// cleanEnv is the environment without the settings of somebody's own Vitrine.
func cleanEnv() []string {
	return slices.DeleteFunc(os.Environ(), func(entry string) bool { return strings.HasPrefix(entry, "VITRINE_") })
}

// memory reads a line such as VmHWM of the server's /proc status, in bytes.
func (s *server) memory(t *testing.T, field string) int64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		t.Fatalf("the memory of a process is read from Linux's /proc: %v", err)
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, field+":"); ok {
			kib, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return kib << 10
		}
	}
	t.Fatalf("no %s in /proc status", field)
	return 0
}

// freeAddress finds a port that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
