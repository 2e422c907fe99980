package safety

import "strings"

// What a machine knows of the objects that a pickle would make: only what it needs
// to follow names, and the sizes of arrays. A text is a string, a number an int64.
type (
	// unknown is an object of which nothing has to be known.
	unknown struct{}
	// global is what was imported.
	global struct {
		module, name string
		verdict      Verdict
	}
	// tuple has at most maxTuple of its items.
	tuple struct{ items []any }
	// dict has the texts among its keys, while they are few.
	dict struct{ items map[string]any }
	// object is the result of a call.
	object struct {
		class *global
		args  []any
		state any
	}
	// content is bytes that are a pickle themselves.
	content struct{ Report }
)

// The limits of what is kept of one pickle.
const (
	maxTuple = 8
	maxDict  = 32
	maxText  = 200      // bytes of a text that may be a name
	maxStack = 1 << 20  // objects
	maxKept  = 64 << 20 // bytes of all that is kept, about
)

// nameLike reports whether a text may name a module or what is in one. All others
// need not be kept.
func nameLike(s string) bool {
	if s == "" || len(s) > maxText {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '_', c == '.', c == '<', c == '>', c == '|', c == '=', c >= 0x80:
		default:
			return false
		}
	}
	return true
}

// String is the name as people write it.
func (g *global) String() string { return g.module + "." + g.name }

// is reports whether it is one of the names.
func (g *global) is(names ...string) bool {
	for _, n := range names {
		if module, name := cutLast(n); g.module == module && g.name == name {
			return true
		}
	}
	return false
}

// cutLast splits a dotted name before its last part.
func cutLast(s string) (before, last string) {
	i := strings.LastIndexByte(s, '.')
	if i < 0 {
		return "", s
	}
	return s[:i], s[i+1:]
}

// memo is what a pickle has put aside under numbers, which mostly come in order.
type memo struct {
	dense  []any
	sparse map[uint64]any
}

func (m *memo) len() int { return len(m.dense) + len(m.sparse) }

func (m *memo) get(i uint64) (any, bool) {
	if i < uint64(len(m.dense)) {
		return m.dense[i], true
	}
	v, ok := m.sparse[i]
	return v, ok
}

func (m *memo) put(i uint64, v any) {
	_, apart := m.sparse[i]
	switch {
	case i < uint64(len(m.dense)):
		m.dense[i] = v
	case i == uint64(len(m.dense)) && !apart:
		m.dense = append(m.dense, v)
	default:
		if m.sparse == nil {
			m.sparse = map[uint64]any{}
		}
		m.sparse[i] = v
	}
}
