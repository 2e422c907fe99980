package clients

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	mib = int64(1) << 20
	gib = int64(1) << 30

	maxIdleMemory = 60 * mib
	maxPeakMemory = 80 * mib
)

// TestStart measures the time from exec to ready, on an empty data directory
// and on one that exists, and the memory of a server that has nothing to do.
func TestStart(t *testing.T) {
	data := bigDir(t)
	first := launch(t, data)
	t.Logf("ready after %v with an empty data directory", first.ready)
	first.stop(t)
	again := start(t, data)
	t.Logf("ready after %v with an existing one", again.ready)

	time.Sleep(2 * time.Second)
	idle := again.memory(t, "VmRSS")
	t.Logf("idle memory: %.1f MiB", float64(idle)/float64(mib))
	if idle > maxIdleMemory {
		t.Errorf("an idle server uses %d MiB, want at most %d", idle/mib, maxIdleMemory/mib)
	}
}

// TestBigFileCurl sends 3 GiB up and down with curl: the same bytes come back
// and the server never holds more than a little of them in memory.
func TestBigFileCurl(t *testing.T) {
	s := start(t, bigDir(t))
	path := filepath.Join(bigDir(t), "big.bin")
	want := writeSparse(t, path, 3*gib)
	file := s.fileURL(s.newVersion(t, "big"), "dir/big.bin")

	s.upload(t, path, file)
	begin := time.Now()
	hash := sha256.New()
	s.download(t, file, hash)
	logRate(t, "curl download", 3*gib, begin)
	if got := hex.EncodeToString(hash.Sum(nil)); got != want {
		t.Errorf("SHA-256 of the download is %s, want %s", got, want)
	}
	checkPeak(t, s)
}

// TestBigFileVitrine does the same with `vitrine push` and `vitrine pull`.
func TestBigFileVitrine(t *testing.T) {
	s := start(t, bigDir(t))
	dir := bigDir(t)
	want := writeSparse(t, filepath.Join(dir, "big.bin"), 3*gib)

	begin := time.Now()
	run(t, s.env("HOME="+dir), s.bin, "push", filepath.Join(dir, "big.bin"), "root/default/big:1.0.0")
	logRate(t, "vitrine push", 3*gib, begin)
	begin = time.Now()
	run(t, s.env("HOME="+dir), s.bin, "pull", "root/default/big:1.0.0", "--output", filepath.Join(dir, "out"))
	logRate(t, "vitrine pull", 3*gib, begin)
	if got := hashFile(t, filepath.Join(dir, "out", "big.bin")); got != want {
		t.Errorf("SHA-256 of the download is %s, want %s", got, want)
	}
	checkPeak(t, s)
}

// TestKillDuringUpload kills the server in the middle of an upload. What it had
// acknowledged is still there afterwards, the half file is not to be seen, and
// what is left of it on disk goes away with `vitrine gc`.
func TestKillDuringUpload(t *testing.T) {
	data, dir := bigDir(t), bigDir(t)
	s := launch(t, data)
	version := s.newVersion(t, "crash")
	acknowledged := map[string]string{} // name to SHA-256
	for i, size := range []int64{1, 64 << 10, 5 * mib, 20 * mib} {
		name := fmt.Sprintf("ok-%d.bin", i)
		acknowledged[name] = writeSparse(t, filepath.Join(dir, name), size)
		s.upload(t, filepath.Join(dir, name), s.fileURL(version, name))
	}
	writeSparse(t, filepath.Join(dir, "half.bin"), 512*mib)
	before := diskUsage(t, data)
	s.killInTheMiddle(t, filepath.Join(dir, "half.bin"), s.fileURL(version, "half.bin"))
	t.Logf("the killed upload left %d MiB on disk", (diskUsage(t, data)-before)/mib)

	s = launch(t, data)
	for name, want := range acknowledged {
		hash := sha256.New()
		s.download(t, s.fileURL(version, name), hash)
		if got := hex.EncodeToString(hash.Sum(nil)); got != want {
			t.Errorf("%s: SHA-256 is %s after the crash, want %s", name, got, want)
		}
	}
	if status := s.status(t, s.fileURL(version, "half.bin")); status != http.StatusNotFound {
		t.Errorf("the half file answers %d, want 404", status)
	}
	listed := s.call(t, http.MethodGet, strings.TrimSuffix(s.fileURL(version, ""), "/"), nil, http.StatusOK)
	if strings.Contains(listed, "half.bin") {
		t.Errorf("the half file is listed: %s", listed)
	}
	s.stop(t)

	t.Log(strings.TrimSpace(run(t, s.env(), s.bin, "gc", "--data", data)))
	if left := diskUsage(t, data) - before; left > 4*mib {
		t.Errorf("%d MiB of the killed upload are left after vitrine gc", left/mib)
	}
	run(t, s.env(), s.bin, "verify", "--data", data)

	s = start(t, data)
	s.upload(t, filepath.Join(dir, "half.bin"), s.fileURL(version, "half.bin"))
}

