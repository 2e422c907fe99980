package oci

import (
	"regexp"
	"strings"

	"github.com/vitrine-ml/vitrine/internal/blob"
	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// resource is what an address is about.
type resource string

// The resources.
const (
	ping      resource = "" // the API itself
	manifests resource = "manifests"
	blobs     resource = "blobs"
	tags      resource = "tags"
	referrers resource = "referrers"
)

// address is an address of this dialect in its parts.
type address struct {
	what resource
	name string // of the repository
	ref  string // what follows the resource
}

// parseAddress reads an address from its end: a name may have any number of
// segments, and these may be called as resources are.
func parseAddress(path string) (address, bool) {
	if path+"/" == Prefix || path == Prefix {
		return address{}, true
	}
	rest, ok := strings.CutPrefix(path, Prefix)
	if !ok {
		return address{}, false
	}
	rest, ref, ok := cutLast(rest)
	if !ok {
		return address{}, false
	}
	name, what, ok := cutLast(rest)
	at := address{resource(what), name, ref}
	_, known := routes[at.what]
	return at, ok && known && name != "" && ref != "" && what != "" && (at.what != tags || ref == allTags)
}

// allTags is what follows tags/.
const allTags = "list"

// cutLast cuts around the last slash.
func cutLast(s string) (before, after string, ok bool) {
	i := strings.LastIndexByte(s, '/')
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+1:], true
}

// The grammar of names and tags, by the distribution specification.
var (
	nameForm = regexp.MustCompile(`^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$`)
	tagForm  = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$`)
)

// maxRepository bounds names; it is what most clients bear, by the specification.
const maxRepository = 255

// checkName checks the name of a repository.
func checkName(name string) error {
	switch {
	case len(name) > maxRepository:
		return invalid("name", "A name has at most 255 characters.")
	case !nameForm.MatchString(name):
		return invalid("name", "A name is GROUP/PROJECT/MODEL in lower case; a project or model whose name holds other characters "+
			"than letters, digits and single separators cannot be named here.")
	case strings.Count(name, "/") < 2:
		return &fault.Error{Kind: fault.NotFound, Noun: "model", Name: name, Msg: "A name is GROUP/PROJECT/MODEL."}
	}
	return nil
}

// splitName splits the name of a repository into the full path of a project and
// the name of a model, which is the last segment.
func splitName(name string) (project, model string) {
	project, model, _ = cutLast(name)
	return project, model
}

// Build metadata of a version begins with "+", which tags cannot hold; "_", which
// versions cannot hold, stands for it, as in Helm.
const buildMark, tagMark = "+", "_"

// Reference names a version as this door takes it, as "group/project/iris:1.0.0";
// ok is false where OCI has no spelling for that.
func Reference(project string, v registry.Version) (ref string, ok bool) {
	name, tag := strings.ToLower(project+"/"+v.ModelName), v.Label()
	return name + ":" + tag, !strings.Contains(v.ModelName, "/") && checkName(name) == nil && tagForm.MatchString(tag)
}

// byTag gives the version that a tag names: a semantic version, or else an alias.
func byTag(tag string) registry.VersionRef {
	which := registry.VersionRef{Alias: tag}
	semver := strings.Replace(tag, tagMark, buildMark, 1)
	if _, err := registry.ParseSemver(semver); err == nil {
		which.Semver = semver
	}
	return which
}

// parseReference reads what follows manifests/: a tag or a digest.
func parseReference(s string) (registry.VersionRef, error) {
	if strings.Contains(s, ":") {
		d, err := parseDigest(s)
		return registry.VersionRef{Manifest: d}, err
	}
	if !tagForm.MatchString(s) {
		return registry.VersionRef{}, fault.Missing("version", s)
	}
	return byTag(s), nil
}

// parseDigest reads a digest. Others than SHA-256 are not kept.
func parseDigest(s string) (blob.Digest, error) {
	d, err := blob.ParseDigest(s)
	if err != nil || string(d) != s {
		return "", invalid("digest", `A digest is "sha256:" and 64 hexadecimal digits in lower case.`)
	}
	return d, nil
}

// invalid makes the error of something in an address that breaks the grammar.
func invalid(noun, msg string) error {
	return &fault.Error{Kind: fault.Invalid, Noun: noun, Msg: msg}
}
