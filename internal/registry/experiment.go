package registry

import (
	"context"
	"strings"
	"unicode/utf8"

	"github.com/vitrine-ml/vitrine/internal/fault"
)

// Experiments lists the experiments of a project, models' own included.
func (s Session) Experiments(ctx context.Context, ref ProjectRef, q ExperimentQuery) (List[Experiment], error) {
	return view(ctx, s, func(tx Tx) (List[Experiment], error) {
		p, err := s.project(ctx, tx, ref, ReadRuns)
		if err != nil {
			return List[Experiment]{}, err
		}
		q := q
		q.ProjectID = p.ID
		if q.ID == 0 && q.Search == "" && q.Name == "" {
			q.Page.Known = &p.ExperimentCount
		}
		l, err := tx.ListExperiments(ctx, q)
		if err != nil {
			return List[Experiment]{}, err
		}
		if q.Bare {
			for i := range l.Items {
				l.Items[i].ProjectPath = p.FullPath
			}
			return l, nil
		}
		return l, fillExperiments(ctx, tx, p, l.Items)
	})
}

// fillExperiments adds tags to experiments of one project.
func fillExperiments(ctx context.Context, tx Tx, p Project, es []Experiment) error {
	ids := make([]int64, len(es))
	for i, e := range es {
		ids[i] = e.ID
	}
	tags, err := tx.TagsOf(ctx, ExperimentTags, ids)
	if err != nil {
		return err
	}
	for i := range es {
		es[i].Tags, es[i].ProjectPath = tags[es[i].ID], p.FullPath
	}
	return nil
}

// Experiment gives one experiment.
func (s Session) Experiment(ctx context.Context, ref ProjectRef, which ExperimentRef) (Experiment, error) {
	return view(ctx, s, func(tx Tx) (Experiment, error) { return s.experiment(ctx, tx, ref, which, ReadRuns) })
}

// experiment passes the gate and finds an experiment.
func (s Session) experiment(ctx context.Context, tx Tx, ref ProjectRef, which ExperimentRef, p Permission) (Experiment, error) {
	pr, err := s.project(ctx, tx, ref, p)
	if err != nil {
		return Experiment{}, err
	}
	e, err := which.find(ctx, tx, pr.ID)
	if err != nil {
		return Experiment{}, err
	}
	one := []Experiment{e}
	err = fillExperiments(ctx, tx, pr, one)
	return one[0], err
}

// find looks an experiment up.
func (r ExperimentRef) find(ctx context.Context, tx Tx, projectID int64) (e Experiment, err error) {
	if r.Name != "" {
		e, err = tx.ExperimentByName(ctx, projectID, r.Name)
	} else {
		e, err = tx.ExperimentByIID(ctx, projectID, r.IID)
	}
	if err == nil && !e.DeletedAt.IsZero() && !r.Deleted {
		err = fault.Missing("experiment", itoa(e.IID))
	}
	return e, err
}

// ExperimentSearch is a Search for experiments by id (their number in the
// project), name, created_at, updated_at and tags.
type ExperimentSearch struct {
	Search
	// Plain leaves those of models out and shows the default one always, also
	// while it has no runs.
	Plain bool
}

// SearchExperiments finds experiments of a project.
func (s Session) SearchExperiments(ctx context.Context, ref ProjectRef, q ExperimentSearch) (Found[Experiment], error) {
	return view(ctx, s, func(tx Tx) (Found[Experiment], error) {
		p, err := s.project(ctx, tx, ref, ReadRuns)
		if err != nil {
			return Found[Experiment]{}, err
		}
		if err := q.check(); err != nil {
			return Found[Experiment]{}, err
		}
		f, err := tx.SearchExperiments(ctx, p.ID, q.Plain, q.Search)
		if err != nil {
			return f, err
		}
		return f, fillExperiments(ctx, tx, p, f.Items)
	})
}

// CreateExperiment makes a plain experiment.
func (s Session) CreateExperiment(ctx context.Context, ref ProjectRef, spec ExperimentSpec) (Experiment, error) {
	return update(ctx, s, func(tx Tx) (Experiment, error) {
		p, err := s.project(ctx, tx, ref, WriteRuns)
		if err != nil {
			return Experiment{}, err
		}
		e := Experiment{ProjectID: p.ID, Name: spec.Name, Location: spec.Location, Author: UserRef{ID: s.actor.UserID},
			CreatedAt: s.now(), UpdatedAt: s.now()}
		if err := checkExperiment(e, spec.Tags); err != nil {
			return Experiment{}, err
		}
		if e.IID, err = tx.NextExperiment(ctx, p.ID); err != nil {
			return Experiment{}, err
		}
		id, err := tx.InsertExperiment(ctx, e)
		if err != nil {
			return Experiment{}, err
		}
		if err := tx.SetTags(ctx, ExperimentTags, id, spec.Tags); err != nil {
			return Experiment{}, err
		}
		e, err = tx.ExperimentByIID(ctx, p.ID, e.IID)
		e.Tags, e.ProjectPath = spec.Tags, p.FullPath
		return e, err
	})
}

// Limits of experiments, in characters.
const (
	maxExperimentName = 500
	maxLocation       = 2048
)

func checkExperiment(e Experiment, tags []Tag) error {
	if err := checkTitleOf(e.Name, maxExperimentName); err != nil {
		return err
	}
	if e.ModelID == 0 && strings.HasPrefix(e.Name, experimentPrefix) {
		return fault.Invalidf("name", "cannot begin with %s, which is kept for the experiments of models", experimentPrefix)
	}
	if utf8.RuneCountInString(e.Location) > maxLocation {
		return fault.Invalidf("artifact_location", "is too long (maximum is %d characters)", maxLocation)
	}
	if err := checkUTF8("artifact_location", e.Location); err != nil {
		return err
	}
	return checkTags(tags)
}

