package registry

import (
	"context"
	"time"

	"github.com/vitrine-ml/vitrine/internal/blob"
)

// What the domain asks of a database for models and their versions.

// Models have names that are unique in their project.
type Models interface {
	InsertModel(ctx context.Context, m Model) (int64, error)
	ModelByID(ctx context.Context, projectID, id int64) (Model, error)
	ModelByName(ctx context.Context, projectID int64, name string) (Model, error)
	// ModelsFolded finds the models of a project, at most limit, whose names in
	// lower case are name.
	ModelsFolded(ctx context.Context, projectID int64, name string, limit int) ([]Model, error)
	ListModels(ctx context.Context, q ModelQuery) (List[Model], error)
	// MarkPrompt writes whether a model is a prompt, which has changed.
	MarkPrompt(ctx context.Context, m Model) error
	// UpdateModel writes name, description and UpdatedAt; a changed name
	// renames its packages too.
	UpdateModel(ctx context.Context, m Model) error
	// TouchModel writes UpdatedAt.
	TouchModel(ctx context.Context, id int64, at time.Time) error
	// DeleteModel removes a model with its versions, its experiment, its runs
	// and their files.
	DeleteModel(ctx context.Context, m Model) error
	// CountModel adds to the counters of a model and looks up its latest
	// version again.
	CountModel(ctx context.Context, id int64, versions, candidates int64) error
	// NextNumber takes the next version number of a model and counts that
	// version, which changes the model.
	NextNumber(ctx context.Context, modelID int64, at time.Time) (int64, error)
}

// Versions have semantic versions that are unique in their model.
type Versions interface {
	InsertVersion(ctx context.Context, v Version) (int64, error)
	VersionByID(ctx context.Context, projectID, id int64) (Version, error)
	VersionBySemver(ctx context.Context, modelID int64, semver string) (Version, error)
	VersionByNumber(ctx context.Context, modelID, number int64) (Version, error)
	ListVersions(ctx context.Context, q VersionQuery) (List[Version], error)
	// UpdateVersion writes description, stage and UpdatedAt.
	UpdateVersion(ctx context.Context, v Version) error
	// DeleteVersion removes a version with its run and its files.
	DeleteVersion(ctx context.Context, v Version) error
	// HighestVersion gives the semantic version of highest precedence, "" when
	// the model has none.
	HighestVersion(ctx context.Context, modelID int64) (string, error)
}

// Stages are how far versions have come.
type Stages interface {
	// HeadsOf gives the version of the highest number at each stage for several
	// models, the stage first that a version of the lowest number is at.
	HeadsOf(ctx context.Context, modelIDs []int64) (map[int64][]Version, error)
	// RetireVersions archives the versions of a model that are at a stage.
	RetireVersions(ctx context.Context, modelID int64, at VersionStage, now time.Time) error
	// TouchVersions sets UpdatedAt of all versions of a model.
	TouchVersions(ctx context.Context, modelID int64, at time.Time) error
}

// Aliases are names of versions, unique in their model.
type Aliases interface {
	PutAlias(ctx context.Context, modelID int64, a Alias) error
	AliasByName(ctx context.Context, modelID int64, name string) (Alias, error)
	// AliasesOf gives the aliases of several models, by name.
	AliasesOf(ctx context.Context, modelIDs []int64) (map[int64][]Alias, error)
	DeleteAlias(ctx context.Context, modelID int64, name string) error
	AddAliasMove(ctx context.Context, modelID int64, m AliasMove) error
	// AliasMoves gives the history of a name, the latest first.
	AliasMoves(ctx context.Context, modelID int64, name string, p Page) (List[AliasMove], error)
}

// Artifacts are versions and their contents under digests.
type Artifacts interface {
	// PutManifest notes the digest of a version, in place of the one before.
	PutManifest(ctx context.Context, v Version, d blob.Digest) error
	// ManifestOf gives what was noted of a version; empty: nothing.
	ManifestOf(ctx context.Context, versionID int64) (blob.Digest, error)
	// VersionByManifest finds a version; noun "manifest".
	VersionByManifest(ctx context.Context, modelID int64, d blob.Digest) (Version, error)
	// FileOfModel gives one of the files with a content that versions of a
	// model show; noun "blob".
	FileOfModel(ctx context.Context, modelID int64, d blob.Digest) (File, error)
}
