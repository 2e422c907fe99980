package registry

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"math/big"
	"slices"
	"strings"

	"github.com/vitrine-ml/vitrine/internal/fault"
)

// Runs lists runs of a project.
func (s Session) Runs(ctx context.Context, ref ProjectRef, q RunQuery) (List[Run], error) {
	return view(ctx, s, func(tx Tx) (List[Run], error) {
		p, err := s.project(ctx, tx, ref, ReadRuns)
		if err != nil {
			return List[Run]{}, err
		}
		q := q
		if err := runScope(ctx, tx, p, &q); err != nil {
			return List[Run]{}, err
		}
		l, err := tx.ListRuns(ctx, q)
		if err != nil {
			return List[Run]{}, err
		}
		return l, fillRuns(ctx, tx, p, l.Items)
	})
}

// runScope turns the numbers of a query into rows, and finds what is known of
// the list's length.
func runScope(ctx context.Context, tx Tx, p Project, q *RunQuery) error {
	plain := q.Status == "" && q.Search == "" && q.Metric == ""
	q.ProjectID, q.Page.Known = p.ID, &p.RunCount
	if q.Experiment != nil {
		e, err := q.Experiment.find(ctx, tx, p.ID)
		if err != nil {
			return err
		}
		q.ExperimentID, q.Page.Known = e.ID, &e.RunCount
	}
	if q.ModelID != 0 {
		m, err := tx.ModelByID(ctx, p.ID, q.ModelID)
		if err != nil {
			return err
		}
		if q.Experiment != nil && q.ExperimentID != m.ExperimentID {
			m.ExperimentID, m.CandidateCount = noRow, 0
		}
		q.ExperimentID, q.Candidates, q.Page.Known = m.ExperimentID, true, &m.CandidateCount
	}
	if !plain {
		// Among so many, counting what fits would take longer than a page.
		q.Page.NoTotal = q.Page.NoTotal || *q.Page.Known > MaxTotal
		q.Page.Known = nil
	}
	return nil
}

// noRow is the id of none.
const noRow = -1

// fillRuns adds what runs of one project have logged, in three queries for all.
func fillRuns(ctx context.Context, tx Tx, p Project, rs []Run) error {
	ids := make([]int64, len(rs))
	for i, r := range rs {
		ids[i] = r.ID
	}
	params, err := tx.ParamsOf(ctx, ids)
	if err != nil {
		return err
	}
	metrics, err := tx.MetricsOf(ctx, ids)
	if err != nil {
		return err
	}
	tags, err := tx.TagsOf(ctx, RunTags, ids)
	if err != nil {
		return err
	}
	for i := range rs {
		id := rs[i].ID
		rs[i].Params, rs[i].Metrics, rs[i].Tags, rs[i].ProjectPath = params[id], metrics[id], tags[id], p.FullPath
	}
	return nil
}

// Run gives one run with all that it has.
func (s Session) Run(ctx context.Context, ref ProjectRef, which RunRef) (Run, error) {
	return view(ctx, s, func(tx Tx) (Run, error) {
		pr, r, err := s.run(ctx, tx, ref, which, ReadRuns)
		if err != nil {
			return Run{}, err
		}
		one := []Run{r}
		err = fillWholeRuns(ctx, tx, pr, one)
		return one[0], err
	})
}

// fillWholeRuns adds inputs and outputs to what fillRuns adds.
func fillWholeRuns(ctx context.Context, tx Tx, p Project, rs []Run) error {
	if err := fillRuns(ctx, tx, p, rs); err != nil {
		return err
	}
	ids := make([]int64, len(rs))
	for i, r := range rs {
		ids[i] = r.ID
	}
	inputs, err := tx.InputsOf(ctx, ids)
	if err != nil {
		return err
	}
	read, made, err := tx.RunModelsOf(ctx, ids)
	if err != nil {
		return err
	}
	for i := range rs {
		id := rs[i].ID
		rs[i].Inputs, rs[i].ModelInputs, rs[i].ModelOutputs = inputs[id], read[id], made[id]
	}
	return nil
}

