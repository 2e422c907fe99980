package registry

import (
	"time"

	"github.com/vitrine-ml/vitrine/internal/auth"
)

// User is a person or a machine with a name.
type User struct {
	ID           int64
	Username     string
	Name         string
	Email        string
	Admin        bool
	Blocked      bool
	Bot          bool  // of an access token; nobody can sign in as one
	NamespaceID  int64 // 0: a bot has none
	CreatedAt    time.Time
	LastActivity time.Time // zero: never
}

// UserRef is the short form of a user inside other nouns.
type UserRef struct {
	ID       int64
	Username string
	Name     string
	Blocked  bool
}

// UserQuery narrows a list of users.
type UserQuery struct {
	Page     Page
	Order    Order  // id (default, descending), name, username, created_at
	Username string // exactly this one, a bot too
	Bots     bool   // without Username: bots and nobody else; else people
	Search   string // part of the username or name
	ByEmail  bool   // or of the email
	Active   bool
	Blocked  bool
	Admins   bool
}

// UserSpec is a user to be made.
type UserSpec struct {
	Username string
	Name     string
	Email    string
	Password string // empty: nobody can sign in by password
	Admin    bool
}

// UserEdit changes a user; nil fields stay.
type UserEdit struct {
	Username *string
	Name     *string
	Email    *string
	Password *string
	Admin    *bool
	Blocked  *bool
}

// TokenQuery narrows a list of tokens.
type TokenQuery struct {
	Page   Page
	Order  Order // id (default), name, created_at, last_used_at, expires_at
	ID     int64
	UserID int64
	Place  Place // of access tokens
	// Impersonation asks for tokens that are, or are not, for impersonation.
	Impersonation *bool
	Search        string
	Revoked       *bool
	Active        *bool
	Created       Span
	Used          Span
	Expires       Span
	Now           time.Time
}

// Span is a stretch of time; a zero end is open.
type Span struct {
	After  time.Time // exclusive
	Before time.Time // exclusive
}

// TokenSpec is a token to be made.
type TokenSpec struct {
	Name        string
	Description string
	Scopes      []string
	ExpiresAt   time.Time // zero: never
}

// NewToken is a token together with its secret, which is never shown again.
type NewToken struct {
	auth.Token
	Secret string
}

// AccessToken is a token of a project or group, which acts as a bot.
type AccessToken struct {
	auth.Token
	Role Role // of the bot in the place
}

// Credential is a personal or access token with whose it is.
type Credential struct {
	auth.Token
	Owner UserRef
	Bot   bool   // it is an access token, and Owner its bot
	Place string // full path of the project or group of an access token
}

// AccessTokenSpec is an access token to be made.
type AccessTokenSpec struct {
	TokenSpec
	Role Role // from Guest up
}

// DeployToken is a secret of a machine that is nobody: it reads, or writes,
// the registry of one project or of one group's projects. Zero times mean never.
type DeployToken struct {
	ID         int64
	Name       string
	Username   string // for HTTP Basic
	Scopes     auth.Scopes
	CreatorID  int64
	ProjectID  int64 // or GroupID
	GroupID    int64
	CreatedAt  time.Time
	ExpiresAt  time.Time // the instant from which it no longer works
	LastUsedAt time.Time
}

// Expired reports whether the token's time is over.
func (d DeployToken) Expired(now time.Time) bool {
	return !d.ExpiresAt.IsZero() && !now.Before(d.ExpiresAt)
}

// DeployTokenQuery narrows a list of deploy tokens.
type DeployTokenQuery struct {
	Page   Page
	ID     int64
	Place  Place // zero: all
	Active bool  // only those whose time is not over
	Now    time.Time
}

// DeployTokenSpec is a deploy token to be made.
type DeployTokenSpec struct {
	Name      string
	Username  string // empty: gitlab+deploy-token-N
	Scopes    []string
	ExpiresAt time.Time // zero: never
}

// NewDeployToken is a deploy token together with its secret, which is never
// shown again.
type NewDeployToken struct {
	DeployToken
	Secret string
}

// NewAccessToken is an access token together with its secret, which is never
// shown again.
type NewAccessToken struct {
	AccessToken
	Secret string
}
