package cli

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/vitrine-ml/vitrine/internal/app"
	"github.com/vitrine-ml/vitrine/internal/config"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// settingFlags adds the flags of settings to a command and gives a function
// that loads the configuration with those that were set. names narrows the
// flags; none means all.
func settingFlags(cmd *cobra.Command, getenv func(string) string, names ...string) func() (config.Config, error) {
	values := map[string]*string{}
	for _, s := range config.Settings {
		if s.Secret || len(names) > 0 && !slices.Contains(names, s.Name) {
			continue
		}
		values[s.Name] = cmd.Flags().String(s.Name, s.Default, s.Help+" [$"+config.EnvName(s.Name)+"]")
	}
	file := cmd.Flags().String("config", "", "file with settings, one name = value on a line [$VITRINE_CONFIG]")
	return func() (config.Config, error) {
		given := map[string]string{}
		for name, v := range values {
			if cmd.Flags().Changed(name) {
				given[name] = *v
			}
		}
		path := *file
		if path == "" {
			path = getenv("VITRINE_CONFIG")
		}
		return config.Load(given, getenv, path)
	}
}

func serveCommand(env Env, b app.Build) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the registry",
		Long: `Run the registry. Nothing has to be configured: without flags it keeps everything
in ./vitrine-data and listens on 127.0.0.1:8080.

The first start makes the administrator "root" with an API token, and the project
root/default. Both secrets are shown once; the token is also in <data>/root-token.
VITRINE_ROOT_PASSWORD and VITRINE_ROOT_TOKEN choose them.

Each flag can be given as an environment variable, shown in brackets, or in a file
(--config). A flag beats the environment, which beats the file. SIGTERM and Ctrl-C
let the requests under way finish.`,
		Example: "  vitrine serve\n  vitrine serve --listen 0.0.0.0:8080 --data /srv/vitrine --url https://models.example.org",
		Args:    cobra.NoArgs,
	}
	load := settingFlags(cmd, env.Getenv)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := load()
		if err != nil {
			return err
		}
		return serve(cmd.Context(), env, c, b)
	}
	return cmd
}

// serve runs the server until a signal ends it.
func serve(ctx context.Context, env Env, c config.Config, b app.Build) error {
	surviveFileLimit()
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the process at once
	log, err := app.NewLog(c, env.Stderr)
	if err != nil {
		return err
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", c.Listen)
	if err != nil {
		return fmt.Errorf("cannot listen on %s: %w; choose another address with --listen", c.Listen, err)
	}
	defer l.Close()
	a, err := app.Open(ctx, c, b, log)
	if err != nil {
		return err
	}
	secrets, first, err := a.FirstStart(ctx)
	if err == nil {
		greet(env.Stdout, c, address(c, l.Addr()), secrets, first)
		err = a.Serve(ctx, l)
	}
	if cerr := a.Close(); err == nil {
		err = cerr
	}
	return err
}

// address gives the URL under which a person on this machine, or anywhere when
// the external one is set, reaches the server.
func address(c config.Config, addr net.Addr) string {
	if c.URL != "" {
		return strings.TrimSuffix(c.URL, "/")
	}
	host, port, err := net.SplitHostPort(addr.String())
	if err != nil {
		return "http://" + addr.String()
	}
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return (&url.URL{Scheme: "http", Host: net.JoinHostPort(host, port)}).String()
}

// greet tells where the server is and what to do first.
func greet(w io.Writer, c config.Config, base string, s registry.Setup, first bool) {
	fmt.Fprintf(w, "Vitrine listens on %s and keeps its data in %s\n", base, c.Data)
	if first {
		fmt.Fprintf(w, `
First start. These secrets are shown once:
  user       root
  password   %s
  API token  %s   (also in %s/root-token)
`, s.Password, s.Token, c.Data)
	}
	fmt.Fprintf(w, `
Push a first model, from another terminal:
  export VITRINE_SERVER=%s VITRINE_TOKEN=$(cat %s)
  vitrine push ./model.onnx root/default/my-model

The same API with curl:
  curl -H "PRIVATE-TOKEN: $VITRINE_TOKEN" %s/api/v4/projects/root%%2Fdefault/ml/models

`, base, shellQuote(c.Data+"/root-token"), base)
}

// shellQuote makes a word of s for a shell.
func shellQuote(s string) string {
	if !strings.ContainsAny(s, " \t\n'\"\\$`&;|<>()*?[]#~") {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
