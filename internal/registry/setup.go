package registry

import (
	"context"

	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/fault"
)

// The first user and project.
const (
	RootName    = "root"
	RootProject = "default"
)

// Setup is what the first start makes.
type Setup struct {
	Password string // empty: one is made
	Token    string // empty: one is made
}

// SetUp makes the administrator root, an API token and the project
// root/default on an empty database, and gives the secrets that were used.
// done is false, and nothing changes, when there is a user already.
func (s Session) SetUp(ctx context.Context, in Setup) (out Setup, done bool, err error) {
	if !s.actor.IsSystem() {
		return Setup{}, false, s.refused()
	}
	users, err := s.Users(ctx, UserQuery{Page: Page{Limit: 1, NoTotal: true}})
	if err != nil || len(users.Items) > 0 {
		return Setup{}, false, err
	}
	if in.Password == "" {
		in.Password = auth.RandomText(20)
	}
	if in.Token == "" {
		in.Token = auth.NewSecret(auth.Personal)
	}
	if len(in.Token) < minRootToken {
		return Setup{}, false, fault.Invalidf("root token", "is too short (minimum is %d characters)", minRootToken)
	}
	hash, err := auth.HashPassword(ctx, in.Password)
	if err != nil {
		return Setup{}, false, err
	}
	return in, true, s.r.store.Update(ctx, func(tx Tx) error { return s.firstRows(ctx, tx, hash, in.Token) })
}

// minRootToken bounds a token that somebody chose, in bytes.
const minRootToken = 8

// firstRows writes user, namespace, token and project, all or none.
func (s Session) firstRows(ctx context.Context, tx Tx, hash, token string) error {
	now := s.now()
	u := User{Username: RootName, Name: "Administrator", Email: "root@localhost", Admin: true, CreatedAt: now}
	ns, err := insertUser(ctx, tx, &u, hash)
	if err != nil {
		return err
	}
	t := auth.Token{UserID: u.ID, Kind: auth.Personal, Name: "root", Scopes: auth.ScopeAPI, CreatedAt: now,
		Description: "made at the first start"}
	if _, err := tx.InsertToken(ctx, t, auth.HashSecret(token)); err != nil {
		return err
	}
	p := Project{Namespace: ns, Path: RootProject, Name: RootProject, FullPath: RootName + "/" + RootProject, Visibility: Private, CreatorID: u.ID,
		Features: Features{Enabled, Enabled, Enabled}, CreatedAt: now, UpdatedAt: now, ActiveAt: now}
	id, err := insertProject(ctx, tx, p)
	if err != nil {
		return err
	}
	return tx.PutMember(ctx, Place{ProjectID: id}, Member{User: UserRef{ID: u.ID}, Role: Owner, CreatedAt: now})
}
