// Package auth answers one question: who is calling?
//
// A [Credential] is what a dialect found in a request; an [Authenticator]
// turns it into an [Actor]. What the actor may do is decided by the registry,
// never here. Tokens are random, carry a prefix that secret scanners can
// recognise, and are stored only as SHA-256; passwords are stored as Argon2id.
package auth

import (
	"context"
	"crypto/cipher"
	"strconv"
	"sync"
	"time"

	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/memo"
)

// Actor is whoever calls: a person, a machine with a token, nobody, or Vitrine
// itself. The zero Actor is anonymous.
type Actor struct {
	UserID    int64 // 0 for a deploy token too, which is nobody's
	Username  string
	Name      string // that people see; of a user
	Admin     bool
	Bot       bool   // the user of an access token of a project or group
	TokenID   int64  // 0 for a browser login, a deploy token or the system
	DeployID  int64  // the number of a deploy token
	Kind      Kind   // of the token
	Scopes    Scopes // what the token may touch
	ProjectID int64  // when not 0, the token reaches this project only
	GroupID   int64  // when not 0, the token reaches this group and what is below it only
	JobID     int64  // CI job of a job token
	system    bool
}

// System is Vitrine itself: background jobs and administration on the data
// directory. It passes every gate.
func System() Actor {
	return Actor{Username: "system", Admin: true, Scopes: AllScopes, system: true}
}

// Anonymous reports whether nobody has signed in.
func (a Actor) Anonymous() bool { return a.UserID == 0 && a.Kind != Deploy && !a.system }

// IsSystem reports whether the actor is Vitrine itself.
func (a Actor) IsSystem() bool { return a.system }

// Can reports whether the actor's scopes include any of the wanted ones.
func (a Actor) Can(any Scopes) bool { return a.Scopes&any != 0 }

// Credential is a secret as a request carried it. The zero Credential is none.
type Credential struct {
	Secret string
	Place  Place
}

// Place tells which tokens count where the secret was found.
type Place uint8

// The places of secrets.
const (
	AnyPlace      Place = iota // every token but those of browsers
	PersonalPlace              // those of people and bots
	JobPlace                   // those of jobs
	DeployPlace                // deploy tokens
	CookiePlace                // those of browsers
)

// placeKinds are the tokens that count in the places that do not take all.
var placeKinds = map[Place]Kind{PersonalPlace: Personal, JobPlace: Job, DeployPlace: Deploy, CookiePlace: Browser}

// takes reports whether a token of kind k counts in the place.
func (p Place) takes(k Kind) bool {
	return p == AnyPlace && k != Browser || placeKinds[p] == k
}

// Identity is what the database knows about a token and its user.
type Identity struct {
	Token    Token
	Username string
	Name     string // that people see; of a user
	Admin    bool
	Blocked  bool
	Bot      bool
}

// Store is what an Authenticator asks of a database.
type Store interface {
	// IdentityByDigest finds a token by the SHA-256 of its secret, revoked and
	// expired ones too; unknown is fault.NotFound.
	IdentityByDigest(ctx context.Context, digest string) (Identity, error)
	// TouchTokens records when tokens were last used.
	TouchTokens(ctx context.Context, used map[TokenRef]time.Time) error
}

// TokenRef names a token among all; deploy tokens are numbered apart.
type TokenRef struct {
	ID     int64
	Deploy bool
}

// Authenticator turns credentials into actors. It is safe for concurrent use.
type Authenticator struct {
	store Store
	now   func() time.Time
	known *memo.Memo[string, Identity] // by digest
	seal  cipher.AEAD                  // of tickets; see Ticket

	// Refused, when set, is told of each token that was turned away, but for those
	// of browsers, whose old ones are everyday; id is "" for an unknown one. It is
	// set before the first request, and must not wait.
	Refused func(ctx context.Context, id string)

	mu   sync.Mutex
	used map[TokenRef]time.Time // not yet written
	seen map[TokenRef]time.Time // last written
}

