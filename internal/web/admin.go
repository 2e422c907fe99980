package web

import (
	"net/http"
	"net/url"
	"time"

	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// adminRoutes are the pages of administrators, at GitLab's addresses.
func adminRoutes() []route {
	admins := access{gate: adminOnly}
	return []route{
		get("/admin/users", admins, listUsers),
		post("/admin/users", admins, createUser),
		get("/admin/users/{name}", admins, showUser),
		post("/admin/users/{name}", admins, editUser),
		post("/admin/users/{name}/block", admins, blockUser),
		post("/admin/users/{name}/password", admins, resetPassword),
		post("/admin/users/{name}/unlock", admins, unlockUser),
		post("/admin/users/{name}/delete", admins, deleteUser),
		get("/admin/groups", admins, listAllGroups),
		get("/admin/credentials", admins, listCredentials),
		post("/admin/credentials/{token}/revoke", admins, revokeCredential),
		get("/admin/audit_logs", admins, showAudit),
		get("/admin/audit_log_reports", admins, exportAudit).withBytes(),
	}
}

// adminFrame makes the frame of an administrator's page.
func (c *call) adminFrame(section, title string, crumbs ...crumb) frame {
	f := c.frame(title, append([]crumb{{"Administration", "/admin"}}, crumbs...)...)
	f.Section, f.Admin = section, true
	return f
}

type usersPage struct {
	frame
	Users         registry.List[registry.User]
	Pager         pager
	Search, State string
	Given         registry.UserSpec
	Problem       string
	Made, MadeFor string // a password, shown this once
}

func listUsers(c *call) error { return c.users(&usersPage{}, http.StatusOK) }

// users shows the accounts, with the form for another one.
func (c *call) users(p *usersPage, status int) error {
	page, err := c.keyed()
	if err != nil {
		return err
	}
	q := c.r.URL.Query()
	p.frame, p.Search, p.State = c.adminFrame("users", "Users"), c.search(), q.Get("filter")
	p.Users, err = c.s.Users(c.ctx(), registry.UserQuery{Page: page, Order: registry.Order{By: "username"}, Search: p.Search,
		Blocked: p.State == "blocked", Admins: p.State == "admins", Bots: p.State == "bots"})
	if err != nil {
		return err
	}
	p.Pager = c.keyPager(p.Users.Next)
	return c.renderAs(status, "admin_users", p)
}

// firstPassword is how long a password is that a person gets and changes.
const firstPassword = 16

// createUser makes an account with a password that the answer shows once.
func createUser(c *call) error {
	if err := c.form(); err != nil {
		return err
	}
	spec := registry.UserSpec{Username: c.field("username"), Name: c.field("name"), Email: c.field("email"),
		Admin: c.field("admin") == "true", Password: auth.RandomText(firstPassword)}
	u, err := c.s.CreateUser(c.ctx(), spec)
	if err == nil {
		return c.users(&usersPage{Made: spec.Password, MadeFor: u.Username}, http.StatusOK)
	}
	return c.answer(err, "", "", func(problem string) error { return c.users(&usersPage{Given: spec, Problem: problem}, again) })
}

type userPage struct {
	frame
	Account       registry.User
	Places        registry.List[registry.Membership]
	Self          bool
	Locked        bool // too many wrong passwords
	Problem       string
	Made, MadeFor string
}

// account finds the account of the address.
func (c *call) account() (registry.User, error) {
	return c.s.UserByName(c.ctx(), c.r.PathValue("name"))
}

func userPath(name string) string { return "/admin/users/" + url.PathEscape(name) }

func showUser(c *call) error {
	u, err := c.account()
	if err != nil {
		return err
	}
	return c.user(u, &userPage{}, http.StatusOK)
}

func (c *call) user(u registry.User, p *userPage, status int) error {
	var err error
	p.frame, p.Account, p.Self = c.adminFrame("users", u.Username, crumb{"Users", "/admin/users"}), u, u.ID == c.s.Actor().UserID
	p.Locked = c.d.throttle.locked(u.Username) || c.d.throttle.locked(u.Email)
	p.Places, err = c.s.Memberships(c.ctx(), u.ID, registry.MembershipQuery{Page: registry.Page{Limit: maxSubgroups}, Groups: true, Projects: true})
	if err != nil {
		return err
	}
	return c.renderAs(status, "admin_user", p)
}

// changeUser edits an account and shows it again.
func (c *call) changeUser(done string, edit func(registry.User) registry.UserEdit) error {
	old, err := c.account()
	if err != nil {
		return err
	}
	if err := c.form(); err != nil {
		return err
	}
	u, err := c.s.EditUser(c.ctx(), old.ID, edit(old))
	return c.answer(err, done, userPath(u.Username), func(problem string) error { return c.user(old, &userPage{Problem: problem}, again) })
}

func editUser(c *call) error {
	return c.changeUser("Saved.", func(u registry.User) registry.UserEdit {
		username, name, email, admin := c.field("username"), c.field("name"), c.field("email"), c.field("admin") == "true"
		return registry.UserEdit{Username: &username, Name: &name, Email: &email, Admin: &admin}
	})
}

func blockUser(c *call) error {
	return c.changeUser("Saved. Who is blocked can neither sign in nor use a token.", func(registry.User) registry.UserEdit {
		blocked := c.field("blocked") == "true"
		return registry.UserEdit{Blocked: &blocked}
	})
}

// unlockUser lets an account sign in again at once after too many wrong passwords.
// Addresses that tried too often wait on.
func unlockUser(c *call) error {
	u, err := c.account()
	if err != nil {
		return err
	}
	c.d.throttle.unlock(u.Username, u.Email)
	c.flash("The account can sign in again.")
	return c.goTo(userPath(u.Username))
}

// resetPassword gives an account a password that the answer shows once.
func resetPassword(c *call) error {
	u, err := c.account()
	if err != nil {
		return err
	}
	password := auth.RandomText(firstPassword)
	_, err = c.s.EditUser(c.ctx(), u.ID, registry.UserEdit{Password: &password})
	if err == nil {
		return c.user(u, &userPage{Made: password, MadeFor: u.Username}, http.StatusOK)
	}
	return c.answer(err, "", "", func(problem string) error { return c.user(u, &userPage{Problem: problem}, again) })
}

func deleteUser(c *call) error {
	u, err := c.account()
	if err != nil {
		return err
	}
	if err := c.form(); err != nil {
		return err
	}
	if !c.confirmed(u.Username) {
		return c.user(u, &userPage{Problem: "Type " + u.Username + " to delete the account; nothing was deleted."}, again)
	}
	err = c.s.DeleteUser(c.ctx(), u.ID)
	return c.answer(err, "The account "+u.Username+" is deleted.", "/admin/users", func(problem string) error {
		return c.user(u, &userPage{Problem: problem}, again)
	})
}

func listAllGroups(c *call) error {
	page, err := c.keyed()
	if err != nil {
		return err
	}
	p := &groupsPage{frame: c.adminFrame("allgroups", "Groups"), Search: c.search()}
	p.Groups, err = c.s.Namespaces(c.ctx(), registry.NamespaceQuery{Kind: registry.GroupNamespace, Search: p.Search, Page: page,
		Order: registry.Order{By: "full_path"}})
	if err != nil {
		return err
	}
	p.Pager = c.keyPager(p.Groups.Next)
	return c.render("groups", p)
}

type credentialsPage struct {
	frame
	Tokens []credentialRow
	Pager  pager
	Search string
	Ended  bool
}

// credentialRow is a token with whose it is.
type credentialRow struct {
	Row tokenRow
	Of  registry.Credential
}

func listCredentials(c *call) error {
	page, err := c.keyed()
	if err != nil {
		return err
	}
	p := &credentialsPage{frame: c.adminFrame("tokens", "Tokens"), Search: c.search()}
	q := registry.TokenQuery{Page: page, Order: registry.Order{By: "id", Desc: true}, Search: p.Search}
	q.Active, p.Ended = c.activity()
	l, err := c.s.Credentials(c.ctx(), q)
	if err != nil {
		return err
	}
	for _, k := range l.Items {
		p.Tokens = append(p.Tokens, credentialRow{rowOf(k.Token, time.Now()), k})
	}
	p.Pager = c.keyPager(l.Next)
	return c.render("admin_tokens", p)
}

func revokeCredential(c *call) error {
	return c.revoke("The token is revoked.", "/admin/credentials", func(id int64) error { return c.s.RevokeToken(c.ctx(), id) })
}
