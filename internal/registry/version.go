package registry

import (
	"context"
	"slices"

	"github.com/vitrine-ml/vitrine/internal/fault"
)

// Versions lists the versions of a model.
func (s Session) Versions(ctx context.Context, ref ProjectRef, model ModelRef, q VersionQuery) (List[Version], error) {
	return view(ctx, s, func(tx Tx) (List[Version], error) {
		_, m, err := s.model(ctx, tx, ref, model, ReadModels)
		if err != nil {
			return List[Version]{}, err
		}
		q := q
		q.ModelID = m.ID
		if q.Semver == "" && q.Prefix == "" {
			q.Page.Known = &m.VersionCount
		}
		l, err := tx.ListVersions(ctx, q)
		if err != nil {
			return List[Version]{}, err
		}
		return l, fillVersions(ctx, tx, m, l.Items)
	})
}

// fillVersions adds tags and aliases to versions of one model.
func fillVersions(ctx context.Context, tx Tx, m Model, vs []Version) error {
	if err := tagVersions(ctx, tx, vs); err != nil {
		return err
	}
	nameVersions(m, vs)
	return nil
}

// tagVersions adds tags to versions of any models.
func tagVersions(ctx context.Context, tx Tx, vs []Version) error {
	ids := make([]int64, len(vs))
	for i, v := range vs {
		ids[i] = v.ID
	}
	tags, err := tx.TagsOf(ctx, VersionTags, ids)
	for i := range vs {
		vs[i].Tags = tags[vs[i].ID]
	}
	return err
}

// describeVersions adds tags and aliases to versions of any models.
func describeVersions(ctx context.Context, tx Tx, vs []Version) error {
	if err := tagVersions(ctx, tx, vs); err != nil {
		return err
	}
	models := make([]int64, len(vs))
	for i, v := range vs {
		models[i] = v.ModelID
	}
	slices.Sort(models)
	aliases, err := tx.AliasesOf(ctx, slices.Compact(models))
	for i, v := range vs {
		for _, a := range aliases[v.ModelID] {
			if a.VersionID == v.ID {
				vs[i].Aliases = append(vs[i].Aliases, a.Name)
			}
		}
	}
	return err
}

// nameVersions adds the aliases of a model to its versions.
func nameVersions(m Model, vs []Version) {
	at := make(map[int64]int, len(vs))
	for i, v := range vs {
		at[v.ID] = i
		vs[i].ProjectPath = m.ProjectPath
	}
	for _, a := range m.Aliases {
		if i, ok := at[a.VersionID]; ok {
			vs[i].Aliases = append(vs[i].Aliases, a.Name)
		}
	}
}

// Version gives one version of a model.
func (s Session) Version(ctx context.Context, ref ProjectRef, model ModelRef, which VersionRef) (Version, error) {
	return view(ctx, s, func(tx Tx) (Version, error) {
		_, v, err := s.version(ctx, tx, ref, model, which, ReadModels)
		return v, err
	})
}

// version passes the gate and finds a version of a model.
func (s Session) version(ctx context.Context, tx Tx, ref ProjectRef, model ModelRef, which VersionRef, p Permission) (Model, Version, error) {
	_, m, err := s.model(ctx, tx, ref, model, p)
	if err != nil {
		return m, Version{}, err
	}
	v, err := findVersion(ctx, tx, m, which)
	if err != nil {
		return m, Version{}, err
	}
	one := []Version{v}
	err = fillVersions(ctx, tx, m, one)
	return m, one[0], err
}

