package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vitrine-ml/vitrine/internal/client"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

func aliasCommand(env Env) *cobra.Command {
	cmd := parent("alias", "Movable names of versions: set, get, list, delete, history",
		aliasSetCommand(env), aliasGetCommand(env), aliasListCommand(env), aliasRemoveCommand(env), aliasHistoryCommand(env))
	cmd.Long = `An alias is a name that moves from version to version, as champion. Every model with a
version has the alias latest, which always names the highest one and cannot be set.`
	cmd.Example = `  vitrine alias set team/vision/resnet@champion 2.0.0
  vitrine alias set team/vision/resnet@champion @candidate --expect 1.0.0
  vitrine alias ls team/vision/resnet`
	return cmd
}

// checkAliases refuses the alias that cannot be set.
func checkAliases(aliases []string) error {
	if slices.Contains(aliases, registry.Latest) {
		return usagef("the alias latest cannot be set: it always names the highest version")
	}
	return nil
}

// aliasRef reads PROJECT/MODEL@ALIAS.
func (r *remote) aliasRef(s string) (modelRef, error) {
	ref, err := r.ref(s)
	if err == nil && ref.Alias == "" {
		err = usagef("%q names no alias: write PROJECT/MODEL@ALIAS", s)
	}
	return ref, err
}

func aliasSetCommand(env Env) *cobra.Command {
	r := &remote{env: env}
	var expect string
	cmd := r.command("set PROJECT/MODEL@ALIAS VERSION|@ALIAS", "Make or move an alias", cobra.ExactArgs(2), func(ctx context.Context, args []string) error {
		return r.setAlias(ctx, args[0], args[1], expect)
	})
	cmd.Long = `Make an alias, or move it to another version. With --expect it moves only if it still
names the version that you think it does, so that two who move it at the same time do not
undo each other's work: the one who comes second fails with exit code 6.`
	cmd.Example = `  vitrine alias set team/vision/resnet@champion 2.0.0
  vitrine alias set team/vision/resnet@champion @candidate --expect 1.0.0
  vitrine alias set team/vision/resnet@champion 1.0.0 --expect none`
	cmd.Flags().StringVar(&expect, "expect", "", "version that the alias has to name before; none: it must not exist")
	return cmd
}

func (r *remote) setAlias(ctx context.Context, name, to, expect string) error {
	ref, err := r.aliasRef(name)
	if err != nil {
		return err
	}
	if err := checkAliases([]string{ref.Alias}); err != nil {
		return err
	}
	m, err := r.reached(ctx, ref)
	if err != nil {
		return err
	}
	id, err := r.versionID(ctx, ref, m, to)
	if err != nil {
		return err
	}
	expected, err := r.expected(ctx, ref, m, expect)
	if err != nil {
		return err
	}
	a, err := r.c.MoveAlias(ctx, ref.Project, m, ref.Alias, id, expected)
	if err != nil {
		return err
	}
	r.say("%s names %s.", plain(ref.String()), plain(a.Version))
	if r.json {
		return show(r.env.Stdout, a, true)
	}
	return nil
}

// expected reads what --expect says: nil is nothing, 0 that there is no alias.
func (r *remote) expected(ctx context.Context, ref modelRef, m client.Model, expect string) (*int64, error) {
	if expect == "" {
		return nil, nil
	}
	if expect == "none" {
		return new(int64), nil
	}
	id, err := r.versionID(ctx, ref, m, expect)
	return &id, err
}

// versionID finds the number of VERSION or @ALIAS of a model.
func (r *remote) versionID(ctx context.Context, ref modelRef, m client.Model, text string) (int64, error) {
	if alias, ok := strings.CutPrefix(text, "@"); ok {
		a, err := r.c.Alias(ctx, ref.Project, m, alias)
		return a.VersionID, err
	}
	v, err := r.c.FindVersion(ctx, ref.Project, m, strings.TrimPrefix(text, ":"))
	return v.ID, err
}

