package mlflow

import (
	"encoding/json"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// What a new version is made of, as _create_model_version of
// mlflow/server/handlers.py reads it. A source is an address that is kept as a
// text and never opened; where it names files that are here, these become the
// version's own.

// promptSources stand where a prompt, which has no files, needs a source.
var promptSources = []string{"dummy-source", "prompt-template"}

// hostSchemes make a server connect to the host that an address names.
var hostSchemes = []string{"ftp", "sftp", "hdfs", "viewfs", "http", "https", "mlflow-artifacts", "r2", "b2", "abfss"}

// uri is an address in the parts that count here.
type uri struct {
	text   string
	scheme string // in lower case; empty: a path
	host   string
	path   string // without query and fragment
}

func parseURI(s string) uri {
	u := uri{text: s, path: s}
	if i := strings.IndexByte(s, ':'); i > 0 && isScheme(s[:i]) {
		u.scheme, u.path = strings.ToLower(s[:i]), s[i+1:]
	}
	if rest, ok := strings.CutPrefix(u.path, "//"); ok {
		end := strings.IndexAny(rest, "/?#")
		if end < 0 {
			end = len(rest)
		}
		u.host, u.path = rest[:end], rest[end:]
	}
	if i := strings.IndexAny(u.path, "?#"); i >= 0 {
		u.path = u.path[:i]
	}
	return u
}

// isScheme reports whether a text can be one.
func isScheme(s string) bool {
	for i, c := range []byte(s) {
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		if !letter && (i == 0 || strings.IndexByte("0123456789+-.", c) < 0) {
			return false
		}
	}
	return true
}

// badSource refuses a source.
func (u uri) bad(why string) error {
	return invalid("Invalid model version source: '" + u.text + "'. " + why)
}

// foreign refuses a source that is not of what the request names in id.
func (u uri) foreign(id string) error {
	return u.bad("The " + id + " request parameter must identify the resource that contains the source.")
}

// checkScheme refuses addresses that name a host.
func (u uri) checkScheme() error {
	if !slices.Contains(hostSchemes, u.scheme) || u.scheme == "mlflow-artifacts" && u.host == "" {
		return nil
	}
	return invalid("'source' cannot use the '" + u.scheme + "' scheme: the '" + u.scheme + "' scheme addresses a host other than the tracking server's " +
		"configured artifact storage, so the server would connect to the host named in the URI. Set the " +
		"MLFLOW_ALLOWED_HOST_ADDRESSED_ARTIFACT_SCHEMES environment variable on the server to allow it.")
}

// checkPath refuses local files, and paths that climb in whatever spelling; id
// names the parameter that would have to go with a local one.
func (u uri) checkPath(id string) error {
	if u.scheme == "" || u.scheme == "file" {
		return u.bad("To use a local path as a model version source, the " + id + " request parameter has to be specified and the local path has to " +
			"be contained within the artifact directory of the run specified by the " + id + ".")
	}
	plain := decoded(u.text)
	at := strings.TrimRight(parseURI(plain).path, "/")
	for strings.Contains(at, "//") {
		at = strings.ReplaceAll(at, "//", "/")
	}
	if strings.ContainsRune(plain, 0) || slices.Contains(strings.Split(plain, "/"), "..") || !strings.HasPrefix(at, "/") || path.Clean(at) != at {
		return u.bad("If supplying a source as an http, https, local file path, ftp, objectstore, or mlflow-artifacts uri, an absolute path must be " +
			"provided without relative path references present. Please provide an absolute path.")
	}
	return nil
}

// modelURI is an address of a version or of a logged model: models:/NAME/3,
// models:/NAME/Staging, models:/NAME/latest, models:/NAME@alias, models:/m-….
type modelURI struct {
	loggedModel string
	name        string
	version     string
	stage       string
	alias       string
}

// model reads the path of a models: address, as _parse_model_uri does.
func (u uri) model() (m modelURI, ok bool) {
	parts := strings.Split(strings.TrimLeft(u.path, "/"), "/")
	name := parts[0]
	switch {
	case !strings.HasPrefix(u.path, "/"), len(parts) > 2, strings.TrimSpace(name) == "", len(parts) == 2 && strings.TrimSpace(parts[1]) == "":
		return m, false
	case len(parts) == 2 && strings.Trim(parts[1], "0123456789") == "":
		return modelURI{name: name, version: parts[1]}, true
	case len(parts) == 2 && strings.EqualFold(parts[1], registry.Latest):
		return modelURI{name: name}, true
	case len(parts) == 2:
		return modelURI{name: name, stage: parts[1]}, true
	}
	if i := strings.LastIndexByte(name, '@'); i >= 0 {
		alias := name[i+1:]
		return modelURI{name: name[:i], alias: alias}, strings.TrimSpace(alias) != ""
	}
	return modelURI{loggedModel: name}, true
}

// origin checks where a new version comes from and finds its files.
func (c *call) origin(in newVersion) (registry.VersionSpec, error) {
	u := parseURI(in.Source)
	spec := registry.VersionSpec{Description: in.Description, Tags: uniqueTags(in.Tags),
		Origin: registry.Origin{Source: in.Source, Location: in.Source, RunEID: deref(in.RunID), RunLink: in.RunLink, LoggedModel: deref(in.ModelID)}}
	if wantsPrompt(spec.Tags) {
		if !slices.Contains(promptSources, in.Source) {
			return spec, invalid("Invalid prompt source: '" + in.Source + "'. Prompt sources must use an MLflow placeholder.")
		}
		return spec, nil
	}
	if err := u.checkScheme(); err != nil {
		return spec, err
	}
	spec.Note = c.versionNote()
	if u.scheme == "models" {
		if err := c.originOfModel(in, u, &spec); err != nil {
			return spec, err
		}
	}
	if spec.Origin.LoggedModel != "" {
		return spec, c.loggedSource(u, in, &spec)
	}
	spec.Note = nil
	return spec, runSource(u, &spec)
}

// runSource checks a source that goes with a run, or with nothing.
func runSource(u uri, spec *registry.VersionSpec) error {
	if err := u.checkPath("run_id"); err != nil {
		return err
	}
	run := spec.Origin.RunEID
	switch u.scheme {
	case "runs":
		id, below, _ := strings.Cut(strings.TrimLeft(u.path, "/"), "/")
		if u.host != "" || id != run {
			return u.foreign("run_id")
		}
		spec.Files = &registry.FilesOf{Run: registry.RunRef{EID: run, Deleted: true}, Path: strings.Trim(below, "/")}
	case "models":
		if m, ok := u.model(); u.host != "" || !ok || m.loggedModel != "" {
			return u.foreign("model_id")
		}
	case "mlflow-artifacts":
		at, ok := parseArtifactPath(atRoot, strings.Trim(cleanParts(u.path), "/"))
		if !ok || run == "" || at.run.EID != run {
			return u.foreign("run_id")
		}
		spec.Files = &registry.FilesOf{Run: at.run, Experiment: &at.experiment, Path: at.path}
	}
	return nil
}

// versionsTag is where a logged model tells of its versions, as a JSON list
// (set_model_versions_tags of mlflow/store/tracking/abstract_store.py).
const versionsTag = "mlflow.modelVersions"

// versionNote adds a version to that list, if it is not there. A list that is
// none, or has become too long, begins anew.
func (c *call) versionNote() *registry.VersionNote {
	return &registry.VersionNote{Key: versionsTag, Write: func(v registry.Version, old string) (string, error) {
		one, err := json.Marshal(struct {
			Name    string      `json:"name"`
			Version json.Number `json:"version"`
		}{v.ModelName, json.Number(c.versionName(v.ID, v.Number))})
		if err != nil {
			return "", err
		}
		entry := pythonSpaced(one)
		inner, ok := strings.CutPrefix(strings.TrimSuffix(old, "]"), "[")
		switch {
		case ok && strings.Contains(old, entry):
			return old, nil
		case ok && inner != "" && json.Valid([]byte(old)) && !longer(inner+entry, maxRegistryTagValue-len("[, ]")):
			entry = inner + ", " + entry
		}
		return "[" + entry + "]", nil
	}}
}

// cleanParts decodes a path and drops its empty parts.
func cleanParts(p string) string {
	return strings.Join(slices.DeleteFunc(strings.Split(unquoted(p), "/"), func(s string) bool { return s == "" }), "/")
}

// loggedSource checks a source that goes with a logged model. The version gets
// its files, or those below the address, and the run that made it.
func (c *call) loggedSource(u uri, in newVersion, spec *registry.VersionSpec) error {
	if err := u.checkPath("model_id"); err != nil {
		return err
	}
	id := spec.Origin.LoggedModel
	m, ok := u.model()
	if u.scheme == "models" && (u.host != "" || !ok || m.loggedModel != "" && m.loggedModel != id) || u.scheme == "runs" {
		return u.foreign("model_id")
	}
	if u.scheme == "models" && m.loggedModel == "" {
		return nil // another version's, of which all is known
	}
	logged, err := c.s.LoggedModel(c.ctx(), c.ref, registry.LoggedModelRef{EID: id})
	here := u.scheme == "models" || u.scheme == "mlflow-artifacts"
	if here && fault.Is(err, fault.NotFound) {
		return u.foreign("model_id")
	}
	if err != nil {
		return err
	}
	if deref(in.RunID) == "" {
		spec.Origin.RunEID = logged.SourceRun
	}
	if !here {
		return nil
	}
	spec.Files = &registry.FilesOf{Logged: id}
	home := loggedModelURI(logged)
	if u.scheme == "models" {
		spec.Origin.Location = home
	} else if spec.Files.Path, ok = strings.CutPrefix(artifactScheme+cleanParts(u.path)+"/", home+"/"); !ok {
		return u.foreign("model_id")
	}
	spec.Files.Path = strings.Trim(spec.Files.Path, "/")
	return nil
}

// originOfModel resolves a source that is another version: its files, and the
// run and logged model of which it was made, are those of the new one.
func (c *call) originOfModel(in newVersion, u uri, spec *registry.VersionSpec) error {
	if u.host != "" {
		return u.bad("Registered model sources must use the active model registry.")
	}
	named, ok := u.model()
	switch {
	case !ok:
		return u.foreign("model_id")
	case named.loggedModel != "":
		return nil
	}
	v, err := c.namedVersion(u, named)
	if err != nil {
		return err
	}
	if in.RunID != nil && *in.RunID != v.Origin.RunEID || in.ModelID != nil && *in.ModelID != v.Origin.LoggedModel {
		return u.bad("The run_id and model_id request parameters must match the referenced model version.")
	}
	spec.Origin.Source = "models:/" + named.name + "/" + strconv.FormatInt(v.Number, 10)
	spec.Origin.Location, spec.Origin.RunEID, spec.Origin.LoggedModel = v.Origin.Location, v.Origin.RunEID, v.Origin.LoggedModel
	spec.Files = &registry.FilesOf{VersionID: v.ID}
	return nil
}

// namedVersion finds the version that an address means.
func (c *call) namedVersion(u uri, named modelURI) (registry.Version, error) {
	model := registry.ModelRef{Name: named.name}
	m, err := c.s.Model(c.ctx(), c.ref, model)
	if err != nil {
		return registry.Version{}, c.unknown(err, named.name, "")
	}
	if wantsPrompt(m.Tags) {
		return registry.Version{}, u.bad("Prompt versions cannot be used as model version sources.")
	}
	if _, err := registry.ParseSemver(named.stage); err == nil && c.door == atGitLab {
		named.version, named.stage = named.stage, ""
	}
	switch {
	case named.version != "":
		which, err := c.versionRef(named.name, named.version)
		if err != nil {
			return registry.Version{}, err
		}
		v, err := c.s.Version(c.ctx(), c.ref, model, which)
		return v, c.unknown(err, named.name, named.version)
	case named.alias != "":
		v, err := c.s.Version(c.ctx(), c.ref, model, registry.VersionRef{Alias: named.alias})
		return v, c.unknownAlias(err, named.alias)
	}
	heads, suffix := m.Heads, ""
	if named.stage != "" {
		stage, err := parseStage(named.stage)
		if err != nil {
			return registry.Version{}, err
		}
		heads = slices.DeleteFunc(slices.Clone(heads), func(v registry.Version) bool { return v.Stage != stage })
		suffix = " and stage '" + named.stage + "'"
	}
	if len(heads) == 0 {
		return registry.Version{}, absent("No versions of model with name '" + named.name + "'" + suffix + " found")
	}
	return last(heads), nil
}

// wantsPrompt reports whether tags mean a prompt; here MLflow compares without
// case.
func wantsPrompt(ts []registry.Tag) bool {
	return slices.ContainsFunc(ts, func(t registry.Tag) bool { return t.Key == registry.PromptTag && strings.EqualFold(t.Value, "true") })
}

// semverTag is where GitLab's users say which semantic version they want.
const semverTag = "gitlab.version"

type newVersion struct {
	Name   string `field:"name" check:"string required"`
	Source string `field:"source" check:"string required"`
	versionParts
}

// versionParts is what both doors take of a new version beside name and source.
type versionParts struct {
	RunID       *string   `field:"run_id" check:"string"`
	Tags        []tagJSON `field:"tags" check:"array"`
	RunLink     string    `field:"run_link" check:"string"`
	Description string    `field:"description" check:"string"`
	ModelID     *string   `field:"model_id" check:"string"`
}

func createVersion(c *call, in newVersion) (versionAnswer, error) {
	spec, err := c.origin(in)
	if err != nil {
		return versionAnswer{}, err
	}
	if err := c.checkModel(in.Name, in.Tags, checkVersionTag); err != nil {
		return versionAnswer{}, err
	}
	v, err := c.s.CreateVersion(c.ctx(), c.ref, registry.ModelRef{Name: in.Name}, named(spec))
	if e, ok := fault.As(err); ok && e.Kind == fault.NotFound && e.Noun == "run" {
		err = parseURI(in.Source).foreign("run_id")
	}
	return c.versionAnswer(v, c.unknown(wrongSemver(err), in.Name, ""))
}

// named takes the semantic version from the tag for it.
func named(spec registry.VersionSpec) registry.VersionSpec {
	for _, t := range spec.Tags {
		if t.Key == semverTag {
			spec.Semver = t.Value
		}
	}
	return spec
}

// wrongSemver words what is wrong with a semantic version, as GitLab does; one
// that is taken is a parameter that is not valid.
func wrongSemver(err error) error {
	if e, ok := fault.As(err); ok && e.Field == "version" {
		return invalid("Version " + e.Msg)
	}
	return err
}
