package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := command(os.Stdout, os.Stderr).ExecuteContext(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func command(out, progress io.Writer) *cobra.Command {
	r := release{out: out, progress: progress}
	c := &cobra.Command{
		Use: "release", Short: "Make a release, twice, and publish it", Args: cobra.NoArgs, SilenceUsage: true, SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error { return r.run(cmd.Context()) },
	}
	c.SetOut(out)
	f := c.Flags()
	f.StringVar(&r.repo, "repo", ".", "the work tree")
	f.StringVar(&r.dest, "out", "dist/release", "where releases are put, each into a folder named after its version")
	f.StringVar(&r.version, "version", "", "what is released, such as 1.2.3; in a rehearsal the chart's version when empty")
	f.BoolVar(&r.dryRun, "dry-run", false, "rehearse: a tree with changes and a version without notes will do; nothing leaves this machine")
	f.BoolVar(&r.cold, "cold", false, "compile everything anew for the second build, in an empty build cache")
	f.StringVar(&r.registry, "registry", "", "where images and chart go, such as ghcr.io/chatcluster; nowhere when empty")
	f.StringVar(&r.cosign, "cosign", "", "the cosign to sign with; nothing is signed when empty")
	f.StringVar(&r.builder, "builder", "https://github.com/chatcluster/chatcluster/tree/main/hack/release", "who builds, for the provenance: a URI, such as that of the CI workflow")
	f.StringVar(&r.epoch, "source-date-epoch", os.Getenv("SOURCE_DATE_EPOCH"), "the time of everything, in seconds since 1970; the commit's when empty")
	return c
}
