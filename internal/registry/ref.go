package registry

import (
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/vitrine-ml/vitrine/internal/blob"
	"github.com/vitrine-ml/vitrine/internal/fault"
)

// ProjectRef names a project as callers do: by number, by full path, or by the
// id of something that is in it; one field is set.
type ProjectRef struct {
	ID           int64
	Path         string // compared without case
	ModelID      int64  // the project that has this model
	VersionID    int64
	ExperimentID int64
	PackageID    int64
}

// ParseProjectRef reads "5" or "group/sub/project".
func ParseProjectRef(s string) ProjectRef {
	if id, ok := parseID(s); ok {
		return ProjectRef{ID: id}
	}
	return ProjectRef{Path: s}
}

// NamespaceRef names a group or a user's namespace by number or full path.
type NamespaceRef struct {
	ID   int64
	Path string
	Kind NamespaceKind // empty: any
}

// ParseGroupRef reads "5" or "group/sub" and means groups only.
func ParseGroupRef(s string) NamespaceRef {
	if id, ok := parseID(s); ok {
		return NamespaceRef{ID: id, Kind: GroupNamespace}
	}
	return NamespaceRef{Path: s, Kind: GroupNamespace}
}

// ModelRef names a model of a project.
type ModelRef struct {
	ID   int64
	Name string // exactly; when ID is 0
	// AnyCase takes the one model whose name differs from Name, which is in
	// lower case, by case only, where none has exactly this one.
	AnyCase bool
}

// VersionRef names a version of a model in one of several ways, whichever field
// is set. The zero VersionRef names none.
type VersionRef struct {
	ID     int64
	Number int64
	Semver string
	Alias  string // without "@"; with Semver: when there is no such version
	// Manifest is what KeepManifest has noted of the version.
	Manifest blob.Digest
}

// ParseNamespaceRef reads "5", "group/sub" or "username".
func ParseNamespaceRef(s string) NamespaceRef {
	r := ParseGroupRef(s)
	r.Kind = ""
	return r
}

// PackageRef names a package in one of several ways, whichever field is set.
type PackageRef struct {
	VersionID int64   // that of a version
	RunIID    int64   // that of a run, by its number in the project
	PackageID int64   // by its own id
	Generic   string  // a generic package, with Version
	Version   string  // of a generic package; or with Model a semantic version
	Model     string  // that of a version, by the model's name and Version or Alias
	Alias     string  // without "@"
	Number    int64   // with Model, instead of Version and Alias
	RunEID    string  // that of a run, by its outer id
	Logged    string  // that of a logged model, by its outer id
	Home      RunHome // with RunEID or Logged
	Deleted   bool    // that of a deleted run too; with RunEID always
}

// generic reports whether the package belongs to no model.
func (r PackageRef) generic() bool { return r.Generic != "" }

// pull and push are the permissions that its files need.
func (r PackageRef) pull() Permission {
	if r.generic() {
		return PullPackages
	}
	return PullFiles
}

func (r PackageRef) push() Permission {
	if r.generic() {
		return PushPackages
	}
	return PushFiles
}

const (
	candidatePrefix = "candidate:"
	modelPrefix     = "model:"
)

// ParsePackageRef reads "5" (a version) or "candidate:5" (a run), as GitLab
// does, and Vitrine's own "model:NAME:1.2.3" and "model:NAME@alias", which no id
// of GitLab's can ever look like. Anything else names nothing and is NotFound.
func ParsePackageRef(s string) (PackageRef, error) {
	if rest, ok := strings.CutPrefix(s, modelPrefix); ok {
		return parseModelRef(rest)
	}
	rest, run := strings.CutPrefix(s, candidatePrefix)
	id, ok := parseID(rest)
	switch {
	case !ok && run:
		return PackageRef{}, fault.Missing("run", s)
	case !ok:
		return PackageRef{}, fault.Missing("version", s)
	case run:
		return PackageRef{RunIID: id}, nil
	}
	return PackageRef{VersionID: id}, nil
}

// parseModelRef reads "NAME:1.2.3" or "NAME@alias". Names may hold "@" but no
// ":", so a ":" decides.
func parseModelRef(s string) (PackageRef, error) {
	r := PackageRef{}
	if i := strings.LastIndexByte(s, ':'); i >= 0 {
		r.Model, r.Version = s[:i], s[i+1:]
	} else if i := strings.LastIndexByte(s, '@'); i >= 0 {
		r.Model, r.Alias = s[:i], s[i+1:]
	}
	if r.Model == "" || r.Version == "" && r.Alias == "" {
		return PackageRef{}, fault.Missing("version", s)
	}
	return r, nil
}

// parseID reads a positive number of at most 18 digits without sign or
// leading zero.
func parseID(s string) (int64, bool) {
	if s == "" || len(s) > 18 || s[0] == '0' {
		return 0, false
	}
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return 0, false
		}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}

// ParseID reads a row number from an address; noun is for the NotFound error
// that anything else gives.
func ParseID(noun, s string) (int64, error) {
	if id, ok := parseID(s); ok {
		return id, nil
	}
	return 0, fault.Missing(noun, s)
}

// ParseExperimentRef reads the number of an experiment from an address.
func ParseExperimentRef(s string) (ExperimentRef, error) {
	if s == "0" {
		return ExperimentRef{IID: DefaultExperiment}, nil
	}
	id, err := ParseID("experiment", s)
	return ExperimentRef{IID: id}, err
}

// Limits of file paths, in bytes.
const (
	maxPath    = 1024
	maxSegment = 255
)

