package sqlstore

import (
	"context"
	"slices"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

const (
	assessmentCols = `a.id, a.trace_id, t.eid, a.eid, a.kind, a.name, a.span, a.source_type, a.source_id, a.value, a.number, a.error, a.rationale, a.overrides,
	a.valid, a.of_session, a.created_at, a.updated_at`
	assessmentFrom = `assessments a JOIN traces t ON t.id = a.trace_id`
)

var (
	putAssessment = stmt(`INSERT INTO assessments (trace_id, eid, kind, name, span, source_type, source_id, value, number, error, rationale, overrides, valid,
		of_session, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
		ON CONFLICT (trace_id, eid) DO UPDATE SET kind = excluded.kind, name = excluded.name, span = excluded.span, source_type = excluded.source_type,
		source_id = excluded.source_id, value = excluded.value, number = excluded.number, error = excluded.error, rationale = excluded.rationale,
		overrides = excluded.overrides, valid = excluded.valid, of_session = excluded.of_session, created_at = excluded.created_at,
		updated_at = excluded.updated_at RETURNING id`)
	assessmentByEID  = stmt(`SELECT ` + assessmentCols + ` FROM ` + assessmentFrom + ` WHERE a.trace_id = $1 AND a.eid = $2`)
	deleteAssessment = stmt(`DELETE FROM assessments WHERE id = $1`)
)

func scanAssessment(s scanner, a *registry.Assessment) error {
	return s.Scan(&a.ID, &a.TraceID, &a.TraceEID, &a.EID, &a.Kind, &a.Name, &a.Span, &a.SourceType, &a.SourceID, &a.Value, &a.Number, &a.Error, &a.Rationale,
		&a.Overrides, &a.Valid, &a.OfSession, instant{&a.CreatedAt}, instant{&a.UpdatedAt})
}

func (t *tx) PutAssessment(ctx context.Context, a registry.Assessment) (int64, error) {
	return t.id(ctx, putAssessment, a.TraceID, a.EID, a.Kind, a.Name, a.Span, a.SourceType, a.SourceID, a.Value, a.Number, a.Error, a.Rationale, a.Overrides,
		a.Valid, a.OfSession, micros(a.CreatedAt), micros(a.UpdatedAt))
}

func (t *tx) AssessmentByEID(ctx context.Context, traceID int64, eid string) (registry.Assessment, error) {
	var a registry.Assessment
	err := t.scanOne(ctx, assessmentByEID, []any{traceID, eid}, func(s scanner) error { return scanAssessment(s, &a) })
	return a, named(err, "assessment", eid)
}

func (t *tx) AssessmentsOf(ctx context.Context, traceIDs []int64) (map[int64][]registry.Assessment, error) {
	out := map[int64][]registry.Assessment{}
	for part := range slices.Chunk(traceIDs, registry.MaxLimit) {
		text := "SELECT " + assessmentCols + " FROM " + assessmentFrom + " WHERE a.trace_id IN (" + placeholders(1, len(part)) + ") ORDER BY a.id"
		err := t.rows(ctx, text, anys(part), func(s scanner) error {
			var a registry.Assessment
			err := scanAssessment(s, &a)
			out[a.TraceID] = append(out[a.TraceID], a)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (t *tx) DeleteAssessment(ctx context.Context, id int64) error {
	n, err := t.exec(ctx, deleteAssessment, id)
	return hit(n, err, "assessment", id)
}
