package clients

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// halfSize is the size of the upload that gets interrupted, at a rate at which
// it takes 8 s.
const halfSize = 512 * mib

// TestKillDuringUpload kills the server in the middle of an upload. What it had
// acknowledged is still there afterwards and the half file is not to be seen.
// After a second such kill, `vitrine gc` alone removes what is left on disk.
func TestKillDuringUpload(t *testing.T) {
	data, dir := bigDir(t), bigDir(t)
	half := filepath.Join(dir, "half.bin")
	writeSparse(t, half, halfSize)
	s := launch(t, data)
	version := s.newVersion(t, "crash")
	acknowledged := s.uploadSome(t, dir, version)
	before := diskUsage(t, data)

	s.killInTheMiddle(t, half, s.fileURL(version, "half.bin"))
	t.Logf("the killed upload left %d MiB on disk", (diskUsage(t, data)-before)/mib)
	s = launch(t, data)
	s.checkAfterCrash(t, version, acknowledged)

	s.killInTheMiddle(t, half, s.fileURL(version, "half.bin"))
	t.Log(strings.TrimSpace(run(t, s.env(), s.bin, "gc", "--data", data)))
	if left := diskUsage(t, data) - before; left > 4*mib {
		t.Errorf("%d MiB of the killed upload are left after vitrine gc", left/mib)
	}
	run(t, s.env(), s.bin, "verify", "--data", data)

	s = start(t, data)
	s.checkAfterCrash(t, version, acknowledged)
	s.upload(t, half, s.fileURL(version, "half.bin"))
}

// TestCollectDuringUpload runs `vitrine gc` without any grace period beside a
// server that is receiving a file: the file and all others stay whole.
func TestCollectDuringUpload(t *testing.T) {
	data, dir := bigDir(t), bigDir(t)
	half := filepath.Join(dir, "half.bin")
	want := writeSparse(t, half, halfSize)
	s := start(t, data)
	version := s.newVersion(t, "collect")
	acknowledged := s.uploadSome(t, dir, version)

	upload := s.beginSlowUpload(t, half, s.fileURL(version, "half.bin"))
	done := make(chan error, 1)
	go func() { done <- upload.Wait() }()
	collections := 0
	for running := true; running; collections++ {
		run(t, s.env(), s.bin, "gc", "--data", data, "--gc-grace", "0s")
		select {
		case err := <-done:
			running = false
			if err != nil {
				t.Errorf("the upload failed beside garbage collection: %v", err)
			}
		case <-time.After(100 * time.Millisecond):
		}
	}
	t.Logf("%d collections during the upload", collections)
	acknowledged["half.bin"] = want
	s.checkFiles(t, version, acknowledged)
	run(t, s.env(), s.bin, "verify", "--data", data)
}

// uploadSome uploads files of several sizes and returns their SHA-256 by name.
func (s *server) uploadSome(t *testing.T, dir string, version int64) map[string]string {
	t.Helper()
	sums := map[string]string{}
	for i, size := range []int64{1, 64 << 10, 5 * mib, 20 * mib} {
		name := fmt.Sprintf("ok-%d.bin", i)
		sums[name] = writeSparse(t, filepath.Join(dir, name), size)
		s.upload(t, filepath.Join(dir, name), s.fileURL(version, name))
	}
	return sums
}

// beginSlowUpload starts curl at a rate that leaves time to interfere.
func (s *server) beginSlowUpload(t *testing.T, path, file string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "curl", "-q", "-sSf", "--limit-rate", fmt.Sprint(halfSize/8),
		"--max-time", "120", "-o", os.DevNull, "-H", "PRIVATE-TOKEN: "+rootToken, "-T", path, file)
	cmd.Env = s.env()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd
}

// killInTheMiddle kills the server 3 s into a slow upload.
func (s *server) killInTheMiddle(t *testing.T, path, file string) {
	t.Helper()
	cmd := s.beginSlowUpload(t, path, file)
	time.Sleep(3 * time.Second)
	s.kill(t)
	if err := cmd.Wait(); err == nil {
		t.Error("curl calls the upload a success, though the server was killed")
	}
}

