package sqlstore

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

// BenchmarkFind searches everything where there are 1,000 models with 100
// versions each, as somebody who may see them and as somebody who may not.
func BenchmarkFind(b *testing.B) {
	s := benchStore(b, func(ctx context.Context, tx registry.Tx, e registry.Experiment) error {
		for m := range int64(1000) {
			at := time.UnixMilli(m + 1)
			id, err := tx.InsertExperiment(ctx, registry.Experiment{ProjectID: e.ProjectID, IID: m + 2, Name: fmt.Sprint("e", m)})
			if err != nil {
				return err
			}
			model, err := tx.InsertModel(ctx, registry.Model{ProjectID: e.ProjectID, Name: fmt.Sprintf("model-%04d", m), ExperimentID: id, CreatedAt: at, UpdatedAt: at})
			if err != nil {
				return err
			}
			for v := range int64(100) {
				n := m*100 + v + 1
				run, err := tx.InsertRun(ctx, registry.Run{ProjectID: e.ProjectID, ExperimentID: id, EID: fmt.Sprintf("%032d", n), Name: "r", Status: registry.Finished})
				if err != nil {
					return err
				}
				pkg, err := tx.InsertPackage(ctx, registry.Package{ProjectID: e.ProjectID, Type: registry.ModelPackage, Name: "m", Version: "1", Status: registry.FileDefault})
				if err != nil {
					return err
				}
				version, err := tx.InsertVersion(ctx, registry.Version{ProjectID: e.ProjectID, ModelID: model, Number: v + 1, Semver: fmt.Sprintf("1.%d.0", v),
					Stage: registry.NoStage, RunID: run.ID, PackageID: pkg})
				if err != nil {
					return err
				}
				if err := tx.SetTags(ctx, registry.VersionTags, version, []registry.Tag{{Key: "framework", Value: fmt.Sprint("sklearn ", v)}}); err != nil {
					return err
				}
			}
		}
		return nil
	})
	page := registry.Page{Limit: 8, NoTotal: true}
	for who, q := range map[string]registry.FindQuery{"sees": {Page: page, Viewer: registry.Viewer{Admin: true}}, "sees nothing": {Page: page, Viewer: registry.Viewer{UserID: 99, Members: true}},
		"in the project": {Page: page, ProjectID: 1}, "in the group": {Page: page, NamespaceID: 1, Viewer: registry.Viewer{Admin: true}},
		"counted": {Page: registry.Page{Limit: 20}, Viewer: registry.Viewer{Admin: true}}} {
		for text, ask := range map[string]func(registry.Tx, registry.FindQuery) error{
			"model-0500": func(tx registry.Tx, q registry.FindQuery) error { _, err := tx.FindModels(b.Context(), q); return err },
			"model":      func(tx registry.Tx, q registry.FindQuery) error { _, err := tx.FindModels(b.Context(), q); return err },
			"1.2": func(tx registry.Tx, q registry.FindQuery) error {
				_, err := tx.FindVersions(b.Context(), q, registry.VersionText{Semver: "1.2"})
				return err
			},
			"model-05 1.2": func(tx registry.Tx, q registry.FindQuery) error {
				_, err := tx.FindVersions(b.Context(), q, registry.VersionText{Name: "model-05", Semver: "1.2"})
				return err
			},
			"framework": func(tx registry.Tx, q registry.FindQuery) error { _, err := tx.FindTags(b.Context(), q); return err },
		} {
			b.Run(text+"/"+who, func(b *testing.B) {
				for b.Loop() {
					q.Text = text
					benchView(b, s, func(tx registry.Tx) error { return ask(tx, q) })
				}
			})
		}
	}
}