// RunSearch is a Search for runs of some experiments.
type RunSearch struct {
	Search
	Experiments []ExperimentRef // those that there are not are left out
}

// maxSearched bounds the experiments of one search.
const maxSearched = 1000

// SearchRuns finds runs of a project, with all that they have.
func (s Session) SearchRuns(ctx context.Context, ref ProjectRef, q RunSearch) (Found[Run], error) {
	return view(ctx, s, func(tx Tx) (Found[Run], error) {
		p, err := s.project(ctx, tx, ref, ReadRuns)
		if err != nil {
			return Found[Run]{}, err
		}
		if err := q.check(); err != nil {
			return Found[Run]{}, err
		}
		ids, err := experimentIDs(ctx, tx, p, q.Experiments)
		if err != nil || len(ids) == 0 {
			return Found[Run]{}, err
		}
		f, err := tx.SearchRuns(ctx, ids, q.Search)
		if err != nil {
			return f, err
		}
		return f, fillWholeRuns(ctx, tx, p, f.Items)
	})
}

// experimentIDs finds the rows of experiments by their numbers.
func experimentIDs(ctx context.Context, tx Tx, p Project, refs []ExperimentRef) ([]int64, error) {
	if len(refs) > maxSearched {
		return nil, fault.Invalidf("experiment_ids", "has too many entries (maximum is %d)", maxSearched)
	}
	iids := make([]int64, len(refs))
	for i, r := range refs {
		iids[i] = r.IID
	}
	if len(iids) == 0 {
		return nil, nil
	}
	return tx.ExperimentIDs(ctx, p.ID, iids)
}

// run passes the gate and finds a run.
func (s Session) run(ctx context.Context, tx Tx, ref ProjectRef, which RunRef, p Permission) (Project, Run, error) {
	pr, err := s.project(ctx, tx, ref, p)
	if err != nil {
		return pr, Run{}, err
	}
	r, err := which.find(ctx, tx, pr.ID)
	return pr, r, err
}

// activeRun passes the gate and finds a run to change.
func (s Session) activeRun(ctx context.Context, tx Tx, ref ProjectRef, which RunRef) (Project, Run, error) {
	pr, r, err := s.run(ctx, tx, ref, which, WriteRuns)
	if err == nil && !r.DeletedAt.IsZero() {
		err = notActive("run", r.EID)
	}
	return pr, r, err
}

// find looks a run up.
func (r RunRef) find(ctx context.Context, tx Tx, projectID int64) (run Run, err error) {
	if r.EID != "" {
		run, err = tx.RunByEID(ctx, projectID, r.EID)
	} else {
		run, err = tx.RunByIID(ctx, projectID, r.IID)
	}
	if err == nil && !run.DeletedAt.IsZero() && !r.Deleted {
		err = fault.Missing("run", r.name())
	}
	return run, err
}

// name is how the caller named the run.
func (r RunRef) name() string {
	if r.EID != "" {
		return r.EID
	}
	return itoa(r.IID)
}

// CreateRun starts a run in an experiment, or as a candidate of a model.
func (s Session) CreateRun(ctx context.Context, ref ProjectRef, spec RunSpec) (Run, error) {
	return update(ctx, s, func(tx Tx) (Run, error) {
		p, err := s.project(ctx, tx, ref, WriteRuns)
		if err != nil {
			return Run{}, err
		}
		r := Run{ProjectID: p.ID, Name: spec.Name, Status: Running, UserLabel: s.actor.Username, StartedAt: spec.StartedAt, JobID: spec.JobID}
		set(&r.UserLabel, spec.UserLabel)
		if err := s.runHome(ctx, tx, &r, spec); err != nil {
			return Run{}, err
		}
		if r.StartedAt.IsZero() && !spec.StartUnknown {
			r.StartedAt = s.now()
		}
		if r, err = s.writeRun(ctx, tx, r, spec.Data); err != nil {
			return Run{}, err
		}
		r.ProjectPath = p.FullPath
		if err := countCandidate(ctx, tx, r, 1); err != nil {
			return Run{}, err
		}
		if err := s.noteMany(ctx, tx, RunCreated, r.ExperimentID, func() (Event, error) { return r.about(RunCreated), nil }); err != nil {
			return Run{}, err
		}
		if len(spec.Data.Params)+len(spec.Data.Metrics) == 0 {
			r.Tags = slices.SortedFunc(slices.Values(spec.Data.Tags), func(a, b Tag) int { return strings.Compare(a.Key, b.Key) })
			return r, nil
		}
		one := []Run{r}
		err = fillRuns(ctx, tx, p, one)
		return one[0], err
	})
}

