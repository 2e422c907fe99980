package mlflow

import (
	"strconv"
	"strings"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

// The addresses of files that are kept here begin with artifactScheme. What
// follows names the files of
//
//	EXPERIMENT/RUN/artifacts/…   a run, by the number of its experiment and its id
//	versions/ID/…                a version that was not registered by an address
//
// at the root, and at GitLab's door, which knows those of the root as well,
//
//	ID/…                         a version
//	candidate:IID/…              a run, by its number
//
// "versions" is no number and so no experiment.
const versionsPart = "versions"

// versionURI is the address of a version's own files.
func versionURI(id int64) string {
	return artifactScheme + versionsPart + "/" + strconv.FormatInt(id, 10)
}

// gitlabVersionURI is the same in GitLab's words.
func gitlabVersionURI(id int64) string { return artifactScheme + strconv.FormatInt(id, 10) }

// artifactRef is what an address of files names.
type artifactRef struct {
	version    int64
	run        registry.RunRef
	experiment int64 // that of the run, when the address has it
	path       string
}

// parseArtifactPath reads an address, without its scheme and the slash behind
// it; ok is false for what names nothing.
func parseArtifactPath(door flavour, s string) (ref artifactRef, ok bool) {
	first, rest, _ := strings.Cut(s, "/")
	if first == versionsPart {
		var id string
		id, ref.path, _ = strings.Cut(rest, "/")
		ref.version, ok = rowID(id)
		return ref, ok
	}
	if iid, is := strings.CutPrefix(first, "candidate:"); is && door == atGitLab {
		ref.path = rest
		ref.run.IID, ok = rowID(iid)
		return ref, ok
	}
	n, err := strconv.ParseInt(first, 10, 64)
	if err != nil || n < 0 {
		return ref, false
	}
	run, below, _ := strings.Cut(rest, "/")
	folder, path, _ := strings.Cut(below, "/")
	if looksLikeRunID(run) && folder == "artifacts" {
		return artifactRef{experiment: n, run: registry.RunRef{EID: run, Deleted: true}, path: path}, true
	}
	return artifactRef{version: n, path: rest}, door == atGitLab && n > 0
}

// rowID reads the number of a row.
func rowID(s string) (int64, bool) {
	n, err := registry.ParseID("", s)
	return n, err == nil
}
