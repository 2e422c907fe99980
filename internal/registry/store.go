package registry

import (
	"context"
	"time"

	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/blob"
	"github.com/vitrine-ml/vitrine/internal/jobs"
)

// Store is what the domain asks of a database.
type Store interface {
	// View runs fn on one consistent snapshot.
	View(ctx context.Context, fn func(Tx) error) error
	// Update runs fn in one transaction, committed when fn returns nil. fn may
	// run again after a conflict, so it must have no effect outside tx.
	Update(ctx context.Context, fn func(Tx) error) error
}

// Tx is one transaction. A row that is not there is fault.NotFound with the
// noun of the row; a unique value that is taken is fault.Conflict with the
// field. Implementations hold no rules. Lists are ordered and paged as asked;
// an order that a list does not know is fault.Invalid.
type Tx interface {
	Users
	Tokens
	DeployTokens
	Namespaces
	Projects
	Members
	Models
	Versions
	Stages
	Aliases
	Artifacts
	Experiments
	Runs
	RunLog
	Histories
	Inputs
	LoggedModels
	Traces
	Spans
	Assessments
	EvalDatasets
	EvalRecordRows
	Trash
	Searches
	Tags
	Packages
	Files
	Blobs
	Nested
	ByID
	Uploads
	Parts
	Events
	Finds
	Bookkeeping
	jobs.Queue
}

// Users are the accounts. Usernames and emails are unique without case.
type Users interface {
	InsertUser(ctx context.Context, u User, passwordHash string) (int64, error)
	// InsertBot makes a user without a namespace or password, who goes when the
	// place does.
	InsertBot(ctx context.Context, u User, of Place) (int64, error)
	UserByID(ctx context.Context, id int64) (User, error)
	UserByName(ctx context.Context, username string) (User, error)
	// UserByEmail finds a person.
	UserByEmail(ctx context.Context, email string) (User, error)
	ListUsers(ctx context.Context, q UserQuery) (List[User], error)
	UpdateUser(ctx context.Context, u User) error
	SetPassword(ctx context.Context, id int64, hash string) error
	// PasswordOf finds a person by username or email, with the stored form of
	// the password, "" for none.
	PasswordOf(ctx context.Context, login string) (User, string, error)
	// DeleteUser removes the account with its namespace, tokens and
	// memberships; what it made stays, without an author.
	DeleteUser(ctx context.Context, id int64) error
}

// Tokens are stored under the digest of their secret.
type Tokens interface {
	InsertToken(ctx context.Context, t auth.Token, digest string) (int64, error)
	TokenByID(ctx context.Context, id int64) (auth.Token, error)
	ListTokens(ctx context.Context, q TokenQuery) (List[auth.Token], error)
	// ListAccessTokens lists those of the query's place, with their roles.
	ListAccessTokens(ctx context.Context, q TokenQuery) (List[AccessToken], error)
	// ListCredentials lists those of everybody; the search is in the names of
	// owners, too.
	ListCredentials(ctx context.Context, q TokenQuery) (List[Credential], error)
	RevokeToken(ctx context.Context, id int64, at time.Time) error
	// RevokeFamily ends the first token of a family and all that rotations made
	// of it.
	RevokeFamily(ctx context.Context, first int64, at time.Time) error
	// NoteBrowser keeps where a browser session was begun.
	NoteBrowser(ctx context.Context, tokenID int64, b Browser) error
	// ListBrowsers lists the browser sessions of a user that work at a time.
	ListBrowsers(ctx context.Context, userID int64, now time.Time, p Page) (List[SignedIn], error)
	// EndBrowsers ends those that still work, but for one, and counts them.
	EndBrowsers(ctx context.Context, userID, but int64, at time.Time) (int64, error)
	// DeleteBrowsers removes the browser sessions of a user that ended before a
	// time; a zero time: all.
	DeleteBrowsers(ctx context.Context, userID int64, ended time.Time) error
}

// DeployTokens are stored under the digest of their secret, too.
type DeployTokens interface {
	InsertDeployToken(ctx context.Context, d DeployToken, digest string) (int64, error)
	NameDeployToken(ctx context.Context, id int64, username string) error
	// ListDeployTokens lists those of the query's place, or all.
	ListDeployTokens(ctx context.Context, q DeployTokenQuery) (List[DeployToken], error)
	DeleteDeployToken(ctx context.Context, id int64) error
}