// maxKnown bounds the remembered tokens.
const maxKnown = 10_000

// NewAuthenticator makes an Authenticator; now is the clock, nil for time.Now.
// A store that is a memo.Source has its answers remembered between changes.
func NewAuthenticator(s Store, now func() time.Time) *Authenticator {
	if now == nil {
		now = time.Now
	}
	source, _ := s.(memo.Source)
	return &Authenticator{store: s, now: now, known: memo.New[string, Identity](source, maxKnown), seal: newSeal(), used: map[TokenRef]time.Time{}, seen: map[TokenRef]time.Time{}}
}

// Authenticate gives the actor behind c. No credential is the anonymous actor.
// An unknown token, a blocked user, or a token sent in the wrong place is
// fault.Unauthenticated with noun "token"; an expired or revoked token has
// noun "expired" or "revoked", and its id as name.
func (a *Authenticator) Authenticate(ctx context.Context, c Credential) (Actor, error) {
	if c.Secret == "" {
		return Actor{}, nil
	}
	actor, err := a.identify(ctx, HashSecret(c.Secret), c.Place)
	if e, is := fault.As(err); is && e.Kind == fault.Unauthenticated && c.Place != CookiePlace && a.Refused != nil {
		a.Refused(ctx, e.Name)
	}
	return actor, err
}

// identify gives the actor behind a token by the SHA-256 of its secret.
func (a *Authenticator) identify(ctx context.Context, digest string, place Place) (Actor, error) {
	id, err := a.known.Get(digest, func() (Identity, error) { return a.store.IdentityByDigest(ctx, digest) })
	if fault.Is(err, fault.NotFound) {
		return Actor{}, fault.SignIn("token")
	}
	if err != nil {
		return Actor{}, err
	}
	now := a.now()
	t := id.Token
	switch {
	case id.Blocked, !place.takes(t.Kind):
		return Actor{}, fault.SignIn("token")
	case !t.RevokedAt.IsZero():
		return Actor{}, ended("revoked", t)
	case t.Expired(now):
		return Actor{}, ended("expired", t)
	}
	a.touch(t, now)
	actor := Actor{UserID: t.UserID, Username: id.Username, Name: id.Name, Admin: id.Admin && t.Kind != Job && !id.Bot, Bot: id.Bot,
		TokenID: t.ID, Kind: t.Kind, Scopes: t.Scopes.grants(), ProjectID: t.ProjectID, GroupID: t.GroupID, JobID: t.JobID}
	if t.Kind == Deploy {
		actor.TokenID, actor.DeployID = 0, t.ID // its number is another token's
	}
	return actor, nil
}

// ended reports a token that works no more; its id tells which, for the
// detection of re-use.
func ended(how string, t Token) error {
	e := fault.SignIn(how)
	if t.Kind != Deploy {
		e.Name = strconv.FormatInt(t.ID, 10)
	}
	return e
}

// touchEvery is how coarse "last used" is: often enough to see an idle token,
// seldom enough that reads cause almost no writes.
const touchEvery = time.Minute

func (a *Authenticator) touch(t Token, now time.Time) {
	if now.Sub(t.LastUsedAt) < touchEvery {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if ref := (TokenRef{t.ID, t.Kind == Deploy}); now.Sub(a.seen[ref]) >= touchEvery {
		a.used[ref] = now
	}
}

// Flush writes the pending "last used" times; the server calls it now and then
// and once when it stops.
func (a *Authenticator) Flush(ctx context.Context) error {
	a.mu.Lock()
	used := a.used
	a.used = map[TokenRef]time.Time{}
	if len(a.seen) > 10_000 {
		a.seen = map[TokenRef]time.Time{}
	}
	for ref, at := range used {
		a.seen[ref] = at
	}
	a.mu.Unlock()
	if len(used) == 0 {
		return nil
	}
	return a.store.TouchTokens(ctx, used)
}
