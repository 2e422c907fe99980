package mlflow

import (
	"slices"
	"strconv"

	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

func modelRoutes() []route {
	read, write := project(registry.ReadModels), project(registry.WriteModels)
	return []route{
		v2("POST", "/mlflow/registered-models/create", write, createModel),
		v2("GET", "/mlflow/registered-models/get", read, getModel).nameless(),
		v2("PATCH", "/mlflow/registered-models/update", write, updateModel).nameless(),
		v2("POST", "/mlflow/registered-models/rename", write, renameModel),
		v2("DELETE", "/mlflow/registered-models/delete", write, deleteModel).nameless(),
		v2("GET", "/mlflow/registered-models/search", read, searchModels),
		v2("GET", "/mlflow/registered-models/get-latest-versions", read, getLatestVersions).nameless(),
		v2("POST", "/mlflow/registered-models/get-latest-versions", read, getLatestVersions).nameless(),
		v2("POST", "/mlflow/registered-models/set-tag", write, setModelTag),
		v2("DELETE", "/mlflow/registered-models/delete-tag", write, deleteModelTag),
		v2("POST", "/mlflow/registered-models/alias", write, setAlias),
		v2("GET", "/mlflow/registered-models/alias", read, getByAlias).nameless(),
		v2("DELETE", "/mlflow/registered-models/alias", write, deleteAlias),
	}
}

// nameless says of a route that a name which is missing names nothing, at
// GitLab's door; MLflow misses it.
func (rt route) nameless() route { return rt.unknownWithout("name", "model") }

type modelAliasJSON struct {
	Alias   string `json:"alias"`
	Version string `json:"version"`
}

type modelJSON struct {
	Name           string           `json:"name"`
	CreatedAt      int64            `json:"creation_timestamp"` // ms since 1970
	UpdatedAt      int64            `json:"last_updated_timestamp"`
	UserID         string           `json:"user_id,omitempty"`
	Description    *string          `json:"description,omitempty"`
	LatestVersions []versionJSON    `json:"latest_versions,omitzero"`
	Tags           []tagJSON        `json:"tags,omitzero"`
	Aliases        []modelAliasJSON `json:"aliases,omitempty"`
}

// model writes a model. Its latest versions come without their aliases, as
// MLflow's do.
func (c *call) model(m registry.Model) modelJSON {
	out := modelJSON{Name: m.Name, CreatedAt: m.CreatedAt.UnixMilli(), UpdatedAt: m.UpdatedAt.UnixMilli(),
		UserID: c.author(m.Author), Tags: tagsWire(m.Tags)}
	for _, v := range m.Heads {
		v.Aliases = nil
		out.LatestVersions = append(out.LatestVersions, c.version(v))
	}
	for _, a := range m.Aliases {
		out.Aliases = append(out.Aliases, modelAliasJSON{a.Name, c.versionName(a.VersionID, a.Number)})
	}
	if m.Description != "" || c.door == atGitLab {
		out.Description = &m.Description
	}
	if c.door == atGitLab && out.LatestVersions == nil {
		out.LatestVersions = []versionJSON{}
	}
	if c.door == atRoot && len(out.Tags) == 0 {
		out.Tags = nil
	}
	return out
}

// author gives who made something, as GitLab does by number; MLflow's server
// does not tell.
func (c *call) author(u registry.UserRef) string {
	if c.door == atGitLab && u.ID != 0 {
		return strconv.FormatInt(u.ID, 10)
	}
	return ""
}

type modelAnswer struct {
	Model modelJSON `json:"registered_model"`
}

func (c *call) modelAnswer(m registry.Model, err error) (modelAnswer, error) {
	if err != nil {
		return modelAnswer{}, err
	}
	return modelAnswer{c.model(m)}, nil
}

type newModel struct {
	Name        string    `field:"name" check:"string required"`
	Tags        []tagJSON `field:"tags" check:"array"`
	Description string    `field:"description" check:"string"`
}

func createModel(c *call, in newModel) (modelAnswer, error) {
	spec := registry.ModelSpec{Name: in.Name, Description: in.Description, Tags: tags(in.Tags)}
	if c.door == atRoot {
		if err := c.checkModel(in.Name, in.Tags, checkRegistryTag); err != nil {
			return modelAnswer{}, err
		}
		spec.Tags = uniqueTags(in.Tags)
	}
	m, err := c.s.CreateModel(c.ctx(), c.ref, spec)
	switch e, ok := fault.As(err); {
	case ok && e.Kind == fault.Conflict && e.Field == "name":
		wanted := slices.ContainsFunc(in.Tags, func(t tagJSON) bool { return t.Key == registry.PromptTag })
		err = modelExists(in.Name, e.Noun == "prompt", wanted)
	case ok && e.Kind == fault.Invalid && e.Field == "metadata" && c.door == atGitLab:
		err = &apiError{code: resourceExists, kind: fault.Invalid, msg: sentence(e)} // the code that GitLab has for it
	}
	return c.modelAnswer(m, err)
}

// checkModel checks what MLflow checks of a new model or version.
func (c *call) checkModel(name string, ts []tagJSON, tag func(registry.Tag) error) error {
	if err := c.checkModelName("name", name); err != nil {
		return err
	}
	for _, t := range tags(ts) {
		if err := tag(t); err != nil {
			return err
		}
	}
	return nil
}

type modelName struct {
	Name string `field:"name" check:"string required"`
}

func (in modelName) ref() registry.ModelRef { return registry.ModelRef{Name: in.Name} }

func getModel(c *call, in modelName) (modelAnswer, error) {
	m, err := c.s.Model(c.ctx(), c.ref, in.ref())
	return c.modelAnswer(m, c.unknown(err, in.Name, ""))
}

type modelUpdate struct {
	modelName
	Description string `field:"description" check:"string"`
}

// updateModel sets the description; without one there is none afterwards.
func updateModel(c *call, in modelUpdate) (modelAnswer, error) {
	m, err := c.s.EditModel(c.ctx(), c.ref, in.ref(), registry.ModelEdit{Description: &in.Description})
	return c.modelAnswer(m, c.unknown(err, in.Name, ""))
}

type modelRename struct {
	modelName
	NewName string `field:"new_name" check:"string required"`
}

func renameModel(c *call, in modelRename) (modelAnswer, error) {
	if err := c.checkModelName("new_name", in.NewName); err != nil {
		return modelAnswer{}, err
	}
	m, err := c.s.EditModel(c.ctx(), c.ref, in.ref(), registry.ModelEdit{Name: &in.NewName})
	if fault.Is(err, fault.Conflict) {
		err = modelExists(in.NewName, false, false)
	}
	return c.modelAnswer(m, c.unknown(err, in.Name, ""))
}

func deleteModel(c *call, in modelName) (none, error) {
	return none{}, c.unknown(c.s.DeleteModel(c.ctx(), c.ref, in.ref()), in.Name, "")
}

type modelTag struct {
	modelName
	Key   string `field:"key" check:"string required"`
	Value string `field:"value" check:"string"`
}

func setModelTag(c *call, in modelTag) (none, error) {
	t := registry.Tag{Key: in.Key, Value: in.Value}
	if err := checkRegistryTag(t); err != nil {
		return none{}, err
	}
	return none{}, c.unknown(c.s.SetModelTag(c.ctx(), c.ref, in.ref(), t), in.Name, "")
}

type modelTagKey struct {
	modelName
	Key string `field:"key" check:"string required"`
}

func deleteModelTag(c *call, in modelTagKey) (none, error) {
	if err := checkName(in.Key); err != nil {
		return none{}, err
	}
	return none{}, c.unknown(gone(c.s.DeleteModelTag(c.ctx(), c.ref, in.ref(), in.Key), "tag"), in.Name, "")
}

// gone takes it for done when what was to be deleted is not there.
func gone(err error, noun string) error {
	if e, ok := fault.As(err); ok && e.Kind == fault.NotFound && e.Noun == noun {
		return nil
	}
	return err
}