// killInTheMiddle starts an upload at a rate at which it takes 8 s, and kills
// the server after 3 s.
func (s *server) killInTheMiddle(t *testing.T, path, file string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "curl", "-q", "-sS", "--limit-rate", "64M", "--max-time", "120",
		"-H", "PRIVATE-TOKEN: "+rootToken, "-T", path, file)
	cmd.Env = s.env()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(3 * time.Second)
	s.kill(t)
	if err := cmd.Wait(); err == nil {
		t.Error("curl calls the upload a success, though the server was killed")
	}
}

// newVersion makes a model with version 1.0.0 and returns the version's id.
func (s *server) newVersion(t *testing.T, model string) int64 {
	t.Helper()
	models := s.url + "/api/v4/projects/root%2Fdefault/ml/models"
	id := s.create(t, models, url.Values{"name": {model}})
	return s.create(t, fmt.Sprintf("%s/%d/versions", models, id), url.Values{"version": {"1.0.0"}})
}

// create makes something over the REST interface and returns its id.
func (s *server) create(t *testing.T, address string, fields url.Values) int64 {
	t.Helper()
	var made struct{ ID int64 }
	text := s.call(t, http.MethodPost, address, fields, http.StatusCreated)
	if err := json.Unmarshal([]byte(text), &made); err != nil || made.ID == 0 {
		t.Fatalf("no id in %s: %v", text, err)
	}
	return made.ID
}

// call makes a request, checks its status and returns the body.
func (s *server) call(t *testing.T, method, address string, fields url.Values, want int) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(fields.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("PRIVATE-TOKEN", rootToken)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != want {
		t.Fatalf("%s %s: %s\n%s", method, address, resp.Status, body)
	}
	return string(body)
}

// status is the status of a GET, whose body is not looked at.
func (s *server) status(t *testing.T, address string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("PRIVATE-TOKEN", rootToken)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

func (s *server) fileURL(version int64, name string) string {
	return fmt.Sprintf("%s/api/v4/projects/1/packages/ml_models/%d/files/%s", s.url, version, name)
}

// upload sends a file with curl, which must get 201.
func (s *server) upload(t *testing.T, path, file string) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	out := run(t, s.env(), "curl", "-q", "-sS", "-w", "%{http_code}", "-H", "PRIVATE-TOKEN: "+rootToken, "-T", path, file)
	if !strings.HasSuffix(out, "201") {
		t.Fatalf("upload of %s: %s", filepath.Base(path), out)
	}
	if info.Size() > gib {
		logRate(t, "curl upload", info.Size(), begin)
	}
}

// download writes a file to w with curl.
func (s *server) download(t *testing.T, file string, w io.Writer) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "curl", "-q", "-sSf", "-H", "PRIVATE-TOKEN: "+rootToken, file)
	cmd.Env, cmd.Stdout, cmd.Stderr = s.env(), w, os.Stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("curl %s: %v", file, err)
	}
}

// writeSparse writes a file of which one MiB in 64 is random and the rest holes,
// so that it takes little room, and returns its SHA-256.
func writeSparse(t *testing.T, path string, size int64) string {
	t.Helper()
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := file.Truncate(size); err != nil {
		t.Fatal(err)
	}
	random := rand.NewChaCha8([32]byte{7})
	block := make([]byte, mib)
	for at := int64(0); at < size; at += 64 * mib {
		_, _ = random.Read(block) // never fails
		if _, err := file.WriteAt(block[:min(mib, size-at)], at); err != nil {
			t.Fatal(err)
		}
	}
	return hashFile(t, path)
}

func hashFile(t *testing.T, path string) string {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(hash.Sum(nil))
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

// checkPeak fails when the server has ever used more memory than it may.
func checkPeak(t *testing.T, s *server) {
	t.Helper()
	peak := s.memory(t, "VmHWM")
	t.Logf("peak memory of the server: %.1f MiB", float64(peak)/float64(mib))
	if peak > maxPeakMemory {
		t.Errorf("the server used up to %d MiB, want at most %d", peak/mib, maxPeakMemory/mib)
	}
}

func logRate(t *testing.T, what string, size int64, begin time.Time) {
	t.Helper()
	took := time.Since(begin)
	t.Logf("%s: %d MiB in %.1f s, %.0f MiB/s", what, size/mib, took.Seconds(), float64(size/mib)/took.Seconds())
}
