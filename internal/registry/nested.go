package registry

import (
	"context"
	"maps"
	"slices"
)

// Nest asks for the lists of many owners of one project at once, as the
// versions of models: a list for each, all by the same page. A reader of trees
// needs one question for each level of a tree, not one for each node.
type Nest struct {
	ProjectID int64
	Owners    []int64 // ids; what is not in the project has an empty list
	Page      Page    // without Offset and Known
	Order     Order   // the list's own, unless said
	// Most bounds the rows of all lists together; more are fault.TooLarge.
	// 0: no bound.
	Most int
	// OfVersions says that the owners are runs of versions: to read these, it
	// takes what reading the versions takes. Other runs have an empty list.
	OfVersions bool
}

// runs is the permission to read what the owners, which are runs, have logged.
func (n Nest) runs() Permission {
	if n.OfVersions {
		return ReadModels
	}
	return ReadRuns
}

// nested passes the gate and reads lists for the owners.
func nested[T any](ctx context.Context, s Session, ref ProjectRef, p Permission, n Nest,
	read func(Tx, Nest) (map[int64]List[T], error), place func(*T, Project)) (map[int64]List[T], error) {
	return view(ctx, s, func(tx Tx) (map[int64]List[T], error) {
		pr, err := s.project(ctx, tx, ref, p)
		if err != nil {
			return nil, err
		}
		n := n
		n.ProjectID = pr.ID
		lists, err := read(tx, n)
		if place != nil {
			for _, l := range lists {
				for i := range l.Items {
					place(&l.Items[i], pr)
				}
			}
		}
		return lists, err
	})
}

func placeVersion(v *Version, p Project) { v.ProjectPath = p.FullPath }
func placeRun(r *Run, p Project)         { r.ProjectPath = p.FullPath }

// VersionsOf lists the versions of several models, without tags and aliases.
func (s Session) VersionsOf(ctx context.Context, ref ProjectRef, models Nest, q VersionQuery) (map[int64]List[Version], error) {
	return nested(ctx, s, ref, ReadModels, models,
		func(tx Tx, n Nest) (map[int64]List[Version], error) { return tx.VersionsEach(ctx, n, q) }, placeVersion)
}

// CandidatesOf lists the runs of several models that are not versions, without
// what they have logged.
func (s Session) CandidatesOf(ctx context.Context, ref ProjectRef, models Nest) (map[int64]List[Run], error) {
	return nested(ctx, s, ref, ReadRuns, models,
		func(tx Tx, n Nest) (map[int64]List[Run], error) { return tx.CandidatesEach(ctx, n) }, placeRun)
}

// RunsOf lists the runs of several experiments, without what they have logged.
func (s Session) RunsOf(ctx context.Context, ref ProjectRef, experiments Nest) (map[int64]List[Run], error) {
	return nested(ctx, s, ref, ReadRuns, experiments,
		func(tx Tx, n Nest) (map[int64]List[Run], error) { return tx.RunsEach(ctx, n) }, placeRun)
}

// ParamsOf lists the parameters of several runs, by name.
func (s Session) ParamsOf(ctx context.Context, ref ProjectRef, runs Nest) (map[int64]List[Param], error) {
	return nested(ctx, s, ref, runs.runs(), runs,
		func(tx Tx, n Nest) (map[int64]List[Param], error) { return tx.ParamsEach(ctx, n) }, nil)
}

// PointsOf lists all metric points of several runs, by name, step and time.
func (s Session) PointsOf(ctx context.Context, ref ProjectRef, runs Nest) (map[int64]List[Metric], error) {
	return nested(ctx, s, ref, runs.runs(), runs,
		func(tx Tx, n Nest) (map[int64]List[Metric], error) { return tx.PointsEach(ctx, n) }, nil)
}

// RunTagsOf lists the metadata of several runs, by key.
func (s Session) RunTagsOf(ctx context.Context, ref ProjectRef, runs Nest) (map[int64]List[Tag], error) {
	return nested(ctx, s, ref, runs.runs(), runs,
		func(tx Tx, n Nest) (map[int64]List[Tag], error) { return tx.RunTagsEach(ctx, n) }, nil)
}

