package registry

import (
	"fmt"
	"math/big"
	"regexp"
	"strings"

	"github.com/vitrine-ml/vitrine/internal/fault"
)

// Semver is a version name by Semantic Versioning 2.0.0.
type Semver struct {
	Text string
	// Key orders versions by precedence when compared byte by byte. Build
	// metadata has no part in it.
	Key        string
	PreRelease bool

	core [3]string // decimal digits: numbers of any length are allowed
}

// semverForm is the grammar of semver.org, clause 9 and 10.
var semverForm = regexp.MustCompile(`^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)` +
	`(?:-((?:0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*)(?:\.(?:0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*))*))?` +
	`(?:\+([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?$`)

// ParseSemver reads a semantic version without a leading "v".
func ParseSemver(s string) (Semver, error) {
	if len(s) > maxName {
		return Semver{}, fault.Invalidf("version", "is too long (maximum is 255 characters)")
	}
	m := semverForm.FindStringSubmatch(s)
	if m == nil {
		return Semver{}, fault.Invalidf("version", "must be a semantic version")
	}
	v := Semver{Text: s, PreRelease: m[4] != "", core: [3]string{m[1], m[2], m[3]}}
	v.Key = numberKey(m[1]) + numberKey(m[2]) + numberKey(m[3]) + preReleaseKey(m[4])
	return v, nil
}

// numberKey writes a number so that bytes compare as numbers do: its length in
// three digits first.
func numberKey(digits string) string { return fmt.Sprintf("%03d%s", len(digits), digits) }

// preReleaseKey writes clause 11: a release is above its pre-releases, numbers
// are below words, words go by ASCII, and fewer identifiers are below more.
// The blank that ends a word sorts below every character of an identifier.
func preReleaseKey(pre string) string {
	if pre == "" {
		return "~"
	}
	var b strings.Builder
	for id := range strings.SplitSeq(pre, ".") {
		if strings.Trim(id, "0123456789") == "" {
			b.WriteString("1" + numberKey(id))
		} else {
			b.WriteString("2" + id + " ")
		}
	}
	return b.String()
}

// next gives the version to propose after v: the release that a pre-release
// leads to, else the following patch.
func (v Semver) next() string {
	if v.PreRelease {
		return strings.Join(v.core[:], ".")
	}
	patch, _ := new(big.Int).SetString(v.core[2], 10)
	return v.core[0] + "." + v.core[1] + "." + patch.Add(patch, big.NewInt(1)).String()
}

// firstVersion is proposed for a model without versions.
const firstVersion = "1.0.0"

// numbersOnly is the beginning of a version that ends with a dot: "1." or
// "1.7.".
var numbersOnly = regexp.MustCompile(`^(0|[1-9]\d*)\.(?:(0|[1-9]\d*)\.)?$`)

// SemverPrefixKey gives what the keys of all versions that begin with prefix
// begin with; ok is false unless prefix is made of whole numbers.
func SemverPrefixKey(prefix string) (key string, ok bool) {
	m := numbersOnly.FindStringSubmatch(prefix)
	if m == nil || len(prefix) > maxName {
		return "", false
	}
	key = numberKey(m[1])
	if m[2] != "" {
		key += numberKey(m[2])
	}
	return key, true
}
