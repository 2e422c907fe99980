package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/vitrine-ml/vitrine/internal/client"
)

// commandExit is the failure of a command that we ran; its code becomes ours.
type commandExit struct {
	what string
	code int
}

func (e *commandExit) Error() string { return e.what }

func runExecCommand(env Env) *cobra.Command {
	r := &remote{env: env}
	var o startOptions
	var log bool
	var cmd *cobra.Command
	cmd = r.command("exec [PROJECT|PROJECT/MODEL] -- COMMAND [ARG…]", "Run a command as a run", cobra.MinimumNArgs(1),
		func(ctx context.Context, args []string) error {
			n := cmd.ArgsLenAtDash()
			if n < 0 || n > 1 || n == len(args) {
				return usagef("write the command after --, as: vitrine run exec team/vision/resnet -- python train.py")
			}
			where := ""
			if n == 1 {
				where = args[0]
			}
			return r.exec(ctx, where, args[n:], o, log)
		})
	cmd.Long = `Start a run, run a command, and finish the run by the command's exit code: 0 is
finished, another one failed, a signal killed. The exit code is the command's own.

The command finds VITRINE_RUN, VITRINE_PROJECT and VITRINE_SERVER in its environment, so
that vitrine run log and vitrine run put in it know the run. With --log what it prints on
standard output is read as vitrine run log reads it, and printed all the same.

` + startHelp
	cmd.Example = "  vitrine run exec team/vision/resnet --log -- python train.py\n  vitrine run exec team/vision --experiment sweep --param lr=0.1 -- ./train.sh 0.1"
	o.flags(cmd)
	cmd.Flags().BoolVar(&log, "log", false, "log the metrics that the command prints")
	return cmd
}

func (r *remote) exec(ctx context.Context, where string, command []string, o startOptions, log bool) error {
	path, err := exec.LookPath(command[0])
	if err != nil {
		return usagef("cannot run %s: %w", command[0], err)
	}
	_, ref, err := r.startRun(ctx, where, o)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, path, command[1:]...)
	cmd.Args[0] = command[0]
	cmd.Stdin, cmd.Stderr = r.env.Stdin, r.env.Stderr
	cmd.Env = append(os.Environ(), "VITRINE_RUN="+ref.String(), "VITRINE_PROJECT="+ref.Project, "VITRINE_SERVER="+r.c.URL())
	if r.token != "" {
		cmd.Env = append(cmd.Env, "VITRINE_TOKEN="+r.token)
	}
	cmd.Cancel = func() error { return r.passOn(cmd.Process) }
	cmd.WaitDelay = execGrace
	logErr := r.execute(ctx, cmd, ref, log)
	return errors.Join(r.execEnd(context.WithoutCancel(ctx), ref, cmd.ProcessState, command[0]), logErr)
}

// execGrace is how long a command may take to end after Ctrl-C.
const execGrace = time.Minute

// passOn ends a command when we are to end. At a terminal, Ctrl-C has reached
// the command too, which gets time to clean up; elsewhere only we know of it.
func (r *remote) passOn(p *os.Process) error {
	if r.asks() {
		time.AfterFunc(stopPatience, func() { _ = p.Signal(syscall.SIGTERM) }) // it may have ended
		return nil
	}
	return p.Signal(syscall.SIGTERM)
}

// execute runs the command to its end. Its own failure is in its state; the
// error is that of logging.
func (r *remote) execute(ctx context.Context, cmd *exec.Cmd, ref client.RunRef, log bool) error {
	if !log {
		cmd.Stdout = r.env.Stdout
		return startError(cmd.Run(), cmd)
	}
	read, write := io.Pipe()
	cmd.Stdout = write
	logged := make(chan error, 1)
	go func() { logged <- r.stream(ctx, ref, read, streamOptions{every: flushEvery, tee: true}) }()
	err := startError(cmd.Run(), cmd)
	write.Close()
	return errors.Join(err, <-logged)
}

// startError is the failure of a command that never ran; how one that ran ended
// is told by its state.
func startError(err error, cmd *exec.Cmd) error {
	if cmd.ProcessState != nil {
		return nil
	}
	return err
}

// execEnd finishes the run as the command ended.
func (r *remote) execEnd(ctx context.Context, ref client.RunRef, state *os.ProcessState, name string) error {
	status, code := runFailed, exitFailure
	switch {
	case state == nil: // never ran
	case state.Success():
		status, code = runFinished, 0
	case state.ExitCode() < 0:
		status, code = runKilled, exitInterrupted
	default:
		code = state.ExitCode()
	}
	run, err := r.c.EditRun(ctx, ref, client.RunEdit{Status: &status})
	if err != nil {
		return naming(err, "finishing "+ref.String())
	}
	r.say("Run %s is %s.", ref, status)
	if r.json {
		if err := show(r.env.Stdout, run, true); err != nil {
			return err
		}
	}
	if code == 0 {
		return nil
	}
	how := "did not start"
	if state != nil {
		how = "ended with " + state.String()
	}
	return &commandExit{what: fmt.Sprintf("%s %s", name, how), code: code}
}
