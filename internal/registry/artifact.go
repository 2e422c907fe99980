package registry

import (
	"context"
	"io"
	"slices"
	"strings"

	"github.com/vitrine-ml/vitrine/internal/blob"
	"github.com/vitrine-ml/vitrine/internal/fault"
)

// Artifact is a version with all its files, as they are at one moment.
type Artifact struct {
	Version
	Files    []File      // by path; hidden ones are left out
	Manifest blob.Digest // what KeepManifest has noted; empty: nothing yet
}

// Artifact gives a version as a whole. One that has more files than most is
// TooLarge, before they are read.
func (s Session) Artifact(ctx context.Context, ref ProjectRef, model ModelRef, which VersionRef, most int64) (Artifact, error) {
	return view(ctx, s, func(tx Tx) (Artifact, error) {
		_, v, err := s.version(ctx, tx, ref, model, which, PullFiles)
		if err != nil {
			return Artifact{}, err
		}
		if v.FileCount > most {
			return Artifact{}, fault.Oversize("version", "has %d files, which are more than %d", v.FileCount, most)
		}
		a := Artifact{Version: v}
		if a.Manifest, err = tx.ManifestOf(ctx, v.ID); err != nil {
			return Artifact{}, err
		}
		a.Files, err = allFiles(ctx, tx, v.PackageID)
		return a, err
	})
}

// KeepManifest notes the digest under which a door gives a version as it is now,
// so that VersionRef.Manifest finds it. A version has one: an older one named
// files that it no longer has.
func (s Session) KeepManifest(ctx context.Context, ref ProjectRef, versionID int64, d blob.Digest) error {
	return s.r.store.Update(ctx, func(tx Tx) error {
		p, err := s.project(ctx, tx, ref, PullFiles)
		if err != nil {
			return err
		}
		v, err := tx.VersionByID(ctx, p.ID, versionID)
		if err != nil {
			return err
		}
		return tx.PutManifest(ctx, v, d)
	})
}

// StatContent describes the content of a file that a version of a model has.
func (s Session) StatContent(ctx context.Context, ref ProjectRef, model ModelRef, d blob.Digest) (File, error) {
	return view(ctx, s, func(tx Tx) (File, error) {
		p, err := s.project(ctx, tx, ref, PullFiles)
		if err != nil {
			return File{}, err
		}
		m, err := findModel(ctx, tx, p.ID, model)
		if err != nil {
			return File{}, err
		}
		return tx.FileOfModel(ctx, m.ID, d)
	})
}

// OpenContent is StatContent that opens the content too, as OpenFile does; the
// caller closes it.
func (s Session) OpenContent(ctx context.Context, ref ProjectRef, model ModelRef, d blob.Digest) (File, io.ReadSeekCloser, error) {
	f, err := s.StatContent(ctx, ref, model, d)
	if err != nil {
		return File{}, nil, err
	}
	c, err := s.download(ctx, f)
	return f, c, err
}

// Label is what a version is called where names hold no "+": its semantic version
// with "_" for it.
func (v Version) Label() string { return strings.ReplaceAll(v.Semver, "+", "_") }

// Labels lists all names of a model's versions behind one of them (empty: from
// the first), in the order of their bytes: labels, aliases, and Latest. An alias
// that is a label too comes once. limit is at most MaxLimit.
func (s Session) Labels(ctx context.Context, ref ProjectRef, model ModelRef, after string, limit int) (List[string], error) {
	return view(ctx, s, func(tx Tx) (List[string], error) {
		_, m, err := s.model(ctx, tx, ref, model, ReadModels)
		if err != nil {
			return List[string]{}, err
		}
		q := VersionQuery{ModelID: m.ID, Behind: after, Order: Order{By: "label"}, Page: Page{Limit: limit, NoTotal: true}}
		l, err := tx.ListVersions(ctx, q)
		names := m.aliasesBehind(after)
		for _, v := range l.Items {
			names = append(names, v.Label())
		}
		slices.Sort(names)
		names = slices.Compact(names)
		more := l.More || len(names) > limit
		return List[string]{Items: names[:min(limit, len(names))], Total: -1, More: more}, err
	})
}

// aliasesBehind gives the aliases of a model that come behind a name.
func (m Model) aliasesBehind(after string) []string {
	var out []string
	for _, a := range m.Aliases {
		if a.Name > after {
			out = append(out, a.Name)
		}
	}
	if m.LatestID != 0 && Latest > after {
		out = append(out, Latest)
	}
	return out
}

// findFolded finds the one model whose name differs by case only.
func findFolded(ctx context.Context, tx Tx, projectID int64, name string) (Model, error) {
	found, err := tx.ModelsFolded(ctx, projectID, name, 2)
	switch {
	case err != nil:
		return Model{}, err
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		return Model{}, &fault.Error{Kind: fault.NotFound, Noun: "model", Name: name,
			Msg: "several models of the project have this name in other case; rename all but one, or use another API"}
	}
	return Model{}, fault.Missing("model", name)
}