// FilesOf lists the files of several packages, hidden ones too.
func (s Session) FilesOf(ctx context.Context, ref ProjectRef, packages Nest) (map[int64]List[File], error) {
	return nested(ctx, s, ref, PullPackages, packages,
		func(tx Tx, n Nest) (map[int64]List[File], error) { return tx.FilesEach(ctx, n) }, nil)
}

// byID passes the gate and finds rows by their ids; missing ones are left out.
func byID[T any](ctx context.Context, s Session, ref ProjectRef, p Permission,
	read func(Tx, int64) (map[int64]T, error), place func(*T, Project)) (map[int64]T, error) {
	return view(ctx, s, func(tx Tx) (map[int64]T, error) {
		pr, err := s.project(ctx, tx, ref, p)
		if err != nil {
			return nil, err
		}
		found, err := read(tx, pr.ID)
		if place != nil {
			for id, v := range found {
				place(&v, pr)
				found[id] = v
			}
		}
		return found, err
	})
}

// VersionsByID gives versions of a project, without tags and aliases.
func (s Session) VersionsByID(ctx context.Context, ref ProjectRef, ids []int64) (map[int64]Version, error) {
	return byID(ctx, s, ref, ReadModels,
		func(tx Tx, project int64) (map[int64]Version, error) { return tx.VersionsByID(ctx, project, ids) }, placeVersion)
}

// RunsByEID gives runs of a project by their outer ids, without what they have
// logged; missing and deleted ones are left out.
func (s Session) RunsByEID(ctx context.Context, ref ProjectRef, eids []string) (map[string]Run, error) {
	return view(ctx, s, func(tx Tx) (map[string]Run, error) {
		p, err := s.project(ctx, tx, ref, ReadRuns)
		if err != nil || len(eids) == 0 {
			return nil, err
		}
		ids, err := tx.RunIDs(ctx, p.ID, eids)
		if err != nil {
			return nil, err
		}
		found, err := tx.RunsByID(ctx, p.ID, slices.Collect(maps.Values(ids)))
		out := make(map[string]Run, len(found))
		for _, r := range found {
			placeRun(&r, p)
			out[r.EID] = r
		}
		return out, err
	})
}

// VersionRuns gives the runs that belong to versions of a project, by the ids
// of the runs, without what they have logged. Whoever may read the versions may
// read these.
func (s Session) VersionRuns(ctx context.Context, ref ProjectRef, ids []int64) (map[int64]Run, error) {
	return byID(ctx, s, ref, ReadModels, func(tx Tx, project int64) (map[int64]Run, error) {
		found, err := tx.RunsByID(ctx, project, ids)
		for id, r := range found {
			if r.VersionID == 0 {
				delete(found, id)
			}
		}
		return found, err
	}, placeRun)
}

// LatestMetrics gives the latest point of each metric of several runs of a
// project.
func (s Session) LatestMetrics(ctx context.Context, ref ProjectRef, runs []int64) (map[int64][]Metric, error) {
	return view(ctx, s, func(tx Tx) (map[int64][]Metric, error) {
		p, err := s.project(ctx, tx, ref, ReadRuns)
		if err != nil {
			return nil, err
		}
		found, err := tx.RunsByID(ctx, p.ID, runs)
		if err != nil {
			return nil, err
		}
		return tx.MetricsOf(ctx, slices.Collect(maps.Keys(found)))
	})
}

// PackagesByID gives packages of a project.
func (s Session) PackagesByID(ctx context.Context, ref ProjectRef, ids []int64) (map[int64]Package, error) {
	return byID(ctx, s, ref, PullPackages,
		func(tx Tx, project int64) (map[int64]Package, error) { return tx.PackagesByID(ctx, project, ids) },
		func(k *Package, p Project) { k.ProjectPath = p.FullPath })
}
