package registry

import (
	"context"

	"github.com/vitrine-ml/vitrine/internal/fault"
)

// FolderEntry is a thing in a folder: a file, or a folder with files below it.
// There are no empty folders.
type FolderEntry struct {
	Name string // one segment of a path
	Dir  bool
	Size int64 // bytes, of a file
}

// FolderQuery asks for what is in a folder, by the order of paths.
type FolderQuery struct {
	Path  string // of the folder; empty: the top
	After string // goes on behind this Cursor.Key
	Limit int    // entries; 0 means MaxFolder
}

// MaxFolder bounds the entries of a folder that are read at once.
const MaxFolder = 10_000

// check bounds a query.
func (q FolderQuery) check() (FolderQuery, error) {
	if q.Limit <= 0 || q.Limit > MaxFolder {
		q.Limit = MaxFolder
	}
	var err error
	if q.Path != "" {
		q.Path, err = ParseFilePath(q.Path)
	}
	return q, err
}

// Folder lists one level of the files of a package, without those that are
// hidden; what is no folder has no entries. It costs what it gives, whatever is
// further below.
func (s Session) Folder(ctx context.Context, ref ProjectRef, pkg PackageRef, q FolderQuery) (List[FolderEntry], error) {
	return view(ctx, s, func(tx Tx) (List[FolderEntry], error) {
		_, k, err := s.packageOf(ctx, tx, ref, pkg, pkg.pull())
		if err != nil {
			return List[FolderEntry]{}, err
		}
		return folder(ctx, tx, k.ID, q)
	})
}

// RunFolder is Folder for a run, which it gives too, without what it has logged.
func (s Session) RunFolder(ctx context.Context, ref ProjectRef, which RunRef, q FolderQuery) (Run, List[FolderEntry], error) {
	type found struct {
		run  Run
		list List[FolderEntry]
	}
	f, err := view(ctx, s, func(tx Tx) (found, error) {
		_, r, err := s.run(ctx, tx, ref, which, PullFiles)
		if err != nil {
			return found{}, err
		}
		l, err := folder(ctx, tx, r.PackageID, q)
		return found{r, l}, err
	})
	return f.run, f.list, err
}

// LoggedModelFolder is Folder for a logged model, which it gives too, without
// what it has.
func (s Session) LoggedModelFolder(ctx context.Context, ref ProjectRef, which LoggedModelRef, q FolderQuery) (LoggedModel, List[FolderEntry], error) {
	type found struct {
		model LoggedModel
		list  List[FolderEntry]
	}
	f, err := view(ctx, s, func(tx Tx) (found, error) {
		m, err := s.loggedModel(ctx, tx, ref, which, PullFiles)
		if err != nil {
			return found{}, err
		}
		l, err := folder(ctx, tx, m.PackageID, q)
		return found{m, l}, err
	})
	return f.model, f.list, err
}

// folder lists one level of a package; 0 is one that has no files yet.
func folder(ctx context.Context, tx Tx, packageID int64, q FolderQuery) (List[FolderEntry], error) {
	q, err := q.check()
	if err != nil || packageID == 0 {
		return List[FolderEntry]{}, err
	}
	return tx.ListFolder(ctx, packageID, q)
}

// DeleteFiles removes the file at a path, or all files below it; an empty path
// means all of the package. It tells how many there were.
func (s Session) DeleteFiles(ctx context.Context, ref ProjectRef, pkg PackageRef, path string) (int64, error) {
	if path != "" {
		var err error
		if path, err = ParseFilePath(path); err != nil {
			return 0, err
		}
	}
	return update(ctx, s, func(tx Tx) (int64, error) {
		_, k, err := s.packageOf(ctx, tx, ref, pkg, pkg.push())
		if err != nil || k.ID == 0 {
			return 0, err
		}
		n, err := tx.DeleteFiles(ctx, k.ID, path)
		if err != nil || n == 0 {
			return 0, err
		}
		return n, s.noteFiles(ctx, tx, k, path)
	})
}

// RunHome is where an address says that a run, or a logged model, keeps its
// files.
type RunHome struct {
	Given      bool   // else any place will do
	Experiment int64  // number of the run's experiment, when Location is empty
	Location   string // that of the experiment; see Experiment
}

// holds reports whether what is in an experiment keeps its files there.
func (h RunHome) holds(location string, experiment int64) bool {
	return !h.Given || location == h.Location && (h.Location != "" || experiment == h.Experiment)
}

// resolveRun turns a run's outer id into its number.
func resolveRun(ctx context.Context, tx Tx, projectID int64, pkg PackageRef) (PackageRef, error) {
	r, err := tx.RunByEID(ctx, projectID, pkg.RunEID)
	if err == nil && !pkg.Home.holds(r.Location, r.ExperimentIID) {
		err = fault.Missing("run", pkg.RunEID)
	}
	return PackageRef{RunIID: r.IID, Deleted: true}, err
}
