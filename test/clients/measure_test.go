package clients

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
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

	if body := again.call(t, http.MethodGet, again.url+"/health", nil, http.StatusOK); body != "OK" {
		t.Errorf("/health says %q, want OK", body)
	}

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
