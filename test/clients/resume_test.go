package clients

import (
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// pulledSize is the size of the file whose download is interrupted: eight of
// the pieces in which vitrine pull fetches large files.
const pulledSize = 256 * mib

// TestPullSurvivesTheServer kills the server in the middle of a download. The
// same command goes on with the server that comes back, from where it was.
func TestPullSurvivesTheServer(t *testing.T) {
	data := bigDir(t)
	want := pushLarge(t, data)
	s := launch(t, data)
	p, out := newRelay(t, s.url), bigDir(t)
	half := p.after(pulledSize / 2)
	cmd := beginPull(t, s, p.url, out)
	<-half
	s.kill(t)
	s = start(t, data)
	p.backend.Store(strings.TrimPrefix(s.url, "http://"))
	if err := cmd.Wait(); err != nil {
		t.Fatalf("vitrine pull: %v\n%s", err, cmd.Stderr)
	}
	checkPulled(t, out, want)
	if passed := p.passed.Load(); passed > pulledSize*5/4 {
		t.Errorf("%d MiB came over the line for %d MiB: the download began anew", passed/mib, pulledSize/mib)
	}
}

// TestPullSurvivesTheClient kills the client in the middle of a download. The
// next one takes up what is there.
func TestPullSurvivesTheClient(t *testing.T) {
	data := bigDir(t)
	want := pushLarge(t, data)
	s := start(t, data)
	p, out := newRelay(t, s.url), bigDir(t)
	most := p.after(pulledSize * 5 / 8)
	cmd := beginPull(t, s, p.url, out)
	<-most
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil {
		t.Fatal("the download ended before it could be killed")
	}
	if _, err := os.Stat(filepath.Join(out, "large.bin")); err == nil {
		t.Error("the half file has its name already")
	}
	before := p.passed.Load()
	if cmd = beginPull(t, s, p.url, out); cmd.Wait() != nil {
		t.Fatalf("vitrine pull: %s", cmd.Stderr)
	}
	checkPulled(t, out, want)
	if again := p.passed.Load() - before; again > pulledSize*3/4 {
		t.Errorf("%d MiB of %d MiB were fetched again", again/mib, pulledSize/mib)
	}
	if left, err := filepath.Glob(filepath.Join(out, "*.vitrine-part*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// pushLarge puts a version with one large file into a data folder, and gives
// the file's SHA-256.
func pushLarge(t *testing.T, data string) string {
	t.Helper()
	file := filepath.Join(bigDir(t), "large.bin")
	want := writeSparse(t, file, pulledSize)
	s := launch(t, data)
	run(t, s.env(), s.bin, "push", file, "root/default/large:1.0.0")
	s.stop(t)
	return want
}

func beginPull(t *testing.T, s *server, address, out string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), s.bin, "pull", "root/default/large:1.0.0", "--output", out, "--parallel", "2", "--server", address, "--token", rootToken)
	cmd.Env, cmd.Stderr = s.env(), &strings.Builder{}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd
}

func checkPulled(t *testing.T, out, want string) {
	t.Helper()
	if got := hashFile(t, filepath.Join(out, "large.bin")); got != want {
		t.Errorf("large.bin has SHA-256 %s, want %s", got, want)
	}
}

// relay passes connections on to a server that may be exchanged, and counts
// what comes back from it.
type relay struct {
	url     string
	backend atomic.Value // host and port
	passed  atomic.Int64
	mu      sync.Mutex
	mark    int64
	reached chan struct{} // nil: nobody waits
}

func newRelay(t *testing.T, backend string) *relay {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &relay{url: "http://" + l.Addr().String()}
	p.backend.Store(strings.TrimPrefix(backend, "http://"))
	var open sync.WaitGroup
	t.Cleanup(func() {
		l.Close()
		open.Wait()
	})
	open.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			open.Go(func() { p.pass(conn) })
		}
	})
	return p
}

// after gives a channel that closes when n more bytes have passed.
func (p *relay) after(n int64) <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mark, p.reached = p.passed.Load()+n, make(chan struct{})
	return p.reached
}

func (p *relay) count(n int) {
	passed := p.passed.Add(int64(n))
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.reached != nil && passed >= p.mark {
		close(p.reached)
		p.reached = nil
	}
}

func (p *relay) pass(client net.Conn) {
	defer client.Close()
	server, err := net.DialTimeout("tcp", p.backend.Load().(string), 5*time.Second)
	if err != nil {
		return // the client sees a connection that breaks
	}
	defer server.Close()
	go func() {
		_, _ = io.Copy(server, client) // an end of either side ends the other
		server.Close()
	}()
	buf := make([]byte, 256<<10)
	for {
		n, err := server.Read(buf)
		if n > 0 {
			time.Sleep(2 * time.Millisecond) // leaves time to interfere
			p.count(n)
			if _, err := client.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}
