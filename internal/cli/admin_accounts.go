package cli

import (
	"context"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// userRow is a user in the answers of administration.
type userRow struct {
	ID       int64  `json:"id"`
	Username string `json:"username"`
	Name     string `json:"name"`
	Email    string `json:"email"`
	Admin    bool   `json:"admin"`
	Blocked  bool   `json:"blocked"`
	Password string `json:"password,omitempty"` // only when it was made up
}

func rowOf(u registry.User) userRow {
	return userRow{ID: u.ID, Username: u.Username, Name: u.Name, Email: u.Email, Admin: u.Admin, Blocked: u.Blocked}
}

func (u userRow) cells() []string {
	flags := ""
	if u.Admin {
		flags += "admin "
	}
	if u.Blocked {
		flags += "blocked"
	}
	return []string{strconv.FormatInt(u.ID, 10), u.Username, u.Name, u.Email, strings.TrimSpace(flags)}
}

func userTable(us []userRow) table {
	t := table{Head: []string{"ID", "USERNAME", "NAME", "EMAIL", "FLAGS"}, data: us}
	for _, u := range us {
		t.Rows = append(t.Rows, u.cells())
	}
	return t
}

type work = func(context.Context, registry.Session, []string) (any, error)

func (a admin) users() *cobra.Command {
	return parent("user", "Create, list and change users",
		a.command("create USERNAME", "Create a user", cobra.ExactArgs(1), a.createUser),
		a.command("list", "List users", cobra.NoArgs, func(*cobra.Command) work { return listUsers }),
		a.command("block USERNAME", "Keep a user out", cobra.ExactArgs(1), setBlocked(true)),
		a.command("unblock USERNAME", "Let a blocked user in again", cobra.ExactArgs(1), setBlocked(false)),
		a.command("password USERNAME", "Set a password, read from standard input", cobra.ExactArgs(1), a.setPassword),
		a.command("delete USERNAME", "Delete a user who owns no projects", cobra.ExactArgs(1), func(*cobra.Command) work { return deleteUser }),
	)
}

func (a admin) createUser(cmd *cobra.Command) work {
	name := cmd.Flags().String("name", "", "display name (default: the username)")
	email := cmd.Flags().String("email", "", "email address (default: USERNAME@localhost)")
	isAdmin := cmd.Flags().Bool("admin", false, "make an administrator")
	stdin := cmd.Flags().Bool("password-stdin", false, "read the password from standard input (default: one is made up and printed)")
	return func(ctx context.Context, s registry.Session, args []string) (any, error) {
		spec := registry.UserSpec{Username: args[0], Name: *name, Email: *email, Admin: *isAdmin, Password: auth.RandomText(20)}
		if spec.Name == "" {
			spec.Name = spec.Username
		}
		if spec.Email == "" {
			spec.Email = spec.Username + "@localhost"
		}
		if *stdin {
			p, err := readSecret(a.env.Stdin)
			if err != nil {
				return nil, err
			}
			spec.Password = p
		}
		u, err := s.CreateUser(ctx, spec)
		if err != nil {
			return nil, err
		}
		row := rowOf(u)
		t := userTable([]userRow{row})
		if !*stdin {
			row.Password = spec.Password
			t.Head, t.Rows[0] = append(t.Head, "PASSWORD"), append(t.Rows[0], spec.Password)
		}
		t.data = row
		return t, nil
	}
}

func listUsers(ctx context.Context, s registry.Session, _ []string) (any, error) {
	us, err := all(func(p registry.Page) (registry.List[registry.User], error) {
		return s.Users(ctx, registry.UserQuery{Page: p, Order: registry.Order{By: "id"}})
	})
	rows := make([]userRow, len(us))
	for i, u := range us {
		rows[i] = rowOf(u)
	}
	return userTable(rows), err
}

func setBlocked(blocked bool) func(*cobra.Command) work {
	return func(*cobra.Command) work {
		return func(ctx context.Context, s registry.Session, args []string) (any, error) {
			u, err := userNamed(ctx, s, args[0])
			if err != nil {
				return nil, err
			}
			u, err = s.EditUser(ctx, u.ID, registry.UserEdit{Blocked: &blocked})
			return userTable([]userRow{rowOf(u)}), err
		}
	}
}

func (a admin) setPassword(*cobra.Command) work {
	return func(ctx context.Context, s registry.Session, args []string) (any, error) {
		u, err := userNamed(ctx, s, args[0])
		if err != nil {
			return nil, err
		}
		p, err := readSecret(a.env.Stdin)
		if err != nil {
			return nil, err
		}
		u, err = s.EditUser(ctx, u.ID, registry.UserEdit{Password: &p})
		return userTable([]userRow{rowOf(u)}), err
	}
}

func deleteUser(ctx context.Context, s registry.Session, args []string) (any, error) {
	u, err := userNamed(ctx, s, args[0])
	if err != nil {
		return nil, err
	}
	return "deleted " + u.Username, s.DeleteUser(ctx, u.ID)
}
