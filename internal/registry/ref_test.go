package registry

import (
	"math/big"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestParseFilePath(t *testing.T) {
	long := strings.Repeat("a", 255)
	for in, want := range map[string]string{
		"model.bin": "model.bin", "a/b/c.txt": "a/b/c.txt", "a b/c+d": "a b/c+d", "100%.bin": "100%.bin", "%41": "%41", "...": "...", ".hidden": ".hidden",
		"u\u0308.bin": "ü.bin", "ü.bin": "ü.bin", "🤖/weights": "🤖/weights", "a..b": "a..b", "C:x": "C:x", long: long, "%zz": "%zz", "a;b": "a;b",
		"": "", "/a": "", "a/": "", "a//b": "", ".": "", "..": "", "a/../b": "", "a/./b": "", `a\b`: "", `..\x`: "", "a\x00b": "", "a\nb": "", "a\x7f": "",
		"%2e%2e/x": "", "%2E%2e%2fx": "", "..%2Fx": "", "%252e%252e%252fx": "", "%25252e%25252e/x": "", "..%5Cx": "", "a%00b": "",
		"%c0%ae%c0%ae/x": "", "..%c0%afx": "", "%e0%80%ae%e0%80%ae/": "", "\xff": "", "\xc0\xae\xc0\xae": "", "a\u2028b": "",
		long + "a": "", strings.Repeat("abc/", 256) + "x": "",
	} {
		got, err := ParseFilePath(in)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v; want %q", in, got, err, want)
		}
	}
}

func FuzzParseFilePath(f *testing.F) {
	for _, s := range []string{"a/b", "%2e%2e%2f", "..", "ü", "a%00", "%c0%ae"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := ParseFilePath(s)
		if err != nil {
			return
		}
		again, err := ParseFilePath(p)
		if err != nil || again != p {
			t.Errorf("%q became %q and then %q, %v", s, p, again, err)
		}
		for seg := range strings.SplitSeq(p, "/") {
			if seg == "" || seg == "." || seg == ".." {
				t.Errorf("%q has segment %q", p, seg)
			}
		}
		if strings.ContainsAny(p, "\x00\\\n\r") {
			t.Errorf("%q has a bad character", p)
		}
	})
}

func TestParsePackageRef(t *testing.T) {
	for in, want := range map[string]PackageRef{"5": {VersionID: 5}, "candidate:7": {RunIID: 7}, "999999999999999999": {VersionID: 999999999999999999},
		"": {}, "0": {}, "-1": {}, "+5": {}, "05": {}, "5.0": {}, "1e3": {}, "candidate:": {}, "candidate:0": {}, "candidate:abc": {}, "candidate:-1": {},
		"Candidate:5": {}, "candidate:5 ": {}, "99999999999999999999": {}, "５": {}, "model:x": {}} {
		got, err := ParsePackageRef(in)
		if got != want || (err == nil) != (want != PackageRef{}) {
			t.Errorf("%q: %+v, %v; want %+v", in, got, err, want)
		}
	}
}

// TestParsePackageRefByName: names may hold "@" and "/", versions "-" and "+".
func TestParsePackageRefByName(t *testing.T) {
	for in, want := range map[string]PackageRef{
		"model:iris:1.0.0": {Model: "iris", Version: "1.0.0"}, "model:iris@champion": {Model: "iris", Alias: "champion"},
		"model:nlp/bert:2.0.0-rc.1+b.5": {Model: "nlp/bert", Version: "2.0.0-rc.1+b.5"}, "model:a@b@latest": {Model: "a@b", Alias: "latest"},
		"model:a@b:1.0.0": {Model: "a@b", Version: "1.0.0"}, "model:5:1.0.0": {Model: "5", Version: "1.0.0"},
		"model:candidate:5": {Model: "candidate", Version: "5"}, "model:model@x": {Model: "model", Alias: "x"},
		"model:": {}, "model::": {}, "model:@": {}, "model:iris:": {}, "model:iris@": {}, "model::1.0.0": {}, "model:@x": {}, "Model:iris@x": {}, " model:iris@x": {},
	} {
		got, err := ParsePackageRef(in)
		if got != want || (err == nil) != (want != PackageRef{}) {
			t.Errorf("%q: %+v, %v; want %+v", in, got, err, want)
		}
	}
}

