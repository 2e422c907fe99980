package mlflow

import (
	"slices"
	"strings"

	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// What a new version is made of, at GitLab's door. GitLab does not read the
// source: a run becomes the version, if it is a candidate of the model, and
// else the version is empty (lib/api/ml/mlflow/model_versions.rb). MLflow's
// clients mean the files that the source names, so these count here.

type newGitLabVersion struct {
	Name   string `field:"name" check:"string required"`
	Source string `field:"source" check:"string"`
	versionParts
}

// createGitLabVersion makes a version of a candidate of the model, which
// becomes it, of the files that a source names, or an empty one.
func createGitLabVersion(c *call, in newGitLabVersion) (versionAnswer, error) {
	spec, err := c.gitlabOrigin(in)
	if err != nil {
		return versionAnswer{}, err
	}
	spec.Description, spec.Tags = in.Description, tags(in.Tags)
	v, err := c.s.CreateVersion(c.ctx(), c.ref, registry.ModelRef{Name: in.Name}, named(spec))
	return c.versionAnswer(v, c.unknown(wrongSemver(err), in.Name, ""))
}

// gitlabOrigin tells what a version is made of. A source that is no address
// is whatever GitLab's users write there, who know that it does not count.
func (c *call) gitlabOrigin(in newGitLabVersion) (registry.VersionSpec, error) {
	u := parseURI(in.Source)
	switch {
	case u.scheme == "runs", u.scheme == "mlflow-artifacts" && u.host == "":
		return c.gitlabRunSource(u, in)
	case u.scheme == "models", u.elsewhere():
		return c.origin(newVersion(in))
	}
	return registry.VersionSpec{RunEID: deref(in.RunID)}, nil
}

// elsewhere reports whether an address is one of a store of files, as
// s3://bucket/path.
func (u uri) elsewhere() bool {
	return u.host != "" && u.scheme != "file" && !slices.Contains(hostSchemes, u.scheme)
}

// gitlabRunSource reads a source among the files of a run, or of a version. All
// of a candidate of the model is the candidate, which becomes the version; what
// lies below a path of it is copied.
func (c *call) gitlabRunSource(u uri, in newGitLabVersion) (registry.VersionSpec, error) {
	var spec registry.VersionSpec
	if err := u.checkPath("run_id"); err != nil {
		return spec, err
	}
	clean := strings.Trim(cleanParts(u.path), "/")
	at, ok := parseArtifactPath(atGitLab, clean)
	if u.scheme == "runs" {
		id, below, _ := strings.Cut(clean, "/")
		at, ok = artifactRef{run: registry.RunRef{EID: id}, path: below}, u.host == ""
	}
	at.run.Deleted = true
	switch {
	case !ok:
		return spec, u.foreign("run_id")
	case at.version != 0:
		spec.Files = &registry.FilesOf{VersionID: at.version, Path: at.path}
		return spec, nil
	}
	run, err := c.s.Run(c.ctx(), c.ref, at.run)
	switch {
	case fault.Is(err, fault.NotFound):
		return spec, invalid("Run not found")
	case err != nil:
		return spec, err
	case in.RunID != nil && *in.RunID != run.EID:
		return spec, u.foreign("run_id")
	}
	if at.path == "" && run.ModelID != 0 && run.VersionID == 0 {
		m, err := c.s.Model(c.ctx(), c.ref, registry.ModelRef{Name: in.Name})
		if err == nil && m.ID == run.ModelID {
			return registry.VersionSpec{RunEID: run.EID}, nil
		}
	}
	spec.Files = &registry.FilesOf{Run: at.run, Path: at.path}
	spec.Origin = registry.Origin{Source: "runs:/" + run.EID + "/" + at.path, RunEID: run.EID, RunLink: in.RunLink}
	return spec, nil
}
