package sqlstore

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

// stored gives a metric's value as kept: engines cannot compare NaN, so it is 0
// with a mark. Infinities are kept as they are, 0 without its sign.
func stored(v float64) (float64, bool) {
	if math.IsNaN(v) {
		return 0, true
	}
	return v + 0, false // -0 is 0
}

func restored(v float64, nan bool) float64 {
	if nan {
		return math.NaN()
	}
	return v
}

func number(b bool) int {
	if b {
		return 1
	}
	return 0
}

// metricRow is the row of one metric of a run, with its latest point.
type metricRow struct {
	id, points, packed int64
	last               point
	tail               []byte // the last block
}

var (
	// An update that changes nothing gives the row, and holds it; of a column that
	// is in no index, so that none is written.
	takeMetric = stmt(`INSERT INTO metrics (run_id, run_eid, experiment_id, started_at, key, step, at, value, nan)
		SELECT r.id, r.eid, r.experiment_id, r.started_at, $1, $2, $3, $4, $5 FROM runs r WHERE r.id = $6
		ON CONFLICT (run_id, key) DO UPDATE SET points = metrics.points RETURNING id, points, packed, step, at, value, nan`)
	// It is a statement of its own: an engine that had to wait for the row would
	// show with it the block as it was before.
	blockOf  = stmt(`SELECT points FROM metric_blocks WHERE metric_id = $1 AND block = $2`)
	putBlock = stmt(`INSERT INTO metric_blocks (metric_id, block, step, at, value, nan, points) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (metric_id, block) DO UPDATE SET points = excluded.points`)
	updateMetric = stmt(`UPDATE metrics SET points = $1, packed = $2, step = $3, at = $4, value = $5, nan = $6 WHERE id = $7`)
)

func (t *tx) InsertMetrics(ctx context.Context, runID int64, ms []registry.Metric) error {
	points := map[string][]point{}
	var keys []string
	for _, m := range ms {
		if _, ok := points[m.Key]; !ok {
			keys = append(keys, m.Key)
		}
		points[m.Key] = append(points[m.Key], pointOf(m))
	}
	for _, k := range keys {
		if err := t.insertMetric(ctx, runID, k, points[k]); err != nil {
			return err
		}
	}
	return nil
}

// insertMetric adds the points of one metric.
func (t *tx) insertMetric(ctx context.Context, runID int64, key string, ps []point) error {
	var r metricRow
	p := ps[0]
	err := t.row(ctx, takeMetric, []any{key, p.step, p.at, p.value, p.nan, runID},
		&r.id, &r.points, &r.packed, &r.last.step, &r.last.at, &r.last.value, &r.last.nan)
	if err != nil {
		return one(err, "run", runID)
	}
	if r.packed > 0 {
		if err := t.row(ctx, blockOf, []any{r.id, (r.packed - 1) / blockSize}, &r.tail); err != nil {
			return fmt.Errorf("the last points of metric %d: %w", r.id, err)
		}
	}
	inOrder, late, err := r.split(ps)
	if err != nil {
		return err
	}
	if err := t.putPacked(ctx, &r, inOrder); err != nil {
		return err
	}
	if err := t.putLate(ctx, &r, late); err != nil {
		return err
	}
	_, err = t.exec(ctx, updateMetric, r.points, r.packed, r.last.step, r.last.at, r.last.value, r.last.nan, r.id)
	return err
}

// split tells the points that come after all that are packed from those that
// come late. Where nothing is packed, points with rows are older than blocks;
// what comes after the latest is none of them.
func (r *metricRow) split(ps []point) (inOrder, late []point, err error) {
	end, begun := r.last, r.points > 0
	if r.packed > 0 {
		tail, err := unpack(r.tail)
		if err != nil {
			return nil, nil, fmt.Errorf("sqlstore: metric %d: %w", r.id, err)
		}
		end = tail[len(tail)-1]
	}
	for _, p := range ps {
		if begun && !p.after(end) {
			late = append(late, p)
			continue
		}
		inOrder = append(inOrder, p)
		end, begun = p, true
	}
	return inOrder, late, nil
}

