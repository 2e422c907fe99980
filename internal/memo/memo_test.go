package memo

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
)

type counter struct{ n atomic.Uint64 }

func (c *counter) Generation() (uint64, bool) { return c.n.Load(), true }

type blind struct{}

func (blind) Generation() (uint64, bool) { return 0, false }

func TestGet(t *testing.T) {
	var c counter
	m := New[string, int](&c, 2)
	looked := 0
	get := func(k string) int {
		v, err := m.Get(k, func() (int, error) { looked++; return looked, nil })
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	if a, b := get("a"), get("a"); a != 1 || b != 1 {
		t.Errorf("looked up %d and %d", a, b)
	}
	c.n.Add(1)
	if v := get("a"); v != 2 {
		t.Errorf("after a change: %d", v)
	}
	get("b")
	get("c") // over the limit: all is forgotten
	if v := get("a"); v != 5 {
		t.Errorf("over the limit: %d", v)
	}
	if _, err := m.Get("x", func() (int, error) { return 0, errors.New("no") }); err == nil {
		t.Error("an error was lost")
	}
	if v := get("x"); v != 6 {
		t.Errorf("an error was remembered: %d", v)
	}
}

func TestNothingIsRememberedBlindly(t *testing.T) {
	for _, m := range []*Memo[int, int]{New[int, int](nil, 9), New[int, int](blind{}, 9)} {
		looked := 0
		for range 3 {
			_, _ = m.Get(1, func() (int, error) { looked++; return 0, nil })
		}
		if looked != 3 {
			t.Errorf("looked up %d times", looked)
		}
	}
}

// TestNeverOlder: a value read after an acknowledged change is never older
// than it.
func TestNeverOlder(t *testing.T) {
	var c counter
	var data atomic.Uint64
	m := New[int, uint64](&c, 9)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 20_000 {
				acknowledged := c.n.Load()
				v, _ := m.Get(1, func() (uint64, error) { return data.Load(), nil })
				if v < acknowledged {
					t.Errorf("got %d after %d was acknowledged", v, acknowledged)
					return
				}
			}
		})
	}
	wg.Go(func() {
		for range 20_000 {
			data.Add(1) // the commit
			c.n.Add(1)  // its acknowledgement
		}
	})
	wg.Wait()
}
