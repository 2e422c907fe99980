package registry

import (
	"strconv"
	"strings"
	"time"

	"github.com/vitrine-ml/vitrine/internal/blob"
)

// Tag is a key with a value on a model, version, run or experiment (GitLab:
// metadata).
type Tag struct {
	Key   string
	Value string
}

// Model is a named thing that gets versions.
type Model struct {
	ID             int64
	ProjectID      int64
	ProjectPath    string // full path, for addresses
	Name           string
	Prompt         bool   // PromptTag marks it
	Description    string // Markdown card
	Author         UserRef
	ExperimentIID  int64 // its own experiment
	ExperimentID   int64
	VersionCount   int64
	CandidateCount int64 // runs of its experiment that are not versions
	LatestID       int64 // highest release, else highest pre-release; 0: none
	LatestVersion  string
	LatestSize     int64 // of its files, in bytes
	DownloadCount  int64 // of files of its versions, ever
	Tags           []Tag
	Aliases        []Alias
	Heads          []Version // the latest of each stage, by number; where one model is asked for, and in searches
	CreatedAt      time.Time
	UpdatedAt      time.Time // when a version came, went or changed its stage, too
}

// ModelSpec is a model to be made.
type ModelSpec struct {
	Name        string
	Description string
	Tags        []Tag
}

// ModelEdit changes a model; nil fields stay. Tags, when not nil, replace all.
type ModelEdit struct {
	Name        *string
	Description *string
	Tags        *[]Tag
}

// ModelQuery narrows a list of models of one project.
type ModelQuery struct {
	Page      Page
	Order     Order // id (default, descending), name, created_at, updated_at, latest_version, size (of that), downloads
	ProjectID int64
	ID        int64
	Name      string
	Search    string
	Prompts   bool // prompts instead of other models; by ID or Name it does not count
	Bare      bool // without tags and aliases
}

