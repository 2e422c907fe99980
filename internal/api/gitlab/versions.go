package gitlab

import (
	"strconv"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

type modelVersionJSON struct {
	ID          int64        `json:"id"`
	Version     string       `json:"version"`
	Number      int64        `json:"number"`
	ModelID     int64        `json:"model_id"`
	ModelName   string       `json:"model_name"`
	ProjectID   int64        `json:"project_id"`
	Description string       `json:"description"`
	CandidateID int64        `json:"candidate_id"`
	RunID       string       `json:"run_id"`
	Stage       string       `json:"stage"`
	Source      text         `json:"source"`
	SourceRunID text         `json:"source_run_id"`
	PackageID   int64        `json:"package_id"`
	Author      *userRefJSON `json:"author"`
	CreatedAt   stamp        `json:"created_at"`
	UpdatedAt   stamp        `json:"updated_at"`
	Metadata    []tagJSON    `json:"metadata"`
	Aliases     []string     `json:"aliases"`
	FileCount   int64        `json:"file_count"`
	Size        int64        `json:"size"`
	WebURL      string       `json:"web_url"`
	ImportPath  string       `json:"import_path"`
}

// filesPath gives the address of the files of a version or run.
func filesPath(projectID int64, pkg string) string {
	return Prefix + "/projects/" + strconv.FormatInt(projectID, 10) + "/packages/ml_models/" + pkg + "/files/"
}

func (c *call) version(v registry.Version) modelVersionJSON {
	id := strconv.FormatInt(v.ID, 10)
	aliases := v.Aliases
	if aliases == nil {
		aliases = []string{}
	}
	return modelVersionJSON{ID: v.ID, Version: v.Semver, Number: v.Number, ModelID: v.ModelID, ModelName: v.ModelName, ProjectID: v.ProjectID,
		Description: v.Description, CandidateID: v.RunIID, RunID: v.RunEID, Stage: string(v.Stage),
		Source: text(v.Origin.Source), SourceRunID: text(v.Origin.RunEID), PackageID: v.PackageID, Author: c.author(v.Author),
		CreatedAt: stamp(v.CreatedAt), UpdatedAt: stamp(v.UpdatedAt), Metadata: tagsWire(v.Tags), Aliases: aliases,
		FileCount: v.FileCount, Size: v.Size, ImportPath: filesPath(v.ProjectID, id),
		WebURL: c.page(v.ProjectPath, "models/"+strconv.FormatInt(v.ModelID, 10)+"/versions/"+id)}
}

func versionRoutes() []route {
	all := "/projects/{id}/ml/models/{model_id}/versions"
	one := all + "/{version_id}"
	return tagged("Versions",
		op("GET", all, project(registry.ReadModels), "List the versions of a model, the highest first", listVersions),
		op("POST", all, project(registry.WriteModels), "Create a version, the next one unless named, or of a candidate", createVersion),
		op("GET", all+"/next", project(registry.ReadModels), "The semantic version that would come next", nextVersion),
		op("GET", one, project(registry.ReadModels), "Get a version", getModelVersion),
		op("PUT", one, project(registry.WriteModels), "Change a version", editVersion),
		op("DELETE", one, project(registry.WriteModels), "Delete a version with its run and files", deleteVersion),
	)
}

type versionFilter struct {
	partial
	Version string `param:"version" doc:"Exact semantic version."`
	Search  string `param:"search" doc:"Beginning of the semantic version."`
	Alias   string `param:"alias" doc:"The one version that an alias names; \"latest\" always works."`
}

func listVersions(c *call, in versionFilter) ([]modelVersionJSON, error) {
	p, o, err := in.part("version")
	if err != nil {
		return nil, err
	}
	id, err := c.modelID()
	if err != nil {
		return nil, err
	}
	if in.Alias != "" {
		v, err := c.s.Version(c.ctx(), c.project(), id, registry.VersionRef{Alias: in.Alias})
		return listed(c, in.paging, c.version)(registry.List[registry.Version]{Items: []registry.Version{v}, Total: 1}, err)
	}
	return listed(c, in.paging, c.version)(c.s.Versions(c.ctx(), c.project(), id, registry.VersionQuery{Page: p, Order: o, Semver: in.Version, Prefix: in.Search}))
}

type newVersion struct {
	Version     string    `param:"version" doc:"Semantic version 2.0; the next patch unless told."`
	Description string    `param:"description" doc:"Markdown card."`
	Metadata    []tagJSON `param:"metadata"`
	CandidateID int64     `param:"candidate_id" doc:"A candidate of the model to be promoted: its files become the version's."`
}

func (in newVersion) spec() registry.VersionSpec {
	return registry.VersionSpec{Semver: in.Version, Description: in.Description, Tags: tags(in.Metadata), RunIID: in.CandidateID}
}

func createVersion(c *call, in newVersion) (modelVersionJSON, error) {
	id, err := c.modelID()
	if err != nil {
		return modelVersionJSON{}, err
	}
	v, err := c.s.CreateVersion(c.ctx(), c.project(), id, in.spec())
	return c.version(v), err
}

type nextVersionJSON struct {
	Version string `json:"version"`
}

func nextVersion(c *call, _ none) (nextVersionJSON, error) {
	id, err := c.modelID()
	if err != nil {
		return nextVersionJSON{}, err
	}
	v, err := c.s.NextVersion(c.ctx(), c.project(), id)
	return nextVersionJSON{v}, err
}

// versionID gives model and version that the address names.
func (c *call) versionID() (model registry.ModelRef, version registry.VersionRef, err error) {
	if model, err = c.modelID(); err != nil {
		return model, version, err
	}
	version.ID, err = c.id("version_id", "version")
	return model, version, err
}

func getModelVersion(c *call, _ none) (modelVersionJSON, error) {
	m, id, err := c.versionID()
	if err != nil {
		return modelVersionJSON{}, err
	}
	v, err := c.s.Version(c.ctx(), c.project(), m, id)
	return c.version(v), err
}

type versionEdit struct {
	Description *string    `param:"description"`
	Metadata    *[]tagJSON `param:"metadata" doc:"Replaces all metadata."`
}

func editVersion(c *call, in versionEdit) (modelVersionJSON, error) {
	m, id, err := c.versionID()
	if err != nil {
		return modelVersionJSON{}, err
	}
	v, err := c.s.EditVersion(c.ctx(), c.project(), m, id, registry.VersionEdit{Description: in.Description, Tags: tagEdit(in.Metadata)})
	return c.version(v), err
}

func deleteVersion(c *call, _ none) (none, error) {
	m, id, err := c.versionID()
	if err != nil {
		return none{}, err
	}
	return none{}, c.s.DeleteVersion(c.ctx(), c.project(), m, id)
}