// Namespaces are users' own and groups. Full paths are unique without case,
// together with those of projects.
type Namespaces interface {
	InsertNamespace(ctx context.Context, n Namespace) (int64, error)
	// NamespaceAccess finds a namespace and the viewer's role in it, inherited
	// or own.
	NamespaceAccess(ctx context.Context, ref NamespaceRef, v Viewer) (Namespace, Role, error)
	ListNamespaces(ctx context.Context, q NamespaceQuery) (List[Namespace], error)
	// UpdateNamespace writes all fields; a changed path or name moves the full
	// paths and names of everything below, and another parent all that.
	UpdateNamespace(ctx context.Context, n Namespace) error
	// VisibilitiesBelow gives the visibilities that the groups and projects
	// below a namespace have.
	VisibilitiesBelow(ctx context.Context, id int64) ([]Visibility, error)
	// CapVisibility closes a namespace, and all groups and projects below, as
	// far as v where they are more open.
	CapVisibility(ctx context.Context, id int64, v Visibility) error
	// DeepestBelow tells how many levels of groups are below a namespace.
	DeepestBelow(ctx context.Context, id int64) (int, error)
	// DeleteNamespace removes a namespace and those below it; their projects
	// must have been hidden before.
	DeleteNamespace(ctx context.Context, id int64) error
}

// Projects are the units of permission.
type Projects interface {
	InsertProject(ctx context.Context, p Project) (int64, error)
	// ProjectAccess finds a project and the viewer's roles: in it directly,
	// and by its groups. A path that a project had before finds it too, until
	// something else takes the path.
	ProjectAccess(ctx context.Context, ref ProjectRef, v Viewer) (Project, error)
	// TouchProject notes that the content of a project has changed.
	TouchProject(ctx context.Context, id int64, now time.Time) error
	ListProjects(ctx context.Context, q ProjectQuery) (List[Project], error)
	UpdateProject(ctx context.Context, p Project) error
	// HideProject takes a project out of every list and look-up at once and
	// frees its path; its own tokens end. PurgeProjects removes the rows later.
	HideProject(ctx context.Context, id int64, at time.Time) error
	// HideProjectsBelow does so with all projects in a namespace and below.
	HideProjectsBelow(ctx context.Context, namespaceID int64, at time.Time) error
	// PurgeProjects removes at most about limit rows of hidden projects and
	// reports whether some are left.
	PurgeProjects(ctx context.Context, limit int) (more bool, err error)
	// NextExperiment takes the next number of an experiment in a project.
	NextExperiment(ctx context.Context, projectID int64) (int64, error)
}

// Members are roles in places.
type Members interface {
	// PutMember inserts or changes.
	PutMember(ctx context.Context, p Place, m Member) error
	ListMembers(ctx context.Context, q MemberQuery) (List[Member], error)
	// ListMemberships lists those of one user in groups and projects, not in
	// people's own namespaces.
	ListMemberships(ctx context.Context, q MembershipQuery) (List[Membership], error)
	DeleteMember(ctx context.Context, p Place, userID int64) error
	// CountOwners counts the direct owners of a place whose time has not ended;
	// bots do not count.
	CountOwners(ctx context.Context, p Place, now time.Time) (int64, error)
}

// Experiments have names and numbers that are unique in their project.
type Experiments interface {
	InsertExperiment(ctx context.Context, e Experiment) (int64, error)
	ExperimentByIID(ctx context.Context, projectID, iid int64) (Experiment, error)
	ExperimentByName(ctx context.Context, projectID int64, name string) (Experiment, error)
	// ExperimentIDs finds ids by numbers; missing ones are left out.
	ExperimentIDs(ctx context.Context, projectID int64, iids []int64) ([]int64, error)
	ListExperiments(ctx context.Context, q ExperimentQuery) (List[Experiment], error)
	UpdateExperiment(ctx context.Context, e Experiment) error
	// DeleteExperiment removes an experiment with its runs and their files.
	DeleteExperiment(ctx context.Context, id int64) error
}

// Runs have numbers that are unique in their project. They count in their
// experiment and project while they are active.
type Runs interface {
	// InsertRun gives the run with its id and the next number of its project.
	InsertRun(ctx context.Context, r Run) (Run, error)
	RunByIID(ctx context.Context, projectID, iid int64) (Run, error)
	RunByEID(ctx context.Context, projectID int64, eid string) (Run, error)
	// RunIDs finds ids by outer ids, of deleted runs too; missing ones are left
	// out.
	RunIDs(ctx context.Context, projectID int64, eids []string) (map[string]int64, error)
	ListRuns(ctx context.Context, q RunQuery) (List[Run], error)
	// UpdateRun writes name and whether it is hidden, status, times, version and
	// package.
	UpdateRun(ctx context.Context, r Run) error
	// PublishRun writes version and UpdatedAt.
	PublishRun(ctx context.Context, r Run) error
	// DeleteRun removes a run and its files.
	DeleteRun(ctx context.Context, r Run) error
}

