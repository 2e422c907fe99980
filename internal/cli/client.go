package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/vitrine-ml/vitrine/internal/client"
	"github.com/vitrine-ml/vitrine/internal/fault"
)

// Env is what a command sees of the process.
type Env struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Getenv         func(string) string
	ConfigDir      string // of the user; empty: sign-ins cannot be saved
}

// clientCommands are the commands that speak to a server, which may be a
// GitLab too where that has the same operations.
func clientCommands(env Env) []*cobra.Command {
	return []*cobra.Command{
		loginCommand(env), logoutCommand(env), whoamiCommand(env), serversCommand(env),
		pushCommand(env), pullCommand(env),
		listCommand(env), searchCommand(env), showCommand(env), removeCommand(env),
		editCommand(env), compareCommand(env), runCommand(env), aliasCommand(env),
	}
}

// remote is a command that speaks to a server: its flags, and the process.
type remote struct {
	choice
	env   Env
	home  string // --project
	json  bool
	quiet bool
	c     *client.Client // after connect
}

// command makes a command with the flags that all of the client have. The
// context of work ends with Ctrl-C; a second Ctrl-C ends the process.
func (r *remote) command(use, short string, args cobra.PositionalArgs, work func(context.Context, []string) error) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, Args: func(cmd *cobra.Command, given []string) error {
		if err := args(cmd, given); err != nil {
			return usagef("%w; write %s", err, cmd.UseLine())
		}
		return nil
	}}
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usagef("%w; see %s --help", err, cmd.CommandPath())
	})
	f := cmd.PersistentFlags()
	f.StringVar(&r.server, "server", "", "address of the server [$VITRINE_SERVER]")
	f.StringVar(&r.on, "on", "", "name of a saved sign-in, see vitrine servers")
	f.StringVar(&r.token, "token", "", "API token; better use vitrine login or [$VITRINE_TOKEN]")
	f.StringVar(&r.home, "project", "", "project of names that come without one [$VITRINE_PROJECT]")
	f.BoolVar(&r.json, "json", false, "print one JSON document on standard output")
	f.BoolVarP(&r.quiet, "quiet", "q", false, "no progress and no messages, errors only")
	cmd.RunE = func(cmd *cobra.Command, given []string) error {
		ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		defer context.AfterFunc(ctx, stop)()
		err := work(ctx, given)
		if err != nil && ctx.Err() != nil {
			return interruption(err)
		}
		return r.hint(err)
	}
	return cmd
}

// hint adds what to do about the errors that a sign-in cures.
func (r *remote) hint(err error) error {
	if e, ok := errors.AsType[*net.OpError](err); ok && e.Op == "dial" {
		return fmt.Errorf("%w; is it running? Choose another server with --server or VITRINE_SERVER", err)
	}
	e, ok := fault.As(err)
	if !ok || r.c == nil {
		return err
	}
	signIn := "vitrine login " + r.c.URL()
	msg := e.Msg
	switch {
	case errors.Is(err, client.ErrNoAddress):
		msg += "; see: vitrine help gitlab"
	case e.Kind == fault.Unauthenticated && r.c.Anonymous():
		msg = "this needs an account on " + r.c.URL() + "; sign in with: " + signIn
	case e.Kind == fault.Unauthenticated:
		msg += "; make a new one and sign in again with: " + signIn
	case e.Kind == fault.Forbidden:
		msg += "; you need a higher role in the project, or a token with more scopes"
	case e.Kind == fault.NotFound && r.c.Anonymous():
		msg += " (you are not signed in, and private projects do not show; " + signIn + ")"
	default:
		return err
	}
	return &fault.Error{Kind: e.Kind, Noun: e.Noun, Name: e.Name, Msg: msg, Err: err}
}

// usageError is a command that was written wrongly.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

// asUsage marks an error as one of usage.
func asUsage(err error) error {
	if err == nil {
		return nil
	}
	return &usageError{err}
}

// interrupted ends a command after Ctrl-C.
type interrupted struct{ next string }

func (e *interrupted) Error() string {
	if e.next == "" {
		return "interrupted"
	}
	return "interrupted; to go on where it stopped, run: " + e.next
}

// resumable is an error of work that a command can go on with.
type resumable struct {
	err  error
	next string
}

func (e *resumable) Error() string { return e.err.Error() }
func (e *resumable) Unwrap() error { return e.err }

func interruption(err error) error {
	if r, ok := errors.AsType[*resumable](err); ok {
		return &interrupted{r.next}
	}
	return &interrupted{}
}

// The exit codes of every command.
const (
	exitFailure     = 1
	exitUsage       = 2
	exitNotFound    = 3
	exitNotAllowed  = 4
	exitChecksum    = 5
	exitConflict    = 6
	exitInterrupted = 130 // as shells do for SIGINT
)

// ExitCode gives the exit code for the error of a command.
func ExitCode(err error) int {
	if err == nil {
		return 0
	}
	if _, ok := errors.AsType[*interrupted](err); ok {
		return exitInterrupted
	}
	if errors.Is(err, client.ErrChecksum) {
		return exitChecksum
	}
	if e, ok := errors.AsType[*commandExit](err); ok {
		return e.code
	}
	if isUsage(err) {
		return exitUsage
	}
	switch fault.KindOf(err) {
	case fault.NotFound:
		return exitNotFound
	case fault.Unauthenticated, fault.Forbidden:
		return exitNotAllowed
	case fault.Conflict:
		return exitConflict
	}
	return exitFailure
}

// isUsage also knows the errors of cobra, of which only those about flags have
// types.
func isUsage(err error) bool {
	_, ours := errors.AsType[*usageError](err)
	_, a := errors.AsType[*pflag.NotExistError](err)
	_, b := errors.AsType[*pflag.ValueRequiredError](err)
	_, c := errors.AsType[*pflag.InvalidValueError](err)
	_, d := errors.AsType[*pflag.InvalidSyntaxError](err)
	if ours || a || b || c || d {
		return true
	}
	for _, start := range []string{"unknown command ", "accepts ", "requires at ", "required flag(s) "} {
		if strings.HasPrefix(err.Error(), start) {
			return true
		}
	}
	return false
}
