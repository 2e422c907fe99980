package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// build builds the server as users get it, unless one was given.
func (b *bench) build() error {
	if b.bin != "" {
		var err error
		b.bin, err = filepath.Abs(b.bin)
		return err
	}
	b.bin = filepath.Join(b.dir, "vitrine")
	cmd := exec.CommandContext(b.ctx, "go", "build", "-trimpath", "-o", b.bin, "./cmd/vitrine")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, out)
	}
	return nil
}

// process is a server under measurement, ours or a baseline.
type process struct {
	cmd  *exec.Cmd
	base string // address, without a slash at its end
	log  string // file that takes its output
}

// launch starts a program that serves on addr and returns at once.
func (b *bench) launch(addr string, env []string, name string, args ...string) (*process, error) {
	log, err := os.CreateTemp(b.dir, "log-")
	if err != nil {
		return nil, err
	}
	defer log.Close()
	// Not CommandContext: stop ends it gently, and must outlive b.ctx.
	cmd := exec.CommandContext(context.WithoutCancel(b.ctx), name, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return &process{cmd: cmd, base: "http://" + addr, log: log.Name()}, nil
}

// ready waits for a 200 of path.
func (p *process) ready(ctx context.Context, path string) error {
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end) && ctx.Err() == nil; time.Sleep(time.Millisecond) {
		res, err := get(ctx, p.base+path, "")
		if err != nil {
			continue
		}
		_, _ = io.Copy(io.Discard, res.Body)
		res.Body.Close()
		if res.StatusCode == http.StatusOK {
			return nil
		}
	}
	out, _ := os.ReadFile(p.log)
	return fmt.Errorf("%s does not answer %s: %s", p.cmd.Path, path, out)
}

// stop ends the process and waits; a server that does not obey is killed.
func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	done := make(chan struct{})
	go func() {
		_ = p.cmd.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(30 * time.Second):
		_ = p.cmd.Process.Kill()
		<-done
	}
}

// memory reads a line of /proc/PID/status, as VmRSS, in MiB.
func (p *process) memory(line string) (float64, error) {
	raw, err := os.ReadFile("/proc/" + strconv.Itoa(p.cmd.Process.Pid) + "/status")
	if err != nil {
		return 0, err
	}
	for l := range strings.Lines(string(raw)) {
		if f := strings.Fields(l); len(f) == 3 && f[0] == line+":" {
			kib, err := strconv.ParseFloat(f[1], 64)
			return kib / 1024, err
		}
	}
	return 0, errors.New("no " + line + " in /proc")
}

// forgetPeak lets VmHWM begin anew.
func (p *process) forgetPeak() error {
	return os.WriteFile("/proc/"+strconv.Itoa(p.cmd.Process.Pid)+"/clear_refs", []byte("5"), 0)
}

// freeAddr finds a port that nobody listens on.
func (b *bench) freeAddr() (string, error) {
	l, err := new(net.ListenConfig).Listen(b.ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// token is the root token of all servers here.
const token = "vtpat-bench-0123456789abcdefghijkl"

// launchVitrine starts our server on a data folder and returns at once.
func (b *bench) launchVitrine(data string) (*process, error) {
	addr, err := b.freeAddr()
	if err != nil {
		return nil, err
	}
	return b.launch(addr, []string{"VITRINE_ROOT_TOKEN=" + token}, b.bin, "serve", "--listen", addr, "--data", data)
}

// vitrine starts our server on a data folder and waits until it is ready.
func (b *bench) vitrine(data string) (*process, error) {
	p, err := b.launchVitrine(data)
	if err != nil {
		return nil, err
	}
	if err := p.ready(b.ctx, "/-/readiness"); err != nil {
		p.stop()
		return nil, err
	}
	return p, nil
}

// registry makes the source file, starts our server on a new data folder and
// makes a version, whose files the address is of.
func (b *bench) registry(data string) (*process, string, error) {
	if err := b.randomFile(); err != nil {
		return nil, "", err
	}
	p, err := b.vitrine(data)
	if err != nil {
		return nil, "", err
	}
	url, err := p.files(b.ctx)
	if err != nil {
		p.stop()
	}
	return p, url, err
}

// client is the one client of all comparisons.
var client = &http.Client{Transport: &http.Transport{DisableCompression: true, ReadBufferSize: 64 << 10, MaxIdleConnsPerHost: 64}}

// get asks for an address, with a token unless that is empty.
func get(ctx context.Context, url, token string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	if token != "" {
		req.Header.Set("PRIVATE-TOKEN", token)
	}
	return client.Do(req)
}

// post sends JSON to the API of ours and reads the answer into out.
func (p *process) post(ctx context.Context, path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.base+"/api/v4"+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("PRIVATE-TOKEN", token)
	req.Header.Set("Content-Type", "application/json")
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusCreated {
		return fmt.Errorf("POST %s: %s: %s", path, res.Status, raw)
	}
	return json.Unmarshal(raw, out)
}

// files makes a model with a version on ours and gives the address of the
// version's files, ending in a slash.
func (p *process) files(ctx context.Context) (string, error) {
	var model struct{ ID int64 }
	if err := p.post(ctx, "/projects/1/ml/models", map[string]string{"name": "bench"}, &model); err != nil {
		return "", err
	}
	var version struct {
		ImportPath string `json:"import_path"`
	}
	err := p.post(ctx, fmt.Sprintf("/projects/1/ml/models/%d/versions", model.ID), struct{}{}, &version)
	return p.base + version.ImportPath, err
}

// put uploads size bytes of body and waits for the answer, which is 201 at
// GitLab's addresses and 200 at MLflow's.
func put(ctx context.Context, url string, body io.Reader, size int64) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, url, body)
	if err != nil {
		return err
	}
	req.ContentLength = size
	req.Header.Set("PRIVATE-TOKEN", token)
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusCreated && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("PUT %s: %s: %s", url, res.Status, raw)
	}
	return err
}
