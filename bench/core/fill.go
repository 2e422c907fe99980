package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"path/filepath"

	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/blob"
	"github.com/vitrine-ml/vitrine/internal/blob/fsblob"
	"github.com/vitrine-ml/vitrine/internal/registry"
	"github.com/vitrine-ml/vitrine/internal/sqlstore"
)

// batch is a registry.Store inside one transaction, so that thousands of
// versions made by the registry's own code cost one commit.
type batch struct{ tx registry.Tx }

func (b batch) View(_ context.Context, fn func(registry.Tx) error) error   { return fn(b.tx) }
func (b batch) Update(_ context.Context, fn func(registry.Tx) error) error { return fn(b.tx) }

// batchSize is the number of versions in one transaction.
const batchSize = 1000

// spreadModels is the number of models that share the versions in "spread".
const spreadModels = 40

// registered is what a filled data folder has to be asked for.
type registered struct {
	data   string
	deep   place // one model has all versions
	spread place // 40 models share as many versions again
	wide   place // a tenth as many models with one version each
}

// place is a project, one of its models and a version of that.
type place struct{ project, model, version int64 }

// filler makes the versions of one data folder.
type filler struct {
	ctx   context.Context
	store *sqlstore.Store
	blobs *blob.Store
	files []*blob.Staged // a few contents, shared by all versions
}

// fill makes a data folder with n versions in each of two projects, and n/10
// models in a third; every version has a file, a tag, a run and a package.
func (b *bench) fill(n int) (out registered, err error) {
	out.data = filepath.Join(b.dir, fmt.Sprintf("growth-%d", n))
	err = b.filling(out.data, func(f *filler) (err error) {
		for _, p := range []struct {
			name   string
			models int
			each   int
			out    *place
		}{{"deep", 1, n, &out.deep}, {"spread", spreadModels, n / spreadModels, &out.spread}, {"wide", n / 10, 1, &out.wide}} {
			if *p.out, err = f.project(p.name, p.models, p.each); err != nil {
				return err
			}
		}
		return nil
	})
	return out, err
}

// filling makes a data folder with the first user, and lets work fill it.
func (b *bench) filling(data string, work func(*filler) error) (err error) {
	driver, err := fsblob.Open(filepath.Join(data, "blobs"))
	if err != nil {
		return err
	}
	store, err := sqlstore.Open(b.ctx, "sqlite:"+filepath.Join(data, "vitrine.db"))
	if err != nil {
		return err
	}
	defer func() {
		if cerr := store.Close(); err == nil {
			err = cerr
		}
	}()
	f := &filler{ctx: b.ctx, store: store, blobs: blob.New(driver, blob.Options{})}
	if _, _, err := f.registry(store).As(auth.System()).SetUp(b.ctx, registry.Setup{Token: token}); err != nil {
		return err
	}
	if err := f.contents(); err != nil {
		return err
	}
	return work(f)
}

// filled starts our server on a data folder that work has filled.
func (b *bench) filled(data string, work func(*filler) error) (*process, error) {
	if err := b.filling(data, work); err != nil {
		return nil, err
	}
	return b.vitrine(data)
}

func (f *filler) registry(s registry.Store) *registry.Registry {
	return registry.New(s, f.blobs, registry.Options{})
}

// root is the session of the first user in a store.
func (f *filler) root(s registry.Store) registry.Session {
	return f.registry(s).As(auth.Actor{UserID: 1, Username: registry.RootName, Admin: true, TokenID: 1, Scopes: auth.AllScopes})
}

// contents stores some files of 4 KiB.
func (f *filler) contents() error {
	for range 16 {
		raw := make([]byte, 4096)
		_, _ = rand.Read(raw) // never fails
		s, err := f.blobs.Stage(f.ctx, bytes.NewReader(raw), blob.StageOptions{Size: int64(len(raw))})
		if err != nil {
			return err
		}
		if err := s.Publish(f.ctx); err != nil {
			return err
		}
		if err := s.Close(); err != nil {
			return err
		}
		f.files = append(f.files, s)
	}
	return nil
}

// project makes a project with models of equally many versions, and gives its
// middle version.
func (f *filler) project(name string, models, each int) (place, error) {
	p, err := f.root(f.store).CreateProject(f.ctx, registry.ProjectSpec{Name: name, Path: name})
	if err != nil {
		return place{}, err
	}
	out, all := place{project: p.ID}, models*each
	var model int64
	for done := 0; done < all; done += batchSize {
		err := f.store.Update(f.ctx, func(tx registry.Tx) error {
			for i := done; i < min(done+batchSize, all); i++ {
				v, err := f.next(tx, p.ID, &model, i, each)
				if err != nil {
					return err
				}
				if i == all/2 {
					out.model, out.version = model, v
				}
			}
			return nil
		})
		if err != nil {
			return out, err
		}
	}
	return out, nil
}

// next makes the i-th version of a project, and its model when it is the first.
func (f *filler) next(tx registry.Tx, project int64, model *int64, i, each int) (int64, error) {
	s, ref := f.root(batch{tx}), registry.ProjectRef{ID: project}
	if i%each == 0 {
		m, err := s.CreateModel(f.ctx, ref, registry.ModelSpec{Name: fmt.Sprintf("model-%06d", i/each)})
		if err != nil {
			return 0, err
		}
		*model = m.ID
	}
	return f.version(tx, s, ref, *model, i%each)
}

// version makes the version 1.<i/100>.<i%100> with a tag and a file.
func (f *filler) version(tx registry.Tx, s registry.Session, ref registry.ProjectRef, model int64, i int) (int64, error) {
	v, err := s.CreateVersion(f.ctx, ref, registry.ModelRef{ID: model}, registry.VersionSpec{Semver: fmt.Sprintf("1.%d.%d", i/100, i%100),
		Description: "Trained by the benchmark.", Tags: []registry.Tag{{Key: "framework", Value: "onnx"}}})
	if err != nil {
		return 0, err
	}
	content := f.files[i%len(f.files)]
	if _, err := tx.KeepBlob(f.ctx, content.Digest, content.Size, v.CreatedAt); err != nil {
		return 0, err
	}
	_, err = tx.PutFile(f.ctx, registry.File{PackageID: v.PackageID, Path: "model.bin", Digest: content.Digest, Size: content.Size,
		Status: registry.FileDefault, CreatedAt: v.CreatedAt, UpdatedAt: v.CreatedAt})
	return v.ID, err
}
