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
	NamespaceID  int64
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
	Order    Order // id (default, descending), name, username, created_at
	Username string
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
	Page    Page
	Order   Order // id (default), name, created_at, last_used_at, expires_at
	UserID  int64
	Search  string
	Revoked *bool
	Active  *bool
	Now     time.Time
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