// findVersion finds a version of a model.
func findVersion(ctx context.Context, tx Tx, m Model, which VersionRef) (Version, error) {
	id := which.ID
	switch {
	case id != 0:
	case which.Number != 0:
		return tx.VersionByNumber(ctx, m.ID, which.Number)
	case which.Manifest != "":
		return tx.VersionByManifest(ctx, m.ID, which.Manifest)
	case which.Semver != "":
		v, err := tx.VersionBySemver(ctx, m.ID, which.Semver)
		if which.Alias != "" && fault.Is(err, fault.NotFound) {
			return findVersion(ctx, tx, m, VersionRef{Alias: which.Alias})
		}
		return v, err
	case which.Alias == Latest:
		if id = m.LatestID; id == 0 {
			return Version{}, fault.Missing("version", Latest)
		}
	case which.Alias != "":
		a, err := tx.AliasByName(ctx, m.ID, which.Alias)
		if err != nil {
			return Version{}, err
		}
		id = a.VersionID
	}
	v, err := tx.VersionByID(ctx, m.ProjectID, id)
	if err == nil && v.ModelID != m.ID {
		err = fault.Missing("version", itoa(id))
	}
	return v, err
}

// NextVersion proposes the semantic version after the highest of a model.
func (s Session) NextVersion(ctx context.Context, ref ProjectRef, model ModelRef) (string, error) {
	return view(ctx, s, func(tx Tx) (string, error) {
		_, m, err := s.model(ctx, tx, ref, model, ReadModels)
		if err != nil {
			return "", err
		}
		return nextVersion(ctx, tx, m.ID)
	})
}

func nextVersion(ctx context.Context, tx Tx, modelID int64) (string, error) {
	high, err := tx.HighestVersion(ctx, modelID)
	if err != nil || high == "" {
		return firstVersion, err
	}
	v, err := ParseSemver(high)
	return v.next(), err
}

// CreateVersion makes a version with an empty package, or of a run, whose
// package it takes over.
func (s Session) CreateVersion(ctx context.Context, ref ProjectRef, model ModelRef, spec VersionSpec) (Version, error) {
	return update(ctx, s, func(tx Tx) (Version, error) {
		pr, err := s.project(ctx, tx, ref, WriteModels)
		if err != nil {
			return Version{}, err
		}
		m, err := findModel(ctx, tx, pr.ID, model)
		if err != nil {
			return Version{}, err
		}
		m.ProjectPath = pr.FullPath
		if spec.Files != nil {
			if err := s.allowed(pr, ReadRuns); err != nil {
				return Version{}, err
			}
		}
		v, err := s.addVersion(ctx, tx, m, spec)
		if err == nil && spec.Files != nil && v.Size > s.room(pr) {
			err = s.overLimit(pr) // copies count as the page about storage counts them
		}
		if err != nil || spec.Note == nil {
			return v, err
		}
		return v, s.noteVersion(ctx, tx, pr, v, spec)
	})
}

// addVersion does the work of CreateVersion behind the gate.
func (s Session) addVersion(ctx context.Context, tx Tx, m Model, spec VersionSpec) (Version, error) {
	v := Version{ProjectID: m.ProjectID, ProjectPath: m.ProjectPath, ModelID: m.ID, ModelName: m.Name, Semver: spec.Semver, Tags: spec.Tags,
		Description: spec.Description, Stage: NoStage, Origin: spec.Origin, Author: s.author(), CreatedAt: s.now(), UpdatedAt: s.now()}
	if err := s.checkVersion(ctx, tx, &v, spec.Tags); err != nil {
		return Version{}, err
	}
	run, err := s.versionRun(ctx, tx, v, m, spec)
	if err != nil {
		return Version{}, err
	}
	v.RunID, v.RunIID, v.RunEID, v.PackageID = run.ID, run.IID, run.EID, run.PackageID
	if v.Origin.Source == "" {
		v.Origin.RunEID = run.EID
	}
	if v.Number, err = tx.NextNumber(ctx, m.ID, s.now()); err != nil {
		return Version{}, err
	}
	if v.ID, err = tx.InsertVersion(ctx, v); err != nil {
		return Version{}, err
	}
	run.VersionID, run.UpdatedAt = v.ID, s.now()
	if err := tx.PublishRun(ctx, run); err != nil {
		return Version{}, err
	}
	if err := tx.SetTags(ctx, VersionTags, v.ID, spec.Tags); err != nil {
		return Version{}, err
	}
	promoted := int64(0)
	if spec.promotes() {
		promoted = -1
	}
	if err := tx.CountModel(ctx, m.ID, 0, promoted); err != nil {
		return Version{}, err
	}
	if spec.Files != nil {
		if err := s.copyFiles(ctx, tx, v, *spec.Files); err != nil {
			return Version{}, err
		}
	}
	if err := s.note(ctx, tx, v.about(VersionPublished)); err != nil {
		return Version{}, err
	}
	if spec.Files == nil && !spec.promotes() {
		return v, nil // a look-up would find the same
	}
	v, err = tx.VersionByID(ctx, m.ProjectID, v.ID)
	v.Tags, v.ProjectPath = spec.Tags, m.ProjectPath
	return v, err
}

