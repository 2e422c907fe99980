package registry

import (
	"context"
	"unicode/utf8"

	"github.com/vitrine-ml/vitrine/internal/fault"
)

// Origin tells where a version comes from, in the words of whoever made it
// (MLflow). Nothing of it is ever opened.
type Origin struct {
	Source      string // address of what was registered; empty: uploaded here
	Location    string // where clients shall fetch the files; empty: from the version
	RunEID      string // the run that made it, of which there may be several versions; its own when it was uploaded here
	RunLink     string // address of a run on another server
	LoggedModel string // id
}

// maxOrigin bounds each text of an origin, in characters.
const maxOrigin = 2048

func (o Origin) check() error {
	for _, t := range []struct{ field, text string }{{"source", o.Source}, {"source", o.Location}, {"run_id", o.RunEID},
		{"run_link", o.RunLink}, {"model_id", o.LoggedModel}} {
		if utf8.RuneCountInString(t.text) > maxOrigin {
			return fault.Invalidf(t.field, "is too long (maximum is %d characters)", maxOrigin)
		}
		if err := checkUTF8(t.field, t.text); err != nil {
			return err
		}
	}
	return nil
}

// FilesOf names files of a run, a version or a logged model: a new version
// begins with them. Rows are copied, no bytes.
type FilesOf struct {
	VersionID int64
	Logged    string // outer id of a logged model
	Run       RunRef // when there is neither
	// Experiment, when not nil, is that of the run, which has to keep its files
	// here; else a run that is not there has no files.
	Experiment *int64
	Path       string // a folder or a file; empty: all
}

// copyFiles gives a new version the files that it begins with. A folder's files
// lose its path, a file all but its name.
func (s Session) copyFiles(ctx context.Context, tx Tx, v Version, from FilesOf) error {
	path, err := from.Path, error(nil)
	if path != "" {
		if path, err = ParseFilePath(path); err != nil {
			return err
		}
	}
	id, err := from.packageID(ctx, tx, v.ProjectID)
	if err != nil || id == 0 {
		return err
	}
	return tx.CopyFiles(ctx, id, path, v.PackageID, s.now())
}

// packageID finds the package with the files, 0 for none.
func (f FilesOf) packageID(ctx context.Context, tx Tx, projectID int64) (int64, error) {
	if f.VersionID != 0 {
		v, err := tx.VersionByID(ctx, projectID, f.VersionID)
		return v.PackageID, err
	}
	if f.Logged != "" {
		m, err := LoggedModelRef{EID: f.Logged}.find(ctx, tx, projectID)
		return m.PackageID, err
	}
	run, err := f.Run.find(ctx, tx, projectID)
	switch {
	case fault.Is(err, fault.NotFound) && f.Experiment == nil:
		return 0, nil
	case err == nil && f.Experiment != nil && (run.ExperimentIID != *f.Experiment || run.Location != ""):
		return 0, fault.Missing("run", f.Run.name())
	}
	return run.PackageID, err
}

// VersionNote is the metadata entry by which the logged model of an origin
// tells of the versions that were made of it.
type VersionNote struct {
	Key string
	// Write gives the value with one more version, of what it was, "" for
	// nothing. It may be called again and depends on nothing else.
	Write func(v Version, old string) (string, error)
}

// noteVersion tells the logged model of a new version. One that the caller has
// named must be there; one that another version was made of may have gone.
func (s Session) noteVersion(ctx context.Context, tx Tx, p Project, v Version, spec VersionSpec) error {
	m, err := LoggedModelRef{EID: v.Origin.LoggedModel}.find(ctx, tx, p.ID)
	switch {
	case fault.Is(err, fault.NotFound) && spec.Files != nil && spec.Files.VersionID != 0:
		return nil
	case err != nil:
		return err
	}
	if err := s.allowed(p, WriteRuns); err != nil {
		return err
	}
	all, err := tx.TagsOf(ctx, LoggedTags, []int64{m.ID})
	if err != nil {
		return err
	}
	t := Tag{Key: spec.Note.Key}
	if t.Value, err = spec.Note.Write(v, valueOf(all[m.ID], t.Key)); err != nil {
		return err
	}
	if err := checkTags([]Tag{t}); err != nil {
		return err
	}
	return tx.SetTags(ctx, LoggedTags, m.ID, []Tag{t})
}
