package cli

import (
	"testing"
)

func TestParseRef(t *testing.T) {
	good := map[string]modelRef{
		"p/m":                      {Project: "p", Model: "m"},
		"a/b/c":                    {Project: "a/b", Model: "c"},
		"a/b/c:1.0.0":              {Project: "a/b", Model: "c", Version: "1.0.0"},
		"a/b/c:1.0.0-rc.1+build.5": {Project: "a/b", Model: "c", Version: "1.0.0-rc.1+build.5"},
		"a/b/c@latest":             {Project: "a/b", Model: "c", Alias: "latest"},
		"a/b//c/d":                 {Project: "a/b", Model: "c/d"},
		"a/b//c/d:2.0.0":           {Project: "a/b", Model: "c/d", Version: "2.0.0"},
		"5/m":                      {Project: "5", Model: "m"},
		"a/me@home:1.0.0":          {Project: "a", Model: "me@home", Version: "1.0.0"},
		"a/me@home@prod":           {Project: "a", Model: "me@home", Alias: "prod"},
	}
	for in, want := range good {
		got, err := parseRef(in)
		if err != nil || got != want {
			t.Errorf("parseRef(%q) = %+v, %v; want %+v", in, got, err, want)
		}
	}
	for _, in := range []string{"", "m", "m:1.0.0", "/m", "p/", "p//", "p/m:", "p/m@", "p/m:1/2", "p/m:1@x",
		"https://e.org/p/m", "a//b//c", "a///b", "/a/b", "a/b//c@x/y"} {
		if got, err := parseRef(in); ExitCode(err) != exitUsage {
			t.Errorf("parseRef(%q) = %+v, %v; want an error of usage", in, got, err)
		}
	}
}

func FuzzParseRef(f *testing.F) {
	for _, s := range []string{"p/m", "a/b/c:1.0.0", "a/b//c/d@x", "a/me@home@prod", "//", ":@/"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := parseRef(s)
		if err != nil {
			return
		}
		if r.Project == "" || r.Model == "" || r.Version != "" && r.Alias != "" {
			t.Fatalf("parseRef(%q) = %+v", s, r)
		}
		again, err := parseRef(r.String())
		if err != nil {
			t.Fatalf("parseRef(%q).String() = %q: %v", s, r, err)
		}
		// String names what is understood without saying for models with "@".
		if again.Alias == "latest" && r.Alias == "" && r.Version == "" {
			again.Alias = ""
		}
		if again != r {
			t.Fatalf("parseRef(%q) = %+v, but %q is %+v", s, r, r, again)
		}
	})
}

func TestPatterns(t *testing.T) {
	tests := []struct {
		pattern, path string
		want          bool
	}{
		{"*.json", "config.json", true},
		{"*.json", "dir/config.json", false},
		{"**/*.json", "config.json", true},
		{"**/*.json", "a/b/config.json", true},
		{"**", "a/b", true},
		{"a/**", "a/b/c", true},
		{"a/**", "a", false},
		{"a/**/z", "a/z", true},
		{"a/**/z", "a/b/c/z", true},
		{"a/**/z", "a/b/c/y", false},
		{"**/**/**/x", "a/b/c/d/e/f/g/h/i/j/k/l/m/y", false},
		{"?.bin", "a.bin", true},
		{"?.bin", "ab.bin", false},
		{"?.bin", "ü.bin", true},
		{"[ab].bin", "b.bin", true},
		{"[!ab].bin", "b.bin", false},
		{"[^ab].bin", "c.bin", true},
		{"weights", "weights/a/b.bin", true},
		{"weights/", "weights/b.bin", true},
		{"weights", "weights2/b.bin", false},
		{"./x", "x", true},
		{"it's [1] (x).bin", "it's [1] (x).bin", true},
		{"broken[", "broken[", true},
		{"broken[", "broken", false},
		{"cafe\u0301", "caf\u00e9", true},
		{"*", "a/b", false},
		{"*", ".hidden", true},
	}
	for _, tt := range tests {
		p, err := parsePattern(tt.pattern)
		if err != nil || p.match(tt.path) != tt.want {
			t.Errorf("%q of %q: %v, %v; want %v", tt.pattern, tt.path, !tt.want, err, tt.want)
		}
	}
	if _, err := parsePattern("./"); ExitCode(err) != exitUsage {
		t.Errorf("an empty pattern gave %v", err)
	}
}

func TestTexts(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 1<<20 - 1: "1.0 MiB", 3 << 30: "3.0 GiB", 1 << 62: "4.0 EiB"} {
		if got := sizeText(n); got != want {
			t.Errorf("sizeText(%d) = %s, want %s", n, got, want)
		}
	}
	if got := plain("a\x1b[31mb\u202ec\n"); got != "a\ufffd[31mb\ufffdc\ufffd" {
		t.Errorf("plain lets %q through", got)
	}
}