// ParseFilePath checks the path of a file inside a package: segments joined by
// single slashes, any Unicode in normal form C, and nothing that a file system
// could take for something else: no ".", "..", empty segment, backslash,
// control character, or percent-encoding that decodes to one of these. The
// path is never used as a name on disk; these rules protect those who download
// into a folder.
func ParseFilePath(s string) (string, error) {
	bad := func(why string) (string, error) {
		return "", &fault.Error{Kind: fault.Invalid, Noun: "path", Field: "file_name", Msg: why}
	}
	if s == "" {
		return bad("is missing")
	}
	if len(s) > maxPath {
		return bad("is too long (maximum is 1024 bytes)")
	}
	if !utf8.ValidString(s) {
		return bad("is not valid UTF-8")
	}
	s = norm.NFC.String(s)
	if !safePath(s) {
		return bad("should be a valid file path")
	}
	for dec, n := s, 0; n < 3 && strings.Contains(dec, "%"); n++ {
		dec = unescape(dec)
		if traverses(dec) {
			return bad("should be a valid file path")
		}
	}
	for seg := range strings.SplitSeq(s, "/") {
		if len(seg) > maxSegment {
			return bad("has a part that is too long (maximum is 255 bytes)")
		}
	}
	return s, nil
}

// safePath reports whether s has only harmless segments.
func safePath(s string) bool {
	for _, r := range s {
		if r == '\\' || unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return false
		}
	}
	for seg := range strings.SplitSeq(s, "/") {
		if seg == "" || seg == "." || seg == ".." {
			return false
		}
	}
	return true
}

// traverses reports whether a decoded form climbs or ends a string early.
func traverses(s string) bool {
	if strings.ContainsAny(s, "\x00\\") {
		return true
	}
	for seg := range strings.SplitSeq(s, "/") {
		if seg == ".." {
			return true
		}
	}
	return false
}

// unescape decodes the %XX of s that are well formed and leaves the rest; the
// overlong UTF-8 forms of "." and "/" decode to these.
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				b.WriteByte(byte(n))
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return strings.NewReplacer("\xc0\xae", ".", "\xc0\xaf", "/", "\xc1\x9c", "\\",
		"\xe0\x80\xae", ".", "\xe0\x80\xaf", "/").Replace(b.String())
}

var placePath = regexp.MustCompile(`^[A-Za-z0-9_.][A-Za-z0-9_.\-]*$`)

// maxName bounds the names of things, in characters.
const maxName = 255

// maxText bounds descriptions (Markdown cards), in characters, as GitLab does.
const maxText = 10_000

// checkDescription checks a Markdown card.
func checkDescription(s string) error {
	if utf8.RuneCountInString(s) > maxText {
		return fault.Invalidf("description", "is too long (maximum is 10000 characters)")
	}
	return checkUTF8("description", s)
}

// checkUTF8 refuses what a database cannot keep as text.
func checkUTF8(field, s string) error {
	if !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
		return fault.Invalidf(field, "is not valid text")
	}
	return nil
}

// checkTitle checks a display name.
func checkTitle(s string) error { return checkTitleOf(s, maxName) }

// checkTitleOf checks one that may have so many characters.
func checkTitleOf(s string, most int) error {
	switch {
	case strings.TrimSpace(s) == "":
		return fault.Invalidf("name", "can't be blank")
	case utf8.RuneCountInString(s) > most:
		return fault.Invalidf("name", "is too long (maximum is %d characters)", most)
	case strings.IndexFunc(s, unicode.IsControl) >= 0:
		return fault.Invalidf("name", "is invalid")
	}
	return checkUTF8("name", s)
}

// reserved are path segments that pages and dialects use themselves.
var reserved = map[string]bool{"-": true, ".": true, "..": true, "api": true, "ajax-api": true,
	"v2": true, "admin": true, "assets": true, "static": true, "health": true, "users": true,
	"groups": true, "projects": true, "login": true, "logout": true, "explore": true, "models": true,
	"graphql": true, "version": true, "server-info": true, "get-artifact": true, "model-versions": true,
	"dashboard": true, "search": true, "well-known": true, ".well-known": true, "favicon.ico": true, "robots.txt": true}

// checkPlacePath checks one segment of a path of users, groups and projects,
// as GitLab does.
func checkPlacePath(field, s string, top bool) error {
	low := strings.ToLower(s)
	switch {
	case s == "":
		return fault.Invalidf(field, "can't be blank")
	case len(s) > maxName:
		return fault.Invalidf(field, "is too long (maximum is 255 characters)")
	case !placePath.MatchString(s), strings.HasSuffix(low, ".git"), strings.HasSuffix(low, ".atom"), strings.HasSuffix(s, "."):
		return fault.Invalidf(field, "can contain only letters, digits, '_', '-' and '.'. Cannot start with '-', end in '.', '.git' or '.atom'")
	case top && reserved[low], low == "-", s == ".", s == "..":
		return fault.Invalidf(field, "is a reserved name")
	}
	return nil
}

// pathOf makes a path of a display name, as GitLab does for "My Project".
func pathOf(name string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(name) {
		switch {
		case r < 128 && (unicode.IsLetter(r) || unicode.IsDigit(r)), r == '_', r == '.':
			b.WriteRune(r)
		default:
			if t := b.String(); t != "" && !strings.HasSuffix(t, "-") {
				b.WriteByte('-')
			}
		}
	}
	return strings.Trim(b.String(), "-.")
}
