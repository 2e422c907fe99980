package cli

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// tokenRow is a token in the answers of administration.
type tokenRow struct {
	ID      int64    `json:"id"`
	UserID  int64    `json:"user_id"`
	Name    string   `json:"name"`
	Scopes  []string `json:"scopes"`
	Expires string   `json:"expires,omitempty"`
	State   string   `json:"state"`
	Token   string   `json:"token,omitempty"` // only when it was just made
}

func tokenRowOf(t auth.Token) tokenRow {
	state := "active"
	switch {
	case !t.RevokedAt.IsZero():
		state = "revoked"
	case t.Expired(time.Now()):
		state = "expired"
	}
	return tokenRow{ID: t.ID, UserID: t.UserID, Name: t.Name, Scopes: t.Scopes.Names(), Expires: dayText(t.ExpiresAt, ""), State: state}
}

// tokenOptions are the flags of token create.
type tokenOptions struct {
	name    string
	scopes  []string
	expires string
}

// create makes a token for a user of a data folder.
func (o tokenOptions) create(ctx context.Context, s registry.Session, username string) (any, error) {
	at, err := day(o.expires)
	if err != nil {
		return nil, err
	}
	u, err := userNamed(ctx, s, username)
	if err != nil {
		return nil, err
	}
	t, err := s.CreateToken(ctx, u.ID, registry.TokenSpec{Name: o.name, Scopes: o.scopes, ExpiresAt: at})
	if err != nil {
		return nil, err
	}
	row := tokenRowOf(t.Token)
	row.Token = t.Secret
	return newTokenTable(row), nil
}

// newTokenTable shows a token with its secret.
func newTokenTable(row tokenRow) table {
	return table{Head: []string{"ID", "NAME", "SCOPES", "EXPIRES", "TOKEN (shown once)"}, data: row,
		Rows: [][]string{{strconv.FormatInt(row.ID, 10), plain(row.Name), strings.Join(row.Scopes, ","), row.expiry(), row.Token}}}
}

func (t tokenRow) expiry() string {
	if t.Expires == "" {
		return "never"
	}
	return t.Expires
}

// tokenTable lists tokens.
func tokenTable(rows []tokenRow) table {
	return listOf(rows, []string{"ID", "USER", "NAME", "SCOPES", "EXPIRES", "STATE"}, func(r tokenRow) []string {
		return []string{strconv.FormatInt(r.ID, 10), strconv.FormatInt(r.UserID, 10), r.Name, strings.Join(r.Scopes, ","), r.expiry(), r.State}
	})
}

func listTokens(ctx context.Context, s registry.Session, args []string) (any, error) {
	q := registry.TokenQuery{}
	if len(args) == 1 {
		u, err := userNamed(ctx, s, args[0])
		if err != nil {
			return nil, err
		}
		q.UserID = u.ID
	}
	ts, err := all(func(p registry.Page) (registry.List[auth.Token], error) {
		q := q
		q.Page = p
		return s.Tokens(ctx, q)
	})
	rows := make([]tokenRow, len(ts))
	for i, v := range ts {
		rows[i] = tokenRowOf(v)
	}
	return tokenTable(rows), err
}

func revokeToken(ctx context.Context, s registry.Session, args []string) (any, error) {
	id, err := strconv.ParseInt(args[0], 10, 64)
	if err != nil {
		return nil, fault.Invalidf("ID", "%q is no number; see vitrine token list", args[0])
	}
	return fmt.Sprintf("revoked token %d", id), s.RevokeToken(ctx, id)
}
