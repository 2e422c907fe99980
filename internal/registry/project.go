package registry

import (
	"context"
	"time"

	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/jobs"
)

// PurgeKind is the job that removes the rows of deleted projects.
const PurgeKind jobs.Kind = "projects.purge"

func purgeJob(now time.Time) jobs.Job {
	return jobs.Job{Kind: PurgeKind, UniqueKey: string(PurgeKind), RunAt: now}
}

// Project gives one project that the actor may see, with the actor's roles.
func (s Session) Project(ctx context.Context, ref ProjectRef) (Project, error) {
	return s.ProjectFor(ctx, ref, ReadProject)
}

// ProjectFor gives one project in which the actor may do what p names. A token
// that reaches the registry alone sees a project by ReadModels.
func (s Session) ProjectFor(ctx context.Context, ref ProjectRef, p Permission) (Project, error) {
	return view(ctx, s, func(tx Tx) (Project, error) { return s.project(ctx, tx, ref, p) })
}

// Projects lists the projects that the actor may see.
func (s Session) Projects(ctx context.Context, q ProjectQuery) (List[Project], error) {
	if err := s.MayFind(); err != nil {
		return List[Project]{}, err
	}
	q.Viewer = s.viewer()
	return view(ctx, s, func(tx Tx) (List[Project], error) { return tx.ListProjects(ctx, q) })
}

// GroupProjects lists the projects of one group.
func (s Session) GroupProjects(ctx context.Context, ref NamespaceRef, q ProjectQuery) (List[Project], error) {
	q.Viewer = s.viewer()
	return view(ctx, s, func(tx Tx) (List[Project], error) {
		n, _, err := s.namespace(ctx, tx, ref, NoRole)
		if err != nil {
			return List[Project]{}, err
		}
		q := q
		q.NamespaceID = n.ID
		return tx.ListProjects(ctx, q)
	})
}

// CreateProject makes a project in the actor's own namespace or in a group
// where the actor is at least developer.
func (s Session) CreateProject(ctx context.Context, spec ProjectSpec) (Project, error) {
	if err := s.account(auth.ScopeAPI, false); err != nil {
		return Project{}, err
	}
	p, err := s.newProject(spec)
	if err == nil {
		err = s.setLimit(&p, spec.StorageLimit)
	}
	if err != nil {
		return Project{}, err
	}
	return update(ctx, s, func(tx Tx) (Project, error) {
		p := p
		ns, err := s.home(ctx, tx, spec.NamespaceID)
		if err != nil {
			return Project{}, err
		}
		if ns.Kind == GroupNamespace && openness[p.Visibility] > openness[ns.Visibility] {
			return Project{}, fault.Invalidf("visibility_level", "%s is not allowed in a %s group", p.Visibility, ns.Visibility)
		}
		p.Namespace, p.FullPath = ns, ns.FullPath+"/"+p.Path
		id, err := insertProject(ctx, tx, p)
		if err != nil {
			return Project{}, err
		}
		if ns.Kind == UserNamespace {
			if err := s.ownProject(ctx, tx, ns, id); err != nil {
				return Project{}, err
			}
		}
		if err := s.note(ctx, tx, Event{Act: ProjectCreated, ProjectID: id, Subject: p.FullPath}); err != nil {
			return Project{}, err
		}
		return tx.ProjectAccess(ctx, ProjectRef{ID: id}, s.viewer())
	})
}

// insertProject writes a project with its default experiment.
func insertProject(ctx context.Context, tx Tx, p Project) (int64, error) {
	id, err := tx.InsertProject(ctx, p)
	if err != nil {
		return 0, err
	}
	_, err = tx.InsertExperiment(ctx, Experiment{ProjectID: id, IID: DefaultExperiment, Name: "Default",
		CreatedAt: p.CreatedAt, UpdatedAt: p.CreatedAt})
	return id, err
}

// newProject fills in what a specification leaves open, and checks it.
func (s Session) newProject(spec ProjectSpec) (Project, error) {
	p := Project{Path: spec.Path, Name: cut(spec.Name), Description: spec.Description, Visibility: spec.Visibility,
		CreatorID: s.actor.UserID, Features: spec.Features, CreatedAt: s.now(), UpdatedAt: s.now(), ActiveAt: s.now()}
	if p.Path == "" {
		if p.Path = pathOf(p.Name); p.Path == "" && p.Name != "" {
			return p, fault.Invalidf("path", "can't be made of this name; give a path of letters and digits")
		}
	}
	if p.Name == "" {
		p.Name = p.Path
	}
	for _, l := range []*Level{&p.Features.Models, &p.Features.Experiments, &p.Features.Packages} {
		if *l == "" {
			*l = Enabled
		}
	}
	if p.Visibility == "" {
		p.Visibility = Private
	}
	return p, checkProject(p)
}

