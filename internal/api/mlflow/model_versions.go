package mlflow

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/httpx"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

func versionRoutes() []route {
	read, write := project(registry.ReadModels), project(registry.WriteModels)
	return []route{
		v2("POST", "/mlflow/model-versions/create", write, createVersion).atGitLab(answer(createGitLabVersion)).nameless(),
		v2("GET", "/mlflow/model-versions/get", read, getVersion),
		v2("PATCH", "/mlflow/model-versions/update", write, updateVersion),
		v2("DELETE", "/mlflow/model-versions/delete", write, deleteVersion),
		v2("GET", "/mlflow/model-versions/search", read, searchVersions),
		v2("GET", "/mlflow/model-versions/get-download-uri", read, getDownloadURI),
		v2("POST", "/mlflow/model-versions/transition-stage", write, transitionStage),
		v2("POST", "/mlflow/model-versions/set-tag", write, setVersionTag),
		v2("DELETE", "/mlflow/model-versions/delete-tag", write, deleteVersionTag),
	}
}

type versionJSON struct {
	Name          string    `json:"name"`
	Version       string    `json:"version"`
	CreatedAt     int64     `json:"creation_timestamp"` // ms since 1970
	UpdatedAt     int64     `json:"last_updated_timestamp"`
	UserID        string    `json:"user_id,omitempty"`
	Stage         string    `json:"current_stage"`
	Description   string    `json:"description"`
	Source        string    `json:"source"`
	RunID         string    `json:"run_id"`
	Status        string    `json:"status"`
	StatusMessage *string   `json:"status_message,omitempty"`
	Tags          []tagJSON `json:"tags,omitzero"`
	RunLink       string    `json:"run_link"`
	Aliases       []string  `json:"aliases,omitempty"`
}

// stages are MLflow's names of the stages, in its order.
var stages = []struct {
	stage registry.VersionStage
	name  string
}{{registry.NoStage, "None"}, {registry.Staging, "Staging"}, {registry.Production, "Production"}, {registry.Retired, "Archived"}}

func versionStage(v registry.VersionStage) string {
	for _, s := range stages {
		if s.stage == v {
			return s.name
		}
	}
	return ""
}

// versionName gives what a door calls a version: MLflow its number, GitLab its
// id.
func (c *call) versionName(id, number int64) string {
	if c.door == atGitLab {
		return strconv.FormatInt(id, 10)
	}
	return strconv.FormatInt(number, 10)
}

// version writes a version; one is ready from its birth. What was not
// registered by an address has that of its own files.
func (c *call) version(v registry.Version) versionJSON {
	out := versionJSON{Name: v.ModelName, Version: c.versionName(v.ID, v.Number), CreatedAt: v.CreatedAt.UnixMilli(),
		UpdatedAt: v.UpdatedAt.UnixMilli(), UserID: c.author(v.Author), Stage: versionStage(v.Stage), Description: v.Description,
		Source: v.Origin.Source, RunID: v.Origin.RunEID, Status: "READY", RunLink: v.Origin.RunLink, Aliases: v.Aliases}
	if out.Source == "" {
		out.Source = versionURI(v.ID)
	}
	if len(v.Tags) > 0 {
		out.Tags = tagsWire(v.Tags)
	}
	if c.door == atGitLab {
		c.gitlabVersion(&out, v)
	}
	return out
}

// gitlabVersion writes what GitLab has in other places: the semantic version
// among the aliases, the page as the source, and the version's own run.
func (c *call) gitlabVersion(out *versionJSON, v registry.Version) {
	empty := ""
	out.Source = c.page(v.ProjectPath, "models/"+strconv.FormatInt(v.ModelID, 10)+"/versions/"+strconv.FormatInt(v.ID, 10))
	out.RunID, out.StatusMessage, out.Tags = v.RunEID, &empty, tagsWire(v.Tags)
	out.Aliases = append([]string{v.Semver}, v.Aliases...)
	if v.Stage == registry.NoStage {
		out.Stage = "development"
	}
}