// checkAfterCrash looks for everything acknowledged, and for nothing else.
func (s *server) checkAfterCrash(t *testing.T, version int64, acknowledged map[string]string) {
	t.Helper()
	s.checkFiles(t, version, acknowledged)
	if status := s.status(t, s.fileURL(version, "half.bin")); status != http.StatusNotFound {
		t.Errorf("the half file answers %d, want 404", status)
	}
	listed := s.call(t, http.MethodGet, strings.TrimSuffix(s.fileURL(version, ""), "/"), nil, http.StatusOK)
	if strings.Contains(listed, "half.bin") {
		t.Errorf("the half file is listed: %s", listed)
	}
}

// checkFiles downloads files and compares their SHA-256.
func (s *server) checkFiles(t *testing.T, version int64, sums map[string]string) {
	t.Helper()
	for name, want := range sums {
		hash := sha256.New()
		s.download(t, s.fileURL(version, name), hash)
		if got := hex.EncodeToString(hash.Sum(nil)); got != want {
			t.Errorf("%s: SHA-256 is %s, want %s", name, got, want)
		}
	}
}

// diskUsage is what the files below dir really take.
func diskUsage(t *testing.T, dir string) int64 {
	t.Helper()
	var total int64
	err := filepath.Walk(dir, func(_ string, info os.FileInfo, err error) error {
		if err != nil {
			return err
		}
		if stat, ok := info.Sys().(*syscall.Stat_t); ok {
			total += stat.Blocks * 512
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return total
}

// TestKillDuringSmallUploads kills the server while small files, which are rows,
// and some larger ones come by many connections through two doors. Every file
// whose upload was acknowledged is there afterwards, whole, and so is every other
// that is there at all.
func TestKillDuringSmallUploads(t *testing.T) {
	data := t.TempDir()
	s := launch(t, data)
	version := s.newVersion(t, "small")
	proxy := s.url + "/api/2.0/mlflow-artifacts/artifacts/crash/"
	var sent, acknowledged sync.Map // addresses below the server to what is there
	var uploads sync.WaitGroup
	for worker := range 8 {
		uploads.Go(func() {
			for i := 0; ; i++ {
				name := fmt.Sprintf("%d-%d.bin", worker, i)
				address := s.fileURL(version, name)
				if worker%2 == 0 {
					address = proxy + name
				}
				content := strings.Repeat(name+"\n", 1+i%4*1000) // up to some 30 kB
				path := strings.TrimPrefix(address, s.url)
				sent.Store(path, content)
				if !put(t, address, content) {
					return
				}
				acknowledged.Store(path, content)
			}
		})
	}
	time.Sleep(2 * time.Second)
	s.kill(t)
	uploads.Wait()

	run(t, s.env(), s.bin, "verify", "--data", data)
	s = start(t, data)
	count := 0
	acknowledged.Range(func(path, content any) bool {
		count++
		if got := s.call(t, http.MethodGet, s.url+path.(string), nil, http.StatusOK); got != content.(string) {
			t.Errorf("%s holds %d bytes, want %d", path, len(got), len(content.(string)))
		}
		return true
	})
	t.Logf("%d uploads were acknowledged", count)
	if count == 0 {
		t.Error("no upload was acknowledged before the server was killed")
	}
	sent.Range(func(path, content any) bool {
		if _, ok := acknowledged.Load(path); ok || s.status(t, s.url+path.(string)) == http.StatusNotFound {
			return true
		}
		if got := s.call(t, http.MethodGet, s.url+path.(string), nil, http.StatusOK); got != content.(string) {
			t.Errorf("%s was not acknowledged and holds %d bytes, want all %d or none", path, len(got), len(content.(string)))
		}
		return true
	})
}

// put uploads a text and reports whether that was acknowledged; it is not when
// the server is gone.
func put(t *testing.T, address, content string) bool {
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, address, strings.NewReader(content))
	if err != nil {
		t.Error(err)
		return false
	}
	req.Header.Set("PRIVATE-TOKEN", rootToken)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	resp.Body.Close()
	if resp.StatusCode >= http.StatusMultipleChoices {
		t.Errorf("PUT %s: %s", address, resp.Status)
		return false
	}
	return true
}
