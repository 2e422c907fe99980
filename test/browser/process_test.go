package browser

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// process is a server of its own process, which a test may kill and start again
// at the same address.
type process struct {
	t             *testing.T
	home          string
	address, data string
	cmd           *exec.Cmd
}

var binary struct {
	once sync.Once
	dir  string
	err  error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if binary.dir != "" {
		_ = os.RemoveAll(binary.dir) // a folder left in the temporary one does no harm
	}
	os.Exit(code)
}

// newProcess builds the server once, and starts it on fresh data until the test
// ends.
func newProcess(t *testing.T) *process {
	t.Helper()
	binary.once.Do(func() {
		if binary.dir, binary.err = os.MkdirTemp("", "vitrine-browser-"); binary.err != nil {
			return
		}
		if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary.dir, "../../cmd/vitrine").CombinedOutput(); err != nil {
			binary.err = fmt.Errorf("%w\n%s", err, out)
		}
	})
	ok(t, binary.err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ok(t, err)
	address := l.Addr().String()
	ok(t, l.Close())
	p := &process{t: t, home: "http://" + address, address: address, data: t.TempDir()}
	p.start()
	t.Cleanup(p.kill)
	return p
}

// start starts the server and waits until it answers.
func (p *process) start() {
	p.t.Helper()
	p.cmd = exec.Command(filepath.Join(binary.dir, "vitrine"), "serve", "--listen", p.address, "--data", p.data)
	p.cmd.Env = append(os.Environ(), "VITRINE_ROOT_PASSWORD=correct horse battery staple", "VITRINE_ROOT_TOKEN="+rootToken)
	ok(p.t, p.cmd.Start())
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if res, err := http.Get(p.home + "/-/readiness"); err == nil {
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return
			}
		}
	}
	p.t.Fatal("the server does not answer")
}

// kill ends the server as a power cut would.
func (p *process) kill() {
	if p.cmd.ProcessState == nil {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait() // it was killed, and says so
	}
}
