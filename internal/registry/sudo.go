package registry

import (
	"context"
	"strconv"

	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/fault"
)

// Sudo gives the session of another user, by number or username, in whose name an
// administrator acts for one request. The token keeps its scopes, among which has
// to be sudo. The checks and their order are GitLab's (sudo! in
// lib/api/helpers.rb); a user who may not sign in is nobody's to act as.
func (s Session) Sudo(ctx context.Context, who string) (Session, error) {
	switch {
	case s.actor.Anonymous():
		return Session{}, fault.SignIn("")
	case !s.actor.Admin:
		return Session{}, fault.Denied("", "Must be admin to use sudo")
	case s.actor.Kind != auth.Personal:
		return Session{}, fault.Denied("", "Must be authenticated using an OAuth or personal access token to use sudo")
	}
	if err := s.scope(rule{scopes: auth.ScopeSudo}); err != nil {
		return Session{}, err
	}
	u, err := view(ctx, s, func(tx Tx) (User, error) {
		if id, err := strconv.ParseInt(who, 10, 64); err == nil {
			return tx.UserByID(ctx, id)
		}
		return tx.UserByName(ctx, who)
	})
	switch {
	case fault.Is(err, fault.NotFound):
		return Session{}, fault.Missing("sudo", who)
	case err != nil:
		return Session{}, err
	case u.Blocked:
		return Session{}, fault.Denied("", "Your account has been blocked.")
	}
	actor := s.actor
	actor.UserID, actor.Username, actor.Admin, actor.Bot = u.ID, u.Username, u.Admin && !u.Bot, u.Bot
	return Session{r: s.r, actor: actor, exact: s.exact}, nil
}
