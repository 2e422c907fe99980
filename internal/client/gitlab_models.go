package client

import (
	"context"
	"path"
	"strconv"
	"strings"
	"time"
)

// The fields of GraphQL's types that make a Version and a Model.
const (
	versionFields = `id version description packageId createdAt candidate { iid eid }`
	modelFields   = `id name description versionCount candidateCount createdAt defaultExperimentPath latestVersion { id version packageId }`
)

type graphVersion struct {
	ID          gid
	Version     string
	Description string
	PackageID   gid
	CreatedAt   time.Time
	Candidate   *struct {
		IID int64
		EID string
	}
}

// version translates, and remembers the package.
func (c *Client) version(v graphVersion, m Model) Version {
	c.gitlab.packages.Store(strconv.FormatInt(int64(v.ID), 10), int64(v.PackageID))
	out := Version{ID: int64(v.ID), Version: v.Version, ModelID: m.ID, ModelName: m.Name, ProjectID: m.ProjectID,
		Description: v.Description, FileCount: -1, Size: -1, CreatedAt: v.CreatedAt}
	if v.Candidate != nil {
		out.RunIID, out.RunID = v.Candidate.IID, v.Candidate.EID
	}
	return out
}

type graphModel struct {
	ID                    gid
	Name                  string
	Description           string
	VersionCount          int64
	CandidateCount        int64
	CreatedAt             time.Time
	DefaultExperimentPath string
	LatestVersion         *graphVersion
}

func (c *Client) graphModel(g graphModel) Model {
	m := Model{ID: int64(g.ID), Name: g.Name, Description: g.Description, VersionCount: g.VersionCount, RunCount: g.CandidateCount, CreatedAt: g.CreatedAt}
	if v := g.LatestVersion; v != nil {
		m.LatestVersion = &VersionRef{ID: int64(v.ID), Version: v.Version}
	}
	return m
}

// gitlabModels lists models with name in their name; limit 0 is none.
func (c *Client) gitlabModels(ctx context.Context, project, name string, limit int) ([]Model, error) {
	project, err := c.fullPath(ctx, project)
	if err != nil {
		return nil, err
	}
	found, err := connection(limit, func(after *string) (graphPage[graphModel], error) {
		var out struct {
			Project *struct{ MlModels graphPage[graphModel] }
		}
		err := c.graphQuery(ctx, `query($project: ID!, $name: String, $after: String) { project(fullPath: $project) {
			mlModels(name: $name, orderBy: NAME, sort: ASC, first: 100, after: $after) { nodes { `+modelFields+` } pageInfo { endCursor hasNextPage } } } }`,
			map[string]any{"project": project, "name": name, "after": after}, &out)
		if err == nil && out.Project == nil {
			err = about(graphFault("the project does not exist or you don't have permission"), project, "project", project)
		}
		if err != nil {
			return graphPage[graphModel]{}, err
		}
		return out.Project.MlModels, nil
	})
	models := make([]Model, len(found))
	for i, m := range found {
		models[i] = c.graphModel(m)
	}
	return models, err
}

func (c *Client) gitlabModel(ctx context.Context, id int64) (Model, error) {
	m, err := c.modelByID(ctx, id)
	return c.graphModel(m), err
}

func (c *Client) modelByID(ctx context.Context, id int64) (graphModel, error) {
	var out struct{ MlModel *graphModel }
	err := c.graphQuery(ctx, `query($id: MlModelID!) { mlModel(id: $id) { `+modelFields+` } }`, map[string]any{"id": globalID("Ml::Model", id)}, &out)
	if err == nil && out.MlModel == nil {
		err = graphFault("the model does not exist or you don't have permission")
	}
	if err != nil {
		return graphModel{}, err
	}
	return *out.MlModel, nil
}

// defaultExperiment is the number of the experiment that a model has for its
// runs, which is the end of its page's address.
func (c *Client) defaultExperiment(ctx context.Context, modelID int64) (int64, error) {
	m, err := c.modelByID(ctx, modelID)
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(path.Base(m.DefaultExperimentPath), 10, 64)
	if err != nil {
		return 0, notThere("experiment for the runs of this model")
	}
	return n, nil
}

// modelPayload is the answer of a mutation of models.
type modelPayload struct {
	Model  *graphModel
	Errors []string
}

// mutateModel sends a mutation and gives the model; a rule that was broken is
// an error.
func (c *Client) mutateModel(ctx context.Context, mutation string, input map[string]any) (Model, error) {
	var out map[string]modelPayload
	err := c.graphQuery(ctx, `mutation($input: `+strings.ToUpper(mutation[:1])+mutation[1:]+`Input!) { `+mutation+
		`(input: $input) { model { `+modelFields+` } errors } }`, map[string]any{"input": input}, &out)
	if err == nil {
		err = broken(out[mutation].Errors)
	}
	if err != nil || out[mutation].Model == nil {
		return Model{}, err
	}
	return c.graphModel(*out[mutation].Model), nil
}

func (c *Client) gitlabCreateModel(ctx context.Context, project string, spec ModelSpec) (Model, error) {
	if len(spec.Metadata) > 0 {
		return Model{}, notThere("metadata of models")
	}
	project, err := c.fullPath(ctx, project)
	if err != nil {
		return Model{}, err
	}
	return c.mutateModel(ctx, "mlModelCreate", map[string]any{"projectPath": project, "name": spec.Name, "description": spec.Description})
}