// EditExperiment changes a plain experiment; a model's own follows its model.
func (s Session) EditExperiment(ctx context.Context, ref ProjectRef, which ExperimentRef, edit ExperimentEdit) (Experiment, error) {
	return update(ctx, s, func(tx Tx) (Experiment, error) {
		e, err := s.activeExperiment(ctx, tx, ref, which)
		if err != nil {
			return Experiment{}, err
		}
		if e.ModelID != 0 && edit.Name != nil && *edit.Name != e.Name {
			return Experiment{}, fault.Invalidf("name", "cannot be changed: the experiment belongs to a model; rename the model")
		}
		set(&e.Name, edit.Name)
		e.UpdatedAt = s.now()
		if edit.Tags != nil {
			e.Tags = *edit.Tags
		}
		if err := checkExperiment(e, e.Tags); err != nil {
			return Experiment{}, err
		}
		if err := tx.UpdateExperiment(ctx, e); err != nil {
			return Experiment{}, err
		}
		return e, replaceTags(ctx, tx, ExperimentTags, e.ID, edit.Tags)
	})
}

// activeExperiment passes the gate and finds an experiment to change.
func (s Session) activeExperiment(ctx context.Context, tx Tx, ref ProjectRef, which ExperimentRef) (Experiment, error) {
	e, err := s.experiment(ctx, tx, ref, which, WriteRuns)
	if err == nil && !e.DeletedAt.IsZero() {
		err = notActive("experiment", itoa(e.IID))
	}
	return e, err
}

// notActive refuses to change what is deleted.
func notActive(noun, name string) error {
	return &fault.Error{Kind: fault.Invalid, Noun: noun, Name: name, Field: "lifecycle_stage", Msg: "is deleted; restore the " + noun + " to change it"}
}

// SetExperimentTag sets one metadata entry.
func (s Session) SetExperimentTag(ctx context.Context, ref ProjectRef, which ExperimentRef, t Tag) error {
	return s.r.store.Update(ctx, func(tx Tx) error {
		e, err := s.activeExperiment(ctx, tx, ref, which)
		if err != nil {
			return err
		}
		if err := checkTags([]Tag{t}); err != nil {
			return err
		}
		return tx.SetTags(ctx, ExperimentTags, e.ID, []Tag{t})
	})
}

// DeleteExperimentTag removes one metadata entry.
func (s Session) DeleteExperimentTag(ctx context.Context, ref ProjectRef, which ExperimentRef, key string) error {
	return s.r.store.Update(ctx, func(tx Tx) error {
		e, err := s.activeExperiment(ctx, tx, ref, which)
		if err != nil {
			return err
		}
		if key == "" {
			return fault.Missing("tag", key)
		}
		return tx.DeleteTag(ctx, ExperimentTags, e.ID, key)
	})
}

// DeleteExperiment removes a plain experiment with its runs and their files,
// for good.
func (s Session) DeleteExperiment(ctx context.Context, ref ProjectRef, which ExperimentRef) error {
	return s.r.store.Update(ctx, func(tx Tx) error {
		e, err := s.plainExperiment(ctx, tx, ref, which)
		if err != nil {
			return err
		}
		if e.IID == DefaultExperiment {
			return fault.Invalidf("", "Cannot delete the default experiment of a project; delete its candidates")
		}
		if err := s.r.traceFiles.dropAll(ctx, tx, e); err != nil {
			return err
		}
		if err := tx.DeleteExperiment(ctx, e.ID); err != nil {
			return err
		}
		return s.note(ctx, tx, e.about(ExperimentDeleted))
	})
}

// plainExperiment passes the gate and finds an experiment that may be deleted.
func (s Session) plainExperiment(ctx context.Context, tx Tx, ref ProjectRef, which ExperimentRef) (Experiment, error) {
	e, err := s.experiment(ctx, tx, ref, which, WriteRuns)
	if err == nil && e.ModelID != 0 {
		err = fault.Invalidf("", "Cannot delete the experiment of a model; delete the model")
	}
	return e, err
}

// TrashExperiment deletes a plain experiment with all its runs, so that they
// can be restored.
func (s Session) TrashExperiment(ctx context.Context, ref ProjectRef, which ExperimentRef) error {
	return s.r.store.Update(ctx, func(tx Tx) error {
		e, err := s.plainExperiment(ctx, tx, ref, which)
		if err != nil {
			return err
		}
		if err := tx.TrashExperiment(ctx, e.ID, s.now()); err != nil {
			return err
		}
		return s.note(ctx, tx, e.about(ExperimentDeleted))
	})
}

// RestoreExperiment takes a deleted experiment back, with all its runs.
func (s Session) RestoreExperiment(ctx context.Context, ref ProjectRef, which ExperimentRef) error {
	which.Deleted = true
	return s.r.store.Update(ctx, func(tx Tx) error {
		e, err := s.experiment(ctx, tx, ref, which, WriteRuns)
		if err != nil {
			return err
		}
		if e.DeletedAt.IsZero() {
			return fault.Missing("experiment", itoa(e.IID))
		}
		if err := tx.RestoreExperiment(ctx, e.ID, s.now()); err != nil {
			return err
		}
		return s.note(ctx, tx, e.about(ExperimentRestored))
	})
}
