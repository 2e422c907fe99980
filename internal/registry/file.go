package registry

import (
	"cmp"
	"context"
	"io"
	"time"

	"github.com/vitrine-ml/vitrine/internal/blob"
	"github.com/vitrine-ml/vitrine/internal/fault"
)

// hotKey is what a download's look-ups depend on, besides the data: who asks
// for what, and the second, because memberships end by time alone.
type hotKey struct {
	user    int64
	group   int64 // of the token
	second  int64
	project ProjectRef
	pkg     PackageRef
	path    string
}

// hotFile is what the look-ups gave: rows, not the decision made of them.
type hotFile struct {
	project Project
	file    File
}

// maxHot bounds the remembered downloads.
const maxHot = 10_000

// StatFile describes a file without opening it.
func (s Session) StatFile(ctx context.Context, ref ProjectRef, pkg PackageRef, path string) (File, error) {
	path, err := ParseFilePath(path)
	if err != nil {
		return File{}, err
	}
	if err := s.scope(rules[pkg.pull()]); err != nil {
		return File{}, err
	}
	key := hotKey{s.actor.UserID, s.actor.GroupID, s.now().Unix(), ref, pkg, path}
	hot, err := s.r.hot.Get(key, func() (hotFile, error) {
		return view(ctx, s, func(tx Tx) (hotFile, error) {
			p, err := s.project(ctx, tx, ref, pkg.pull())
			if err != nil {
				return hotFile{}, err
			}
			pkg, err := resolvePackage(ctx, tx, p.ID, pkg)
			if err != nil {
				return hotFile{}, err
			}
			f, err := tx.FileAt(ctx, p.ID, pkg, path)
			return hotFile{p, f}, err
		})
	})
	if err != nil {
		return File{}, err
	}
	return hot.file, s.allowed(hot.project, pkg.pull())
}

// OpenFile describes a file and opens its content; the caller closes it. On
// local disk the content is an *os.File, unless it is small (blob.RowSize).
func (s Session) OpenFile(ctx context.Context, ref ProjectRef, pkg PackageRef, path string) (File, io.ReadSeekCloser, error) {
	f, err := s.StatFile(ctx, ref, pkg, path)
	if err != nil {
		return File{}, nil, err
	}
	c, err := s.download(ctx, f)
	return f, c, err
}

// download opens the content of a file behind the gate, and counts that.
func (s Session) download(ctx context.Context, f File) (io.ReadSeekCloser, error) {
	c, err := s.open(ctx, f)
	if err == nil {
		s.r.downloads.note(f.PackageID)
	}
	return c, err
}

// open gives the content of a file, whose row names it. When it is not there the
// fault is ours, not the caller's.
func (s Session) open(ctx context.Context, f File) (io.ReadSeekCloser, error) {
	c, err := s.r.blobs.Open(ctx, f.Digest, f.Size)
	if fault.Is(err, fault.NotFound) {
		return nil, &fault.Error{Kind: fault.Internal, Noun: "blob", Name: string(f.Digest), Msg: "the bytes are missing from the store", Err: err}
	}
	return c, err
}

// Files lists the files of a version or run.
func (s Session) Files(ctx context.Context, ref ProjectRef, pkg PackageRef, q FileQuery) (List[File], error) {
	return view(ctx, s, func(tx Tx) (List[File], error) {
		_, pk, err := s.packageOf(ctx, tx, ref, pkg, pkg.pull())
		if err != nil {
			return List[File]{}, err
		}
		q := q
		q.PackageID = pk.ID
		return tx.ListFiles(ctx, q)
	})
}

// AuthorizePut answers whether the actor may upload to the project. As in
// GitLab it does not ask whether the version exists.
func (s Session) AuthorizePut(ctx context.Context, ref ProjectRef, pkg PackageRef, path string) error {
	if _, err := ParseFilePath(path); err != nil {
		return err
	}
	_, err := view(ctx, s, func(tx Tx) (Project, error) { return s.project(ctx, tx, ref, pkg.push()) })
	return err
}