// FuzzParsePackageRef: what GitLab has an address for (a number, or candidate:
// and a number) means just that; Vitrine's own form is read from nothing else, and
// nothing is read in two ways: what was read, written again, is what was there.
func FuzzParsePackageRef(f *testing.F) {
	for _, s := range []string{"5", "candidate:5", "model:iris:1.0.0", "model:iris@latest", "model:candidate:5", "model:5", "model:a@b:1.0.0-rc.1", "05"} {
		f.Add(s)
	}
	number := regexp.MustCompile(`\A[1-9][0-9]{0,17}\z`)
	f.Fuzz(func(t *testing.T, s string) {
		r, err := ParsePackageRef(s)
		rest, run := strings.CutPrefix(s, "candidate:")
		_, own := strings.CutPrefix(s, "model:")
		if gitlabs := number.MatchString(rest); gitlabs != (r.VersionID != 0 || r.RunIID != 0) || gitlabs && (own || r.Model != "" || run != (r.RunIID != 0)) {
			t.Fatalf("%q is %+v", s, r)
		}
		if r.Model != "" && !own {
			t.Fatalf("%q names the model %q", s, r.Model)
		}
		var again string
		switch {
		case err != nil:
			if (r != PackageRef{}) {
				t.Fatalf("%q: %+v and %v", s, r, err)
			}
			return
		case r.VersionID != 0:
			again = itoa(r.VersionID)
		case r.RunIID != 0:
			again = "candidate:" + itoa(r.RunIID)
		case r.Alias != "":
			again = "model:" + r.Model + "@" + r.Alias
		default:
			again = "model:" + r.Model + ":" + r.Version
		}
		if again != s {
			t.Fatalf("%q was read as %q", s, again)
		}
	})
}

func TestSemver(t *testing.T) {
	for _, bad := range []string{"", "1", "1.0", "v1.0.0", "01.0.0", "1.00.0", "1.0.0-", "1.0.0-01", "1.0.0+", "1.0.0-a..b", "1.0.0 ", " 1.0.0", "1.0.0-ü", "a.b.c",
		"1.0.0.0", "1.0.0-" + strings.Repeat("a", 255)} {
		if _, err := ParseSemver(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
	// In order of precedence; clause 11 of the specification has the pre-releases.
	order := []string{"0.0.0-0", "0.0.0", "1.0.0-1", "1.0.0-2", "1.0.0-10", "1.0.0-99999999999999999999", "1.0.0-100000000000000000000", "1.0.0--",
		"1.0.0-A", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-alpha-1", "1.0.0-alpha0", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11",
		"1.0.0-rc.1", "1.0.0", "1.0.1", "1.2.0", "1.10.0", "2.0.0", "10.0.0", "99999999999999999999999.0.0", "100000000000000000000000.0.0"}
	keys := make([]string, len(order))
	for i, s := range order {
		v, err := ParseSemver(s)
		if err != nil {
			t.Fatalf("%q: %v", s, err)
		}
		keys[i] = v.Key
	}
	for i := 1; i < len(keys); i++ {
		if keys[i-1] >= keys[i] {
			t.Errorf("%s does not come before %s: %q, %q", order[i-1], order[i], keys[i-1], keys[i])
		}
	}
	a, _ := ParseSemver("1.0.0+a")
	b, _ := ParseSemver("1.0.0+b")
	if a.Key != b.Key || a.PreRelease {
		t.Error("build metadata has a part in the order")
	}
}

// FuzzSemver compares the key's order with the specification's own words.
func FuzzSemver(f *testing.F) {
	f.Add("1.0.0-alpha.1", "1.0.0-alpha")
	f.Add("1.0.0", "1.0.0-rc.1")
	f.Fuzz(func(t *testing.T, x, y string) {
		a, err := ParseSemver(x)
		if err != nil {
			return
		}
		b, err := ParseSemver(y)
		if err != nil {
			return
		}
		if got, want := strings.Compare(a.Key, b.Key), compare(x, y); got != want {
			t.Errorf("%s against %s: %d, want %d", x, y, got, want)
		}
		if _, err := ParseSemver(a.next()); err != nil {
			t.Errorf("after %s comes %s: %v", x, a.next(), err)
		}
	})
}

// compare is clause 11, written as it reads.
func compare(x, y string) int {
	x, _, _ = strings.Cut(x, "+")
	y, _, _ = strings.Cut(y, "+")
	xc, xp, _ := strings.Cut(x, "-")
	yc, yp, _ := strings.Cut(y, "-")
	if c := slices.CompareFunc(strings.Split(xc, "."), strings.Split(yc, "."), identifier); c != 0 {
		return c
	}
	switch {
	case xp == yp:
		return 0
	case xp == "":
		return 1
	case yp == "":
		return -1
	}
	return slices.CompareFunc(strings.Split(xp, "."), strings.Split(yp, "."), identifier)
}

func identifier(a, b string) int {
	m, okA := new(big.Int).SetString(a, 10)
	n, okB := new(big.Int).SetString(b, 10)
	digits := func(s string) bool { return strings.Trim(s, "0123456789") == "" }
	okA, okB = okA && digits(a), okB && digits(b)
	switch {
	case okA && okB:
		return m.Cmp(n)
	case okA:
		return -1
	case okB:
		return 1
	}
	return strings.Compare(a, b)
}

func TestPathOf(t *testing.T) {
	for in, want := range map[string]string{"My Project": "my-project", "  A  b ": "a-b", "x_y.z": "x_y.z", "Ünïcode!": "n-code", "---": "", "v1.": "v1"} {
		if got := pathOf(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
