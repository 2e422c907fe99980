package registry

import (
	"context"
	"slices"
	"time"

	"github.com/vitrine-ml/vitrine/internal/fault"
)

// LoggedModel is a model as it came out of a training, before anybody registers
// it, with its files and what was measured of it (MLflow 3).
type LoggedModel struct {
	ID            int64
	EID           string // "m-" and 32 hexadecimal digits
	ProjectID     int64
	ExperimentID  int64
	ExperimentIID int64
	Location      string // of the experiment's artifacts; empty: here
	PackageID     int64  // 0: no file yet
	Name          string // not unique
	Type          string // what the client calls its kind, as "agent"
	Status        LoggedStatus
	SourceRun     string // eid of the run that made it, which may have gone; empty: unknown
	Author        UserRef
	Params        []Param
	Tags          []Tag
	Metrics       []LoggedMetric
	CreatedAt     time.Time
	UpdatedAt     time.Time
	DeletedAt     time.Time // zero: active
}

// LoggedStatus tells whether the files of a logged model are all there.
type LoggedStatus string

// The statuses of a logged model.
const (
	LoggedUnknown LoggedStatus = "unspecified"
	LoggedPending LoggedStatus = "pending"
	LoggedReady   LoggedStatus = "ready"
	LoggedFailed  LoggedStatus = "failed"
)

// Valid reports whether there is such a status.
func (s LoggedStatus) Valid() bool {
	return slices.Contains([]LoggedStatus{LoggedUnknown, LoggedPending, LoggedReady, LoggedFailed}, s)
}

// LoggedMetric is a value that a run has measured of a logged model.
type LoggedMetric struct {
	Metric
	RunEID string
}

// LoggedModelRef names a logged model of a project.
type LoggedModelRef struct {
	EID     string
	Deleted bool // deleted ones too
}

// LoggedModelSpec is a logged model to be made.
type LoggedModelSpec struct {
	Experiment ExperimentRef
	Name       string // empty: a nickname
	Type       string
	SourceRun  string
	Params     []Param
	Tags       []Tag
}

// Limits of logged models, in characters.
const (
	maxLoggedName = 500
	maxLoggedType = 500
)

// CreateLoggedModel makes a logged model in an experiment; its files may follow.
func (s Session) CreateLoggedModel(ctx context.Context, ref ProjectRef, spec LoggedModelSpec) (LoggedModel, error) {
	return update(ctx, s, func(tx Tx) (LoggedModel, error) {
		e, err := s.activeExperiment(ctx, tx, ref, spec.Experiment)
		if err != nil {
			return LoggedModel{}, err
		}
		if spec.Name == "" {
			spec.Name = nickname()
		}
		if err := spec.check(); err != nil {
			return LoggedModel{}, err
		}
		m := LoggedModel{EID: "m-" + newEID(), ProjectID: e.ProjectID, ExperimentID: e.ID, Name: spec.Name, Type: spec.Type, Status: LoggedPending,
			SourceRun: spec.SourceRun, Author: UserRef{ID: s.actor.UserID}, CreatedAt: s.now(), UpdatedAt: s.now()}
		if m.ID, err = tx.InsertLoggedModel(ctx, m); err != nil {
			return LoggedModel{}, err
		}
		if err := tx.InsertLoggedParams(ctx, m.ID, spec.Params); err != nil {
			return LoggedModel{}, err
		}
		if err := tx.SetTags(ctx, LoggedTags, m.ID, spec.Tags); err != nil {
			return LoggedModel{}, err
		}
		return wholeLoggedModel(ctx, tx, m.ProjectID, m.EID)
	})
}

func (spec LoggedModelSpec) check() error {
	if err := checkTitleOf(spec.Name, maxLoggedName); err != nil {
		return err
	}
	if err := checkLength("model_type", spec.Type, maxLoggedType); err != nil {
		return err
	}
	if err := checkLength("source_run_id", spec.SourceRun, maxName); err != nil {
		return err
	}
	if err := checkLoggedParams(spec.Params); err != nil {
		return err
	}
	return checkTags(spec.Tags)
}

// checkLoggedParams checks parameters as those of runs are, and that each comes
// once.
func checkLoggedParams(ps []Param) error {
	seen := map[string]bool{}
	for _, p := range ps {
		if seen[p.Key] {
			return &fault.Error{Kind: fault.Conflict, Noun: "param", Name: p.Key, Field: "params", Msg: "has the name " + p.Key + " twice"}
		}
		seen[p.Key] = true
	}
	return checkData(RunData{Params: ps})
}

// wholeLoggedModel finds a logged model with all that it has.
func wholeLoggedModel(ctx context.Context, tx Tx, projectID int64, eid string) (LoggedModel, error) {
	m, err := tx.LoggedModelByEID(ctx, projectID, eid)
	if err != nil {
		return LoggedModel{}, err
	}
	one := []LoggedModel{m}
	err = fillLoggedModels(ctx, tx, one)
	return one[0], err
}

