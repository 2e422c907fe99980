package registry

import (
	"context"

	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/jobs"
)

// Usage is what a project, or the server, keeps. Sizes are in bytes, those of all
// files, whether or not the same content is kept once only.
type Usage struct {
	Size     int64
	Packages int64
	Limit    int64 // most bytes of a project; 0: there is none
	// The largest of each, the largest first.
	Models   []SizedModel
	Versions []SizedPackage
	Projects []SizedProject // of the server
	// What the server has stored, each content once.
	Stored      int64
	StoredBlobs int64
}

// SizedModel is what the files of a model's versions and candidates take up.
type SizedModel struct {
	ProjectPath string
	ModelID     int64
	Name        string
	Packages    int64
	Size        int64
}

// SizedPackage is what the files of a version, candidate or generic package take
// up.
type SizedPackage struct {
	ProjectPath string
	Package
	ModelID   int64
	VersionID int64 // 0: it is none
}

// SizedProject is what a project takes up.
type SizedProject struct {
	FullPath string
	Packages int64
	Size     int64
	Limit    int64 // bytes; of a Store as Project.StorageLimit, else as that of Usage
}

// maxSized is how many of the largest a usage has.
const maxSized = 20

// ProjectUsage tells what a project takes up. It is for those who may change its
// settings.
func (s Session) ProjectUsage(ctx context.Context, ref ProjectRef) (Usage, error) {
	return view(ctx, s, func(tx Tx) (Usage, error) {
		p, err := s.project(ctx, tx, ref, EditProject)
		if err != nil {
			return Usage{}, err
		}
		u, err := tx.UsageOf(ctx, p.ID, maxSized)
		u.Limit = s.r.storageLimit(p.StorageLimit)
		return u, err
	})
}

// MaySeeSize reports, as an error, whether the actor may know how much is in a
// project that the session gave: members from reporter up, as in GitLab.
func (s Session) MaySeeSize(pr Project) error {
	if s.role(pr) < Reporter {
		return s.refused()
	}
	return nil
}

// Usage tells what the server takes up. Administrators only.
func (s Session) Usage(ctx context.Context) (Usage, error) {
	if err := s.account(readScopes, true); err != nil {
		return Usage{}, err
	}
	u, err := view(ctx, s, func(tx Tx) (Usage, error) { return tx.UsageOf(ctx, 0, maxSized) })
	for i := range u.Projects {
		u.Projects[i].Limit = s.r.storageLimit(u.Projects[i].Limit)
	}
	return u, err
}

// Counts are how much there is of what on the server.
type Counts struct {
	Users, Groups, Projects, Models, Versions, Experiments, Runs int64
}

// Counts tells how much there is. Administrators only.
func (s Session) Counts(ctx context.Context) (Counts, error) {
	if err := s.account(readScopes, true); err != nil {
		return Counts{}, err
	}
	return view(ctx, s, func(tx Tx) (Counts, error) { return tx.Counts(ctx) })
}

// SweepKind is the job that collects garbage. Its Args are empty, or SweepDry for
// one that only tells what it would remove.
const (
	SweepKind jobs.Kind = "gc.sweep"
	SweepDry  string    = "dry run"
)

// JobRecord is a job with how it stands.
type JobRecord = jobs.Record

// JobQuery narrows a list of jobs.
type JobQuery struct {
	Page  Page
	Text  string   // part of the kind, the state, or of what came of it
	Kinds []string // or of one of these kinds
}

// Jobs lists the background work that the server remembers, what is to be done
// first and then the latest done. Administrators only.
func (s Session) Jobs(ctx context.Context, q JobQuery) (List[JobRecord], error) {
	if err := s.account(readScopes, true); err != nil {
		return List[JobRecord]{}, err
	}
	return view(ctx, s, func(tx Tx) (List[JobRecord], error) { return tx.ListJobs(ctx, q) })
}

// SweepNow asks for a garbage collection besides those that come by themselves;
// dry only tells what it would remove. Administrators only.
func (s Session) SweepNow(ctx context.Context, dry bool) error {
	if err := s.account(auth.ScopeAPI, true); err != nil {
		return err
	}
	j := jobs.Job{Kind: SweepKind, UniqueKey: "asked:" + string(SweepKind), RunAt: s.now(), MaxAttempts: 1}
	if dry {
		j.Args, j.UniqueKey = SweepDry, j.UniqueKey+":dry"
	}
	return s.r.store.Update(ctx, func(tx Tx) error { return tx.Enqueue(ctx, j) })
}

// Bookkeeping tells how much there is, for those who run the server.
type Bookkeeping interface {
	// UsageOf sums what a project takes up, or with 0 all of them, with the
	// largest of each sort.
	UsageOf(ctx context.Context, projectID int64, largest int) (Usage, error)
	Counts(ctx context.Context) (Counts, error)
	// ListJobs has what waits or runs first, by its time, and then what has ended,
	// the latest first.
	ListJobs(ctx context.Context, q JobQuery) (List[JobRecord], error)
}
