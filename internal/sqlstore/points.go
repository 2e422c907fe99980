package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"slices"

	"modernc.org/sqlite"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

// Points of a metric that come in order, each after the one before by step and
// by time both, are packed, blockSize of them in one row of metric_blocks: a
// point is found there by its rank, and the order is that by step and that by
// time. The others come late and have rows of their own, in late_points. No
// point is in both: one that could be packed is after all packed ones, and one
// that is late is not.

const (
	pointBytes = 24 // step, time and value, of 8 each
	// blockSize is how many points a row has: such a row takes less than the 1002
	// bytes that SQLite keeps in one place. Migration 0126 knows it too.
	blockSize = 38
)

// point is a measured value as it is kept.
type point struct {
	step, at int64 // at in microseconds
	value    float64
	nan      bool
}

func pointOf(m registry.Metric) point {
	v, nan := stored(m.Value)
	return point{m.Step, micros(m.At), v, nan}
}

func (p point) metric(key string) registry.Metric {
	m := registry.Metric{Key: key, Value: restored(p.value, p.nan), Step: p.step}
	_ = instant{&m.At}.Scan(p.at) // it is a number
	return m
}

// compare orders points by step, time and value: the latest of a metric is the
// last.
func (p point) compare(o point) int {
	return cmp.Or(cmp.Compare(p.step, o.step), p.compareTime(o))
}

// compareTime orders points by time, step and value.
func (p point) compareTime(o point) int {
	return cmp.Or(cmp.Compare(p.at, o.at), cmp.Compare(p.step, o.step), cmp.Compare(p.value, o.value), cmp.Compare(number(p.nan), number(o.nan)))
}

// after reports whether p may be packed behind o.
func (p point) after(o point) bool { return p.compare(o) > 0 && p.at >= o.at }

// pack appends a point to the bytes of a block.
func (p point) pack(b []byte) []byte {
	b = binary.BigEndian.AppendUint64(b, uint64(p.step))
	b = binary.BigEndian.AppendUint64(b, uint64(p.at))
	return binary.BigEndian.AppendUint64(b, math.Float64bits(restored(p.value, p.nan)))
}

// unpack gives the points of a block.
func unpack(b []byte) ([]point, error) {
	if len(b) == 0 || len(b)%pointBytes != 0 {
		return nil, fmt.Errorf("a block of points has %d bytes", len(b))
	}
	out := make([]point, 0, len(b)/pointBytes)
	for ; len(b) > 0; b = b[pointBytes:] {
		v, nan := stored(math.Float64frombits(binary.BigEndian.Uint64(b[16:])))
		out = append(out, point{int64(binary.BigEndian.Uint64(b)), int64(binary.BigEndian.Uint64(b[8:])), v, nan})
	}
	return out, nil
}

// packedPoint is what pack makes, in hexadecimal digits, of a row of migration
// 0126.
func packedPoint(_ *sqlite.FunctionContext, args []driver.Value) (driver.Value, error) {
	var p point
	var a, b, c bool
	p.step, a = args[0].(int64)
	p.at, b = args[1].(int64)
	p.value, c = args[2].(float64)
	nan, d := args[3].(int64)
	if p.nan = nan != 0; !a || !b || !c || !d {
		return nil, fmt.Errorf("sqlstore: no point: %v", args)
	}
	return hex.EncodeToString(p.pack(nil)), nil
}

// place is where a point is among the packed ones of its metric, or would be.
type place struct {
	rank  int64 // how many come up to it
	there bool  // it is the last of these
}

// places looks for one point in several metrics; where all packed ones come
// after it, the place is zero.
func (t *tx) places(ctx context.Context, metrics []int64, p point) (map[int64]place, error) {
	out := map[int64]place{}
	for part := range slices.Chunk(metrics, idsAtOnce) {
		text := "SELECT b.metric_id, b.block, b.points FROM metrics k CROSS JOIN metric_blocks b WHERE b.metric_id = k.id AND b.block = (" +
			floorBlock("k.id", "$1, $2, $3, $4") + ") AND k.id IN (" + placeholders(5, len(part)) + ")"
		args := append([]any{p.step, p.at, p.value, p.nan}, anys(part)...)
		err := t.blocks(ctx, text, args, func(metric, block int64, ps []point) {
			n, there := slices.BinarySearchFunc(ps, p, point.compare)
			out[metric] = place{block*blockSize + int64(n+number(there)), there}
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// floorBlock is a SELECT of the block that a point is in, or would be.
func floorBlock(metric, point string) string {
	return "SELECT f.block FROM metric_blocks f WHERE f.metric_id = " + metric + " AND (f.step, f.at, f.value, f.nan) <= (" + point +
		") ORDER BY f.step DESC, f.at DESC, f.value DESC, f.nan DESC LIMIT 1"
}

// blocks reads rows of metric_blocks: metric, number, points.
func (t *tx) blocks(ctx context.Context, text string, args []any, use func(metric, block int64, ps []point)) error {
	var raw sql.RawBytes
	return t.rows(ctx, text, args, func(s scanner) error {
		var metric, block int64
		if err := s.Scan(&metric, &block, &raw); err != nil {
			return err
		}
		ps, err := unpack(raw)
		if err == nil {
			use(metric, block, ps)
		}
		return err
	})
}
