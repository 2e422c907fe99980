package sqlstore

import (
	"context"
	"slices"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

const (
	evalCols       = `d.id, d.eid, d.project_id, d.name, d.schema, d.records, d.created_by, d.updated_by, d.digest, d.created_at, d.updated_at`
	evalRecordCols = `id, eid, hash, inputs, outputs, expectations, tags, source, created_by, updated_by, created_at, updated_at`
)

var (
	putEval = stmt(`INSERT INTO eval_datasets (project_id, eid, name, schema, records, created_by, updated_by, digest, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (project_id, eid) DO UPDATE SET name = excluded.name, schema = excluded.schema,
		records = excluded.records, updated_by = excluded.updated_by, digest = excluded.digest, updated_at = excluded.updated_at RETURNING id`)
	evalByEID       = stmt(`SELECT ` + evalCols + ` FROM eval_datasets d WHERE d.project_id = $1 AND d.eid = $2`)
	deleteEval      = stmt(`DELETE FROM eval_datasets WHERE id = $1`)
	linkEval        = stmt(`INSERT INTO eval_dataset_experiments (dataset_id, experiment_id) VALUES ($1, $2) ON CONFLICT (dataset_id, experiment_id) DO NOTHING`)
	evalExperiments = stmt(`SELECT experiment_id FROM eval_dataset_experiments WHERE dataset_id = $1 ORDER BY experiment_id`)
	putEvalRecord   = stmt(`INSERT INTO eval_records (dataset_id, eid, hash, inputs, outputs, expectations, tags, source, created_by, updated_by, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT (dataset_id, hash) DO UPDATE SET outputs = excluded.outputs,
		expectations = excluded.expectations, tags = excluded.tags, source = excluded.source, updated_by = excluded.updated_by,
		updated_at = excluded.updated_at RETURNING id`)
	listEvalRecords = stmt(`SELECT ` + evalRecordCols + ` FROM eval_records WHERE dataset_id = $1 AND (created_at > $2 OR created_at = $2 AND eid > $3)
		AND created_at >= $2 ORDER BY created_at, eid LIMIT $4`)
)

func scanEval(s scanner, d *registry.EvalDataset, extra ...any) error {
	return s.Scan(append([]any{&d.ID, &d.EID, &d.ProjectID, &d.Name, &d.Schema, &d.Records, &d.CreatedBy, &d.UpdatedBy, &d.Digest, instant{&d.CreatedAt},
		instant{&d.UpdatedAt}}, extra...)...)
}

func scanEvalRecord(s scanner, r *registry.EvalRecord) error {
	return s.Scan(&r.ID, &r.EID, &r.Hash, &r.Inputs, &r.Outputs, &r.Expectations, &r.Tags, &r.Source, &r.CreatedBy, &r.UpdatedBy, instant{&r.CreatedAt}, instant{&r.UpdatedAt})
}

func (t *tx) PutEvalDataset(ctx context.Context, d registry.EvalDataset) (int64, error) {
	return t.id(ctx, putEval, d.ProjectID, d.EID, d.Name, d.Schema, d.Records, d.CreatedBy, d.UpdatedBy, d.Digest, micros(d.CreatedAt), micros(d.UpdatedAt))
}

func (t *tx) EvalDatasetByEID(ctx context.Context, projectID int64, eid string) (registry.EvalDataset, error) {
	var d registry.EvalDataset
	err := t.scanOne(ctx, evalByEID, []any{projectID, eid}, func(s scanner) error { return scanEval(s, &d) })
	return d, named(err, "evaluation dataset", eid)
}

func (t *tx) DeleteEvalDataset(ctx context.Context, id int64) error {
	n, err := t.exec(ctx, deleteEval, id)
	return hit(n, err, "evaluation dataset", id)
}

func (t *tx) LinkEvalDataset(ctx context.Context, id int64, experiments []int64) error {
	for _, e := range experiments {
		if _, err := t.exec(ctx, linkEval, id, e); err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) UnlinkEvalDataset(ctx context.Context, id int64, experiments []int64) error {
	for part := range slices.Chunk(experiments, registry.MaxLimit) {
		text := "DELETE FROM eval_dataset_experiments WHERE dataset_id = $1 AND experiment_id IN (" + placeholders(2, len(part)) + ")"
		if _, err := t.exec(ctx, query(text), append([]any{id}, anys(part)...)...); err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) EvalExperiments(ctx context.Context, id int64) (out []int64, err error) {
	err = t.rows(ctx, string(evalExperiments), []any{id}, func(s scanner) error {
		var e int64
		err := s.Scan(&e)
		out = append(out, e)
		return err
	})
	return out, err
}

func (t *tx) ExperimentIIDs(ctx context.Context, ids []int64) ([]int64, error) {
	var out []int64
	for part := range slices.Chunk(ids, registry.MaxLimit) {
		err := t.rows(ctx, "SELECT iid FROM experiments WHERE id IN ("+placeholders(1, len(part))+") ORDER BY iid", anys(part), func(s scanner) error {
			var iid int64
			err := s.Scan(&iid)
			out = append(out, iid)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// evalSearch is what can be asked of data sets.
var evalSearch = searchable{
	from: "eval_datasets d", id: "d.id",
	attrs: map[string]attr{"name": {column: column{"d.name", false}}, "created_by": {column: column{"d.created_by", false}},
		"updated_by": {column: column{"d.updated_by", false}},
		"created_at": {column: column{"d.created_at", true}, filter: "d.created_at / 1000"},
		"updated_at": {column: column{"d.updated_at", true}, filter: "d.updated_at / 1000"}},
	values: map[registry.Subject]valueTable{registry.OfTag: {exists: "SELECT 1 FROM eval_dataset_tags v WHERE v.owner_id = d.id"}},
	last:   []term{{"d.created_at", true}, {"d.eid", true}},
}

func (t *tx) SearchEvalDatasets(ctx context.Context, projectID int64, experiments []int64, q registry.Search) (registry.Found[registry.EvalDataset], error) {
	in := scope{column: "d.project_id", ids: []int64{projectID}}
	if len(experiments) > 0 {
		in.also = &condition{"EXISTS (SELECT 1 FROM eval_dataset_experiments v WHERE v.dataset_id = d.id AND v.experiment_id IN (" + marks(len(experiments)) + "))", anys(experiments)}
	}
	ids, next, err := t.found(ctx, evalSearch, in, q)
	if err != nil {
		return registry.Found[registry.EvalDataset]{}, err
	}
	ds, err := byIDs(ctx, t, "SELECT "+evalCols+" FROM eval_datasets d WHERE d.id", ids, scanEval, func(d registry.EvalDataset) int64 { return d.ID })
	return registry.Found[registry.EvalDataset]{Items: ds, Next: next}, err
}

func (t *tx) EvalRecordsByHash(ctx context.Context, id int64, hashes []string) (map[string]registry.EvalRecord, error) {
	out := map[string]registry.EvalRecord{}
	for part := range slices.Chunk(hashes, registry.MaxLimit) {
		args := []any{id}
		for _, h := range part {
			args = append(args, h)
		}
		text := "SELECT " + evalRecordCols + " FROM eval_records WHERE dataset_id = $1 AND hash IN (" + placeholders(2, len(part)) + ")"
		err := t.rows(ctx, text, args, func(s scanner) error {
			var r registry.EvalRecord
			err := scanEvalRecord(s, &r)
			out[r.Hash] = r
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (t *tx) PutEvalRecord(ctx context.Context, id int64, r registry.EvalRecord) (int64, error) {
	return t.id(ctx, putEvalRecord, id, r.EID, r.Hash, r.Inputs, r.Outputs, r.Expectations, r.Tags, r.Source, r.CreatedBy, r.UpdatedBy, micros(r.CreatedAt), micros(r.UpdatedAt))
}

func (t *tx) ListEvalRecords(ctx context.Context, id int64, after registry.EvalPage, limit int, bytes int64) (registry.List[registry.EvalRecord], error) {
	var out registry.List[registry.EvalRecord]
	err := t.rows(ctx, string(listEvalRecords), []any{id, micros(after.At), after.EID, limit + 1}, func(s scanner) error {
		var r registry.EvalRecord
		if err := scanEvalRecord(s, &r); err != nil {
			return err
		}
		bytes -= int64(len(r.Inputs) + len(r.Outputs) + len(r.Expectations) + len(r.Tags) + len(r.Source))
		if out.More = out.More || len(out.Items) == limit || bytes < 0 && len(out.Items) > 0; !out.More {
			out.Items = append(out.Items, r)
		}
		return nil
	})
	return out, err
}

func (t *tx) DeleteEvalRecords(ctx context.Context, id int64, eids []string) (int64, error) {
	var n int64
	for part := range slices.Chunk(eids, registry.MaxLimit) {
		args := []any{id}
		for _, e := range part {
			args = append(args, e)
		}
		gone, err := t.exec(ctx, query("DELETE FROM eval_records WHERE dataset_id = $1 AND eid IN ("+placeholders(2, len(part))+")"), args...)
		if err != nil {
			return n, err
		}
		n += gone
	}
	return n, nil
}
