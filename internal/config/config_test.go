package config

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestPrecedence: a flag beats the environment, which beats the file, which
// beats the default.
func TestPrecedence(t *testing.T) {
	file := filepath.Join(t.TempDir(), "vitrine.conf")
	if err := os.WriteFile(file, []byte("# ours\nlisten = \"file:1\"\ndata=/file\n\nurl = https://file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"VITRINE_LISTEN": "env:1", "VITRINE_DATA": "/env", "VITRINE_ROOT_TOKEN": "secret", "VITRINE_MAX_FILE_SIZE": "2GiB"}
	c, err := Load(map[string]string{"listen": "flag:1"}, func(k string) string { return env[k] }, file)
	if err != nil {
		t.Fatal(err)
	}
	want := Config{Listen: "flag:1", Data: "/env", URL: "https://file", DB: "sqlite:/env/vitrine.db", Blobs: "file:/env/blobs",
		MaxFileSize: 2 << 30, GCGrace: 24 * time.Hour, UploadExpiry: 168 * time.Hour, EventRetention: 8760 * time.Hour, LogFormat: "text", LogLevel: "info", RootToken: "secret"}
	if c != want {
		t.Errorf("got  %+v\nwant %+v", c, want)
	}
}

func TestNothingSet(t *testing.T) {
	c, err := Load(nil, func(string) string { return "" }, "")
	if err != nil || c.Listen != "127.0.0.1:8080" || c.Data != "./vitrine-data" || c.DB != "sqlite:vitrine-data/vitrine.db" {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestBadSettings(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"unknown": "lisen = x", "no equals": "listen", "size": "max-file-size = big", "grace": "gc-grace = soon",
		"negative": "gc-grace = -1h", "short expiry": "upload-expiry = 1s", "no expiry": "upload-expiry = never", "url": "url = models.example.org", "no data": `data = ""`} {
		file := filepath.Join(dir, "f")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(nil, func(string) string { return "" }, file); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	if _, err := Load(nil, func(string) string { return "" }, filepath.Join(dir, "missing")); err == nil {
		t.Error("a missing file was taken")
	}
}

func TestParseSize(t *testing.T) {
	for in, want := range map[string]int64{"0": 0, "1": 1, "5B": 5, "10KB": 10_000, "1 MiB": 1 << 20, "20GiB": 20 << 30, "3TB": 3e12} {
		if got, err := ParseSize(in); got != want || err != nil {
			t.Errorf("%q: %d, %v", in, got, err)
		}
	}
	for _, bad := range []string{"", "x", "-1", "1.5GB", "9999999999TiB", "GB"} {
		if n, err := ParseSize(bad); err == nil {
			t.Errorf("%q: %d", bad, n)
		}
	}
}