// Trash is where experiments and runs are that were deleted and can be
// restored. Look-ups find them, with the time; lists do not.
type Trash interface {
	// TrashExperiment deletes an experiment with all its runs.
	TrashExperiment(ctx context.Context, id int64, at time.Time) error
	// RestoreExperiment takes it back, with all its runs.
	RestoreExperiment(ctx context.Context, id int64, at time.Time) error
	// TrashRun deletes an active run, RestoreRun takes back a deleted one.
	TrashRun(ctx context.Context, id int64, at time.Time) error
	RestoreRun(ctx context.Context, id int64, at time.Time) error
	// PurgeTrash removes for good what was deleted before cutoff, about limit
	// rows of it, with its files: how many runs and experiments, and whether
	// more is left. Default experiments stay, without their runs.
	PurgeTrash(ctx context.Context, cutoff time.Time, limit int) (n int64, more bool, err error)
	// TrashedTraces gives an experiment with traces that PurgeTrash would remove;
	// NotFound when there is none.
	TrashedTraces(ctx context.Context, cutoff time.Time) (Experiment, error)
	// CountTrash counts the runs and experiments that would go.
	CountTrash(ctx context.Context, cutoff time.Time) (int64, error)
}

// Searches ask by filter and order; see Search. A key that there is not, or a
// value that does not fit it, is fault.Invalid with the noun "search" and the
// field filter, order_by or page_token.
type Searches interface {
	// SearchExperiments knows id (IID), name, created_at, updated_at, and tags;
	// without an order the highest numbers come first. See ExperimentSearch for
	// plain.
	SearchExperiments(ctx context.Context, projectID int64, plain bool, q Search) (Found[Experiment], error)
	// SearchModels knows name, created_at, updated_at and tags; without an order
	// it is by name.
	SearchModels(ctx context.Context, projectID int64, q ShelfSearch) (Found[Model], error)
	// SearchVersions knows name (of the model), number, run (the eid of the
	// origin's), source, created_at, updated_at and tags; without an order it is
	// by name, the highest numbers first.
	SearchVersions(ctx context.Context, projectID int64, q ShelfSearch) (Found[Version], error)
	// SearchRuns knows eid, name, status (in upper case), user, started_at,
	// ended_at, artifact_uri, metrics, params, tags, and of data sets name,
	// digest and context; without an order the latest started come first, those of the same time
	// by eid.
	SearchRuns(ctx context.Context, experimentIDs []int64, q Search) (Found[Run], error)
}

// Inputs are the data sets and logged models that runs have read, and the
// models that they have made.
type Inputs interface {
	// PutInputs adds data sets to a run; one that it has already stays as it is.
	PutInputs(ctx context.Context, r Run, ins []Input) error
	InputsOf(ctx context.Context, runIDs []int64) (map[int64][]Input, error)
	// PutRunModels adds models to those that a run has read, or made.
	PutRunModels(ctx context.Context, runID int64, output bool, ms []ModelLink) error
	RunModelsOf(ctx context.Context, runIDs []int64) (inputs, outputs map[int64][]ModelLink, err error)
	// InputSummaries lists the data sets of experiments, each once for every
	// context.
	InputSummaries(ctx context.Context, experimentIDs []int64, limit int) ([]InputSummary, error)
}

// RunLog is what runs have logged.
type RunLog interface {
	// InsertParams adds parameters; a key that exists is a Conflict.
	InsertParams(ctx context.Context, runID int64, ps []Param) error
	ParamsOf(ctx context.Context, runIDs []int64) (map[int64][]Param, error)
	// RunKeys gives the names of parameters and metrics that the runs of an
	// experiment have, sorted.
	RunKeys(ctx context.Context, experimentID int64) (params, metrics []string, err error)
	// InsertMetrics adds points; one that is there already is ignored.
	InsertMetrics(ctx context.Context, runID int64, ms []Metric) error
	// MetricsOf gives the latest of each name: highest step, time, value.
	MetricsOf(ctx context.Context, runIDs []int64) (map[int64][]Metric, error)
	// MetricHistory gives the points of one name in order of step and time.
	MetricHistory(ctx context.Context, runID int64, key string, p Page) (List[Metric], error)
}

// TagOwner tells on what a tag is.
type TagOwner string

