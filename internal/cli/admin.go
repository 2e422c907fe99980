package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/vitrine-ml/vitrine/internal/app"
	"github.com/vitrine-ml/vitrine/internal/config"
	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// admin runs commands on a data folder, whether a server runs on it or not.
type admin struct {
	env   Env
	build app.Build
}

func adminCommands(env Env, b app.Build) []*cobra.Command {
	a := admin{env, b}
	return []*cobra.Command{a.users(), a.projects(), a.collect(), a.verify()}
}

// folderSettings are the settings that commands on a data folder take.
var folderSettings = []string{"data", "db", "blobs", "log-level", "gc-grace", "trash-retention"}

// command makes a subcommand that gets the registry as Vitrine itself sees it,
// and whether the answer shall be JSON.
func (a admin) command(use, short string, args cobra.PositionalArgs, setup func(*cobra.Command) func(context.Context, registry.Session, []string) (any, error)) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, Args: args}
	asJSON := cmd.Flags().Bool("json", false, "print JSON")
	load := settingFlags(cmd, a.env.Getenv, folderSettings...)
	work := setup(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return a.onFolder(cmd.Context(), load, *asJSON, func(ctx context.Context, s registry.Session) (any, error) { return work(ctx, s, args) })
	}
	return cmd
}

// onFolder works on the data folder that the settings name, and prints the
// answer.
func (a admin) onFolder(ctx context.Context, load func() (config.Config, error), asJSON bool, work func(context.Context, registry.Session) (any, error)) error {
	c, err := load()
	if err != nil {
		return err
	}
	log, err := app.NewLog(c, a.env.Stderr)
	if err != nil {
		return err
	}
	opened, err := app.Open(ctx, c, a.build, log)
	if err != nil {
		return err
	}
	out, err := work(ctx, opened.System())
	opened.Settle()
	if cerr := opened.Close(); err == nil {
		err = cerr
	}
	if err != nil || out == nil {
		return err
	}
	return show(a.env.Stdout, out, asJSON)
}

// table is an answer as people read it: a head and rows, or one line of text.
type table struct {
	Head []string
	Rows [][]string
	data any // what --json prints
}

// show prints an answer.
func show(w io.Writer, out any, asJSON bool) error {
	t, isTable := out.(table)
	if asJSON {
		if isTable {
			out = t.data
		}
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(out)
	}
	if !isTable {
		_, err := fmt.Fprintln(w, out)
		return err
	}
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, strings.Join(t.Head, "\t"))
	for _, r := range t.Rows {
		fmt.Fprintln(tw, strings.Join(r, "\t"))
	}
	return tw.Flush()
}

// all fetches a whole list, page by page.
func all[T any](fetch func(registry.Page) (registry.List[T], error)) ([]T, error) {
	var out []T
	p := registry.Page{Limit: registry.MaxLimit, NoTotal: true}
	for {
		l, err := fetch(p)
		if err != nil {
			return nil, err
		}
		out = append(out, l.Items...)
		if !l.More {
			return out, nil
		}
		p.After = l.Next
	}
}

func parent(use, short string, cmds ...*cobra.Command) *cobra.Command {
	p := &cobra.Command{Use: use, Short: short}
	p.AddCommand(cmds...)
	return p
}

// day reads a date; "" is never.
func day(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return t, fault.Invalidf("expires", "has to be a date, as 2027-01-31")
	}
	return t, nil
}

func dayText(t time.Time, none string) string {
	if t.IsZero() {
		return none
	}
	return t.Format(time.DateOnly)
}

// userNamed finds a user by name or number.
func userNamed(ctx context.Context, s registry.Session, name string) (registry.User, error) {
	if id, err := strconv.ParseInt(name, 10, 64); err == nil {
		return s.User(ctx, id)
	}
	return s.UserByName(ctx, name)
}