// fillLoggedModels adds parameters, tags and metrics, in three queries for all.
func fillLoggedModels(ctx context.Context, tx Tx, ms []LoggedModel) error {
	ids := make([]int64, len(ms))
	for i, m := range ms {
		ids[i] = m.ID
	}
	params, err := tx.LoggedParamsOf(ctx, ids)
	if err != nil {
		return err
	}
	tags, err := tx.TagsOf(ctx, LoggedTags, ids)
	if err != nil {
		return err
	}
	metrics, err := tx.LoggedMetricsOf(ctx, ids)
	for i := range ms {
		id := ms[i].ID
		ms[i].Params, ms[i].Tags, ms[i].Metrics = params[id], tags[id], metrics[id]
	}
	return err
}

// loggedModel passes the gate and finds a logged model.
func (s Session) loggedModel(ctx context.Context, tx Tx, ref ProjectRef, which LoggedModelRef, p Permission) (LoggedModel, error) {
	pr, err := s.project(ctx, tx, ref, p)
	if err != nil {
		return LoggedModel{}, err
	}
	return which.find(ctx, tx, pr.ID)
}

// find looks a logged model up.
func (r LoggedModelRef) find(ctx context.Context, tx Tx, projectID int64) (LoggedModel, error) {
	m, err := tx.LoggedModelByEID(ctx, projectID, r.EID)
	if err == nil && !m.DeletedAt.IsZero() && !r.Deleted {
		err = fault.Missing(loggedNoun, r.EID)
	}
	return m, err
}

// loggedNoun is what errors call a logged model.
const loggedNoun = "logged model"

// LoggedModel gives one logged model.
func (s Session) LoggedModel(ctx context.Context, ref ProjectRef, which LoggedModelRef) (LoggedModel, error) {
	return view(ctx, s, func(tx Tx) (LoggedModel, error) {
		m, err := s.loggedModel(ctx, tx, ref, which, ReadRuns)
		if err != nil {
			return LoggedModel{}, err
		}
		one := []LoggedModel{m}
		err = fillLoggedModels(ctx, tx, one)
		return one[0], err
	})
}

// SetLoggedStatus tells whether the files of a logged model are all there.
func (s Session) SetLoggedStatus(ctx context.Context, ref ProjectRef, which LoggedModelRef, status LoggedStatus) (LoggedModel, error) {
	return update(ctx, s, func(tx Tx) (LoggedModel, error) {
		m, err := s.loggedModel(ctx, tx, ref, which, WriteRuns)
		if err != nil {
			return LoggedModel{}, err
		}
		if !status.Valid() {
			return LoggedModel{}, fault.Invalidf("status", "does not have a valid value")
		}
		m.Status, m.UpdatedAt = status, s.now()
		if err := tx.UpdateLoggedModel(ctx, m); err != nil {
			return LoggedModel{}, err
		}
		return wholeLoggedModel(ctx, tx, m.ProjectID, m.EID)
	})
}

// TrashLoggedModel deletes a logged model: it is not found any more, but by
// those who ask for deleted ones. One that is deleted already stays so.
func (s Session) TrashLoggedModel(ctx context.Context, ref ProjectRef, which LoggedModelRef) error {
	return s.r.store.Update(ctx, func(tx Tx) error {
		m, err := s.loggedModel(ctx, tx, ref, which, WriteRuns)
		if err != nil || !m.DeletedAt.IsZero() {
			return err
		}
		m.UpdatedAt, m.DeletedAt = s.now(), s.now()
		return tx.UpdateLoggedModel(ctx, m)
	})
}

// LogModelParams adds parameters to a logged model. They are written once: one
// that it has is fault.Conflict.
func (s Session) LogModelParams(ctx context.Context, ref ProjectRef, which LoggedModelRef, ps []Param) error {
	return s.r.store.Update(ctx, func(tx Tx) error {
		m, err := s.loggedModel(ctx, tx, ref, which, WriteRuns)
		if err != nil {
			return err
		}
		if err := checkLoggedParams(ps); err != nil {
			return err
		}
		return tx.InsertLoggedParams(ctx, m.ID, ps)
	})
}

// SetLoggedTags sets metadata of a logged model.
func (s Session) SetLoggedTags(ctx context.Context, ref ProjectRef, which LoggedModelRef, ts []Tag) (LoggedModel, error) {
	return update(ctx, s, func(tx Tx) (LoggedModel, error) {
		m, err := s.loggedModel(ctx, tx, ref, which, WriteRuns)
		if err != nil {
			return LoggedModel{}, err
		}
		if err := checkTags(ts); err != nil {
			return LoggedModel{}, err
		}
		if err := tx.SetTags(ctx, LoggedTags, m.ID, ts); err != nil {
			return LoggedModel{}, err
		}
		return wholeLoggedModel(ctx, tx, m.ProjectID, m.EID)
	})
}