// page gives a page's address below a project.
func (c *call) page(projectPath, rest string) string {
	return httpx.BaseURL(c.d.URL, c.r) + "/" + projectPath + "/-/ml/" + rest
}

type versionAnswer struct {
	Version versionJSON `json:"model_version"`
}

func (c *call) versionAnswer(v registry.Version, err error) (versionAnswer, error) {
	if err != nil {
		return versionAnswer{}, err
	}
	return versionAnswer{c.version(v)}, nil
}

type versionName struct {
	modelName
	Version string `field:"version" check:"string required"`
}

// versionRef reads what a door calls a version. GitLab's looks versions up by
// their semantic version, and here by the id, too, that its answers give.
func (c *call) versionRef(model, version string) (registry.VersionRef, error) {
	n, err := strconv.ParseInt(strings.TrimSpace(version), 10, 64)
	switch {
	case c.door == atGitLab && err == nil && n > 0:
		return registry.VersionRef{ID: n}, nil
	case c.door == atGitLab:
		return registry.VersionRef{Semver: version}, nil
	case errors.Is(err, strconv.ErrSyntax):
		if bad := c.checkModelName("name", model); bad != nil {
			return registry.VersionRef{}, bad
		}
		return registry.VersionRef{}, invalid("Parameter 'version' must be an integer, got '" + version + "'.")
	case err != nil || n < 1:
		return registry.VersionRef{}, c.unknown(fault.Missing("version", version), model, version)
	}
	return registry.VersionRef{Number: n}, nil
}

func getVersion(c *call, in versionName) (versionAnswer, error) {
	which, err := c.versionRef(in.Name, in.Version)
	if err != nil {
		return versionAnswer{}, err
	}
	v, err := c.s.Version(c.ctx(), c.ref, in.ref(), which)
	return c.versionAnswer(v, c.unknown(err, in.Name, in.Version))
}

type versionUpdate struct {
	versionName
	Description *string `field:"description" check:"string"`
}

// updateVersion sets the description; without one there is none afterwards,
// but at GitLab's door, where it stays. To GitLab a version that is not there is
// a parameter that is not valid.
func updateVersion(c *call, in versionUpdate) (versionAnswer, error) {
	which, err := c.versionRef(in.Name, in.Version)
	if err != nil {
		return versionAnswer{}, err
	}
	edit := registry.VersionEdit{Description: in.Description}
	if in.Description == nil && c.door == atRoot {
		edit.Description = new(string)
	}
	v, err := c.s.EditVersion(c.ctx(), c.ref, in.ref(), which, edit)
	err = c.unknown(err, in.Name, in.Version)
	if e, ok := asAPI(err); ok && c.door == atGitLab {
		err = &apiError{code: invalidParameter, kind: fault.Invalid, msg: e.msg}
	}
	return c.versionAnswer(v, err)
}

func deleteVersion(c *call, in versionName) (none, error) {
	which, err := c.versionRef(in.Name, in.Version)
	if err != nil {
		return none{}, err
	}
	return none{}, c.unknown(c.s.DeleteVersion(c.ctx(), c.ref, in.ref(), which), in.Name, in.Version)
}

type downloadURI struct {
	URI string `json:"artifact_uri"`
}

type versionOf struct {
	Name    string `field:"name"`
	Version string `field:"version"`
}

// getDownloadURI tells where a version's files are: at the address that was
// registered, or here. At GitLab's door they are here unless they are in a
// store of their own.
func getDownloadURI(c *call, in versionOf) (downloadURI, error) {
	which, err := c.versionRef(in.Name, in.Version)
	if err != nil {
		return downloadURI{}, err
	}
	v, err := c.s.Version(c.ctx(), c.ref, registry.ModelRef{Name: in.Name}, which)
	switch {
	case err != nil:
		return downloadURI{}, c.unknown(err, in.Name, in.Version)
	case c.door == atGitLab && !parseURI(v.Origin.Location).elsewhere():
		return downloadURI{gitlabVersionURI(v.ID)}, nil
	case v.Origin.Location == "":
		return downloadURI{versionURI(v.ID)}, nil
	}
	return downloadURI{v.Origin.Location}, nil
}

