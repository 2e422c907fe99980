// Package memo remembers look-ups for as long as nothing has changed.
//
// A [Source] of changes gives a number that moves whenever the data behind the
// look-ups may have changed. What was remembered under another number is
// forgotten, all of it: there is nothing to invalidate by hand, and nothing to
// forget to. Only data is remembered, never a decision made of it.
package memo

import "sync"

// Source tells whether data may have changed.
type Source interface {
	// Generation gives a number that was another one before the last change
	// that has been acknowledged; ok is false when the source cannot tell, and
	// then nothing is remembered.
	Generation() (n uint64, ok bool)
}

// Memo maps keys to values of one generation. It is safe for concurrent use.
type Memo[K comparable, V any] struct {
	source Source
	limit  int

	mu      sync.RWMutex
	current uint64
	values  map[K]V
}

// New makes a Memo of at most limit values; a nil source remembers nothing.
func New[K comparable, V any](s Source, limit int) *Memo[K, V] {
	return &Memo[K, V]{source: s, limit: limit, values: map[K]V{}}
}

// Get gives the remembered value of k, or else looks it up and remembers it.
// An error is not remembered.
func (m *Memo[K, V]) Get(k K, lookUp func() (V, error)) (V, error) {
	if m.source == nil {
		return lookUp()
	}
	// The generation is read before the data: data that is newer than its
	// generation is looked up once more, data that is older is never kept.
	n, ok := m.source.Generation()
	if !ok {
		return lookUp()
	}
	m.mu.RLock()
	v, found := m.values[k]
	found = found && m.current == n
	m.mu.RUnlock()
	if found {
		return v, nil
	}
	v, err := lookUp()
	if err == nil {
		m.keep(n, k, v)
	}
	return v, err
}

func (m *Memo[K, V]) keep(n uint64, k K, v V) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if n < m.current {
		return // somebody has seen a later generation
	}
	if n > m.current || len(m.values) >= m.limit {
		clear(m.values)
		m.current = n
	}
	m.values[k] = v
}