// putPacked adds points behind those that are packed.
func (t *tx) putPacked(ctx context.Context, r *metricRow, ps []point) error {
	for len(ps) > 0 {
		var block []byte
		if r.packed%blockSize > 0 {
			block = r.tail
		}
		n := min(len(ps), blockSize-len(block)/pointBytes)
		for _, p := range ps[:n] {
			block = p.pack(block)
			r.add(p)
		}
		first := ps[0] // of no account in a block that is there
		if _, err := t.exec(ctx, putBlock, r.id, r.packed/blockSize, first.step, first.at, first.value, first.nan, block); err != nil {
			return err
		}
		r.packed += int64(n)
		ps = ps[n:]
	}
	return nil
}

// lateAtOnce is how many late points one statement takes.
const lateAtOnce = 32

// putLate adds points of which some may be there.
func (t *tx) putLate(ctx context.Context, r *metricRow, ps []point) error {
	for part := range slices.Chunk(ps, lateAtOnce) {
		packed, err := t.packedAround(ctx, r, part)
		if err != nil {
			return err
		}
		var rows []string
		var args []any
		for _, p := range part {
			if packed[p] {
				continue
			}
			rows = append(rows, "("+placeholders(len(args)+1, 5)+")") // the metric's id once more in each: see nameless
			args = append(args, r.id, p.step, p.at, p.value, p.nan)
			if p.compare(r.last) > 0 {
				r.last = p
			}
		}
		if rows == nil {
			continue
		}
		n, err := t.exec(ctx, query("INSERT INTO late_points (metric_id, step, at, value, nan) VALUES "+strings.Join(rows, ", ")+
			" ON CONFLICT (metric_id, step, at, value, nan) DO NOTHING"), args...)
		if err != nil {
			return err
		}
		r.points += n
	}
	return nil
}

// packedAround gives the packed points of a metric among which those would be.
func (t *tx) packedAround(ctx context.Context, r *metricRow, ps []point) (map[point]bool, error) {
	out := map[point]bool{}
	if r.packed == 0 {
		return out, nil
	}
	var rows []string
	var args []any
	for _, p := range ps {
		n := len(args)
		rows = append(rows, fmt.Sprintf("(%s, %s, CAST($%d AS DOUBLE PRECISION), CAST($%d AS BOOLEAN))", bigint(n+1), bigint(n+2), n+3, n+4))
		args = append(args, p.step, p.at, p.value, p.nan)
	}
	text := "WITH w (step, at, value, nan) AS (VALUES " + strings.Join(rows, ", ") + "), n (block) AS (SELECT DISTINCT (" +
		floorBlock("$"+strconv.Itoa(len(args)+1), "w.step, w.at, w.value, w.nan") + ") FROM w) SELECT b.metric_id, b.block, b.points FROM n CROSS JOIN metric_blocks b WHERE b.metric_id = $" +
		strconv.Itoa(len(args)+2) + " AND b.block = n.block"
	err := t.blocks(ctx, text, append(args, r.id, r.id), func(_, _ int64, ps []point) {
		for _, p := range ps {
			out[p] = true
		}
	})
	return out, err
}

// add counts a point that was not there before.
func (r *metricRow) add(p point) {
	if r.points++; p.compare(r.last) > 0 {
		r.last = p
	}
}

func (t *tx) MetricsOf(ctx context.Context, ids []int64) (map[int64][]registry.Metric, error) {
	out := map[int64][]registry.Metric{}
	for part := range slices.Chunk(ids, idsAtOnce) {
		text := "SELECT run_id, key, value, nan, step, at FROM metrics WHERE run_id IN (" + placeholders(1, len(part)) + ") ORDER BY run_id, key"
		err := t.rows(ctx, text, anys(part), func(s scanner) error {
			var id int64
			var m registry.Metric
			var nan bool
			err := s.Scan(&id, &m.Key, &m.Value, &nan, &m.Step, instant{&m.At})
			m.Value = restored(m.Value, nan)
			out[id] = append(out[id], m)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}
