package registry

import (
	"context"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/fault"
)

// Browser is what a person signs in with.
type Browser struct {
	Address string // of the network, without a port
	Agent   string // how it names itself; of a long name, the beginning is kept
}

// SignedIn is a browser that has signed in.
type SignedIn struct {
	Browser
	ID         int64
	CreatedAt  time.Time
	LastUsedAt time.Time // zero: not since it signed in
	ExpiresAt  time.Time
	This       bool // it asks
}

// kept is a browser as it is stored: both texts come from outside.
func (b Browser) kept() Browser {
	return Browser{Address: b.Address, Agent: beginning(b.Agent, maxName)}
}

// beginning gives the first bytes of a text, as whole characters, without what a
// database cannot keep.
func beginning(s string, most int) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "")
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most]
}

// Browsers lists where the actor is signed in, the latest first.
func (s Session) Browsers(ctx context.Context, p Page) (List[SignedIn], error) {
	if err := s.account(readScopes, false); err != nil {
		return List[SignedIn]{}, err
	}
	l, err := view(ctx, s, func(tx Tx) (List[SignedIn], error) { return tx.ListBrowsers(ctx, s.actor.UserID, s.now(), p) })
	for i := range l.Items {
		l.Items[i].This = l.Items[i].ID == s.actor.TokenID
	}
	return l, err
}

// EndBrowser signs out one of the actor's browsers. It is for people in a
// browser. What is not theirs, or has ended, is NotFound.
func (s Session) EndBrowser(ctx context.Context, id int64) error {
	if err := s.inBrowser("a session is ended"); err != nil {
		return err
	}
	return s.r.store.Update(ctx, func(tx Tx) error {
		t, err := tx.TokenByID(ctx, id)
		if err == nil && (t.Kind != auth.Browser || t.UserID != s.actor.UserID || !t.Active(s.now())) {
			err = fault.Missing("session", itoa(id))
		}
		if err != nil {
			return err
		}
		if err := tx.RevokeToken(ctx, id, s.now()); err != nil {
			return err
		}
		return s.note(ctx, tx, s.self(UserSessionEnded).with(itoa(id)))
	})
}

// EndOtherBrowsers signs out all of the actor's browsers but this one, and tells
// how many there were. It is for people in a browser.
func (s Session) EndOtherBrowsers(ctx context.Context) (int64, error) {
	if err := s.inBrowser("sessions are ended"); err != nil {
		return 0, err
	}
	return update(ctx, s, func(tx Tx) (int64, error) {
		n, err := tx.EndBrowsers(ctx, s.actor.UserID, s.actor.TokenID, s.now())
		if err != nil || n == 0 {
			return n, err
		}
		return n, s.note(ctx, tx, s.self(UserOthersEnded).with(itoa(n)))
	})
}

// inBrowser is the gate to what a stolen token shall not do: the actor must be a
// person who has signed in.
func (s Session) inBrowser(what string) error {
	if s.actor.Kind != auth.Browser {
		return fault.Denied("", "%s in a browser that has signed in", what)
	}
	return nil
}
