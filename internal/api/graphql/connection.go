package graphql

import (
	"slices"

	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/httpx"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// connection is a part of a list, in Relay's form.
type connection[N any] struct {
	Nodes    *[]*N
	PageInfo pageInfo

	cursors []registry.Cursor
	total   int64 // -1: more than can be counted
}

type pageInfo struct {
	EndCursor       *string
	HasNextPage     bool
	HasPreviousPage bool
	StartCursor     *string
}

type edge[N any] struct {
	Cursor string
	Node   *N
}

// connect makes a connection of a list that was read by p. place gives the node
// of an item.
func connect[T, N any](l registry.List[T], p paging, node func(*T) *N) *connection[N] {
	items, cursors := l.Items, l.Cursors
	if p.empty {
		items, cursors, l.More = nil, nil, l.More || len(items) > 0
	}
	nodes := make([]*N, len(items))
	for i := range items {
		nodes[i] = node(&items[i])
	}
	info := pageInfo{HasNextPage: p.before || l.More, HasPreviousPage: p.after}
	if p.reverse {
		slices.Reverse(nodes)
		cursors = slices.Clone(cursors)
		slices.Reverse(cursors)
		info = pageInfo{HasNextPage: p.before, HasPreviousPage: p.after || l.More}
	}
	if len(cursors) > 0 {
		info.StartCursor, info.EndCursor = some(encode(cursors[0])), some(encode(cursors[len(cursors)-1]))
	}
	return &connection[N]{Nodes: &nodes, PageInfo: info, cursors: cursors, total: l.Total}
}

// Edges gives the nodes with their cursors.
func (c *connection[N]) Edges() *[]*edge[N] {
	out := make([]*edge[N], len(c.cursors))
	for i, at := range c.cursors {
		out[i] = &edge[N]{Cursor: encode(at), Node: (*c.Nodes)[i]}
	}
	return &out
}

// countMost is how far a list is counted, as in GitLab.
const countMost = 1000

// Count gives the length of the whole list, limit + 1 if it is longer.
func (c *connection[N]) Count(args struct{ Limit *int32 }) (number, error) {
	limit := int64(countMost)
	if args.Limit != nil {
		limit = int64(*args.Limit)
	}
	switch {
	case limit < 1 || limit > countMost:
		return 0, fault.Invalidf("limit", "must be between 1 and %d", countMost)
	case c.total < 0:
		return number(limit + 1), nil
	default:
		return number(min(c.total, limit+1)), nil
	}
}

func encode(c registry.Cursor) string { return httpx.EncodeCursor(httpx.Cursor{Key: c.Key, ID: c.ID}) }

// parseCursor reads what encode wrote; nothing, or an empty text, is none.
func parseCursor(s *string) (*registry.Cursor, error) {
	if s == nil || *s == "" {
		return nil, nil
	}
	c, err := httpx.DecodeCursor(*s)
	if err != nil {
		return nil, err
	}
	return &registry.Cursor{Key: c.Key, ID: c.ID}, nil
}