// runHome finds the experiment of a new run.
func (s Session) runHome(ctx context.Context, tx Tx, r *Run, spec RunSpec) error {
	which := spec.Experiment
	switch {
	case spec.ModelID != 0:
		m, err := tx.ModelByID(ctx, r.ProjectID, spec.ModelID)
		if err != nil {
			return err
		}
		which = &ExperimentRef{IID: m.ExperimentIID}
	case which == nil:
		return fault.Invalidf("experiment_id", "is missing: give experiment_id or model_id")
	}
	e, err := which.find(ctx, tx, r.ProjectID)
	if err == nil && !e.DeletedAt.IsZero() {
		err = notActive("experiment", itoa(e.IID))
	}
	r.ExperimentID, r.ExperimentIID, r.ModelID, r.Location = e.ID, e.IID, e.ModelID, e.Location
	return err
}

// author is the actor as what it makes names it.
func (s Session) author() UserRef {
	if s.actor.UserID == 0 {
		return UserRef{}
	}
	return UserRef{ID: s.actor.UserID, Username: s.actor.Username, Name: s.actor.Name}
}

// writeRun writes a new run with its first data. What it gives is as a look-up
// would find it: where runs are made by thousands, each row is read in vain.
func (s Session) writeRun(ctx context.Context, tx Tx, r Run, d RunData) (Run, error) {
	r.Author, r.CreatedAt, r.UpdatedAt = s.author(), s.now(), s.now()
	r.StartedAt = atRest(r.StartedAt)
	if s.actor.JobID != 0 {
		r.JobID = s.actor.JobID
	}
	r.EID = newEID()
	switch {
	case d.Name != "":
		r.Name = d.Name
	case r.Name == "":
		r.Name = nickname()
	}
	if err := checkTitle(r.Name); err != nil {
		return Run{}, err
	}
	r, err := tx.InsertRun(ctx, r)
	if err != nil {
		return Run{}, err
	}
	return r, logData(ctx, tx, r, d)
}

// newEID makes a run's outer id: 128 random bits in hexadecimal, as MLflow's.
func newEID() string {
	b := make([]byte, 16)
	if _, err := rand.Read(b); err != nil {
		panic("registry: the system's random source failed: " + err.Error())
	}
	return hex.EncodeToString(b)
}

// The words of nicknames. The moods are among those of MLflow (utils/name_utils.py),
// by which its tests know a name that was made up.
var (
	moods  = []string{"able", "amazing", "awesome", "bold", "bouncy", "bright", "calm", "capable", "caring", "chill", "classy", "dapper", "dashing", "gentle", "gifted", "kindly", "learned", "lyrical", "nimble", "orderly", "placid", "polite", "popular", "rare", "salty", "silent", "sincere", "smiling", "stately", "stylish", "upbeat", "wise"}
	beings = []string{"badger", "crane", "dolphin", "eagle", "falcon", "finch", "fox", "gazelle", "hare", "heron", "ibis", "jay", "kestrel", "lark", "lynx", "marten", "newt", "orca", "otter", "owl", "panda", "puffin", "raven", "robin", "seal", "shrike", "stork", "swan", "tern", "wolf", "wren", "yak"}
)

// nickname makes a name for a run that came without one, as "nimble-otter-417".
func nickname() string {
	pick := func(n int64) int64 {
		i, err := rand.Int(rand.Reader, big.NewInt(n))
		if err != nil {
			panic("registry: the system's random source failed: " + err.Error())
		}
		return i.Int64()
	}
	return moods[pick(int64(len(moods)))] + "-" + beings[pick(int64(len(beings)))] + "-" + itoa(pick(1000))
}

