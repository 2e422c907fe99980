package apitest

import "sync"

// Pool lends worlds in which nothing was done yet to tests that run at once. To
// make a world takes far longer than most requests, and most of those that a
// walk over all routes sends are refused for want of parameters.
type Pool[W any] struct {
	make func() W
	mu   sync.Mutex
	free []W
}

// NewPool makes a pool of what make makes.
func NewPool[W any](make func() W) *Pool[W] { return &Pool[W]{make: make} }

// Take gives a world that nobody else has.
func (p *Pool[W]) Take() W {
	p.mu.Lock()
	defer p.mu.Unlock()
	if last := len(p.free) - 1; last >= 0 {
		w := p.free[last]
		p.free = p.free[:last]
		return w
	}
	return p.make()
}

// Give takes back a world in which nothing was done.
func (p *Pool[W]) Give(w W) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.free = append(p.free, w)
}