// The owners of tags.
const (
	ModelTags      TagOwner = "model"
	VersionTags    TagOwner = "version"
	ExperimentTags TagOwner = "experiment"
	RunTags        TagOwner = "run"
	LoggedTags     TagOwner = "logged model"
	TraceTags      TagOwner = "trace"
	TraceMetadata  TagOwner = "trace metadata"
	AssessmentTags TagOwner = "assessment metadata"
	EvalTags       TagOwner = "evaluation dataset tags"
)

// Tags are keys with values; a key is on its owner once.
type Tags interface {
	// SetTags inserts or changes.
	SetTags(ctx context.Context, o TagOwner, id int64, ts []Tag) error
	// DeleteTag removes one key; key "" removes all. A missing one is NotFound
	// unless all were meant.
	DeleteTag(ctx context.Context, o TagOwner, id int64, key string) error
	TagsOf(ctx context.Context, o TagOwner, ids []int64) (map[int64][]Tag, error)
}

// Packages group files.
type Packages interface {
	InsertPackage(ctx context.Context, p Package) (int64, error)
	// UpdatePackage writes name, version and status.
	UpdatePackage(ctx context.Context, p Package) error
	// DownloadedFrom records how many files of packages were downloaded, in the
	// packages when, and in the models of versions how many.
	DownloadedFrom(ctx context.Context, files map[int64]int64, at time.Time) error
	// DeletesPackages gives those of several projects where the viewer may
	// delete packages.
	DeletesPackages(ctx context.Context, v Viewer, projectIDs []int64) (map[int64]bool, error)
	ListPackages(ctx context.Context, q PackageQuery) (List[Package], error)
	// DeletePackage removes a package with its files. If it is that of a
	// version or run, these get fresh instead, a package without files.
	DeletePackage(ctx context.Context, k, fresh Package) error
	// PackageOfRun finds the package of a run, deleted or not, by its outer id, as
	// PackageOf does, and where the run keeps its files.
	PackageOfRun(ctx context.Context, projectID int64, eid string) (Package, RunHome, error)
	// PackageOf finds the package that a reference means, but for references
	// by model name. Of a run or generic package without files it has ID 0.
	PackageOf(ctx context.Context, projectID int64, ref PackageRef) (Package, error)
}

// Files are paths with blobs; a path is in its package once.
type Files interface {
	// PutFile inserts the file or replaces the one of that path, and keeps the
	// package's counters.
	PutFile(ctx context.Context, f File) (File, error)
	// FileAt finds a file by package reference and path in one look-up; not by
	// model name.
	FileAt(ctx context.Context, projectID int64, ref PackageRef, path string) (File, error)
	// CopyFiles names the blobs of a package's files, below a path or at it, in
	// another package, which has no files yet. Of the path what is above the
	// files goes.
	CopyFiles(ctx context.Context, from int64, path string, to int64, now time.Time) error
	FileByID(ctx context.Context, packageID, id int64) (File, error)
	ListFiles(ctx context.Context, q FileQuery) (List[File], error)
	DeleteFile(ctx context.Context, f File) error
	// ListFolder lists one level below a path, without hidden files.
	ListFolder(ctx context.Context, packageID int64, q FolderQuery) (List[FolderEntry], error)
	// DeleteFiles removes the file at a path and those below it, all for an
	// empty path, and tells how many there were.
	DeleteFiles(ctx context.Context, packageID int64, path string) (int64, error)
	// DeleteFolders removes what is below some paths.
	DeleteFolders(ctx context.Context, packageID int64, paths []string) error
}

// Nested are the lists of many owners at once, by one statement, and by another
// one when their lengths are asked for. Each owner has an entry.
type Nested interface {
	// VersionsEach lists the versions of models; q.Order and q.Page do not count.
	VersionsEach(ctx context.Context, models Nest, q VersionQuery) (map[int64]List[Version], error)
	// CandidatesEach lists the runs of models that are not versions, by id, the
	// latest first.
	CandidatesEach(ctx context.Context, models Nest) (map[int64]List[Run], error)
	// RunsEach lists the runs of experiments by id, the latest first.
	RunsEach(ctx context.Context, experiments Nest) (map[int64]List[Run], error)
	// ParamsEach and RunTagsEach list what runs have, by name.
	ParamsEach(ctx context.Context, runs Nest) (map[int64]List[Param], error)
	RunTagsEach(ctx context.Context, runs Nest) (map[int64]List[Tag], error)
	// PointsEach lists the metric points of runs by name, step, time and value.
	PointsEach(ctx context.Context, runs Nest) (map[int64]List[Metric], error)
	// FilesEach lists the files of packages by path, hidden ones too.
	FilesEach(ctx context.Context, packages Nest) (map[int64]List[File], error)
}

