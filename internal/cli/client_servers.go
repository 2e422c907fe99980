package cli

import (
	"context"
	"net/url"

	"github.com/spf13/cobra"
)

// nameFor is the name of a sign-in that comes without one: that of an earlier
// sign-in to the address, or the host.
func (s savedServers) nameFor(address string) string {
	if name, ok := s.at(address); ok {
		return name
	}
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	name := u.Host + u.Path
	if _, taken := s.Servers[name]; taken {
		return address // the same host by http and https
	}
	return name
}

// serverRow is a sign-in in the answers; never with its token.
type serverRow struct {
	Name    string `json:"name"`
	URL     string `json:"url"`
	User    string `json:"user"`
	Project string `json:"project,omitempty"`
	Current bool   `json:"current"`
}

func serversCommand(env Env) *cobra.Command {
	r := &remote{env: env}
	cmd := r.command("servers", "List the saved sign-ins, or choose the one in use", cobra.NoArgs, func(context.Context, []string) error {
		return r.servers()
	})
	cmd.Long = `List the sign-ins that vitrine login saved. The current one is used when no other is
chosen: by --on NAME, --server URL, VITRINE_SERVER, or the variables of a GitLab job.`
	cmd.Example = "  vitrine login --name prod https://models.example.org\n  vitrine servers\n  vitrine servers use prod\n  vitrine --on prod ls"
	u := &remote{env: env}
	use := u.command("use NAME", "Choose the sign-in in use", cobra.ExactArgs(1), func(_ context.Context, args []string) error {
		return u.useServer(args[0])
	})
	use.Example = "  vitrine servers use prod"
	cmd.AddCommand(use)
	return cmd
}

func (r *remote) servers() error {
	saved, err := loadSignIns(r.env)
	if err != nil {
		return err
	}
	rows := []serverRow{}
	for _, name := range saved.names() {
		s := saved.Servers[name]
		rows = append(rows, serverRow{name, s.URL, s.User, s.Project, name == saved.Current})
	}
	return show(r.env.Stdout, listOf(rows, []string{"NAME", "URL", "USER", "PROJECT", "CURRENT"}, func(s serverRow) []string {
		mark := "-"
		if s.Current {
			mark = "yes"
		}
		return []string{s.Name, s.URL, s.User, orDash(s.Project), mark}
	}), r.json)
}

func (r *remote) useServer(text string) error {
	saved, err := loadSignIns(r.env)
	if err != nil {
		return err
	}
	name, ok := saved.named(text)
	if !ok {
		return saved.unknown(text)
	}
	saved.Current = name
	if err := saveSignIns(r.env, saved); err != nil {
		return err
	}
	s := saved.Servers[name]
	r.say("Commands now go to %s (%s) as %s.", name, s.URL, plain(s.User))
	if r.json {
		return show(r.env.Stdout, serverRow{name, s.URL, s.User, s.Project, true}, true)
	}
	return nil
}
