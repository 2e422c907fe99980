package sqlstore

import (
	"context"
	"database/sql"
	"slices"

	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

var (
	putSpan = stmt(`INSERT INTO trace_spans (trace_id, eid, parent, name, kind, status, began, ended, content, model, provider)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (trace_id, eid) DO UPDATE SET parent = excluded.parent, name = excluded.name,
		kind = excluded.kind, status = excluded.status, began = excluded.began, ended = excluded.ended, content = excluded.content,
		model = excluded.model, provider = excluded.provider`)
	dropSpanAmounts = stmt(`DELETE FROM span_amounts WHERE trace_id = $1 AND span = $2`)
	addSpanAmount   = stmt(`INSERT INTO span_amounts (trace_id, span, key, value, experiment_id, began) SELECT $1, $2, $3, $4, experiment_id, $5 FROM traces WHERE id = $6`)
	countedSteps    = stmt(`SELECT s.eid, s.parent, a.key, a.value FROM trace_spans s LEFT JOIN span_amounts a ON a.trace_id = s.trace_id AND a.span = s.eid
		WHERE s.trace_id = $1 ORDER BY s.eid`)
	setTraceAmount = stmt(`INSERT INTO trace_amounts (trace_id, key, value) VALUES ($1, $2, $3) ON CONFLICT (trace_id, key) DO UPDATE SET value = excluded.value`)
	countSpans     = stmt(`SELECT count(*) FROM trace_spans WHERE trace_id = $1`)
	linkAhead      = stmt(`INSERT INTO trace_links_ahead (project_id, eid, kind, target) VALUES ($1, $2, $3, $4) ON CONFLICT (project_id, eid, kind, target) DO NOTHING`)
	linkTrace      = stmt(`INSERT INTO trace_links (trace_id, kind, target) VALUES ($1, $2, $3) ON CONFLICT (trace_id, kind, target) DO NOTHING`)
)

func (t *tx) PutSpans(ctx context.Context, traceID int64, ss []registry.TraceSpan) error {
	for _, s := range ss {
		if _, err := t.exec(ctx, putSpan, traceID, s.EID, s.Parent, s.Name, s.Kind, s.Status, s.Began, s.Ended, s.Content, s.Model, s.Provider); err != nil {
			return err
		}
		if _, err := t.exec(ctx, dropSpanAmounts, traceID, s.EID); err != nil {
			return err
		}
		for _, a := range s.Amounts {
			if _, err := t.exec(ctx, addSpanAmount, traceID, s.EID, a.Key, a.Value, s.Began, traceID); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *tx) CountedSteps(ctx context.Context, traceID int64) (out []registry.CountedStep, err error) {
	err = t.rows(ctx, string(countedSteps), []any{traceID}, func(s scanner) error {
		var step registry.CountedStep
		var key sql.NullString
		var value sql.NullFloat64
		if err := s.Scan(&step.EID, &step.Parent, &key, &value); err != nil {
			return err
		}
		if n := len(out); n == 0 || out[n-1].EID != step.EID {
			out = append(out, step)
		}
		if last := &out[len(out)-1]; key.Valid {
			last.Amounts = append(last.Amounts, registry.Amount{Key: key.String, Value: value.Float64})
		}
		return nil
	})
	return out, err
}

func (t *tx) SetAmounts(ctx context.Context, traceID int64, as []registry.Amount) error {
	for _, a := range as {
		if _, err := t.exec(ctx, setTraceAmount, traceID, a.Key, a.Value); err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) AmountsOf(ctx context.Context, traceIDs []int64) (map[int64][]registry.Amount, error) {
	out := map[int64][]registry.Amount{}
	for part := range slices.Chunk(traceIDs, idsAtOnce) {
		text := "SELECT trace_id, key, value FROM trace_amounts WHERE trace_id IN (" + placeholders(1, len(part)) + ")"
		err := t.rows(ctx, text, anys(part), func(s scanner) error {
			var id int64
			var a registry.Amount
			err := s.Scan(&id, &a.Key, &a.Value)
			out[id] = append(out[id], a)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (t *tx) CountSpans(ctx context.Context, traceID int64) (n int64, err error) {
	err = t.row(ctx, countSpans, []any{traceID}, &n)
	return n, err
}

func (t *tx) SpansOf(ctx context.Context, traceIDs []int64, limit int64) (map[int64][]registry.TraceSpan, error) {
	out := map[int64][]registry.TraceSpan{}
	for part := range slices.Chunk(traceIDs, idsAtOnce) {
		text := `SELECT trace_id, eid, parent, name, kind, status, began, ended, content FROM trace_spans WHERE trace_id IN (` +
			placeholders(1, len(part)) + `) ORDER BY trace_id, CASE WHEN parent = '' THEN 0 ELSE 1 END, began, eid`
		err := t.rows(ctx, text, anys(part), func(s scanner) error {
			var id int64
			var sp registry.TraceSpan
			if err := s.Scan(&id, &sp.EID, &sp.Parent, &sp.Name, &sp.Kind, &sp.Status, &sp.Began, &sp.Ended, &sp.Content); err != nil {
				return err
			}
			if limit -= int64(len(sp.Content)); limit < 0 {
				return &fault.Error{Kind: fault.TooLarge, Noun: "spans", Msg: "The spans of these traces are too much for one answer; ask for fewer traces at a time"}
			}
			out[id] = append(out[id], sp)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (t *tx) LinkTraces(ctx context.Context, traceIDs []int64, kind registry.TraceLink, targets []string) error {
	for _, id := range traceIDs {
		for _, target := range targets {
			if _, err := t.exec(ctx, linkTrace, id, kind, target); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *tx) LinkAhead(ctx context.Context, projectID int64, eids []string, kind registry.TraceLink, target string) error {
	for _, eid := range eids {
		if _, err := t.exec(ctx, linkAhead, projectID, eid, kind, target); err != nil {
			return err
		}
	}
	return nil
}
