package registry

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"time"

	"github.com/vitrine-ml/vitrine/internal/fault"
)

// EvalDataset is a set of inputs, and what is expected of them, by which
// applications are judged.
type EvalDataset struct {
	ID        int64
	EID       string // "d-" and 32 hexadecimal digits
	ProjectID int64
	Name      string // not unique
	Schema    string // what its records have, as the dialect says it; empty: nothing yet
	Records   int64
	CreatedBy string // as clients say
	UpdatedBy string
	Digest    string // changes with the records
	Tags      []Tag
	CreatedAt time.Time // to the millisecond
	UpdatedAt time.Time
}

// EvalRecord is one record of a data set. Its parts are as the dialect spells
// them; empty ones are not there.
type EvalRecord struct {
	ID           int64
	EID          string // "dr-" and 32 hexadecimal digits
	Hash         string // of the inputs: there is one record of each
	Inputs       string
	Outputs      string
	Expectations string
	Tags         string
	Source       string
	CreatedBy    string
	UpdatedBy    string
	CreatedAt    time.Time // to the millisecond
	UpdatedAt    time.Time
}

// Limits of evaluation data sets.
const (
	maxEvalName    = 500    // characters
	maxEvalTags    = 100    // of one request
	maxEvalRecords = 10_000 // of one request
	maxEvalBytes   = 32 << 20
	evalNoun       = "evaluation dataset"
)

// EvalSpec is a data set to be made.
type EvalSpec struct {
	Name        string
	Tags        []Tag
	By          string // who makes it, as the client says
	Experiments []ExperimentRef
}

// CreateEvalDataset makes a data set without records, for some experiments.
func (s Session) CreateEvalDataset(ctx context.Context, ref ProjectRef, spec EvalSpec) (EvalDataset, error) {
	return update(ctx, s, func(tx Tx) (EvalDataset, error) {
		p, err := s.project(ctx, tx, ref, WriteRuns)
		if err != nil {
			return EvalDataset{}, err
		}
		if err := spec.check(); err != nil {
			return EvalDataset{}, err
		}
		now := s.now().UTC().Truncate(time.Millisecond)
		d := EvalDataset{EID: "d-" + newEID(), ProjectID: p.ID, Name: spec.Name, CreatedBy: spec.By, UpdatedBy: spec.By, CreatedAt: now, UpdatedAt: now}
		d.Digest = d.digest()
		if d.ID, err = tx.PutEvalDataset(ctx, d); err != nil {
			return EvalDataset{}, err
		}
		if err := tx.SetTags(ctx, EvalTags, d.ID, spec.Tags); err != nil {
			return EvalDataset{}, err
		}
		if err := linkEval(ctx, tx, d, spec.Experiments); err != nil {
			return EvalDataset{}, err
		}
		return wholeEval(ctx, tx, p.ID, d.EID)
	})
}

func (spec EvalSpec) check() error {
	if err := checkTitleOf(spec.Name, maxEvalName); err != nil {
		return err
	}
	if err := checkLength("created_by", spec.By, maxEvalName); err != nil {
		return err
	}
	return checkEvalTags(spec.Tags)
}

func checkEvalTags(ts []Tag) error {
	if len(ts) > maxEvalTags {
		return fault.Invalidf("tags", "has too many entries (maximum is %d)", maxEvalTags)
	}
	return checkTags(ts)
}

// digest names the state of a data set, as MLflow makes it.
func (d EvalDataset) digest() string {
	sum := sha256.Sum256([]byte(d.Name + ":" + itoa(d.UpdatedAt.UnixMilli())))
	return hex.EncodeToString(sum[:])[:8]
}

// linkEval adds a data set to experiments, all of which there have to be.
func linkEval(ctx context.Context, tx Tx, d EvalDataset, in []ExperimentRef) error {
	ids, err := experimentIDs(ctx, tx, Project{ID: d.ProjectID}, in)
	if err != nil || len(in) == 0 {
		return err
	}
	iids, err := tx.ExperimentIIDs(ctx, ids)
	if err != nil {
		return err
	}
	for _, e := range in {
		if !slices.Contains(iids, e.IID) {
			return fault.Missing("experiment", itoa(e.IID))
		}
	}
	return tx.LinkEvalDataset(ctx, d.ID, ids)
}

func wholeEval(ctx context.Context, tx Tx, projectID int64, eid string) (EvalDataset, error) {
	d, err := tx.EvalDatasetByEID(ctx, projectID, eid)
	if err != nil {
		return d, err
	}
	tags, err := tx.TagsOf(ctx, EvalTags, []int64{d.ID})
	d.Tags = tags[d.ID]
	return d, err
}

// EvalDataset gives one data set, with its tags.
func (s Session) EvalDataset(ctx context.Context, ref ProjectRef, eid string) (EvalDataset, error) {
	return view(ctx, s, func(tx Tx) (EvalDataset, error) {
		p, err := s.project(ctx, tx, ref, ReadRuns)
		if err != nil {
			return EvalDataset{}, err
		}
		return wholeEval(ctx, tx, p.ID, eid)
	})
}

