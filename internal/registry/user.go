package registry

import (
	"context"
	"net/mail"
	"strings"
	"time"

	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/fault"
)

const selfScopes = readScopes | auth.ScopeReadUser

// CurrentUser gives the actor's own account.
func (s Session) CurrentUser(ctx context.Context) (User, error) {
	if s.actor.Anonymous() {
		return User{}, fault.SignIn("")
	}
	if err := s.scope(rule{scopes: selfScopes}); err != nil {
		return User{}, err
	}
	return view(ctx, s, func(tx Tx) (User, error) { return tx.UserByID(ctx, s.actor.UserID) })
}

// User gives one account.
func (s Session) User(ctx context.Context, id int64) (User, error) {
	if err := s.account(selfScopes, false); err != nil {
		return User{}, err
	}
	return view(ctx, s, func(tx Tx) (User, error) { return tx.UserByID(ctx, id) })
}

// UserByName gives one account by its name, without case.
func (s Session) UserByName(ctx context.Context, username string) (User, error) {
	if err := s.account(selfScopes, false); err != nil {
		return User{}, err
	}
	return view(ctx, s, func(tx Tx) (User, error) { return tx.UserByName(ctx, username) })
}

// Users lists accounts.
func (s Session) Users(ctx context.Context, q UserQuery) (List[User], error) {
	if err := s.account(selfScopes, false); err != nil {
		return List[User]{}, err
	}
	q.ByEmail = s.actor.Admin // others would find out hidden addresses
	return view(ctx, s, func(tx Tx) (List[User], error) { return tx.ListUsers(ctx, q) })
}

// CreateUser makes an account with a namespace of its own. Administrators only.
func (s Session) CreateUser(ctx context.Context, spec UserSpec) (User, error) {
	if err := s.account(auth.ScopeAPI, true); err != nil {
		return User{}, err
	}
	u := User{Username: spec.Username, Name: spec.Name, Email: spec.Email, Admin: spec.Admin, CreatedAt: s.now()}
	if err := checkUser(u); err != nil {
		return User{}, err
	}
	hash := ""
	if spec.Password != "" {
		var err error
		if hash, err = auth.HashPassword(ctx, spec.Password); err != nil {
			return User{}, err
		}
	}
	return update(ctx, s, func(tx Tx) (User, error) {
		u := u
		if _, err := insertUser(ctx, tx, &u, hash); err != nil {
			return User{}, err
		}
		if err := s.note(ctx, tx, u.about(UserCreated)); err != nil {
			return User{}, err
		}
		return tx.UserByID(ctx, u.ID)
	})
}

// insertUser writes an account and its namespace, which it owns.
func insertUser(ctx context.Context, tx Tx, u *User, hash string) (Namespace, error) {
	ns := Namespace{Kind: UserNamespace, Path: u.Username, FullPath: u.Username, Name: u.Name,
		FullName: u.Name, Visibility: Public, CreatedAt: u.CreatedAt, UpdatedAt: u.CreatedAt}
	var err error
	if u.ID, err = tx.InsertUser(ctx, *u, hash); err != nil {
		return ns, err
	}
	ns.OwnerID = u.ID
	if ns.ID, err = tx.InsertNamespace(ctx, ns); err != nil {
		return ns, aboutUsername(err)
	}
	u.NamespaceID = ns.ID
	return ns, tx.PutMember(ctx, Place{NamespaceID: ns.ID}, Member{User: UserRef{ID: u.ID}, Role: Owner, CreatedAt: u.CreatedAt})
}

// aboutUsername says of a taken path what it is for the caller.
func aboutUsername(err error) error {
	if fault.Is(err, fault.Conflict) {
		return fault.Conflictf("user", "username", "has already been taken")
	}
	return err
}

func checkUser(u User) error {
	if err := checkPlacePath("username", u.Username, true); err != nil {
		return err
	}
	if err := checkTitle(u.Name); err != nil {
		return err
	}
	a, err := mail.ParseAddress(u.Email)
	if err != nil || a.Address != u.Email || len(u.Email) > maxName {
		return fault.Invalidf("email", "is invalid")
	}
	return nil
}

