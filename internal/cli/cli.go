// Package cli is the command line: the server, the administration of a data
// directory, and the client, each a subcommand of vitrine.
package cli

import (
	"context"
	"fmt"
	"os"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vitrine-ml/vitrine/internal/app"
)

// version is the release; the revision comes from the build.
const version = "0.1.0"

// build tells which Vitrine this is.
func build() app.Build {
	b := app.Build{Version: version, Revision: "unknown"}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" && len(s.Value) >= 12 {
				b.Revision = s.Value[:12]
			}
		}
	}
	return b
}

// Main runs the command line and gives the exit code.
func Main(args []string) int {
	home, err := os.UserConfigDir()
	if err != nil {
		home = "" // without a home there is no saved sign-in; flags and variables work
	}
	env := Env{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Getenv: os.Getenv, ConfigDir: home}
	return run(context.Background(), env, args)
}

func run(ctx context.Context, env Env, args []string) int {
	root := rootCommand(env)
	root.SetArgs(args)
	root.SetIn(env.Stdin)
	root.SetOut(env.Stdout)
	root.SetErr(env.Stderr)
	err := misplaced(root, args)
	if err == nil {
		err = root.ExecuteContext(ctx)
	}
	if err != nil {
		fmt.Fprintln(env.Stderr, "vitrine: "+errorText(err))
	}
	return ExitCode(err)
}

// misplaced refuses a flag without a value before the command: cobra takes what
// follows, the command, for its value.
func misplaced(root *cobra.Command, args []string) error {
	if len(args) == 0 || !strings.HasPrefix(args[0], "-") || strings.Contains(args[0], "=") {
		return nil
	}
	name := strings.TrimLeft(args[0], "-")
	for _, c := range root.Commands() {
		f := c.PersistentFlags().Lookup(name)
		if len(name) == 1 {
			f = c.PersistentFlags().ShorthandLookup(name)
		}
		if f != nil && f.NoOptDefVal != "" {
			return usagef("%s comes after the command, as in vitrine push %s; see vitrine --help", args[0], args[0])
		}
	}
	return nil
}

// Command is the whole command line, for the manual pages.
func Command() *cobra.Command {
	return rootCommand(Env{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Getenv: func(string) string { return "" }})
}

func rootCommand(env Env) *cobra.Command {
	b := build()
	root := &cobra.Command{
		Use:   "vitrine",
		Short: "A self-hosted registry for machine-learning models",
		Long: `Vitrine keeps machine-learning models: one binary that serves GitLab's model
registry API, and the command line to run it, to administer it, and to push and
pull models.`,
		Example: `  vitrine serve
  vitrine push ./model.onnx root/default/my-model:1.0.0
  vitrine pull root/default/my-model@latest`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddGroup(
		&cobra.Group{ID: "server", Title: "Server:"},
		&cobra.Group{ID: "client", Title: "Client:"},
		&cobra.Group{ID: "admin", Title: "Administration of a data folder:"},
		&cobra.Group{ID: "self", Title: "This program:"},
	)
	root.SetHelpCommandGroupID("self")
	root.CompletionOptions.DisableDefaultCmd = true
	add := func(group string, cmds ...*cobra.Command) {
		for _, c := range cmds {
			c.GroupID = group
			root.AddCommand(c)
		}
	}
	add("server", serveCommand(env, b))
	add("client", clientCommands(env)...)
	add("client", tokenCommand(env, b))
	add("admin", adminCommands(env, b)...)
	add("self", completionCommand(env), versionCommand(env, b))
	root.AddCommand(helpTopics()...)
	addCompletion(root, env)
	return root
}

func versionCommand(env Env, b app.Build) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if asJSON {
				return show(env.Stdout, map[string]string{"version": b.Version, "revision": b.Revision}, true)
			}
			_, err := fmt.Fprintf(env.Stdout, "vitrine %s (%s)\n", b.Version, b.Revision)
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