// checkVersion fills in a missing semantic version and checks the rules.
func (s Session) checkVersion(ctx context.Context, tx Tx, v *Version, tags []Tag) error {
	if err := checkDescription(v.Description); err != nil {
		return err
	}
	if err := checkTags(tags); err != nil {
		return err
	}
	if err := v.Origin.check(); err != nil {
		return err
	}
	if v.Semver == "" {
		var err error
		v.Semver, err = nextVersion(ctx, tx, v.ModelID)
		return err
	}
	if _, err := ParseSemver(v.Semver); err != nil {
		return err
	}
	_, err := tx.VersionBySemver(ctx, v.ModelID, v.Semver)
	switch {
	case err == nil:
		return fault.Conflictf("version", "version", "has already been taken")
	case fault.Is(err, fault.NotFound):
		return nil
	}
	return err
}

// versionRun gives the run of a new version, with a package: a new one, or the
// one to promote.
func (s Session) versionRun(ctx context.Context, tx Tx, v Version, m Model, spec VersionSpec) (Run, error) {
	if !spec.promotes() {
		id, err := s.versionPackage(ctx, tx, v, 0)
		if err != nil {
			return Run{}, err
		}
		return s.writeRun(ctx, tx, Run{ProjectID: m.ProjectID, ExperimentID: m.ExperimentID, Status: Finished,
			PackageID: id, StartedAt: s.now(), EndedAt: s.now()}, RunData{})
	}
	run, err := runToPromote(ctx, tx, m.ProjectID, spec)
	switch {
	case fault.Is(err, fault.NotFound):
		return Run{}, fault.Invalidf("", "Run not found")
	case err != nil:
		return Run{}, err
	case run.VersionID != 0:
		return Run{}, fault.Invalidf("", "Run has already a model version")
	case run.ExperimentID != m.ExperimentID:
		return Run{}, fault.Invalidf("", "Run's experiment does not belong to this model")
	}
	had := run.PackageID
	if run.PackageID, err = s.versionPackage(ctx, tx, v, had); err == nil && had == 0 {
		err = tx.UpdateRun(ctx, run)
	}
	return run, err
}

// runToPromote finds the run that a specification names.
func runToPromote(ctx context.Context, tx Tx, projectID int64, spec VersionSpec) (Run, error) {
	if spec.RunIID != 0 || spec.RunEID != "" {
		return RunRef{IID: spec.RunIID, EID: spec.RunEID}.find(ctx, tx, projectID)
	}
	found, err := tx.RunsByID(ctx, projectID, []int64{spec.RunID})
	if err != nil {
		return Run{}, err
	}
	run, ok := found[spec.RunID]
	if !ok {
		return Run{}, fault.Missing("run", itoa(spec.RunID))
	}
	return run, nil
}

// versionPackage makes the package of a version, or gives it that of its run.
func (s Session) versionPackage(ctx context.Context, tx Tx, v Version, existing int64) (int64, error) {
	p := Package{ID: existing, ProjectID: v.ProjectID, Type: ModelPackage, Name: v.ModelName, Version: v.Semver,
		Status: FileDefault, CreatorID: s.actor.UserID, CreatedAt: s.now()}
	if existing != 0 {
		return existing, tx.UpdatePackage(ctx, p)
	}
	return tx.InsertPackage(ctx, p)
}