// gitlabEditModel changes the description. GitLab finds the model by the number
// and wants the name all the same, without changing it.
func (c *Client) gitlabEditModel(ctx context.Context, project string, id int64, e ModelEdit) (Model, error) {
	switch {
	case e.Metadata != nil:
		return Model{}, notThere("metadata of models")
	case e.Name != nil:
		return Model{}, notThere("other names for a model than its first one")
	}
	project, err := c.fullPath(ctx, project)
	if err != nil {
		return Model{}, err
	}
	now, err := c.modelByID(ctx, id)
	if err != nil {
		return Model{}, err
	}
	return c.mutateModel(ctx, "mlModelEdit", map[string]any{"projectPath": project, "modelId": id, "name": now.Name, "description": e.Description})
}

func (c *Client) gitlabDeleteModel(ctx context.Context, project string, id int64) error {
	project, err := c.fullPath(ctx, project)
	if err != nil {
		return err
	}
	_, err = c.mutateModel(ctx, "mlModelDelete", map[string]any{"projectPath": project, "id": globalID("Ml::Model", id)})
	return err
}

// gitlabVersions lists versions of a model, the highest first, those that
// begin like semver.
func (c *Client) gitlabVersions(ctx context.Context, m Model, semver string, limit int) ([]Version, error) {
	found, err := connection(limit, func(after *string) (graphPage[graphVersion], error) {
		var out struct {
			MlModel *struct{ Versions graphPage[graphVersion] }
		}
		err := c.graphQuery(ctx, `query($id: MlModelID!, $version: String, $after: String) { mlModel(id: $id) {
			versions(version: $version, orderBy: VERSION, sort: DESC, first: 100, after: $after) { nodes { `+versionFields+` } pageInfo { endCursor hasNextPage } } } }`,
			map[string]any{"id": globalID("Ml::Model", m.ID), "version": semver, "after": after}, &out)
		if err != nil || out.MlModel == nil {
			return graphPage[graphVersion]{}, err
		}
		return out.MlModel.Versions, nil
	})
	vs := make([]Version, len(found))
	for i, v := range found {
		vs[i] = c.version(v, m)
	}
	return vs, err
}

func (c *Client) gitlabVersion(ctx context.Context, m Model, id int64) (Version, error) {
	var out struct {
		MlModel *struct{ Version *graphVersion }
	}
	err := c.graphQuery(ctx, `query($id: MlModelID!, $version: MlModelVersionID!) { mlModel(id: $id) { version(modelVersionId: $version) { `+versionFields+` } } }`,
		map[string]any{"id": globalID("Ml::Model", m.ID), "version": globalID("Ml::ModelVersion", id)}, &out)
	if err == nil && (out.MlModel == nil || out.MlModel.Version == nil) {
		err = graphFault("the version does not exist or you don't have permission")
	}
	if err != nil {
		return Version{}, err
	}
	return c.version(*out.MlModel.Version, m), nil
}

// mutateVersion sends a mutation and gives the version.
func (c *Client) mutateVersion(ctx context.Context, mutation string, m Model, input map[string]any) (Version, error) {
	var out map[string]struct {
		ModelVersion *graphVersion
		Errors       []string
	}
	err := c.graphQuery(ctx, `mutation($input: `+strings.ToUpper(mutation[:1])+mutation[1:]+`Input!) { `+mutation+
		`(input: $input) { modelVersion { `+versionFields+` } errors } }`, map[string]any{"input": input}, &out)
	if err == nil {
		err = broken(out[mutation].Errors)
	}
	if err != nil || out[mutation].ModelVersion == nil {
		return Version{}, err
	}
	return c.version(*out[mutation].ModelVersion, m), nil
}

func (c *Client) gitlabCreateVersion(ctx context.Context, project string, m Model, spec VersionSpec) (Version, error) {
	if len(spec.Metadata) > 0 {
		return Version{}, notThere("metadata that comes with a version; leave it out")
	}
	project, err := c.fullPath(ctx, project)
	if err != nil {
		return Version{}, err
	}
	in := map[string]any{"projectPath": project, "modelId": globalID("Ml::Model", m.ID), "description": spec.Description}
	if spec.Version != "" {
		in["version"] = spec.Version
	}
	return c.mutateVersion(ctx, "mlModelVersionCreate", m, in)
}

func (c *Client) gitlabEditVersion(ctx context.Context, project string, v Version, e VersionEdit) (Version, error) {
	if e.Metadata != nil {
		return Version{}, notThere("metadata that comes with a version; leave it out")
	}
	project, err := c.fullPath(ctx, project)
	if err != nil {
		return Version{}, err
	}
	in := map[string]any{"projectPath": project, "modelId": globalID("Ml::Model", v.ModelID), "version": v.Version, "description": v.Description}
	if e.Description != nil {
		in["description"] = *e.Description
	}
	return c.mutateVersion(ctx, "mlModelVersionEdit", Model{ID: v.ModelID, Name: v.ModelName}, in)
}

func (c *Client) gitlabDeleteVersion(ctx context.Context, id int64) error {
	_, err := c.mutateVersion(ctx, "mlModelVersionDelete", Model{}, map[string]any{"id": globalID("Ml::ModelVersion", id)})
	return err
}

// latest is the alias that every model with a version has, on Vitrine.
const latest = "latest"

// gitlabAlias resolves the one alias that makes sense without aliases.
func gitlabAlias(m Model, alias string) (Alias, error) {
	if alias != latest {
		return Alias{}, notThere("aliases; name a version")
	}
	if m.LatestVersion == nil {
		return Alias{}, broken([]string{"version not found"})
	}
	return Alias{Name: latest, VersionID: m.LatestVersion.ID, Version: m.LatestVersion.Version}, nil
}