// Version is a snapshot of files with metadata, under a semantic version.
type Version struct {
	ID          int64
	ProjectID   int64
	ProjectPath string // full path, for addresses
	ModelID     int64
	ModelName   string
	Number      int64  // per model, from 1, never used again
	Semver      string // per model unique
	Description string // Markdown card
	Stage       VersionStage
	Origin      Origin
	Author      UserRef
	RunID       int64
	RunIID      int64
	RunEID      string
	PackageID   int64
	FileCount   int64
	Size        int64 // bytes of its files
	Tags        []Tag
	Aliases     []string
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// VersionSpec is a version to be made.
type VersionSpec struct {
	Semver      string // empty: the next one
	Description string
	Tags        []Tag
	Origin      Origin
	Files       *FilesOf // what the version begins with
	Note        *VersionNote
	RunIID      int64  // run to promote, by its number; 0: a new run
	RunID       int64  // or by its row
	RunEID      string // or by its outer id
}

// promotes reports whether the version is to be made of a run.
func (v VersionSpec) promotes() bool { return v.RunIID != 0 || v.RunID != 0 || v.RunEID != "" }

// VersionEdit changes a version; nil fields stay. Tags, when not nil, replace
// all.
type VersionEdit struct {
	Description *string
	Tags        *[]Tag
}

// VersionQuery narrows a list of versions of one model.
type VersionQuery struct {
	Page    Page
	Order   Order // version (default, descending), id, created_at, label
	ModelID int64
	Semver  string
	Prefix  string
	Behind  string // only those whose Label is after this one
}

// Alias is a movable name of a version.
type Alias struct {
	Name      string
	VersionID int64
	Number    int64
	Semver    string
	UpdatedAt time.Time
}

// AliasMove is one entry of an alias's history.
type AliasMove struct {
	ID        int64
	Name      string
	VersionID int64 // 0: the alias was deleted
	Semver    string
	Author    UserRef
	At        time.Time
}

// AliasSpec says where an alias shall point.
type AliasSpec struct {
	Name    string
	Version VersionRef
	// Expected, when not nil, is the version that the alias has to point to
	// before, 0 for none: of two who move it at once, one fails.
	Expected *int64
}

// Experiment is a group of runs.
type Experiment struct {
	ID          int64
	IID         int64
	ProjectID   int64
	ProjectPath string // full path, for addresses
	ModelID     int64  // 0: a plain experiment
	Name        string
	Author      UserRef
	RunCount    int64  // deleted ones are not counted
	Location    string // where clients shall put artifacts; empty: here
	Tags        []Tag
	CreatedAt   time.Time
	UpdatedAt   time.Time
	DeletedAt   time.Time // zero: active
}

// DefaultExperiment is the number of the experiment that every project has from
// its birth, as MLflow's clients expect; lists leave it out while it has no
// runs.
const DefaultExperiment = 0

// ExperimentRef names an experiment of a project.
type ExperimentRef struct {
	IID     int64
	Name    string // when not empty, instead of IID
	Deleted bool   // deleted ones too
}

// ExperimentSpec is an experiment to be made.
type ExperimentSpec struct {
	Name     string
	Location string
	Tags     []Tag
}

// ExperimentEdit changes an experiment; nil fields stay. Tags, when not nil,
// replace all.
type ExperimentEdit struct {
	Name *string
	Tags *[]Tag
}

// ExperimentQuery narrows a list of experiments of one project. Deleted ones,
// and the default one without runs, are not in it.
type ExperimentQuery struct {
	Page      Page
	Order     Order // id (default, descending), name, created_at, updated_at
	ProjectID int64
	ID        int64
	Name      string // the whole name
	Search    string
	Bare      bool // without tags
}

// RunStatus is where a run stands.
type RunStatus string

// The statuses of a run.
const (
	Running   RunStatus = "running"
	Scheduled RunStatus = "scheduled"
	Finished  RunStatus = "finished"
	Failed    RunStatus = "failed"
	Killed    RunStatus = "killed"
)

// Valid reports whether there is such a status.
func (s RunStatus) Valid() bool { return s == Running || s == Scheduled || s.ended() }

func (s RunStatus) ended() bool { return s == Finished || s == Failed || s == Killed }

// Run is one training execution (GitLab: candidate).
type Run struct {
	ID            int64
	IID           int64  // per project; in page addresses and candidate:IID
	EID           string // 32 hexadecimal digits; MLflow's run id
	ProjectID     int64
	ProjectPath   string // full path, for addresses
	ExperimentID  int64
	ExperimentIID int64
	ModelID       int64 // of the experiment; 0: a plain experiment
	VersionID     int64 // 0: not a version
	PackageID     int64 // 0: no file yet
	Name          string
	NameHidden    bool // not among the tags, where MLflow repeats it
	Status        RunStatus
	Author        UserRef
	UserLabel     string    // whom the client says the run to be of
	Location      string    // of the experiment's artifacts; empty: here
	JobID         int64     // CI job; 0: none
	StartedAt     time.Time // zero: unknown
	EndedAt       time.Time // zero: not yet
	Params        []Param
	Metrics       []Metric // the latest of each name
	Tags          []Tag
	Inputs        []Input     // these three not in lists
	ModelInputs   []ModelLink // logged models that it has read
	ModelOutputs  []ModelLink // and made
	CreatedAt     time.Time
	UpdatedAt     time.Time
	DeletedAt     time.Time // zero: active
}

// RunRef names a run of a project.
type RunRef struct {
	IID     int64
	EID     string // when not empty, instead of IID
	Deleted bool   // deleted ones too
}

// RunSpec is a run to be made.
type RunSpec struct {
	Experiment *ExperimentRef // or ModelID
	ModelID    int64
	Name       string  // empty: a nickname
	UserLabel  *string // nil: the actor's name
	StartedAt  time.Time
	// StartUnknown keeps a run that comes without a start from starting now.
	StartUnknown bool
	JobID        int64
	Data         RunData
}

// Input is a data set that a run was fed with.
type Input struct {
	Name       string
	Digest     string
	SourceType string
	Source     string
	Schema     string
	Profile    string
	Tags       []Tag // of this use
}

// InputContext is the tag of an input that tells what it was used for, as
// MLflow's clients write it: "training", "eval" and so on.
const InputContext = "mlflow.data.context"

// InputSummary is a data set of an experiment, by the context of its use, which
// may be none.
type InputSummary struct {
	ExperimentIID         int64
	Name, Digest, Context string
}

// ModelLink names a logged model by its outer id, and the step of the run.
type ModelLink struct {
	Model string
	Step  int64
}

// RunData is what is logged to a run in one step.
type RunData struct {
	Name    string // not empty: the run's new name
	Params  []Param
	Metrics []Metric
	Tags    []Tag
}

// RunEdit changes a run; nil fields stay.
type RunEdit struct {
	Name    *string
	Status  *RunStatus
	EndedAt *time.Time
	// EndUnknown keeps a status that ends the run from ending it now.
	EndUnknown bool
}

// RunQuery narrows a list of runs of one project.
type RunQuery struct {
	Page         Page
	Order        Order // id (default, descending), name, created_at, started_at, metric, param
	Metric       string
	Whole        bool   // by a metric: runs without a number for it come last, instead of not at all
	Param        string // numbers come first, then other texts, then runs without it
	ProjectID    int64
	ExperimentID int64
	Candidates   bool // not those of versions
	// Experiment and ModelID are for Session.Runs, which makes rows of them.
	Experiment *ExperimentRef
	ModelID    int64 // candidates of this model
	Status     RunStatus
	Search     string
}

// Param is an input of a run; it is written once.
type Param struct {
	Key   string
	Value string
}

// Number gives the value as a number, if it is a decimal and finite one. What
// else strconv reads, as "0x1p4" or "inf", is text to those who wrote it.
func (p Param) Number() (float64, bool) {
	if p.Value == "" || strings.Trim(p.Value, "+-.0123456789eE") != "" {
		return 0, false
	}
	n, err := strconv.ParseFloat(p.Value, 64)
	return n, err == nil
}

// Metric is one measured value of a run.
type Metric struct {
	Key   string
	Value float64 // NaN and infinities are allowed
	Step  int64
	At    time.Time // to the millisecond
	// Model is the logged model that was measured, by its outer id; empty: none.
	// Data is what it was measured with. Both are kept with the model.
	Model string
	Data  DatasetRef
}

// DatasetRef names a data set; where it asks for one, an empty field means any.
type DatasetRef struct{ Name, Digest string }

// Steps bounds the steps of a metric, both ends included.
type Steps struct{ First, Last int64 }

// FileStatus says whether a file shows in lists.
type FileStatus string

// The statuses of a file.
const (
	FileDefault FileStatus = "default"
	FileHidden  FileStatus = "hidden"
)

// File is a path and a blob inside a version or run.
type File struct {
	ID        int64
	PackageID int64
	Path      string // with slashes; see ParseFilePath
	Digest    blob.Digest
	Size      int64 // bytes
	Status    FileStatus
	CreatedAt time.Time
	UpdatedAt time.Time
}

// PackageType tells what a package holds.
type PackageType string

// ModelPackage holds the files of a version or run.
const ModelPackage PackageType = "ml_model"

// Package groups files: those of one version or run.
type Package struct {
	ID        int64
	ProjectID int64
	Type      PackageType
	Name      string
	Version   string
	Status    FileStatus
	CreatorID int64
	FileCount int64
	Size      int64 // bytes
	CreatedAt time.Time
	// DownloadedAt is when a file was downloaded last, to within some seconds;
	// zero: never.
	DownloadedAt time.Time
	// ProjectPath and the version or run that it belongs to; in lists.
	ProjectPath string
	VersionID   int64
	ModelID     int64
	RunIID      int64
	Deletable   bool // by the actor
}

// FileQuery narrows a list of files of one package.
type FileQuery struct {
	Page      Page
	Order     Order // path (default), id, size
	PackageID int64
	Hidden    bool // hidden ones too
	Search    string
}