// PutOptions go with an upload.
type PutOptions struct {
	Size   int64       // announced bytes; -1: unknown
	Expect blob.Digest // must match, when not empty
	Status FileStatus  // empty: default
	Absent bool        // only if there is no such file yet
	Match  blob.Digest // only if the file there has this content
}

// MayPut answers whether PutFile would begin to read, without a body.
func (s Session) MayPut(ctx context.Context, ref ProjectRef, pkg PackageRef, path string, o PutOptions) error {
	_, err := s.mayPut(ctx, ref, pkg, path, &o)
	return err
}

// PutFile stores a file of a version or run; one of that path is replaced, and
// the last upload wins. Everything that can be refused is refused before the
// first byte of body is read. body is read to its end in bounded memory;
// nothing is visible before all of it is safe on disk.
func (s Session) PutFile(ctx context.Context, ref ProjectRef, pkg PackageRef, path string, body io.Reader, o PutOptions) (File, error) {
	t, err := s.mayPut(ctx, ref, pkg, path, &o)
	if err != nil {
		return File{}, err
	}
	staged, err := s.stage(ctx, t, body, o)
	if err != nil {
		return File{}, err
	}
	f, err := s.publish(ctx, staged, func(tx Tx) (File, error) {
		return s.addFile(ctx, tx, ref, pkg, File{Path: t.path, Digest: staged.Digest, Size: staged.Size, Status: o.Status}, o)
	})
	// What is left of the staged bytes was not needed; whether its removal
	// failed does not change what is stored, and garbage collection finds it.
	_ = staged.Close()
	return f, err
}

// target is where a file goes, and how many bytes it may have there.
type target struct {
	project Project
	path    string
	room    int64
}

// mayPut passes the gate and checks everything but the bytes.
func (s Session) mayPut(ctx context.Context, ref ProjectRef, pkg PackageRef, path string, o *PutOptions) (target, error) {
	path, err := s.checkPut(path, o)
	if err != nil {
		return target{}, err
	}
	return view(ctx, s, func(tx Tx) (target, error) {
		p, k, err := s.packageOf(ctx, tx, ref, pkg, pkg.push())
		if err != nil {
			return target{}, err
		}
		if err := checkDuplicate(ctx, tx, p, pkg, k, path); err != nil {
			return target{}, err
		}
		if err := checkPresent(ctx, tx, k, path, *o); err != nil {
			return target{}, err
		}
		room, err := s.roomAt(ctx, tx, p, k, path)
		if err == nil && o.Size > room {
			err = s.overLimit(p)
		}
		return target{p, path, room}, err
	})
}

// checkPut checks what can be checked without a look at the database.
func (s Session) checkPut(path string, o *PutOptions) (string, error) {
	if s.actor.Anonymous() {
		return "", fault.SignIn("")
	}
	path, err := ParseFilePath(path)
	if err != nil {
		return "", err
	}
	switch o.Status {
	case "", FileDefault, FileHidden:
	default:
		return "", fault.Invalidf("status", "does not have a valid value")
	}
	return path, nil
}

// checkPresent holds an upload to its conditions about the file that is there.
func checkPresent(ctx context.Context, tx Tx, k Package, path string, o PutOptions) error {
	if !o.Absent && o.Match == "" {
		return nil
	}
	f, err := tx.FileAt(ctx, k.ProjectID, PackageRef{PackageID: k.ID}, path)
	switch {
	case fault.Is(err, fault.NotFound) && o.Match == "":
		return nil
	case err != nil && !fault.Is(err, fault.NotFound):
		return err
	case err == nil && !o.Absent && f.Digest == o.Match:
		return nil
	}
	return &fault.Error{Kind: fault.Conflict, Noun: "condition", Msg: "the file there is not as the request's conditions want it"}
}

