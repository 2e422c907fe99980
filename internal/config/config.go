// Package config holds the settings of the server: one struct whose zero value
// serves. A flag beats the environment (VITRINE_…), which beats the file, which
// beats the default.
package config

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Config is everything that can be set.
type Config struct {
	Listen       string // address and port
	Data         string // folder of the database, the blobs and the root token
	DB           string // URL of the database; empty: SQLite in Data
	Blobs        string // URL of the blob store; empty: a folder in Data
	URL          string // external address; empty: that of each request
	MaxFileSize  int64  // bytes; 0: no bound
	ProjectLimit int64  // bytes that the files of a project may take up; 0: no bound
	GCGrace      time.Duration
	UploadExpiry time.Duration
	// TrashRetention is how long deleted experiments and runs can be restored;
	// 0: for ever.
	TrashRetention time.Duration
	// EventRetention is how long the audit log goes back; 0: for ever.
	EventRetention time.Duration
	LogFormat      string // text or json
	LogLevel       string // debug, info, warn, error
	RootPassword   string // first start only
	RootToken      string // first start only
}

// Setting describes one setting; its flag is --name, its variable
// VITRINE_NAME, and its line in the file "name = value".
type Setting struct {
	Name    string
	Default string
	Help    string
	Secret  bool // never a flag: flags show in process lists
	set     func(*Config, string) error
}

func str(f func(*Config) *string) func(*Config, string) error {
	return func(c *Config, v string) error {
		*f(c) = v
		return nil
	}
}

// Settings is the list of all settings.
var Settings = []Setting{
	{"listen", "127.0.0.1:8080", "address and port to listen on", false, str(func(c *Config) *string { return &c.Listen })},
	{"data", "./vitrine-data", "folder for the database, the files and the root token", false, str(func(c *Config) *string { return &c.Data })},
	{"db", "", "database URL (default sqlite:<data>/vitrine.db)", false, str(func(c *Config) *string { return &c.DB })},
	{"blobs", "", "blob store URL (default file:<data>/blobs)", false, str(func(c *Config) *string { return &c.Blobs })},
	{"url", "", "external address, as https://models.example.org (default: as each request says)", false, str(func(c *Config) *string { return &c.URL })},
	{"max-file-size", "0", "largest file taken, as 500MB or 20GiB (0: no bound)", false, setSize},
	{"project-storage-limit", "0", "most that the files of a project take up that has no limit of its own, as 50GiB (0: no bound)", false, setProjectLimit},
	{"gc-grace", "24h", "how long bytes that no file names are kept", false, setGrace},
	{"trash-retention", "0s", "how long deleted experiments, runs and logged models stay, as 720h (0s: for ever)", false, setRetention},
	{"event-retention", "8760h", "how long the audit log goes back (0s: for ever)", false, setEvents},
	{"upload-expiry", "168h", "how long a resumable upload waits for its next byte", false, setExpiry},
	{"log-format", "text", "text or json", false, str(func(c *Config) *string { return &c.LogFormat })},
	{"log-level", "info", "debug, info, warn or error", false, str(func(c *Config) *string { return &c.LogLevel })},
	{"root-password", "", "password of root, taken at the first start", true, str(func(c *Config) *string { return &c.RootPassword })},
	{"root-token", "", "API token of root, taken at the first start", true, str(func(c *Config) *string { return &c.RootToken })},
}

func setSize(c *Config, v string) error {
	n, err := ParseSize(v)
	c.MaxFileSize = n
	return err
}

func setProjectLimit(c *Config, v string) error {
	n, err := ParseSize(v)
	c.ProjectLimit = n
	return err
}

func setGrace(c *Config, v string) error {
	d, err := notNegative(v)
	c.GCGrace = d
	return err
}

func setRetention(c *Config, v string) error {
	d, err := notNegative(v)
	c.TrashRetention = d
	return err
}

func setEvents(c *Config, v string) error {
	d, err := notNegative(v)
	c.EventRetention = d
	return err
}

// notNegative reads a duration.
func notNegative(v string) (time.Duration, error) {
	d, err := time.ParseDuration(v)
	if err == nil && d < 0 {
		err = errors.New("a duration cannot be negative")
	}
	return d, err
}

func setExpiry(c *Config, v string) error {
	d, err := time.ParseDuration(v)
	if err == nil && d < time.Minute {
		err = errors.New("less than a minute would end uploads between two pieces")
	}
	c.UploadExpiry = d
	return err
}

// units of sizes, longest first.
var units = []struct {
	suffix string
	factor int64
}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"B", 1}}

// ParseSize reads a number of bytes with a unit, as "500MB" or "20GiB".
func ParseSize(s string) (int64, error) {
	num, factor := strings.TrimSpace(s), int64(1)
	for _, u := range units {
		if rest, ok := strings.CutSuffix(num, u.suffix); ok {
			num, factor = strings.TrimSpace(rest), u.factor
			break
		}
	}
	n, err := strconv.ParseInt(num, 10, 64)
	if err != nil || n < 0 || n > (1<<62)/factor {
		return 0, fmt.Errorf("%q is no size; write it as 500MB or 20GiB", s)
	}
	return n * factor, nil
}

// EnvName gives the environment variable of a setting.
func EnvName(name string) string {
	return "VITRINE_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
}

// Load puts a configuration together. flags holds the settings that were given
// on the command line; file names a configuration file, empty for none.
func Load(flags map[string]string, getenv func(string) string, file string) (Config, error) {
	var c Config
	fromFile, err := readFile(file)
	if err != nil {
		return c, err
	}
	for _, s := range Settings {
		v, source := s.Default, "default"
		if f, ok := fromFile[s.Name]; ok {
			v, source = f, file
		}
		if e := getenv(EnvName(s.Name)); e != "" {
			v, source = e, EnvName(s.Name)
		}
		if f, ok := flags[s.Name]; ok {
			v, source = f, "--"+s.Name
		}
		if err := s.set(&c, v); err != nil {
			return c, fmt.Errorf("setting %s (from %s): %w", s.Name, source, err)
		}
		delete(fromFile, s.Name)
	}
	for name := range fromFile {
		return c, fmt.Errorf("%s: there is no setting %q", file, name)
	}
	return c, c.finish()
}

// finish fills in what follows from other settings.
func (c *Config) finish() error {
	if c.Data == "" {
		return errors.New("setting data: a folder is needed")
	}
	if c.DB == "" {
		c.DB = "sqlite:" + filepath.Join(c.Data, "vitrine.db")
	}
	if c.Blobs == "" {
		c.Blobs = "file:" + filepath.Join(c.Data, "blobs")
	}
	if c.URL != "" && !strings.HasPrefix(c.URL, "http://") && !strings.HasPrefix(c.URL, "https://") {
		return fmt.Errorf("setting url: %q has to begin with http:// or https://", c.URL)
	}
	return nil
}

// readFile reads "name = value" lines; "#" begins a comment, and quotes around
// a value are dropped. No file is an empty one.
func readFile(path string) (map[string]string, error) {
	out := map[string]string{}
	if path == "" {
		return out, nil
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("the configuration file %s does not exist", path)
	}
	if err != nil {
		return nil, fmt.Errorf("configuration file: %w", err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		if !ok {
			return nil, fmt.Errorf("%s:%d: a line has to be name = value", path, n)
		}
		out[strings.TrimSpace(name)] = strings.Trim(strings.TrimSpace(value), `"`)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("configuration file: %w", err)
	}
	return out, nil
}
