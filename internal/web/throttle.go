package web

import (
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/vitrine-ml/vitrine/internal/httpx"
)

// Attempts to sign in: so many at once, then one each so often, for an address
// and for a name, so that neither one machine nor many can guess fast.
const (
	attempts     = 10
	attemptEvery = 6 * time.Second
	maxThrottled = 10_000
)

// throttle counts attempts to sign in.
type throttle struct {
	mu    sync.Mutex
	known map[string]*rate.Limiter
}

func newThrottle() *throttle { return &throttle{known: map[string]*rate.Limiter{}} }

// allow takes an attempt, of an address for a name.
func (t *throttle) allow(ip, login string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.limiter("ip "+ip).Allow() && t.limiter("name "+strings.ToLower(login)).Allow()
}

// forget gives the attempts back to somebody who knew the password.
func (t *throttle) forget(ip, login string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.known, "ip "+ip)
	delete(t.known, "name "+strings.ToLower(login))
}

// locked reports whether a name has no attempt left.
func (t *throttle) locked(login string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	l, ok := t.known["name "+strings.ToLower(login)]
	return ok && l.Tokens() < 1
}

// unlock gives names their attempts back.
func (t *throttle) unlock(logins ...string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, l := range logins {
		delete(t.known, "name "+strings.ToLower(l))
	}
}

func (t *throttle) limiter(key string) *rate.Limiter {
	l, ok := t.known[key]
	if !ok {
		if len(t.known) >= maxThrottled {
			t.evict()
		}
		l = rate.NewLimiter(rate.Every(attemptEvery), attempts)
		t.known[key] = l
	}
	return l
}

// evict drops those that have all their attempts again; when that is nobody, all.
func (t *throttle) evict() {
	for k, l := range t.known {
		if l.Tokens() >= attempts-1 {
			delete(t.known, k)
		}
	}
	if len(t.known) >= maxThrottled {
		clear(t.known)
	}
}

// remoteIP is the peer's address.
func (c *call) remoteIP() string { return httpx.Address(c.r.RemoteAddr) }
