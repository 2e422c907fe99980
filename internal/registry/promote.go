package registry

import (
	"context"
	"slices"

	"github.com/vitrine-ml/vitrine/internal/fault"
)

// Promotion is a version to be made of a run.
type Promotion struct {
	VersionSpec
	ModelID int64 // when not 0, has to be the run's own
	// Into names the model that gets a version of a run which is no model's
	// candidate; one that is not there is made. Logged is a logged model of the
	// run whose files the version gets; empty: the run's own.
	Into, Logged string
}

// PromoteRun makes a version of a run. A candidate becomes the version, with
// its files; any other run stays, and the version gets its files, too.
func (s Session) PromoteRun(ctx context.Context, ref ProjectRef, which RunRef, p Promotion) (Version, error) {
	return update(ctx, s, func(tx Tx) (Version, error) {
		pr, err := s.project(ctx, tx, ref, WriteModels)
		if err != nil {
			return Version{}, err
		}
		r, err := which.find(ctx, tx, pr.ID)
		if err != nil {
			return Version{}, err
		}
		var v Version
		if r.ModelID == 0 && p.Into != "" {
			v, err = s.register(ctx, tx, pr, r, p)
		} else {
			v, err = s.promote(ctx, tx, pr, r, p)
		}
		if err != nil {
			return Version{}, err
		}
		return v, s.note(ctx, tx, r.about(RunPromoted).with(v.ModelName+" "+v.Semver))
	})
}

// promote makes a candidate a version of its model.
func (s Session) promote(ctx context.Context, tx Tx, pr Project, r Run, p Promotion) (Version, error) {
	if r.ModelID == 0 {
		return Version{}, fault.Invalidf("", "Run's experiment does not belong to a model; only a model's candidates can be promoted")
	}
	if p.ModelID != 0 && p.ModelID != r.ModelID {
		return Version{}, fault.Invalidf("", "Run's experiment does not belong to this model")
	}
	m, err := tx.ModelByID(ctx, pr.ID, r.ModelID)
	if err != nil {
		return Version{}, err
	}
	m.ProjectPath = pr.FullPath
	spec := p.VersionSpec
	spec.RunIID = r.IID
	return s.addVersion(ctx, tx, m, spec)
}

// register makes a version of what a run has made, as clients of MLflow do.
func (s Session) register(ctx context.Context, tx Tx, pr Project, r Run, p Promotion) (Version, error) {
	if err := s.allowed(pr, ReadRuns); err != nil {
		return Version{}, err
	}
	spec := p.VersionSpec
	spec.Files, spec.Origin = &FilesOf{Run: RunRef{IID: r.IID}}, Origin{Source: "runs:/" + r.EID + "/", RunEID: r.EID}
	if p.Logged != "" {
		_, made, err := tx.RunModelsOf(ctx, []int64{r.ID})
		if err != nil {
			return Version{}, err
		}
		if !slices.ContainsFunc(made[r.ID], func(l ModelLink) bool { return l.Model == p.Logged }) {
			return Version{}, fault.Invalidf("", "The run has made no model %s", p.Logged)
		}
		spec.Files, spec.Origin = &FilesOf{Logged: p.Logged}, Origin{Source: "models:/" + p.Logged, RunEID: r.EID, LoggedModel: p.Logged}
	}
	m, err := tx.ModelByName(ctx, pr.ID, p.Into)
	if fault.Is(err, fault.NotFound) {
		m, err = s.addModel(ctx, tx, pr, ModelSpec{Name: p.Into})
	}
	if err != nil {
		return Version{}, err
	}
	m.ProjectPath = pr.FullPath
	v, err := s.addVersion(ctx, tx, m, spec)
	if err == nil && v.Size > s.room(pr) {
		err = s.overLimit(pr)
	}
	return v, err
}
