package registry

import (
	"context"
	"regexp"

	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/fault"
)

// AllDeployTokens lists the deploy tokens of all places. Administrators only.
func (s Session) AllDeployTokens(ctx context.Context, q DeployTokenQuery) (List[DeployToken], error) {
	if err := s.account(readScopes, true); err != nil {
		return List[DeployToken]{}, err
	}
	q.Now = s.now()
	return view(ctx, s, func(tx Tx) (List[DeployToken], error) { return tx.ListDeployTokens(ctx, q) })
}

// DeployTokens lists the deploy tokens of a place; in groups maintainers may.
func (s Session) DeployTokens(ctx context.Context, ref PlaceRef, q DeployTokenQuery) (List[DeployToken], error) {
	return view(ctx, s, func(tx Tx) (List[DeployToken], error) {
		q := q
		var err error
		if q.Place, _, err = s.place(ctx, tx, ref, readDeploys); err != nil {
			return List[DeployToken]{}, err
		}
		q.Now = s.now()
		return tx.ListDeployTokens(ctx, q)
	})
}

// DeployToken gives one deploy token of a place.
func (s Session) DeployToken(ctx context.Context, ref PlaceRef, id int64) (DeployToken, error) {
	return view(ctx, s, func(tx Tx) (DeployToken, error) {
		p, _, err := s.place(ctx, tx, ref, readDeploys)
		if err != nil {
			return DeployToken{}, err
		}
		return deployToken(ctx, tx, p, id)
	})
}

// deployToken finds a deploy token in its place.
func deployToken(ctx context.Context, tx Tx, p Place, id int64) (DeployToken, error) {
	l, err := tx.ListDeployTokens(ctx, DeployTokenQuery{Place: p, ID: id, Page: Page{Limit: 1, NoTotal: true}})
	if err == nil && len(l.Items) == 0 {
		err = fault.Missing("deploy token", itoa(id))
	}
	if err != nil {
		return DeployToken{}, err
	}
	return l.Items[0], nil
}

// deployUsername is what GitLab takes.
var deployUsername = regexp.MustCompile(`^[A-Za-z0-9.+_-]+$`)

func (s Session) checkDeployToken(d DeployToken) error {
	if err := checkTitle(d.Name); err != nil {
		return err
	}
	switch {
	case d.Expired(s.now()):
		return fault.Invalidf("expires_at", "must be in the future")
	case d.Username == "":
		return nil
	case len(d.Username) > maxName:
		return fault.Invalidf("username", "is too long (maximum is 255 characters)")
	case !deployUsername.MatchString(d.Username):
		return fault.Invalidf("username", "can contain only letters, digits, '_', '-', '+', and '.'")
	}
	return nil
}

// CreateDeployToken makes a deploy token of a place. The secret is in the
// answer and nowhere else.
func (s Session) CreateDeployToken(ctx context.Context, ref PlaceRef, spec DeployTokenSpec) (NewDeployToken, error) {
	secret := auth.NewSecret(auth.Deploy)
	return update(ctx, s, func(tx Tx) (NewDeployToken, error) {
		p, _, err := s.place(ctx, tx, ref, manageTokens)
		if err != nil {
			return NewDeployToken{}, err
		}
		d := DeployToken{Name: cut(spec.Name), Username: spec.Username, CreatorID: s.actor.UserID, ProjectID: p.ProjectID,
			CreatedAt: s.now(), ExpiresAt: spec.ExpiresAt}
		if p.ProjectID == 0 {
			d.GroupID = p.NamespaceID
		}
		if d.Scopes, err = auth.ParseScopes(spec.Scopes, auth.DeployScopes); err != nil {
			return NewDeployToken{}, err
		}
		if err := s.checkDeployToken(d); err != nil {
			return NewDeployToken{}, err
		}
		if d.ID, err = tx.InsertDeployToken(ctx, d, auth.HashSecret(secret)); err != nil {
			return NewDeployToken{}, err
		}
		if d.Username == "" {
			d.Username = "gitlab+deploy-token-" + itoa(d.ID)
			if err := tx.NameDeployToken(ctx, d.ID, d.Username); err != nil {
				return NewDeployToken{}, err
			}
		}
		return NewDeployToken{DeployToken: d, Secret: secret}, s.note(ctx, tx, deployEvent(TokenCreated, d))
	})
}

// DeleteDeployToken ends a deploy token for good and forgets it.
func (s Session) DeleteDeployToken(ctx context.Context, ref PlaceRef, id int64) error {
	return s.r.store.Update(ctx, func(tx Tx) error {
		p, _, err := s.place(ctx, tx, ref, manageTokens)
		if err != nil {
			return err
		}
		d, err := deployToken(ctx, tx, p, id)
		if err != nil {
			return err
		}
		if err := tx.DeleteDeployToken(ctx, id); err != nil {
			return err
		}
		return s.note(ctx, tx, deployEvent(TokenRevoked, d))
	})
}