type stageMove struct {
	versionName
	Stage   string `field:"stage" check:"string required"`
	Archive bool   `field:"archive_existing_versions"`
}

func transitionStage(c *call, in stageMove) (versionAnswer, error) {
	stage, err := parseStage(in.Stage)
	if err != nil {
		return versionAnswer{}, err
	}
	if in.Archive && !stage.Serving() {
		return versionAnswer{}, invalid("Model version transition cannot archive existing model versions because '" + in.Stage +
			"' is not an Active stage. Valid stages are ['Staging', 'Production']")
	}
	which, err := c.versionRef(in.Name, in.Version)
	if err != nil {
		return versionAnswer{}, err
	}
	v, err := c.s.MoveToStage(c.ctx(), c.ref, in.ref(), which, registry.StageMove{Stage: stage, RetireOthers: in.Archive})
	return c.versionAnswer(v, c.unknown(err, in.Name, in.Version))
}

func parseStage(s string) (registry.VersionStage, error) {
	stage, err := registry.ParseVersionStage(s)
	if err != nil {
		return stage, invalid("Invalid Model Version stage: " + s + ". Value must be one of None, Staging, Production, Archived.")
	}
	return stage, nil
}

type latestVersions struct {
	modelName
	Stages []string `field:"stages" check:"array strings"`
}

type versionsAnswer struct {
	Versions      []versionJSON `json:"model_versions,omitzero"`
	NextPageToken string        `json:"next_page_token,omitempty"`
}

// getLatestVersions gives the version of the highest number at each stage, or
// at those that are asked for; GitLab's the highest release.
func getLatestVersions(c *call, in latestVersions) (versionsAnswer, error) {
	var want []registry.VersionStage
	for _, s := range in.Stages {
		stage, err := parseStage(s)
		if err != nil {
			return versionsAnswer{}, err
		}
		want = append(want, stage)
	}
	if c.door == atGitLab && want == nil {
		return c.latestRelease(in.Name)
	}
	m, err := c.s.Model(c.ctx(), c.ref, in.ref())
	if err != nil {
		return versionsAnswer{}, c.unknown(err, in.Name, "")
	}
	var out versionsAnswer
	for _, v := range m.Heads {
		if want == nil || slices.Contains(want, v.Stage) {
			out.Versions = append(out.Versions, c.version(v))
		}
	}
	return out, nil
}

func (c *call) latestRelease(model string) (versionsAnswer, error) {
	v, err := c.s.Version(c.ctx(), c.ref, registry.ModelRef{Name: model}, registry.VersionRef{Alias: registry.Latest})
	out := versionsAnswer{Versions: []versionJSON{}}
	if err == nil {
		out.Versions = append(out.Versions, c.version(v))
	}
	return out, c.unknown(gone(err, "version"), model, "")
}

type versionTag struct {
	versionName
	Key   string `field:"key" check:"string required"`
	Value string `field:"value" check:"string"`
}

func setVersionTag(c *call, in versionTag) (none, error) {
	which, err := c.versionRef(in.Name, in.Version)
	if err != nil {
		return none{}, err
	}
	t := registry.Tag{Key: in.Key, Value: in.Value}
	if err := checkVersionTag(t); err != nil {
		return none{}, err
	}
	return none{}, c.unknown(c.s.SetVersionTag(c.ctx(), c.ref, in.ref(), which, t), in.Name, in.Version)
}

type versionTagKey struct {
	versionName
	Key string `field:"key" check:"string required"`
}

func deleteVersionTag(c *call, in versionTagKey) (none, error) {
	which, err := c.versionRef(in.Name, in.Version)
	if err != nil {
		return none{}, err
	}
	if err := checkName(in.Key); err != nil {
		return none{}, err
	}
	err = gone(c.s.DeleteVersionTag(c.ctx(), c.ref, in.ref(), which, in.Key), "tag")
	return none{}, c.unknown(err, in.Name, in.Version)
}