// EditRun changes a run. A status that ends it without a time ends it now.
func (s Session) EditRun(ctx context.Context, ref ProjectRef, which RunRef, e RunEdit) (Run, error) {
	return update(ctx, s, func(tx Tx) (Run, error) {
		pr, r, err := s.activeRun(ctx, tx, ref, which)
		if err != nil {
			return Run{}, err
		}
		set(&r.Name, e.Name)
		r.NameHidden = r.NameHidden && e.Name == nil
		set(&r.Status, e.Status)
		set(&r.EndedAt, e.EndedAt)
		r.UpdatedAt = s.now()
		if err := checkTitle(r.Name); err != nil {
			return Run{}, err
		}
		if !r.Status.Valid() {
			return Run{}, fault.Invalidf("status", "does not have a valid value")
		}
		if r.Status.ended() && r.EndedAt.IsZero() && !e.EndUnknown {
			r.EndedAt = s.now()
		}
		if err := tx.UpdateRun(ctx, r); err != nil {
			return Run{}, err
		}
		one := []Run{r}
		err = fillRuns(ctx, tx, pr, one)
		return one[0], err
	})
}

// DeleteRun removes a run with its files. The run of a version goes with the
// version only.
func (s Session) DeleteRun(ctx context.Context, ref ProjectRef, which RunRef) error {
	return s.r.store.Update(ctx, func(tx Tx) error {
		r, err := s.looseRun(ctx, tx, ref, which)
		if err != nil {
			return err
		}
		if err := tx.DeleteRun(ctx, r); err != nil {
			return err
		}
		return s.dropped(ctx, tx, r)
	})
}

// looseRun passes the gate and finds a run that may be deleted.
func (s Session) looseRun(ctx context.Context, tx Tx, ref ProjectRef, which RunRef) (Run, error) {
	_, r, err := s.run(ctx, tx, ref, which, WriteRuns)
	if err == nil && r.VersionID != 0 {
		err = fault.Invalidf("", "Cannot delete a candidate associated to a model version")
	}
	return r, err
}

// countCandidate counts a run of a model in or out.
func countCandidate(ctx context.Context, tx Tx, r Run, n int64) error {
	if r.ModelID == 0 {
		return nil
	}
	return tx.CountModel(ctx, r.ModelID, 0, n)
}

// TrashRun deletes a run so that it can be restored; its files stay. One that
// is deleted already stays so.
func (s Session) TrashRun(ctx context.Context, ref ProjectRef, which RunRef) error {
	which.Deleted = true
	return s.r.store.Update(ctx, func(tx Tx) error {
		r, err := s.looseRun(ctx, tx, ref, which)
		if err != nil || !r.DeletedAt.IsZero() {
			return err
		}
		if err := tx.TrashRun(ctx, r.ID, s.now()); err != nil {
			return err
		}
		return s.dropped(ctx, tx, r)
	})
}

// dropped counts a deleted run out, and records it.
func (s Session) dropped(ctx context.Context, tx Tx, r Run) error {
	if err := countCandidate(ctx, tx, r, -1); err != nil {
		return err
	}
	return s.note(ctx, tx, r.about(RunDeleted))
}

// RestoreRun takes a deleted run back; an active one stays so. That of a
// deleted experiment comes back with the experiment only.
func (s Session) RestoreRun(ctx context.Context, ref ProjectRef, which RunRef) error {
	which.Deleted = true
	return s.r.store.Update(ctx, func(tx Tx) error {
		_, r, err := s.run(ctx, tx, ref, which, WriteRuns)
		if err != nil || r.DeletedAt.IsZero() {
			return err
		}
		e, err := tx.ExperimentByIID(ctx, r.ProjectID, r.ExperimentIID)
		if err != nil {
			return err
		}
		if !e.DeletedAt.IsZero() {
			return notActive("experiment", itoa(e.IID))
		}
		if err := tx.RestoreRun(ctx, r.ID, s.now()); err != nil {
			return err
		}
		if err := countCandidate(ctx, tx, r, 1); err != nil {
			return err
		}
		return s.note(ctx, tx, r.about(RunRestored))
	})
}
