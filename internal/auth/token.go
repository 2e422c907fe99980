package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"math/big"
	"strings"
	"time"

	"github.com/vitrine-ml/vitrine/internal/fault"
)

// Kind says what a token is for.
type Kind string

// The kinds of token.
const (
	Personal Kind = "personal"
	Job      Kind = "job"
	Deploy   Kind = "deploy"
	Browser  Kind = "browser" // a person who signed in with a password, in a cookie
)

// prefixes let a secret scanner tell a leaked token by its looks.
var prefixes = map[Kind]string{Personal: "vtpat-", Job: "vtjob-", Deploy: "vtdep-", Browser: "vtweb-"}

// Token is a secret for machines, without the secret. Zero times mean never.
type Token struct {
	ID          int64
	UserID      int64
	Kind        Kind
	Name        string
	Description string
	Scopes      Scopes
	CreatedAt   time.Time
	ExpiresAt   time.Time // the instant from which it no longer works
	LastUsedAt  time.Time
	RevokedAt   time.Time
	ProjectID   int64 // reaches this project only, when not 0
	GroupID     int64 // reaches this group and what is below it only, when not 0
	JobID       int64
	// Impersonation marks a personal token that an administrator made to act as
	// its user, who does not see it.
	Impersonation bool
	Family        int64 // id of the token from which rotations led to this one; 0: it is the first
}

// Expired reports whether the token's time is over.
func (t Token) Expired(now time.Time) bool {
	return !t.ExpiresAt.IsZero() && !now.Before(t.ExpiresAt)
}

// Active reports whether the token works at now.
func (t Token) Active(now time.Time) bool { return t.RevokedAt.IsZero() && !t.Expired(now) }

const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// NewSecret makes a token secret: the kind's prefix and 190 random bits.
func NewSecret(k Kind) string { return prefixes[k] + RandomText(32) }

// RandomText gives n random letters and digits, about 5.95 bits each.
func RandomText(n int) string {
	var b strings.Builder
	limit := big.NewInt(int64(len(alphabet)))
	for range n {
		i, err := rand.Int(rand.Reader, limit)
		if err != nil {
			panic("auth: the system's random source failed: " + err.Error())
		}
		b.WriteByte(alphabet[i.Int64()])
	}
	return b.String()
}

// HashSecret gives the form in which a token is stored. The secret has enough
// entropy that one round of SHA-256 cannot be searched.
func HashSecret(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// Scopes is a set of what a token may touch.
type Scopes uint32

// The scopes, named as GitLab names them where it has them. Those of things
// that Vitrine does not have are kept and shown, and open nothing.
const (
	ScopeAPI             Scopes = 1 << iota // everything its user may
	ScopeReadAPI                            // read everything its user may
	ScopeReadUser                           // read its own user
	ScopeReadRegistry                       // read models, versions, runs and their files
	ScopeWriteRegistry                      // and write them
	ScopeSelfRotate                         // rotate itself
	ScopeReadRepository                     // Git, which is not here
	ScopeWriteRepository                    // Git, which is not here
	ScopeReadContainers                     // container images
	ScopeWriteContainers                    // container images
	ScopeReadPackages                       // as ScopeReadRegistry: models are packages
	ScopeWritePackages                      // as ScopeWriteRegistry
	ScopeReadVirtual                        // proxies of other registries, which are not here
	ScopeWriteVirtual                       // proxies of other registries, which are not here
	ScopeSudo                               // act as any user, for an administrator
)

// AllScopes are those that open something.
const AllScopes = ScopeAPI | ScopeReadAPI | ScopeReadUser | ScopeReadRegistry | ScopeWriteRegistry | ScopeSelfRotate

// The scopes that each sort of token may have; GitLab's bots have no read_user.
const (
	gitScopes      = ScopeReadRepository | ScopeWriteRepository | ScopeReadContainers | ScopeWriteContainers
	PersonalScopes = AllScopes | gitScopes | ScopeSudo
	BotScopes      = PersonalScopes &^ (ScopeReadUser | ScopeSudo)
	DeployScopes   = ScopeReadRegistry | ScopeWriteRegistry | gitScopes&^ScopeWriteRepository |
		ScopeReadPackages | ScopeWritePackages | ScopeReadVirtual | ScopeWriteVirtual
)

// grants gives the scopes that the permission table knows: GitLab's words for
// packages of every type mean models, too.
func (s Scopes) grants() Scopes {
	if s&ScopeReadPackages != 0 {
		s |= ScopeReadRegistry
	}
	if s&ScopeWritePackages != 0 {
		s |= ScopeWriteRegistry
	}
	return s
}

var scopeNames = []struct {
	bit  Scopes
	name string
}{
	{ScopeAPI, "api"}, {ScopeReadAPI, "read_api"}, {ScopeReadUser, "read_user"},
	{ScopeReadRegistry, "read_model_registry"}, {ScopeWriteRegistry, "write_model_registry"},
	{ScopeSelfRotate, "self_rotate"}, {ScopeReadRepository, "read_repository"}, {ScopeWriteRepository, "write_repository"},
	{ScopeReadContainers, "read_registry"}, {ScopeWriteContainers, "write_registry"},
	{ScopeReadPackages, "read_package_registry"}, {ScopeWritePackages, "write_package_registry"},
	{ScopeReadVirtual, "read_virtual_registry"}, {ScopeWriteVirtual, "write_virtual_registry"},
	{ScopeSudo, "sudo"},
}

// ParseScopes reads scope names; one that is not among those allowed, or none
// at all, is invalid.
func ParseScopes(names []string, allowed Scopes) (Scopes, error) {
	var s Scopes
	for _, n := range names {
		bit := scopeOf(n)
		if bit&allowed == 0 {
			return 0, fault.Invalidf("scopes", "does not have a valid value; known are %s", strings.Join(allowed.Names(), ", "))
		}
		s |= bit
	}
	if s == 0 {
		return 0, fault.Invalidf("scopes", "can't be blank")
	}
	return s, nil
}

// scopeOf gives the scope of a name, 0 when there is none.
func scopeOf(name string) Scopes {
	for _, e := range scopeNames {
		if e.name == name {
			return e.bit
		}
	}
	return 0
}

// Names lists the scopes of the set.
func (s Scopes) Names() []string {
	out := []string{}
	for _, e := range scopeNames {
		if s&e.bit != 0 {
			out = append(out, e.name)
		}
	}
	return out
}