// EditUser changes an account. Administrators only.
func (s Session) EditUser(ctx context.Context, id int64, e UserEdit) (User, error) {
	if err := s.account(auth.ScopeAPI, true); err != nil {
		return User{}, err
	}
	hash := ""
	if e.Password != nil {
		var err error
		if hash, err = auth.HashPassword(ctx, *e.Password); err != nil {
			return User{}, err
		}
	}
	return update(ctx, s, func(tx Tx) (User, error) {
		u, err := tx.UserByID(ctx, id)
		if err != nil {
			return User{}, err
		}
		old := u
		set(&u.Username, e.Username)
		set(&u.Name, e.Name)
		set(&u.Email, e.Email)
		set(&u.Admin, e.Admin)
		set(&u.Blocked, e.Blocked)
		if err := s.checkUserEdit(id, u); err != nil {
			return User{}, err
		}
		if err := tx.UpdateUser(ctx, u); err != nil {
			return User{}, err
		}
		if err := setPassword(ctx, tx, u, hash); err != nil {
			return User{}, err
		}
		if err := s.noteAll(ctx, tx, u.since(old, hash != "")); err != nil {
			return User{}, err
		}
		if !u.Bot && (u.Username != old.Username || e.Name != nil) {
			return u, s.moveUserNamespace(ctx, tx, u)
		}
		return u, nil
	})
}

// EditProfile changes one's own name and email; nil stays. Tokens cannot: the
// email is a name to sign in with.
func (s Session) EditProfile(ctx context.Context, name, email *string) (User, error) {
	if err := s.inBrowser("a profile is changed"); err != nil {
		return User{}, err
	}
	return update(ctx, s, func(tx Tx) (User, error) {
		u, err := tx.UserByID(ctx, s.actor.UserID)
		if err != nil {
			return User{}, err
		}
		old := u
		set(&u.Name, name)
		set(&u.Email, email)
		if err := checkUser(u); err != nil {
			return User{}, err
		}
		if err := tx.UpdateUser(ctx, u); err != nil {
			return User{}, err
		}
		if err := s.noteAll(ctx, tx, u.since(old, false)); err != nil {
			return User{}, err
		}
		return u, s.moveUserNamespace(ctx, tx, u)
	})
}

// setPassword gives a person another password, unless there is no new one, and
// signs out whoever knew the old one.
func setPassword(ctx context.Context, tx Tx, u User, hash string) error {
	switch {
	case hash == "":
		return nil
	case u.Bot:
		return fault.Denied("user", "nobody signs in as the bot of an access token")
	}
	if err := tx.SetPassword(ctx, u.ID, hash); err != nil {
		return err
	}
	return tx.DeleteBrowsers(ctx, u.ID, time.Time{})
}

// checkUserEdit refuses what would lock the last administrator out.
func (s Session) checkUserEdit(id int64, u User) error {
	if id == s.actor.UserID && (u.Blocked || !u.Admin) {
		return fault.Denied("user", "you cannot block yourself or drop your own administrator right")
	}
	return checkUser(u)
}

func (s Session) moveUserNamespace(ctx context.Context, tx Tx, u User) error {
	ns, _, err := tx.NamespaceAccess(ctx, NamespaceRef{ID: u.NamespaceID}, s.viewer())
	if err != nil {
		return err
	}
	ns.Path, ns.FullPath, ns.Name, ns.FullName, ns.UpdatedAt = u.Username, u.Username, u.Name, u.Name, s.now()
	return aboutUsername(tx.UpdateNamespace(ctx, ns))
}

// DeleteUser removes an account that owns no projects. What it made in other
// places stays. Administrators only, and not on themselves.
func (s Session) DeleteUser(ctx context.Context, id int64) error {
	if err := s.account(auth.ScopeAPI, true); err != nil {
		return err
	}
	if id == s.actor.UserID {
		return fault.Denied("user", "you cannot delete yourself")
	}
	return s.r.store.Update(ctx, func(tx Tx) error {
		u, err := tx.UserByID(ctx, id)
		if err != nil {
			return err
		}
		if u.Bot {
			return s.dropUser(ctx, tx, u)
		}
		own, err := tx.ListProjects(ctx, ProjectQuery{NamespaceID: u.NamespaceID, Page: Page{Limit: 1}, Viewer: Viewer{Admin: true}})
		if err != nil {
			return err
		}
		if len(own.Items) > 0 {
			return fault.Conflictf("user", "", "the user still owns projects, the first being %s; delete them or move them to a group", own.Items[0].FullPath)
		}
		return s.dropUser(ctx, tx, u)
	})
}

func (s Session) dropUser(ctx context.Context, tx Tx, u User) error {
	if err := tx.DeleteUser(ctx, u.ID); err != nil {
		return err
	}
	return s.note(ctx, tx, u.about(UserDeleted))
}

// set writes *v when it is given.
func set[T any](field, v *T) {
	if v != nil {
		*field = *v
	}
}

// cut trims the blanks around a display name.
func cut(s string) string { return strings.TrimSpace(s) }