// ByID finds many rows of a project by their ids; missing ones are left out.
type ByID interface {
	VersionsByID(ctx context.Context, projectID int64, ids []int64) (map[int64]Version, error)
	RunsByID(ctx context.Context, projectID int64, ids []int64) (map[int64]Run, error)
	PackagesByID(ctx context.Context, projectID int64, ids []int64) (map[int64]Package, error)
}

// Blobs is what the database knows about stored bytes. A row that is not dying
// means that the bytes are there.
type Blobs interface {
	// KeepBlob inserts or touches the row and takes back a dying mark. kept
	// reports that the row was there and not dying; else the caller must make
	// sure of the bytes before the transaction ends.
	KeepBlob(ctx context.Context, d blob.Digest, size int64, now time.Time) (kept bool, err error)
	// KeepContent keeps the content of a blob that has a row beside it, unless it
	// is there; it goes when the row does.
	KeepContent(ctx context.Context, d blob.Digest, content []byte, now time.Time) error
	// UnusedBlobs gives up to limit digests, in order after the given one,
	// that no file names and that were last touched before cutoff.
	UnusedBlobs(ctx context.Context, cutoff time.Time, after blob.Digest, limit int) ([]blob.Info, error)
	// MarkDying marks a blob if no file names it and it was not touched since
	// cutoff; a row that is missing is made.
	MarkDying(ctx context.Context, d blob.Digest, cutoff time.Time) (bool, error)
	// DropDying removes the row of a dying blob; false: it lives again.
	DropDying(ctx context.Context, d blob.Digest) (bool, error)
	// LiveBlobs gives up to limit blobs whose rows promise bytes, in order
	// after the given one.
	LiveBlobs(ctx context.Context, after blob.Digest, limit int) ([]blob.Info, error)
	// BlobKnown reports whether there is a row, or a full upload of that content.
	BlobKnown(ctx context.Context, d blob.Digest) (bool, error)
}

// Events are what was done. They stay when what they are about goes.
type Events interface {
	// InsertEvent fills in Place, unless it is given, by what is there. To the
	// event of the same tally it adds how often this one was.
	InsertEvent(ctx context.Context, e Event) error
	// CountEvent counts the event of a tally once more, if it is there.
	CountEvent(ctx context.Context, tally string) (bool, error)
	// DropEvents removes up to limit events from before cutoff, the oldest first,
	// and tells how many.
	DropEvents(ctx context.Context, cutoff time.Time, limit int) (int64, error)
	ListEvents(ctx context.Context, q EventQuery) (List[Event], error)
}

// Finds are searches over all projects, for what the query's viewer may see. The
// rows have their ProjectPath.
type Finds interface {
	FindModels(ctx context.Context, q FindQuery) (List[Model], error)
	FindVersions(ctx context.Context, q FindQuery, text VersionText) (List[Version], error)
	FindTags(ctx context.Context, q FindQuery) (List[FoundTag], error)
}

// Uploads are files on their way. What a row says of its bytes is on disk. They
// go with their user, project, version or run.
type Uploads interface {
	InsertUpload(ctx context.Context, u Upload) (int64, error)
	UploadByEID(ctx context.Context, projectID int64, eid string) (Upload, error)
	// ListUploads gives those that are not stored and have not expired.
	ListUploads(ctx context.Context, q UploadQuery) (List[Upload], error)
	// UpdateUpload writes how far it is: size, expected digest, progress,
	// digest, state and expiry.
	UpdateUpload(ctx context.Context, u Upload) error
	// DeleteUpload removes an upload with its parts; a missing one is no error.
	DeleteUpload(ctx context.Context, id int64) error
	// DropExpiredUploads removes up to limit uploads that have expired, and
	// tells how many.
	DropExpiredUploads(ctx context.Context, now time.Time, limit int) (int64, error)
	// NeededUploads gives those of the names whose bytes an upload that is not
	// stored, or a part of one, still needs.
	NeededUploads(ctx context.Context, names []string) (map[string]bool, error)
}

// Parts are the numbered pieces of uploads; a number is in its upload once.
type Parts interface {
	// PutUploadPart inserts the part or replaces the one of that number, whose
	// name it gives then.
	PutUploadPart(ctx context.Context, uploadID int64, p UploadPart) (replaced string, err error)
	// UploadParts gives the parts in order of their numbers.
	UploadParts(ctx context.Context, uploadID int64) ([]UploadPart, error)
}
