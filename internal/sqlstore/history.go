package sqlstore

import (
	"context"
	"math"
	"strconv"

	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// track is the whole of the points of one metric of a run.
type track struct {
	run, id        int64
	key            string
	points, packed int64
}

// tracks finds the metrics of one name that runs have.
func (t *tx) tracks(ctx context.Context, runs []int64, key string) ([]track, error) {
	var out []track
	text := "SELECT k.run_id, k.id, k.points, k.packed FROM metrics k WHERE k.key = $1 AND k.run_id IN (" + placeholders(2, len(runs)) + ")"
	err := t.rows(ctx, text, append([]any{key}, anys(runs)...), func(s scanner) error {
		k := track{key: key}
		err := s.Scan(&k.run, &k.id, &k.points, &k.packed)
		out = append(out, k)
		return err
	})
	return out, err
}

// beforeAll and behindAll are the ends of the points of a step, and of a step and
// time.
func beforeAll(step int64) point { return point{step: step, at: math.MinInt64} }

func behindAll(step, at int64) point { return point{step, at, math.Inf(1), true} }

// MetricHistory pages by step, and by the time in microseconds within a step:
// the cursor's key is the step, its id the time.
func (t *tx) MetricHistory(ctx context.Context, runID int64, key string, p registry.Page) (registry.List[registry.Metric], error) {
	out := registry.List[registry.Metric]{Items: []registry.Metric{}}
	found, err := t.tracks(ctx, []int64{runID}, key)
	if err != nil || len(found) == 0 {
		return out, err
	}
	limit := pageLimit(p)
	s := section{track: found[0], high: found[0].packed, limit: int64(p.Offset + limit + 1)}
	if err := t.behind(ctx, &s, p.After); err != nil {
		return out, err
	}
	stop, err := stepCursor(p.Before)
	if err != nil {
		return out, err
	}
	read, err := t.read(ctx, []section{s})
	if err != nil {
		return out, err
	}
	for _, v := range read[0][min(p.Offset, len(read[0])):] {
		if stop != nil && v.compare(*stop) >= 0 {
			break
		}
		if out.More = len(out.Items) == limit; out.More {
			break
		}
		out.Items = append(out.Items, v.metric(key))
		out.Cursors = append(out.Cursors, registry.Cursor{Key: strconv.FormatInt(v.step, 10), ID: v.at})
	}
	out.Total = counted(p, s.points)
	return closed(out, p.Cursors), nil
}

// behind lets a section begin behind a cursor.
func (t *tx) behind(ctx context.Context, s *section, c *registry.Cursor) error {
	from, err := stepCursor(c)
	if err != nil || from == nil {
		return err
	}
	s.past = new(behindAll(from.step, c.ID))
	at, err := t.places(ctx, []int64{s.id}, *s.past)
	s.low = at[s.id].rank
	return err
}

// stepCursor reads a cursor of MetricHistory as what comes before the points of
// its step and time.
func stepCursor(c *registry.Cursor) (*point, error) {
	if c == nil {
		return nil, nil
	}
	step, err := strconv.ParseInt(c.Key, 10, 64)
	if err != nil {
		return nil, fault.Invalidf("cursor", "is invalid")
	}
	return &point{step: step, at: c.ID, value: math.Inf(-1)}, nil
}

// counted is the length of a list as its page asks for it.
func counted(p registry.Page, n int64) int64 {
	if p.Known != nil {
		n = *p.Known
	}
	if p.NoTotal || n > registry.MaxTotal {
		return -1
	}
	return n
}

// MetricPoints reads as many as it gives of the packed points, from their rank
// on, and goes through those that came late.
func (t *tx) MetricPoints(ctx context.Context, runID int64, key string, after registry.Mark, limit int) (registry.Found[registry.Metric], error) {
	out := registry.Found[registry.Metric]{}
	past, rank, err := pointMark(after)
	if err != nil {
		return out, err
	}
	found, err := t.tracks(ctx, []int64{runID}, key)
	if err != nil || len(found) == 0 {
		return out, err
	}
	s := section{track: found[0], low: rank, high: found[0].packed, past: past, byTime: true, limit: int64(limit) + 1}
	read, err := t.packed(ctx, []section{s})
	if err != nil {
		return out, err
	}
	late, err := t.late(ctx, []section{s})
	if err != nil {
		return out, err
	}
	all := merged(read[s.id], late[s.id], s.compare)
	for _, v := range all[:min(limit, len(all))] {
		out.Items = append(out.Items, v.metric(key))
	}
	if len(all) > limit {
		last := all[limit-1]
		for _, v := range read[s.id] {
			if v.compareTime(last) <= 0 {
				rank++
			}
		}
		out.Next = registry.Mark{Keys: []any{last.at, last.step, last.value, int64(number(last.nan)), rank}}
	}
	return out, nil
}

// pointMark reads where a history goes on: behind which point, and behind how
// many packed ones.
func pointMark(m registry.Mark) (*point, int64, error) {
	if len(m.Keys) == 0 {
		return nil, 0, nil
	}
	var p point
	var nan, rank int64
	ok := len(m.Keys) == 5
	if ok {
		var a, b, c, d, e bool
		p.at, a = m.Keys[0].(int64)
		p.step, b = m.Keys[1].(int64)
		p.value, c = m.Keys[2].(float64)
		nan, d = m.Keys[3].(int64)
		rank, e = m.Keys[4].(int64)
		p.nan, ok = nan > 0, a && b && c && d && e && rank >= 0
	}
	if !ok {
		return nil, 0, &fault.Error{Kind: fault.Invalid, Noun: "search", Field: "page_token", Msg: "does not belong to this history"}
	}
	return &p, rank, nil
}

// MetricHeads reads the beginnings of histories, run by run, until there are
// enough points; how many of which run is known before.
func (t *tx) MetricHeads(ctx context.Context, runs []int64, key string, limit int) (map[int64][]registry.Metric, error) {
	out := map[int64][]registry.Metric{}
	if len(runs) == 0 {
		return out, nil
	}
	found, err := t.tracks(ctx, runs, key)
	if err != nil {
		return nil, err
	}
	byRun := map[int64]track{}
	for _, k := range found {
		byRun[k.run] = k
	}
	var ss []section
	left := int64(limit)
	for _, run := range runs {
		k, ok := byRun[run]
		take := min(left, k.points)
		if !ok || take == 0 {
			continue
		}
		delete(byRun, run) // a run that is named twice is given once
		left -= take
		ss = append(ss, section{track: k, high: k.packed, byTime: true, limit: take})
	}
	read, err := t.read(ctx, ss)
	for i, s := range ss {
		if err != nil {
			break
		}
		for _, p := range read[i] {
			out[s.run] = append(out[s.run], p.metric(key))
		}
	}
	return out, err
}

var metricTips = stmt(`SELECT key, value, nan, step, at, points FROM metrics WHERE run_id = $1 ORDER BY key LIMIT $2`)

func (t *tx) MetricTips(ctx context.Context, runID int64, limit int) ([]registry.MetricTip, error) {
	var out []registry.MetricTip
	err := t.rows(ctx, string(metricTips), []any{runID, limit}, func(s scanner) error {
		var m registry.MetricTip
		var nan bool
		err := s.Scan(&m.Key, &m.Value, &nan, &m.Step, instant{&m.At}, &m.Points)
		m.Value = restored(m.Value, nan)
		out = append(out, m)
		return err
	})
	return out, err
}
