package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/chatcluster/chatcluster/cmd/internal/output"
)

// version is stamped by the build.
var version = "dev"

// The exit codes; doc.go says what they mean.
const (
	exitFailed   = 1
	exitUsage    = 2
	exitWaiting  = 3
	exitStalled  = 4
	exitTimedOut = 5
)

// longHelp is the plugin's own help.
const longHelp = `See how ChatClusters get on and what they wait for; pause, plan and reconcile them; list tenants and traffic.

Exit codes are stable: 0 done, or Ready; 1 it failed; 2 the command line is wrong; 3 not Ready yet, or paused; 4 Stalled, a person is needed;
5 what was waited for did not come in time. What is waited for is told on standard error, where that is a terminal.

For completion behind "kubectl chatcluster", put an executable kubectl_complete-chatcluster into your PATH:

  #!/bin/sh
  exec kubectl-chatcluster __complete "$@"`

// exit is an error that is an answer: it ends the command with a code and prints nothing more than its text, if it has one.
type exit struct {
	code int
	text string
}

func (e exit) Error() string { return e.text }

// plugin is one run: where it prints, and how it reaches the API server.
type plugin struct {
	out, err io.Writer
	flags    connectFlags
	// progress says what is waited for; nil where nobody looks.
	progress *output.Progress
	connect  func(connectFlags) (*cluster, error)
	// wait returns after d, or earlier with the context's error.
	wait func(ctx context.Context, d time.Duration) error
	now  func() time.Time
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	p := &plugin{out: os.Stdout, err: os.Stderr, connect: connect, wait: sleep, now: time.Now, progress: output.NewProgress(os.Stderr)}
	code := p.run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// run executes a command line and returns its exit code.
func (p *plugin) run(ctx context.Context, args []string) int {
	usage := true
	root := p.rootCommand(&usage)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	p.progress.End()
	var answer exit
	switch {
	case err == nil:
		return 0
	case errors.As(err, &answer):
		if answer.text != "" {
			fmt.Fprintln(p.err, answer.text)
		}
		return answer.code
	case usage:
		fmt.Fprintf(p.err, "error: %v\nSee kubectl chatcluster --help\n", err)
		return exitUsage
	}
	fmt.Fprintln(p.err, "error:", err)
	return exitFailed
}

// rootCommand is the whole command line. It takes usage away once the command line is right.
func (p *plugin) rootCommand(usage *bool) *cobra.Command {
	root := &cobra.Command{
		Use:           "kubectl-chatcluster",
		Short:         "See and steer ChatClusters",
		Long:          longHelp,
		Version:       version,
		SilenceErrors: true,
		SilenceUsage:  true,
		Annotations:   map[string]string{cobra.CommandDisplayNameAnnotation: "kubectl chatcluster"},
		PersistentPreRun: func(*cobra.Command, []string) {
			*usage = false // the command line is right: what fails from here on is no matter of usage
		},
	}
	root.SetOut(p.out)
	root.SetErr(p.err)
	p.flags.bind(root.PersistentFlags())
	root.AddCommand(p.statusCommand(), p.planCommand(), p.pauseCommand(), p.resumeCommand(), p.reconcileCommand(), p.tenantsCommand(), p.topCommand())
	return root
}