// DeleteLoggedTag removes one metadata entry of a logged model.
func (s Session) DeleteLoggedTag(ctx context.Context, ref ProjectRef, which LoggedModelRef, key string) error {
	return s.r.store.Update(ctx, func(tx Tx) error {
		m, err := s.loggedModel(ctx, tx, ref, which, WriteRuns)
		if err != nil {
			return err
		}
		if key == "" {
			return fault.Missing("tag", key)
		}
		return tx.DeleteTag(ctx, LoggedTags, m.ID, key)
	})
}

// LoggedModelSearch is a Search for logged models of some experiments.
type LoggedModelSearch struct {
	Search
	Experiments []ExperimentRef // those that there are not are left out
	Data        []DatasetRef    // measured with one of them; empty: with whatever
}

// maxDatasets bounds the data sets of one search.
const maxDatasets = 100

// SearchLoggedModels finds logged models of a project, with all that they have.
func (s Session) SearchLoggedModels(ctx context.Context, ref ProjectRef, q LoggedModelSearch) (Found[LoggedModel], error) {
	return view(ctx, s, func(tx Tx) (Found[LoggedModel], error) {
		p, err := s.project(ctx, tx, ref, ReadRuns)
		if err != nil {
			return Found[LoggedModel]{}, err
		}
		if err := q.check(); err != nil {
			return Found[LoggedModel]{}, err
		}
		if len(q.Data) > maxDatasets {
			return Found[LoggedModel]{}, fault.Invalidf("datasets", "has too many entries (maximum is %d)", maxDatasets)
		}
		ids, err := experimentIDs(ctx, tx, p, q.Experiments)
		if err != nil || len(ids) == 0 {
			return Found[LoggedModel]{}, err
		}
		f, err := tx.SearchLoggedModels(ctx, ids, q.Search, q.Data)
		if err != nil {
			return f, err
		}
		return f, fillLoggedModels(ctx, tx, f.Items)
	})
}

// logOfModels keeps with logged models what was measured of them.
func logOfModels(ctx context.Context, tx Tx, r Run, ms []Metric) error {
	var eids []string
	for _, m := range ms {
		if m.Model != "" && !slices.Contains(eids, m.Model) {
			eids = append(eids, m.Model)
		}
	}
	if eids == nil {
		return nil
	}
	ids, err := tx.LoggedModelIDs(ctx, r.ProjectID, eids)
	if err != nil {
		return err
	}
	for _, m := range ms {
		if m.Model == "" {
			continue
		}
		id, ok := ids[m.Model]
		if !ok {
			return fault.Missing(loggedNoun, m.Model)
		}
		if err := tx.InsertLoggedMetric(ctx, id, r.ID, m); err != nil {
			return err
		}
	}
	return nil
}

// checkMeasured checks what goes with a metric of a logged model.
func (m Metric) checkMeasured() error {
	if err := checkLength("model_id", m.Model, maxName); err != nil {
		return err
	}
	if err := checkLength("dataset_name", m.Data.Name, maxInputName); err != nil {
		return err
	}
	return checkLength("dataset_digest", m.Data.Digest, maxInputDigest)
}

// resolveLogged turns a logged model that has files into its package.
func resolveLogged(ctx context.Context, tx Tx, projectID int64, pkg PackageRef) (PackageRef, error) {
	m, err := tx.LoggedModelByEID(ctx, projectID, pkg.Logged)
	switch {
	case err != nil:
		return pkg, err
	case !pkg.Home.holds(m.Location, m.ExperimentIID):
		return pkg, fault.Missing(loggedNoun, pkg.Logged)
	case m.PackageID != 0:
		return PackageRef{PackageID: m.PackageID}, nil
	}
	return PackageRef{Logged: m.EID}, nil
}

// loggedPackage makes the package of a logged model with its first file. It is
// hidden: lists of packages show what people have registered.
func (s Session) loggedPackage(ctx context.Context, tx Tx, projectID int64, eid string) (int64, error) {
	m, err := tx.LoggedModelByEID(ctx, projectID, eid)
	if err != nil {
		return 0, err
	}
	m.PackageID, err = tx.InsertPackage(ctx, Package{ProjectID: projectID, Type: ModelPackage, Name: eid, Version: "logged_model",
		Status: FileHidden, CreatorID: s.actor.UserID, CreatedAt: s.now()})
	if err != nil {
		return 0, err
	}
	return m.PackageID, tx.UpdateLoggedModel(ctx, m)
}
