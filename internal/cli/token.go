package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vitrine-ml/vitrine/internal/app"
	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/config"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// tokenPlace is where a token command works: on a data folder as Vitrine
// itself, or on a server as its user.
type tokenPlace struct {
	*remote
	admin admin
	cmd   *cobra.Command
	load  func() (config.Config, error)
}

const tokenHelp = `Without more, the command is about your own tokens on the server in use. On the machine
of a server it can be about those of all users, on its data folder: when USERNAME is
given, or when the folder is named by --data, --db, --blobs, --config or their variables
(VITRINE_DATA, …), or when no server is chosen by a flag, a variable or a sign-in.`

func tokenCommand(env Env, b app.Build) *cobra.Command {
	cmd := parent("token", "Create, list, rotate and revoke personal access tokens",
		tokenCreateCommand(env, b), tokenListCommand(env, b), tokenRevokeCommand(env, b), tokenRotateCommand(env))
	cmd.Long = "Create, list, rotate and revoke personal access tokens.\n\n" + tokenHelp
	cmd.Example = `  vitrine token create --name laptop --scope read_api --expires 2027-01-31
  vitrine token list
  vitrine token rotate

  vitrine token create ada --data /srv/vitrine
  vitrine token list --data /srv/vitrine`
	return cmd
}

// tokenPlaceCommand makes a token command that works in both places.
func tokenPlaceCommand(env Env, b app.Build, use, short string, args cobra.PositionalArgs, work func(context.Context, *tokenPlace, []string) error) *tokenPlace {
	p := &tokenPlace{remote: &remote{env: env}, admin: admin{env, b}}
	p.cmd = p.command(use, short, args, func(ctx context.Context, args []string) error { return work(ctx, p, args) })
	p.load = settingFlags(p.cmd, env.Getenv, folderSettings...)
	p.cmd.Long = short + ".\n\n" + tokenHelp
	return p
}

// onFolder decides where to work; named tells that a user was named.
func (p *tokenPlace) onFolder(named bool) (bool, error) {
	byFlag, byVariable := named, false
	for _, name := range []string{"data", "db", "blobs", "config"} {
		byFlag = byFlag || p.cmd.Flags().Changed(name)
		byVariable = byVariable || p.env.Getenv(config.EnvName(name)) != ""
	}
	byServer := p.server != "" || p.on != "" || p.token != ""
	if byServer && byFlag {
		return false, usagef("--server, --on and --token are for your own tokens on a server; USERNAME and --data for a data folder")
	}
	return !byServer && (byFlag || byVariable || !p.chosen()), nil
}

// chosen reports whether a flag, a variable or a sign-in chooses a server.
func (r *remote) chosen() bool {
	saved, err := loadSignIns(r.env)
	return err != nil || saved.Current != "" || r.env.Getenv("VITRINE_SERVER") != "" || r.env.Getenv("VITRINE_TOKEN") != "" ||
		r.env.Getenv("CI_JOB_TOKEN") != ""
}

func (p *tokenPlace) administer(ctx context.Context, work func(context.Context, registry.Session) (any, error)) error {
	return p.admin.onFolder(ctx, p.load, p.json, work)
}

func tokenCreateCommand(env Env, b app.Build) *cobra.Command {
	var o tokenOptions
	p := tokenPlaceCommand(env, b, "create [USERNAME]", "Create a token; the secret is printed once", cobra.MaximumNArgs(1),
		func(ctx context.Context, p *tokenPlace, args []string) error {
			folder, err := p.onFolder(len(args) == 1)
			switch {
			case err != nil:
				return err
			case !folder:
				return p.createOwnToken(ctx, o)
			case len(args) == 0:
				return usagef("name the user that the token is for: vitrine token create USERNAME")
			}
			return p.administer(ctx, func(ctx context.Context, s registry.Session) (any, error) { return o.create(ctx, s, args[0]) })
		})
	f := p.cmd.Flags()
	f.StringVar(&o.name, "name", "command line", "name of the token")
	f.StringSliceVar(&o.scopes, "scope", []string{"api"}, "scopes: "+strings.Join(auth.PersonalScopes.Names(), ", "))
	f.StringVar(&o.expires, "expires", "", "day of expiry, as 2027-01-31 (default: never)")
	return p.cmd
}

func tokenListCommand(env Env, b app.Build) *cobra.Command {
	p := tokenPlaceCommand(env, b, "list [USERNAME]", "List tokens", cobra.MaximumNArgs(1),
		func(ctx context.Context, p *tokenPlace, args []string) error {
			folder, err := p.onFolder(len(args) == 1)
			switch {
			case err != nil:
				return err
			case !folder:
				return p.listOwnTokens(ctx)
			}
			return p.administer(ctx, func(ctx context.Context, s registry.Session) (any, error) { return listTokens(ctx, s, args) })
		})
	p.cmd.Aliases = []string{"ls"}
	return p.cmd
}

func tokenRevokeCommand(env Env, b app.Build) *cobra.Command {
	p := tokenPlaceCommand(env, b, "revoke ID|self", "Revoke a token", cobra.ExactArgs(1),
		func(ctx context.Context, p *tokenPlace, args []string) error {
			folder, err := p.onFolder(false)
			switch {
			case err != nil:
				return err
			case !folder:
				return p.revokeOwnToken(ctx, args[0])
			}
			return p.administer(ctx, func(ctx context.Context, s registry.Session) (any, error) { return revokeToken(ctx, s, args) })
		})
	return p.cmd
}