// EvalExperiments gives the numbers of the experiments that a data set is for.
func (s Session) EvalExperiments(ctx context.Context, ref ProjectRef, eid string) ([]int64, error) {
	return view(ctx, s, func(tx Tx) ([]int64, error) {
		p, err := s.project(ctx, tx, ref, ReadRuns)
		if err != nil {
			return nil, err
		}
		d, err := tx.EvalDatasetByEID(ctx, p.ID, eid)
		if err != nil {
			return nil, err
		}
		ids, err := tx.EvalExperiments(ctx, d.ID)
		if err != nil {
			return nil, err
		}
		return tx.ExperimentIIDs(ctx, ids)
	})
}

// EvalSearch is a Search for data sets of a project.
type EvalSearch struct {
	Search
	Experiments []ExperimentRef // for one of these; empty: for any, or none
}

// SearchEvalDatasets finds data sets, with their tags.
func (s Session) SearchEvalDatasets(ctx context.Context, ref ProjectRef, q EvalSearch) (Found[EvalDataset], error) {
	return view(ctx, s, func(tx Tx) (Found[EvalDataset], error) {
		p, err := s.project(ctx, tx, ref, ReadRuns)
		if err != nil {
			return Found[EvalDataset]{}, err
		}
		if err := q.check(); err != nil {
			return Found[EvalDataset]{}, err
		}
		ids, err := experimentIDs(ctx, tx, p, q.Experiments)
		if err != nil || len(q.Experiments) > 0 && len(ids) == 0 {
			return Found[EvalDataset]{}, err
		}
		f, err := tx.SearchEvalDatasets(ctx, p.ID, ids, q.Search)
		if err != nil {
			return f, err
		}
		owners := make([]int64, len(f.Items))
		for i, d := range f.Items {
			owners[i] = d.ID
		}
		tags, err := tx.TagsOf(ctx, EvalTags, owners)
		for i := range f.Items {
			f.Items[i].Tags = tags[f.Items[i].ID]
		}
		return f, err
	})
}

// changeEval passes the gate, runs fn on a data set and gives what has become of
// it.
func (s Session) changeEval(ctx context.Context, ref ProjectRef, eid string, fn func(Tx, EvalDataset) error) (EvalDataset, error) {
	return update(ctx, s, func(tx Tx) (EvalDataset, error) {
		p, err := s.project(ctx, tx, ref, WriteRuns)
		if err != nil {
			return EvalDataset{}, err
		}
		d, err := tx.EvalDatasetByEID(ctx, p.ID, eid)
		if err != nil {
			return d, err
		}
		if err := fn(tx, d); err != nil {
			return d, err
		}
		return wholeEval(ctx, tx, p.ID, eid)
	})
}

// LinkEvalDataset adds a data set to experiments and takes it from others.
func (s Session) LinkEvalDataset(ctx context.Context, ref ProjectRef, eid string, add, remove []ExperimentRef) (EvalDataset, error) {
	return s.changeEval(ctx, ref, eid, func(tx Tx, d EvalDataset) error {
		if err := linkEval(ctx, tx, d, add); err != nil {
			return err
		}
		ids, err := experimentIDs(ctx, tx, Project{ID: d.ProjectID}, remove)
		if err != nil {
			return err
		}
		if err := tx.UnlinkEvalDataset(ctx, d.ID, ids); err != nil {
			return err
		}
		d.UpdatedAt = s.now().UTC().Truncate(time.Millisecond)
		_, err = tx.PutEvalDataset(ctx, d)
		return err
	})
}

// SetEvalTags sets tags of a data set.
func (s Session) SetEvalTags(ctx context.Context, ref ProjectRef, eid string, ts []Tag) (EvalDataset, error) {
	return s.changeEval(ctx, ref, eid, func(tx Tx, d EvalDataset) error {
		if err := checkEvalTags(ts); err != nil {
			return err
		}
		return tx.SetTags(ctx, EvalTags, d.ID, ts)
	})
}

// DeleteEvalTag removes a tag of a data set; what is not there is gone.
func (s Session) DeleteEvalTag(ctx context.Context, ref ProjectRef, eid, key string) error {
	_, err := s.changeEval(ctx, ref, eid, func(tx Tx, d EvalDataset) error {
		if key == "" {
			return nil
		}
		return ifThere(tx.DeleteTag(ctx, EvalTags, d.ID, key))
	})
	return ifDataset(err)
}

// ifDataset forgives that a data set is not there.
func ifDataset(err error) error {
	if e, ok := fault.As(err); ok && e.Kind == fault.NotFound && e.Noun == evalNoun {
		return nil
	}
	return err
}

// DeleteEvalDataset removes a data set with its records; what is not there is
// gone.
func (s Session) DeleteEvalDataset(ctx context.Context, ref ProjectRef, eid string) error {
	return s.r.store.Update(ctx, func(tx Tx) error {
		p, err := s.project(ctx, tx, ref, WriteRuns)
		if err != nil {
			return err
		}
		d, err := tx.EvalDatasetByEID(ctx, p.ID, eid)
		if err != nil {
			return ifThere(err)
		}
		return tx.DeleteEvalDataset(ctx, d.ID)
	})
}