// publish makes staged bytes visible and runs fn, which names them, in one
// Update. The bytes are in place before the row: a crash between leaves bytes
// that nobody names. Small ones are a row of the same transaction. Garbage
// collection may have removed equal bytes that lay there unnamed; the row's mark
// tells, and the bytes are made sure of again inside the transaction, which
// garbage collection cannot interleave with. Their names become durable beside it,
// and before it ends.
func (s Session) publish(ctx context.Context, staged *blob.Staged, fn func(Tx) (File, error)) (File, error) {
	if err := staged.Show(ctx); err != nil {
		return File{}, err
	}
	return update(ctx, s, func(tx Tx) (File, error) {
		kept, err := tx.KeepBlob(ctx, staged.Digest, staged.Size, s.now())
		if err != nil {
			return File{}, err
		}
		content, row := staged.Row()
		if row {
			if err := tx.KeepContent(ctx, staged.Digest, content, s.now()); err != nil {
				return File{}, err
			}
		}
		f, err := fn(tx)
		switch {
		case err != nil || row:
		case kept:
			err = staged.Settle()
		default:
			err = staged.Publish(ctx)
		}
		return f, err
	})
}

// activeStep is how much an upload may come after the last change of a project
// without being noted as one: they come by hundreds in a second.
const activeStep = time.Second

// addFile passes the gate again, for the world may have changed while the
// bytes flowed, and names the blob.
func (s Session) addFile(ctx context.Context, tx Tx, ref ProjectRef, pkg PackageRef, f File, o PutOptions) (File, error) {
	p, pk, err := s.packageOf(ctx, tx, ref, pkg, pkg.push())
	if err != nil {
		return File{}, err
	}
	if err := checkDuplicate(ctx, tx, p, pkg, pk, f.Path); err != nil {
		return File{}, err
	}
	if err := checkPresent(ctx, tx, pk, f.Path, o); err != nil {
		return File{}, err
	}
	if err := s.fits(ctx, tx, p, pk, f.Path, f.Size); err != nil {
		return File{}, err
	}
	if pk.ID, err = s.filePackage(ctx, tx, pkg, pk, f.Status); err != nil {
		return File{}, err
	}
	f.Status = cmp.Or(f.Status, FileDefault)
	f.PackageID, f.CreatedAt, f.UpdatedAt = pk.ID, s.now(), s.now()
	if f, err = tx.PutFile(ctx, f); err != nil {
		return File{}, err
	}
	if f.UpdatedAt.Sub(p.ActiveAt) >= activeStep {
		if err := tx.TouchProject(ctx, p.ID, f.UpdatedAt); err != nil {
			return File{}, err
		}
	}
	return f, s.noteUpload(ctx, tx, p.ID, f)
}

// filePackage gives the package of a file: the one that is there, or a new one.
// As in GitLab, a status that comes with a file of a generic package is the
// package's.
func (s Session) filePackage(ctx context.Context, tx Tx, pkg PackageRef, k Package, status FileStatus) (int64, error) {
	switch {
	case k.ID == 0:
		pkg, err := resolvePackage(ctx, tx, k.ProjectID, pkg)
		if err != nil {
			return 0, err
		}
		return s.firstFile(ctx, tx, k.ProjectID, pkg, k, cmp.Or(status, FileDefault))
	case pkg.generic() && status != "" && status != k.Status:
		k.Status = status
		return k.ID, tx.UpdatePackage(ctx, k)
	}
	return k.ID, nil
}

// packageOf passes the gate and finds the package that a reference means; of a
// run, a logged model or a generic package without files it has ID 0.
func (s Session) packageOf(ctx context.Context, tx Tx, ref ProjectRef, pkg PackageRef, p Permission) (Project, Package, error) {
	pr, err := s.project(ctx, tx, ref, p)
	if err != nil {
		return pr, Package{}, err
	}
	if pkg.RunEID != "" {
		k, home, err := tx.PackageOfRun(ctx, pr.ID, pkg.RunEID)
		if err == nil && !pkg.Home.holds(home.Location, home.Experiment) {
			err = fault.Missing("run", pkg.RunEID)
		}
		k.ProjectID = pr.ID
		return pr, k, err
	}
	if pkg, err = resolvePackage(ctx, tx, pr.ID, pkg); err != nil {
		return pr, Package{}, err
	}
	k := Package{}
	if pkg.Logged == "" {
		k, err = tx.PackageOf(ctx, pr.ID, pkg)
	}
	k.ProjectID = pr.ID
	return pr, k, err
}