// EditVersion changes a version.
func (s Session) EditVersion(ctx context.Context, ref ProjectRef, model ModelRef, which VersionRef, e VersionEdit) (Version, error) {
	return update(ctx, s, func(tx Tx) (Version, error) {
		_, v, err := s.version(ctx, tx, ref, model, which, WriteModels)
		if err != nil {
			return Version{}, err
		}
		set(&v.Description, e.Description)
		v.UpdatedAt = s.now()
		if e.Tags != nil {
			v.Tags = *e.Tags
		}
		if err := checkDescription(v.Description); err != nil {
			return Version{}, err
		}
		if err := tx.UpdateVersion(ctx, v); err != nil {
			return Version{}, err
		}
		if err := replaceTags(ctx, tx, VersionTags, v.ID, e.Tags); err != nil {
			return Version{}, err
		}
		return v, s.note(ctx, tx, v.about(VersionEdited))
	})
}

// DeleteVersion removes a version with its run and files.
func (s Session) DeleteVersion(ctx context.Context, ref ProjectRef, model ModelRef, which VersionRef) error {
	return s.r.store.Update(ctx, func(tx Tx) error {
		m, v, err := s.version(ctx, tx, ref, model, which, WriteModels)
		if err != nil {
			return err
		}
		return s.dropVersion(ctx, tx, m, v)
	})
}

// RemoveVersion removes a version of whatever model of a project, with its run
// and files, and gives what it was.
func (s Session) RemoveVersion(ctx context.Context, ref ProjectRef, id int64) (Version, error) {
	return update(ctx, s, func(tx Tx) (Version, error) {
		p, err := s.project(ctx, tx, ref, WriteModels)
		if err != nil {
			return Version{}, err
		}
		v, err := tx.VersionByID(ctx, p.ID, id)
		if err != nil {
			return Version{}, err
		}
		m, err := tx.ModelByID(ctx, p.ID, v.ModelID)
		if err != nil {
			return Version{}, err
		}
		v.ProjectPath = p.FullPath
		return v, s.dropVersion(ctx, tx, m, v)
	})
}

func (s Session) dropVersion(ctx context.Context, tx Tx, m Model, v Version) error {
	if err := tx.DeleteVersion(ctx, v); err != nil {
		return err
	}
	if err := tx.CountModel(ctx, m.ID, -1, 0); err != nil {
		return err
	}
	if err := s.note(ctx, tx, v.about(VersionDeleted)); err != nil {
		return err
	}
	return s.touchModel(ctx, tx, m)
}

// SetVersionTag sets one metadata entry of a version.
func (s Session) SetVersionTag(ctx context.Context, ref ProjectRef, model ModelRef, which VersionRef, t Tag) error {
	return s.r.store.Update(ctx, func(tx Tx) error {
		_, v, err := s.version(ctx, tx, ref, model, which, WriteModels)
		if err != nil {
			return err
		}
		if err := checkTags([]Tag{t}); err != nil {
			return err
		}
		if err := tx.SetTags(ctx, VersionTags, v.ID, []Tag{t}); err != nil {
			return err
		}
		return s.note(ctx, tx, v.about(VersionTagged).with(t.Key))
	})
}

// DeleteVersionTag removes one metadata entry of a version.
func (s Session) DeleteVersionTag(ctx context.Context, ref ProjectRef, model ModelRef, which VersionRef, key string) error {
	return s.r.store.Update(ctx, func(tx Tx) error {
		_, v, err := s.version(ctx, tx, ref, model, which, WriteModels)
		if err != nil {
			return err
		}
		if err := deleteTag(ctx, tx, VersionTags, v.ID, key); err != nil {
			return err
		}
		return s.note(ctx, tx, v.about(VersionTagged).with(key))
	})
}
