package cli

import (
	"context"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/vitrine-ml/vitrine/internal/client"
)

// ownTokenRow is a token of the server in use, in the answers.
func ownTokenRow(t client.Token) tokenRow {
	state := "active"
	switch {
	case t.Revoked:
		state = "revoked"
	case !t.Active:
		state = "expired"
	}
	return tokenRow{ID: t.ID, UserID: t.UserID, Name: t.Name, Scopes: t.Scopes, Expires: t.ExpiresAt, State: state, Token: t.Secret}
}

func (r *remote) createOwnToken(ctx context.Context, o tokenOptions) error {
	if _, err := day(o.expires); err != nil {
		return asUsage(err)
	}
	if err := r.connect(); err != nil {
		return err
	}
	t, err := r.c.CreateToken(ctx, client.TokenSpec{Name: o.name, Scopes: o.scopes, ExpiresAt: o.expires})
	if err != nil {
		return err
	}
	return show(r.env.Stdout, newTokenTable(ownTokenRow(t)), r.json)
}

func (r *remote) listOwnTokens(ctx context.Context) error {
	if err := r.connect(); err != nil {
		return err
	}
	u, err := r.c.CurrentUser(ctx)
	if err != nil {
		return err
	}
	ts, err := r.c.Tokens(ctx, u.ID)
	if err != nil {
		return err
	}
	rows := make([]tokenRow, len(ts))
	for i, t := range ts {
		rows[i] = ownTokenRow(t)
	}
	return show(r.env.Stdout, tokenTable(rows), r.json)
}

func (r *remote) revokeOwnToken(ctx context.Context, id string) error {
	if err := checkTokenID(id); err != nil {
		return err
	}
	if err := r.connect(); err != nil {
		return err
	}
	if err := r.c.RevokeToken(ctx, id); err != nil {
		return err
	}
	text := "revoked token " + id + " of " + r.c.URL()
	if r.json {
		return show(r.env.Stdout, text, true)
	}
	_, err := fmt.Fprintln(r.env.Stdout, text)
	return err
}

// ownToken is the API's word for the token that calls.
const ownToken = "self"

func checkTokenID(id string) error {
	if _, err := strconv.ParseInt(id, 10, 64); err != nil && id != ownToken {
		return usagef("%q is no number of a token; see vitrine token list, or write self for the token in use", id)
	}
	return nil
}

func tokenRotateCommand(env Env) *cobra.Command {
	r := &remote{env: env}
	var expires string
	cmd := r.command("rotate [ID|self]", "Revoke a token and make a new one like it", cobra.MaximumNArgs(1), func(ctx context.Context, args []string) error {
		id := ownToken
		if len(args) == 1 {
			id = args[0]
		}
		return r.rotateToken(ctx, id, expires)
	})
	cmd.Long = `Revoke a token of yours on the server in use, the one in use unless told, and make a new
one like it. When vitrine login saved the token in use, the new one takes its place there.`
	cmd.Flags().StringVar(&expires, "expires", "", "day of expiry, as 2027-01-31 (default: as the server has it, a week)")
	return cmd
}

func (r *remote) rotateToken(ctx context.Context, id, expires string) error {
	if err := checkTokenID(id); err != nil {
		return err
	}
	if _, err := day(expires); err != nil {
		return asUsage(err)
	}
	a, err := r.account()
	if err != nil {
		return err
	}
	if err := r.connectAs(a); err != nil {
		return err
	}
	t, err := r.c.RotateToken(ctx, id, expires)
	if err != nil {
		return err
	}
	if id == ownToken && a.Source == signInSource {
		// The secret is printed all the same if it cannot be saved.
		if err := r.replaceSaved(a.Token, t.Secret); err != nil {
			r.say("Warning: the new token could not be saved: %s", err)
		} else {
			r.say("The new token is saved for the commands that follow.")
		}
	}
	return show(r.env.Stdout, newTokenTable(ownTokenRow(t)), r.json)
}

// replaceSaved puts a new token in the place of one that was saved.
func (r *remote) replaceSaved(old, secret string) error {
	saved, err := loadSignIns(r.env)
	if err != nil {
		return err
	}
	for name, s := range saved.Servers {
		if s.Token == old {
			s.Token = secret
			saved.Servers[name] = s
		}
	}
	return saveSignIns(r.env, saved)
}
