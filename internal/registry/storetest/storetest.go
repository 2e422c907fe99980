// Package storetest is what every registry.Store has to pass.
package storetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// Run tests a store; open gives an empty one for each subtest.
func Run(t *testing.T, open func(t *testing.T) registry.Store) {
	for name, test := range map[string]func(*testing.T, *bench){
		"rollback": rollback, "unique": unique, "paging": paging, "inheritance": inheritance, "move": move, "rehang": rehang, "redirects": redirects,
		"purge": purge, "versions": versions, "metrics": metrics, "tags": tags, "files": files, "artifacts": artifacts, "blobs": blobs, "contents": contents, "tokens": tokens, "browsers": browsers, "access tokens": accessTokens, "deploy tokens": deployTokens, "counters": counters,
		"stages": stages, "shelf": shelf, "copied files": copiedFiles,
		"nested": nested, "nested pages": nestedPages, "points": points, "long points": longPoints, "named": named, "by id": byID, "place of a thing": placeOf,
		"uploads": uploads, "uploadParts": uploadParts, "folders": folders, "packages": packages,
		"trash": trash, "default experiment": defaultExperiment, "searches": searches, "parts of names": parts, "parts of names of runs": partsOfRuns, "histories": histories, "logged models": loggedModels, "logged searches": loggedSearches, "traces": traces, "spans": spans, "assessments": assessments, "measures": measures, "evaluation data sets": evalDatasets,
		"purge of trash": purgeTrash, "sizes": sizes, "people by address": byAddress, "events": events, "finds": finds, "runs by a parameter": runsByParam, "runs by a metric": runsByMetric, "orders of models": modelOrders,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, &bench{t: t, store: open(t)})
		})
	}
}

// RunSearches tests the searches only: a store that has several ways to search
// passes this with each.
func RunSearches(t *testing.T, store registry.Store) {
	searches(t, &bench{t: t, store: store})
}

// bench is a store with short ways to fill it.
type bench struct {
	t     *testing.T
	store registry.Store
	runs  int // made so far
}

var at = time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)

func (b *bench) update(fn func(context.Context, registry.Tx) error) {
	b.t.Helper()
	ctx := b.t.Context()
	if err := b.store.Update(ctx, func(tx registry.Tx) error { return fn(ctx, tx) }); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) view(fn func(context.Context, registry.Tx) error) {
	b.t.Helper()
	ctx := b.t.Context()
	if err := b.store.View(ctx, func(tx registry.Tx) error { return fn(ctx, tx) }); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) want(err error, k fault.Kind) {
	b.t.Helper()
	if !fault.Is(err, k) {
		b.t.Fatalf("got %v, want kind %v", err, k)
	}
}

func (b *bench) same(got, want any) {
	b.t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		b.t.Fatalf("-want +got:\n%s", d)
	}
}

// user makes an account with its namespace.
func (b *bench) user(name string) (u registry.User) {
	b.t.Helper()
	b.update(func(ctx context.Context, tx registry.Tx) (err error) {
		u = registry.User{Username: name, Name: name, Email: name + "@x.org", CreatedAt: at}
		if u.ID, err = tx.InsertUser(ctx, u, ""); err != nil {
			return err
		}
		u.NamespaceID, err = tx.InsertNamespace(ctx, registry.Namespace{Kind: registry.UserNamespace, Path: name, FullPath: name,
			Name: name, FullName: name, Visibility: registry.Public, OwnerID: u.ID, CreatedAt: at, UpdatedAt: at})
		return err
	})
	return u
}

func (b *bench) group(parent registry.Namespace, path string) (n registry.Namespace) {
	b.t.Helper()
	n = registry.Namespace{ParentID: parent.ID, Kind: registry.GroupNamespace, Path: path, Name: "N" + path, FullPath: path, FullName: "N" + path,
		Visibility: registry.Private, CreatedAt: at, UpdatedAt: at}
	if parent.ID != 0 {
		n.FullPath, n.FullName = parent.FullPath+"/"+path, parent.FullName+" / N"+path
	}
	b.update(func(ctx context.Context, tx registry.Tx) (err error) {
		n.ID, err = tx.InsertNamespace(ctx, n)
		return err
	})
	return n
}

func (b *bench) project(n registry.Namespace, path string) (p registry.Project) {
	b.t.Helper()
	on := registry.Enabled
	p = registry.Project{Namespace: n, Path: path, Name: path, FullPath: n.FullPath + "/" + path, Visibility: registry.Private,
		Features: registry.Features{Models: on, Experiments: on, Packages: on}, CreatedAt: at, UpdatedAt: at, ActiveAt: at}
	b.update(func(ctx context.Context, tx registry.Tx) (err error) {
		p.ID, err = tx.InsertProject(ctx, p)
		return err
	})
	return p
}

func (b *bench) model(p registry.Project, name string) (m registry.Model) {
	b.t.Helper()
	b.update(func(ctx context.Context, tx registry.Tx) (err error) {
		m = registry.Model{ProjectID: p.ID, Name: name, CreatedAt: at, UpdatedAt: at}
		if m.ExperimentIID, err = tx.NextExperiment(ctx, p.ID); err != nil {
			return err
		}
		e := registry.Experiment{ProjectID: p.ID, IID: m.ExperimentIID, Name: "[model]" + name, CreatedAt: at, UpdatedAt: at}
		if m.ExperimentID, err = tx.InsertExperiment(ctx, e); err != nil {
			return err
		}
		m.ID, err = tx.InsertModel(ctx, m)
		return err
	})
	return m
}

func (b *bench) run(m registry.Model) (r registry.Run) {
	b.t.Helper()
	b.update(func(ctx context.Context, tx registry.Tx) (err error) {
		r = registry.Run{ProjectID: m.ProjectID, ExperimentID: m.ExperimentID, Name: "r", Status: registry.Running, CreatedAt: at, UpdatedAt: at}
		b.runs++
		r.EID = fmt.Sprintf("%016d%016d", m.ProjectID, b.runs)
		if r.PackageID, err = tx.InsertPackage(ctx, registry.Package{ProjectID: m.ProjectID, Type: registry.ModelPackage, Name: m.Name, CreatedAt: at}); err != nil {
			return err
		}
		r, err = tx.InsertRun(ctx, r)
		return err
	})
	return r
}

func (b *bench) version(m registry.Model, semver string) (v registry.Version) {
	b.t.Helper()
	r := b.run(m)
	b.update(func(ctx context.Context, tx registry.Tx) (err error) {
		v = registry.Version{ProjectID: m.ProjectID, ModelID: m.ID, Semver: semver, Stage: registry.NoStage, RunID: r.ID, PackageID: r.PackageID, CreatedAt: at, UpdatedAt: at}
		if v.Number, err = tx.NextNumber(ctx, m.ID, at); err != nil {
			return err
		}
		if v.ID, err = tx.InsertVersion(ctx, v); err != nil {
			return err
		}
		r.VersionID = v.ID
		if err := tx.UpdateRun(ctx, r); err != nil {
			return err
		}
		return tx.CountModel(ctx, m.ID, 0, 0)
	})
	return v
}

// place makes a user's namespace with one project.
func (b *bench) place() registry.Project {
	b.t.Helper()
	u := b.user("u")
	return b.project(registry.Namespace{ID: u.NamespaceID, FullPath: "u"}, "p")
}
