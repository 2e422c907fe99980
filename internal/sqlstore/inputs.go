package sqlstore

import (
	"context"
	"slices"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

var (
	// An update that changes nothing gives the row.
	putDataset = stmt(`INSERT INTO input_datasets (experiment_id, name, digest, source_type, source, schema, profile)
		VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (experiment_id, name, digest) DO UPDATE SET name = excluded.name RETURNING id`)
	putInput = stmt(`INSERT INTO run_inputs (run_id, dataset_id) VALUES ($1, $2)
		ON CONFLICT (run_id, dataset_id) DO NOTHING RETURNING id`)
	putInputTag = stmt(`INSERT INTO run_input_tags (owner_id, key, value) VALUES ($1, $2, $3)
		ON CONFLICT (owner_id, key) DO UPDATE SET value = excluded.value`)
	putRunModel = stmt(`INSERT INTO run_models (run_id, output, model, step) VALUES ($1, $2, $3, $4)
		ON CONFLICT (run_id, output, model) DO UPDATE SET step = excluded.step`)
)

func (t *tx) PutInputs(ctx context.Context, r registry.Run, ins []registry.Input) error {
	for _, in := range ins {
		dataset, err := t.id(ctx, putDataset, r.ExperimentID, in.Name, in.Digest, in.SourceType, in.Source, in.Schema, in.Profile)
		if err != nil {
			return err
		}
		id, err := t.id(ctx, putInput, r.ID, dataset)
		if err != nil {
			if ignoreNone(err) == nil {
				continue // it has it, with the tags of the first time
			}
			return err
		}
		for _, g := range in.Tags {
			if _, err := t.exec(ctx, putInputTag, id, g.Key, g.Value); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *tx) InputsOf(ctx context.Context, runs []int64) (map[int64][]registry.Input, error) {
	out := map[int64][]registry.Input{}
	for part := range slices.Chunk(runs, idsAtOnce) {
		text := `SELECT i.run_id, i.id, d.name, d.digest, d.source_type, d.source, d.schema, d.profile, coalesce(g.key, ''), coalesce(g.value, '')
			FROM run_inputs i JOIN input_datasets d ON d.id = i.dataset_id LEFT JOIN run_input_tags g ON g.owner_id = i.id
			WHERE i.run_id IN (` + placeholders(1, len(part)) + `) ORDER BY i.run_id, i.id, g.key`
		last := int64(0)
		err := t.rows(ctx, text, anys(part), func(s scanner) error {
			var run, id int64
			var in registry.Input
			var g registry.Tag
			if err := s.Scan(&run, &id, &in.Name, &in.Digest, &in.SourceType, &in.Source, &in.Schema, &in.Profile, &g.Key, &g.Value); err != nil {
				return err
			}
			if id != last {
				out[run], last = append(out[run], in), id
			}
			if g.Key != "" {
				i := &out[run][len(out[run])-1]
				i.Tags = append(i.Tags, g)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (t *tx) PutRunModels(ctx context.Context, runID int64, output bool, ms []registry.ModelLink) error {
	for _, m := range ms {
		if _, err := t.exec(ctx, putRunModel, runID, output, m.Model, m.Step); err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) RunModelsOf(ctx context.Context, runs []int64) (inputs, outputs map[int64][]registry.ModelLink, err error) {
	inputs, outputs = map[int64][]registry.ModelLink{}, map[int64][]registry.ModelLink{}
	for part := range slices.Chunk(runs, idsAtOnce) {
		text := `SELECT run_id, output, model, step FROM run_models WHERE run_id IN (` + placeholders(1, len(part)) + `) ORDER BY run_id, output, model`
		err := t.rows(ctx, text, anys(part), func(s scanner) error {
			var run int64
			var output bool
			var m registry.ModelLink
			err := s.Scan(&run, &output, &m.Model, &m.Step)
			into := inputs
			if output {
				into = outputs
			}
			into[run] = append(into[run], m)
			return err
		})
		if err != nil {
			return nil, nil, err
		}
	}
	return inputs, outputs, nil
}

func (t *tx) InputSummaries(ctx context.Context, experiments []int64, limit int) ([]registry.InputSummary, error) {
	if len(experiments) == 0 {
		return nil, nil
	}
	args := append(append([]any{registry.InputContext}, anys(experiments)...), limit)
	text := `SELECT DISTINCT e.iid, d.name, d.digest, coalesce(g.value, '') FROM input_datasets d JOIN experiments e ON e.id = d.experiment_id
		JOIN run_inputs i ON i.dataset_id = d.id LEFT JOIN run_input_tags g ON g.owner_id = i.id AND g.key = $1
		WHERE d.experiment_id IN (` + placeholders(2, len(experiments)) + `) ORDER BY e.iid, d.name, d.digest LIMIT ` + placeholders(len(args), 1)
	var out []registry.InputSummary
	err := t.rows(ctx, text, args, func(s scanner) error {
		var v registry.InputSummary
		err := s.Scan(&v.ExperimentIID, &v.Name, &v.Digest, &v.Context)
		out = append(out, v)
		return err
	})
	return out, err
}
