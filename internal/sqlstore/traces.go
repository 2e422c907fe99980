package sqlstore

import (
	"context"
	"time"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

const (
	traceCols = `t.id, t.eid, t.project_id, t.experiment_id, e.iid, e.location, t.client_id, t.state, t.at, t.duration, t.request, t.response, t.told`
	traceFrom = `traces t JOIN experiments e ON e.id = t.experiment_id`
)

var (
	putTrace = stmt(`INSERT INTO traces (project_id, experiment_id, eid, client_id, state, at, duration, request, response, told)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (project_id, eid) DO UPDATE SET client_id = excluded.client_id, state = excluded.state,
		at = excluded.at, duration = excluded.duration, request = excluded.request, response = excluded.response,
		told = excluded.told RETURNING id`)
	linksAhead = stmt(`INSERT INTO trace_links (trace_id, kind, target) SELECT $1, kind, target FROM trace_links_ahead WHERE project_id = $2 AND eid = $3
		ON CONFLICT (trace_id, kind, target) DO NOTHING`)
	dropAhead         = stmt(`DELETE FROM trace_links_ahead WHERE project_id = $1 AND eid = $2`)
	traceByEID        = stmt(`SELECT ` + traceCols + ` FROM ` + traceFrom + ` WHERE t.project_id = $1 AND t.eid = $2`)
	deleteTracesUntil = stmt(`DELETE FROM traces WHERE id IN (SELECT id FROM traces WHERE experiment_id = $1 AND at <= $2 ORDER BY at, eid LIMIT $3) RETURNING eid`)
)

func scanTrace(s scanner, t *registry.Trace, extra ...any) error {
	var ms int64
	err := s.Scan(append([]any{&t.ID, &t.EID, &t.ProjectID, &t.ExperimentID, &t.ExperimentIID, &t.Location, &t.ClientID, &t.State, instant{&t.At},
		&ms, &t.Request, &t.Response, &t.Told}, extra...)...)
	t.Duration = time.Duration(ms) * time.Millisecond
	return err
}

func (t *tx) PutTrace(ctx context.Context, r registry.Trace) (int64, error) {
	id, err := t.id(ctx, putTrace, r.ProjectID, r.ExperimentID, r.EID, r.ClientID, r.State, micros(r.At), r.Duration.Milliseconds(), r.Request, r.Response, r.Told)
	if err != nil {
		return 0, err
	}
	n, err := t.exec(ctx, linksAhead, id, r.ProjectID, r.EID)
	if err != nil || n == 0 {
		return id, err
	}
	_, err = t.exec(ctx, dropAhead, r.ProjectID, r.EID)
	return id, err
}

func (t *tx) TraceByEID(ctx context.Context, projectID int64, eid string) (registry.Trace, error) {
	var r registry.Trace
	err := t.scanOne(ctx, traceByEID, []any{projectID, eid}, func(s scanner) error { return scanTrace(s, &r) })
	return r, named(err, "trace", eid)
}

func (t *tx) TracesByEID(ctx context.Context, projectID int64, eids []string) ([]registry.Trace, error) {
	known, err := t.idsByEID(ctx, "traces", projectID, eids)
	if err != nil {
		return nil, err
	}
	var ids []int64
	for _, e := range eids {
		if id, ok := known[e]; ok {
			ids = append(ids, id)
		}
	}
	return t.traces(ctx, ids)
}

// traces reads traces by their ids, in order.
func (t *tx) traces(ctx context.Context, ids []int64) ([]registry.Trace, error) {
	return byIDs(ctx, t, "SELECT "+traceCols+" FROM "+traceFrom+" WHERE t.id", ids, scanTrace, func(r registry.Trace) int64 { return r.ID })
}

func (t *tx) DeleteTraces(ctx context.Context, experimentID int64, d registry.TraceDeletion) ([]string, error) {
	text, args := string(deleteTracesUntil), []any{experimentID, micros(d.Until), d.Most}
	if len(d.EIDs) > 0 {
		text, args = "DELETE FROM traces WHERE experiment_id = $1 AND eid IN ("+placeholders(2, len(d.EIDs))+") RETURNING eid", args[:1]
		for _, e := range d.EIDs {
			args = append(args, e)
		}
	}
	var out []string
	err := t.rows(ctx, text, args, func(s scanner) error {
		var eid string
		err := s.Scan(&eid)
		out = append(out, eid)
		return err
	})
	return out, err
}
