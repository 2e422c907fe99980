package registry

import (
	"context"
	"strings"

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
		if q.ID == 0 && q.Search == "" {
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

// Experiment gives one experiment by its number in the project.
func (s Session) Experiment(ctx context.Context, ref ProjectRef, iid int64) (Experiment, error) {
	return view(ctx, s, func(tx Tx) (Experiment, error) { return s.experiment(ctx, tx, ref, iid, ReadRuns) })
}

// experiment passes the gate and finds an experiment.
func (s Session) experiment(ctx context.Context, tx Tx, ref ProjectRef, iid int64, p Permission) (Experiment, error) {
	pr, err := s.project(ctx, tx, ref, p)
	if err != nil {
		return Experiment{}, err
	}
	e, err := tx.ExperimentByIID(ctx, pr.ID, iid)
	if err != nil {
		return Experiment{}, err
	}
	one := []Experiment{e}
	err = fillExperiments(ctx, tx, pr, one)
	return one[0], err
}

// CreateExperiment makes a plain experiment.
func (s Session) CreateExperiment(ctx context.Context, ref ProjectRef, spec ExperimentSpec) (Experiment, error) {
	return update(ctx, s, func(tx Tx) (Experiment, error) {
		p, err := s.project(ctx, tx, ref, WriteRuns)
		if err != nil {
			return Experiment{}, err
		}
		e := Experiment{ProjectID: p.ID, Name: cut(spec.Name), Author: UserRef{ID: s.actor.UserID},
			CreatedAt: s.now(), UpdatedAt: s.now()}
		if err := checkExperiment(e, spec.Tags); err != nil {
			return Experiment{}, err
		}
		if e.IID, err = tx.NextIID(ctx, p.ID, ExperimentSequence); err != nil {
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

func checkExperiment(e Experiment, tags []Tag) error {
	if err := checkTitle(e.Name); err != nil {
		return err
	}
	if e.ModelID == 0 && strings.HasPrefix(e.Name, experimentPrefix) {
		return fault.Invalidf("name", "cannot begin with %s, which is kept for the experiments of models", experimentPrefix)
	}
	return checkTags(tags)
}

// EditExperiment changes a plain experiment; a model's own follows its model.
func (s Session) EditExperiment(ctx context.Context, ref ProjectRef, iid int64, edit ExperimentEdit) (Experiment, error) {
	return update(ctx, s, func(tx Tx) (Experiment, error) {
		e, err := s.experiment(ctx, tx, ref, iid, WriteRuns)
		if err != nil {
			return Experiment{}, err
		}
		if e.ModelID != 0 && edit.Name != nil && cut(*edit.Name) != e.Name {
			return Experiment{}, fault.Invalidf("name", "cannot be changed: the experiment belongs to a model; rename the model")
		}
		set(&e.Name, edit.Name)
		e.Name, e.UpdatedAt = cut(e.Name), s.now()
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

// DeleteExperiment removes a plain experiment with its runs and their files.
func (s Session) DeleteExperiment(ctx context.Context, ref ProjectRef, iid int64) error {
	return s.r.store.Update(ctx, func(tx Tx) error {
		e, err := s.experiment(ctx, tx, ref, iid, WriteRuns)
		if err != nil {
			return err
		}
		if e.ModelID != 0 {
			return fault.Invalidf("", "Cannot delete the experiment of a model; delete the model")
		}
		return tx.DeleteExperiment(ctx, e.ID)
	})
}