func checkProject(p Project) error {
	if err := checkTitle(p.Name); err != nil {
		return err
	}
	if err := checkPlacePath("path", p.Path, false); err != nil {
		return err
	}
	if err := checkVisibility(p.Visibility); err != nil {
		return err
	}
	for _, f := range []struct {
		name  string
		level Level
	}{
		{"model_registry_access_level", p.Features.Models},
		{"model_experiments_access_level", p.Features.Experiments},
		{"package_registry_access_level", p.Features.Packages},
	} {
		everyone := f.level == Everyone && f.name == "package_registry_access_level"
		if f.level != Enabled && f.level != MembersOnly && f.level != Disabled && !everyone {
			return fault.Invalidf(f.name, "does not have a valid value")
		}
	}
	if err := p.Duplicates.check(); err != nil {
		return err
	}
	return checkDescription(p.Description)
}

// home gives the namespace for a new project.
func (s Session) home(ctx context.Context, tx Tx, id int64) (Namespace, error) {
	if id == 0 {
		u, err := tx.UserByID(ctx, s.actor.UserID)
		if err != nil {
			return Namespace{}, err
		}
		id = u.NamespaceID
	}
	ns, role, err := tx.NamespaceAccess(ctx, NamespaceRef{ID: id}, s.viewer())
	if fault.Is(err, fault.NotFound) || err == nil && role < Developer && !s.actor.Admin {
		return Namespace{}, fault.Invalidf("namespace", "is not valid")
	}
	return ns, err
}

// EditProject changes a project.
func (s Session) EditProject(ctx context.Context, ref ProjectRef, e ProjectEdit) (Project, error) {
	return update(ctx, s, func(tx Tx) (Project, error) {
		p, err := s.project(ctx, tx, ref, EditProject)
		if err != nil {
			return Project{}, err
		}
		oldPath, old := p.Path, p
		set(&p.Name, e.Name)
		set(&p.Path, e.Path)
		set(&p.Description, e.Description)
		set(&p.Visibility, e.Visibility)
		set(&p.Archived, e.Archived)
		set(&p.Features.Models, e.Models)
		set(&p.Features.Experiments, e.Experiments)
		set(&p.Features.Packages, e.Packages)
		set(&p.Duplicates.Except, e.DuplicatesExcept)
		if e.DuplicatesAllowed != nil {
			p.Duplicates.Refused = !*e.DuplicatesAllowed
		}
		if err := s.setLimit(&p, e.StorageLimit); err != nil {
			return Project{}, err
		}
		p.Name, p.UpdatedAt = cut(p.Name), s.now()
		if err := checkProject(p); err != nil {
			return Project{}, err
		}
		if ns := p.Namespace; e.Visibility != nil && ns.Kind == GroupNamespace && openness[p.Visibility] > openness[ns.Visibility] {
			return Project{}, fault.Invalidf("visibility_level", "%s is not allowed in a %s group", p.Visibility, ns.Visibility)
		}
		p.FullPath = p.FullPath[:len(p.FullPath)-len(oldPath)] + p.Path
		if err := tx.UpdateProject(ctx, p); err != nil {
			return Project{}, err
		}
		return p, s.note(ctx, tx, p.since(old))
	})
}

// DeleteProject takes a project away at once; a job removes its rows, and
// garbage collection its bytes. Owners only.
func (s Session) DeleteProject(ctx context.Context, ref ProjectRef) error {
	return s.r.store.Update(ctx, func(tx Tx) error {
		p, err := s.project(ctx, tx, ref, DeleteProject)
		if err != nil {
			return err
		}
		if err := tx.HideProject(ctx, p.ID, s.now()); err != nil {
			return err
		}
		if err := s.note(ctx, tx, Event{Act: ProjectDeleted, ProjectID: p.ID, Place: p.FullPath, Subject: p.FullPath}); err != nil {
			return err
		}
		return tx.Enqueue(ctx, purgeJob(s.now()))
	})
}

// purgeStep is how many rows one purge transaction removes: small enough that
// other writers hardly wait.
const purgeStep = 500

// PurgeProjects removes the rows of deleted projects in many small steps. It
// is for jobs.
func (s Session) PurgeProjects(ctx context.Context) error {
	if !s.actor.IsSystem() {
		return s.refused()
	}
	for {
		more, err := update(ctx, s, func(tx Tx) (bool, error) { return tx.PurgeProjects(ctx, purgeStep) })
		if err != nil || !more {
			return err
		}
	}
}