// resolvePackage turns a model's name with a version or alias into the version,
// a run's outer id into its number, and a logged model that has files into its
// package.
func resolvePackage(ctx context.Context, tx Tx, projectID int64, pkg PackageRef) (PackageRef, error) {
	if pkg.RunEID != "" {
		return resolveRun(ctx, tx, projectID, pkg)
	}
	if pkg.Logged != "" {
		return resolveLogged(ctx, tx, projectID, pkg)
	}
	if pkg.Model == "" {
		return pkg, nil
	}
	m, err := tx.ModelByName(ctx, projectID, pkg.Model)
	if err != nil {
		return pkg, err
	}
	v, err := findVersion(ctx, tx, m, VersionRef{Number: pkg.Number, Semver: pkg.Version, Alias: pkg.Alias})
	return PackageRef{VersionID: v.ID}, err
}

// firstFile makes the package of a run or a logged model, or a generic one, with
// its first file.
func (s Session) firstFile(ctx context.Context, tx Tx, projectID int64, pkg PackageRef, pk Package, status FileStatus) (int64, error) {
	if pkg.Logged != "" {
		return s.loggedPackage(ctx, tx, projectID, pkg.Logged)
	}
	if !pkg.generic() {
		return s.runPackage(ctx, tx, projectID, pkg.RunIID, pk)
	}
	return tx.InsertPackage(ctx, Package{ProjectID: projectID, Type: GenericPackage, Name: pkg.Generic, Version: pkg.Version,
		Status: status, CreatorID: s.actor.UserID, CreatedAt: s.now()})
}

// runPackage makes the package of a run with its first file.
func (s Session) runPackage(ctx context.Context, tx Tx, projectID, iid int64, pk Package) (int64, error) {
	run, err := tx.RunByIID(ctx, projectID, iid)
	if err != nil {
		return 0, err
	}
	pk.ProjectID, pk.Type, pk.Status, pk.CreatorID, pk.CreatedAt = projectID, ModelPackage, FileDefault, s.actor.UserID, s.now()
	pk.Version = "candidate_" + itoa(iid)
	pk.Name = "ml_experiment_" + itoa(run.ExperimentIID)
	if run.ModelID != 0 {
		m, err := tx.ModelByID(ctx, projectID, run.ModelID)
		if err != nil {
			return 0, err
		}
		pk.Name = m.Name
	}
	if run.PackageID, err = tx.InsertPackage(ctx, pk); err != nil {
		return 0, err
	}
	run.UpdatedAt = s.now()
	return run.PackageID, tx.UpdateRun(ctx, run)
}

// DeleteFile removes a file. Its bytes go when no other file has them and the
// grace period is over.
func (s Session) DeleteFile(ctx context.Context, ref ProjectRef, pkg PackageRef, path string) error {
	path, err := ParseFilePath(path)
	if err != nil {
		return err
	}
	return s.r.store.Update(ctx, func(tx Tx) error {
		p, err := s.project(ctx, tx, ref, pkg.push())
		if err != nil {
			return err
		}
		pkg, err := resolvePackage(ctx, tx, p.ID, pkg)
		if err != nil {
			return err
		}
		f, err := tx.FileAt(ctx, p.ID, pkg, path)
		if err != nil {
			return err
		}
		return s.dropFile(ctx, tx, p.ID, f)
	})
}

// dropFile removes a file of a project.
func (s Session) dropFile(ctx context.Context, tx Tx, projectID int64, f File) error {
	if err := tx.DeleteFile(ctx, f); err != nil {
		return err
	}
	found, err := tx.PackagesByID(ctx, projectID, []int64{f.PackageID})
	if err != nil {
		return err
	}
	return s.noteFiles(ctx, tx, found[f.PackageID], f.Path)
}
