package mlflow

import (
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

func artifactRoutes() []route {
	read, write := project(registry.PullFiles), project(registry.PushFiles)
	const proxy = "/mlflow-artifacts/artifacts"
	return []route{
		v2("GET", proxy, read, listProxied),
		transfer("GET", proxy+"/{path...}", read, downloadArtifact),
		transfer("PUT", proxy+"/{path...}", write, uploadArtifact),
		plain("DELETE", "2.0", proxy+"/{path...}", write, deleteArtifact),
		v2("GET", "/mlflow/artifacts/list", read, listArtifacts),
		transfer("POST", "/mlflow/upload-artifact", write, uploadFromPage),
		pageFile("/get-artifact", read, getArtifact),
		pageFile("/model-versions/get-artifact", read, getVersionArtifact),
	}
}

// transfer makes a route that moves a file.
func transfer(method, path string, a access, fn func(*call) error) route {
	return plain(method, "2.0", path, a, fn).withBytes()
}

// pageFile makes one of the two addresses for pages, outside of the API.
func pageFile(path string, a access, fn func(*call) error) route {
	return plain("GET", "", path, a, fn).withBytes()
}

// file is a file, or a folder, that an address names.
type file struct {
	pkg  registry.PackageRef
	path string // in the package; empty: all of it
	name string // as the caller wrote it, without encoding
}

// sharedArea holds what lies outside of every run and version: a generic
// package of the project, which GitLab's addresses and lists show too.
var sharedArea = registry.PackageRef{Generic: "mlflow-artifacts", Version: "shared"}

// fileAt finds what an address below the proxy names.
func (c *call) fileAt(address string) (file, error) {
	name, err := artifactPath(address)
	if err != nil {
		return file{}, err
	}
	f := file{name: name, path: name, pkg: sharedArea}
	parts := strings.Split(name, "/")
	if logged, path, ok := loggedHome(parts); ok {
		f.pkg, f.path = logged, path
		return f, nil
	}
	if len(parts) > 2 && (parts[1] == "models" || parts[1] == "traces") && strings.Contains(parts[2], "-") {
		// EXPERIMENT/models/m-… and EXPERIMENT/traces/tr-…: what belongs to
		// no run. No file of a version at GitLab's door has such a name.
		return f, nil
	}
	if at, ok := parseArtifactPath(c.door, name); ok {
		f.path = at.path
		f.pkg = registry.PackageRef{VersionID: at.version, RunIID: at.run.IID, RunEID: at.run.EID, Deleted: true,
			Home: registry.RunHome{Given: at.run.EID != "", Experiment: at.experiment}}
		return f, nil
	}
	for i := 1; i+1 < len(parts); i++ {
		if parts[i+1] == "artifacts" && isRunID(parts[i]) {
			// A run of an experiment that has a place of its own.
			f.path = strings.Join(parts[i+2:], "/")
			f.pkg = registry.PackageRef{RunEID: parts[i], Home: registry.RunHome{Given: true, Location: artifactScheme + strings.Join(parts[:i], "/")}}
			return f, nil
		}
	}
	return f, nil
}

// loggedHome reads the parts of EXPERIMENT/models/m-…/artifacts/…, or of the same
// below the place of an experiment that has one of its own: the files of a
// logged model.
func loggedHome(parts []string) (registry.PackageRef, string, bool) {
	for i := 1; i+2 < len(parts); i++ {
		hex, is := strings.CutPrefix(parts[i+1], "m-")
		if parts[i] != "models" || !is || !isRunID(hex) || parts[i+2] != "artifacts" {
			continue
		}
		home := registry.RunHome{Given: true, Location: artifactScheme + strings.Join(parts[:i], "/")}
		if n, err := strconv.ParseInt(parts[0], 10, 64); err == nil && i == 1 {
			home.Location, home.Experiment = "", n
		}
		return registry.PackageRef{Logged: parts[i+1], Home: home}, strings.Join(parts[i+3:], "/"), true
	}
	return registry.PackageRef{}, "", false
}

// isRunID reports whether s is a run's id as we make them.
func isRunID(s string) bool {
	return len(s) == 32 && strings.Trim(s, "0123456789abcdef") == ""
}

// artifactPath checks a path as validate_path_is_safe of mlflow/utils/uri.py
// does, which undoes every encoding first, and as the registry does. It gives
// the clean one, "" for the top.
func artifactPath(s string) (string, error) {
	s = unquoted(s)
	climbs := slices.Contains(strings.Split(s, "/"), "..")
	drive := len(s) > 2 && s[1] == ':' && s[2] == '/'
	if climbs || drive || strings.ContainsAny(s, `#\`) || strings.HasPrefix(s, "/") || strings.HasPrefix(s, "file:") {
		return "", invalid("Invalid path")
	}
	if s = path.Clean(s); s == "." {
		return "", nil
	}
	s, err := registry.ParseFilePath(s)
	if e, ok := fault.As(err); ok {
		err = invalid("Invalid path: it " + e.Msg)
	}
	return s, err
}

// unquoted undoes percent-encoding until nothing is left of it.
func unquoted(s string) string {
	for range 10 {
		next, err := url.PathUnescape(s)
		if err != nil || next == s {
			return s
		}
		s = next
	}
	return s
}
