package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/vitrine-ml/vitrine/internal/client"
)

// identity is what login and whoami answer.
type identity struct {
	Server   string `json:"server"`
	ID       int64  `json:"id"`
	Username string `json:"username"`
	Name     string `json:"name"`
	Admin    bool   `json:"admin"`
	Token    string `json:"token_from,omitempty"`
}

func identityOf(a account, u client.User) identity {
	return identity{Server: a.URL, ID: u.ID, Username: u.Username, Name: u.Name, Admin: u.Admin, Token: a.Source}
}

func loginCommand(env Env) *cobra.Command {
	r := &remote{env: env}
	var o loginOptions
	cmd := r.command("login [URL]", "Sign in to a server", cobra.MaximumNArgs(1), func(ctx context.Context, args []string) error {
		return r.login(ctx, args, o)
	})
	cmd.Long = `Sign in to a server: the token is checked and saved for the commands that follow,
in a file that only you can read. Several servers can be saved under names; the last
one is used when no other is named. See vitrine servers.

The token is asked for when standard input is a terminal. Make one on the server,
or with: vitrine token create`
	cmd.Example = `  vitrine login https://models.example.org
  vitrine login --name prod https://models.example.org --project team/vision
  vitrine login http://127.0.0.1:8080 --token-stdin <vitrine-data/root-token`
	cmd.Flags().BoolVar(&o.stdin, "token-stdin", false, "read the token from standard input")
	cmd.Flags().StringVar(&o.name, "name", "", "name for the sign-in, for --on (default: the host)")
	return cmd
}

// loginOptions are the flags of login.
type loginOptions struct {
	stdin bool
	name  string
}

var signInName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:/-]{0,99}$`)

func (r *remote) login(ctx context.Context, args []string, o loginOptions) error {
	if o.stdin && r.token != "" {
		return usagef("give either --token or --token-stdin")
	}
	if o.name != "" && !signInName.MatchString(o.name) {
		return usagef("--name %q is no name: use letters, digits and . _ -", o.name)
	}
	if len(args) == 1 {
		if r.server != "" && !same(r.server, args[0]) {
			return usagef("%s and --server %s are two servers; give one", args[0], r.server)
		}
		r.server = args[0]
	}
	saved, err := loadSignIns(r.env)
	if err != nil {
		return err
	}
	a, err := resolve(r.env, choice{server: r.server, on: r.on}, saved)
	if err != nil {
		return err
	}
	if a.Token, err = r.askToken(a, o.stdin); err != nil {
		return err
	}
	if err := r.connectAs(account{URL: a.URL, Token: a.Token}); err != nil {
		return err
	}
	u, err := r.c.CurrentUser(ctx)
	if err != nil {
		return err
	}
	name := cmp.Or(o.name, r.on, saved.nameFor(a.URL))
	saved.Current, saved.Servers[name] = name, savedServer{URL: a.URL, Token: a.Token, User: u.Username, Project: cmp.Or(r.home, a.Project)}
	if err := saveSignIns(r.env, saved); err != nil {
		return err
	}
	if host, plain := strings.CutPrefix(a.URL, "http://"); plain && !client.Local(strings.SplitN(host, "/", 2)[0]) {
		r.say("Warning: %s is not encrypted; everybody on the way can read the token.", a.URL)
	}
	r.say("Signed in to %s as %s, under the name %s. The token is in %s.", a.URL, plain(u.Username), name, signInsPath(r.env))
	if r.json {
		a.Source = ""
		return show(r.env.Stdout, identityOf(a, u), true)
	}
	return nil
}

// askToken takes the token from the flag, standard input, the environment or
// the person.
func (r *remote) askToken(a account, stdin bool) (string, error) {
	if stdin {
		return readSecret(r.env.Stdin)
	}
	if t := cmp.Or(r.token, r.env.Getenv("VITRINE_TOKEN")); t != "" {
		return t, nil
	}
	fd, ok := r.terminal()
	if !ok {
		return "", usagef("give the token with --token-stdin or in VITRINE_TOKEN: standard input is no terminal to ask at")
	}
	fmt.Fprintf(r.env.Stderr, "Token for %s: ", a.URL)
	secret, err := term.ReadPassword(fd)
	fmt.Fprintln(r.env.Stderr)
	switch {
	case errors.Is(err, io.EOF) || err == nil && len(secret) == 0:
		return "", usagef("no token was given")
	case err != nil:
		return "", err
	}
	return strings.TrimSpace(string(secret)), nil
}

func logoutCommand(env Env) *cobra.Command {
	r := &remote{env: env}
	cmd := r.command("logout [NAME|URL]", "Forget the sign-in to a server", cobra.MaximumNArgs(1), func(_ context.Context, args []string) error {
		return r.logout(args)
	})
	cmd.Long = "Forget the saved token of a server, of the current one unless told. The token stays\nvalid; revoke it on the server if others may know it: vitrine token revoke self"
	return cmd
}

func (r *remote) logout(args []string) error {
	saved, err := loadSignIns(r.env)
	if err != nil {
		return err
	}
	text := cmp.Or(strings.Join(args, ""), r.on, r.server, saved.Current, defaultServer)
	name, known := saved.named(text)
	address := saved.Servers[name].URL
	if known {
		delete(saved.Servers, name)
		if saved.Current == name {
			saved.Current = ""
		}
		if err := saveSignIns(r.env, saved); err != nil {
			return err
		}
		r.say("Signed out of %s. The token itself stays valid until it expires or is revoked.", address)
	} else {
		if address, err = client.ParseURL(text); err != nil {
			return asUsage(err)
		}
		r.say("There was no saved sign-in to %s.", address)
	}
	if r.json {
		return show(r.env.Stdout, map[string]any{"server": address, "signed_out": known}, true)
	}
	return nil
}

func whoamiCommand(env Env) *cobra.Command {
	r := &remote{env: env}
	cmd := r.command("whoami", "Show the server and the account in use", cobra.NoArgs, func(ctx context.Context, _ []string) error {
		return r.whoami(ctx)
	})
	cmd.Long = "Show the server and the account in use, and where the token comes from."
	return cmd
}

func (r *remote) whoami(ctx context.Context) error {
	a, err := r.account()
	if err != nil {
		return err
	}
	if err := r.connectAs(a); err != nil {
		return err
	}
	u, err := r.c.CurrentUser(ctx)
	if err != nil {
		return err
	}
	id := identityOf(a, u)
	host, err := url.Parse(a.URL)
	if err != nil {
		return err
	}
	t := table{Head: []string{plain(u.Username) + " on " + host.Host}, data: id,
		Rows: [][]string{{"server", a.URL}, {"name", plain(u.Name)}, {"token from", a.Source}}}
	return show(r.env.Stdout, t, r.json)
}