func aliasGetCommand(env Env) *cobra.Command {
	r := &remote{env: env}
	cmd := r.command("get PROJECT/MODEL@ALIAS", "Print the version that an alias names", cobra.ExactArgs(1), func(ctx context.Context, args []string) error {
		ref, m, err := r.aliasModel(ctx, args[0])
		if err != nil {
			return err
		}
		a, err := r.c.Alias(ctx, ref.Project, m, ref.Alias)
		if err != nil {
			return err
		}
		if r.json {
			return show(r.env.Stdout, a, true)
		}
		_, err = fmt.Fprintln(r.env.Stdout, plain(a.Version))
		return err
	})
	cmd.Example = "  vitrine alias get team/vision/resnet@champion"
	return cmd
}

// aliasModel finds the model of PROJECT/MODEL@ALIAS.
func (r *remote) aliasModel(ctx context.Context, s string) (modelRef, client.Model, error) {
	ref, err := r.aliasRef(s)
	if err != nil {
		return ref, client.Model{}, err
	}
	m, err := r.reached(ctx, ref)
	return ref, m, err
}

func aliasRemoveCommand(env Env) *cobra.Command {
	r := &remote{env: env}
	var expect string
	cmd := r.command("rm PROJECT/MODEL@ALIAS", "Delete an alias; its version stays", cobra.ExactArgs(1), func(ctx context.Context, args []string) error {
		ref, m, err := r.aliasModel(ctx, args[0])
		if err != nil {
			return err
		}
		expected, err := r.expected(ctx, ref, m, expect)
		if err != nil {
			return err
		}
		if err := r.c.DeleteAlias(ctx, ref.Project, m, ref.Alias, expected); err != nil {
			return err
		}
		r.say("Deleted the alias %s.", plain(ref.String()))
		if r.json {
			return show(r.env.Stdout, map[string]string{"project": ref.Project, "model": ref.Model, "alias": ref.Alias}, true)
		}
		return nil
	})
	cmd.Example = `  vitrine alias rm team/vision/resnet@champion
  vitrine alias rm team/vision/resnet@champion --expect 1.0.0`
	cmd.Flags().StringVar(&expect, "expect", "", "version that the alias has to name, else it stays and the exit code is 6")
	return cmd
}

func aliasListCommand(env Env) *cobra.Command {
	r := &remote{env: env}
	cmd := r.command("ls PROJECT/MODEL", "List the aliases of a model", cobra.ExactArgs(1), func(ctx context.Context, args []string) error {
		ref, err := r.ref(args[0])
		if err != nil {
			return err
		}
		m, err := r.reached(ctx, ref)
		if err != nil {
			return err
		}
		as, err := r.c.Aliases(ctx, ref.Project, m)
		if err != nil {
			return err
		}
		return show(r.env.Stdout, listOf(as, []string{"ALIAS", "VERSION", "SINCE"}, func(a client.Alias) []string {
			return []string{a.Name, a.Version, timeText(a.UpdatedAt)}
		}), r.json)
	})
	cmd.Example = "  vitrine alias ls team/vision/resnet"
	return cmd
}

func aliasHistoryCommand(env Env) *cobra.Command {
	r := &remote{env: env}
	var limit int
	cmd := r.command("history PROJECT/MODEL@ALIAS", "List where an alias has pointed, the latest first", cobra.ExactArgs(1), func(ctx context.Context, args []string) error {
		if limit < 0 {
			return usagef("--limit has to be 0 or more")
		}
		ref, m, err := r.aliasModel(ctx, args[0])
		if err != nil {
			return err
		}
		moves, err := r.c.AliasHistory(ctx, ref.Project, m, ref.Alias, limit)
		if err != nil {
			return err
		}
		return show(r.env.Stdout, listOf(moves, []string{"WHEN", "VERSION", "BY"}, func(a client.AliasMove) []string {
			by := "-"
			if a.Author != nil {
				by = a.Author.Username
			}
			version := a.Version
			if version == "" {
				version = "(deleted)"
			}
			return []string{timeText(a.CreatedAt), version, by}
		}), r.json)
	})
	cmd.Example = "  vitrine alias history team/vision/resnet@champion"
	cmd.Flags().IntVar(&limit, "limit", 50, "how many at most; 0: all")
	return cmd
}
