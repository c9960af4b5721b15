// Command operator is the operator as O1 to O3 measure it: a program of its own, because a program's text counts as its memory.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/chatcluster/chatcluster/hack/bench/operator"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var o operator.Options
	// controller-runtime has a flag of that name among the process's.
	flags := flag.NewFlagSet("operator", flag.ExitOnError)
	flags.StringVar(&o.Kubeconfig, "kubeconfig", "", "how to reach the API server")
	flags.IntVar(&o.Concurrency, "concurrency", 8, "how many ChatClusters are reconciled at once")
	_ = flags.Parse(os.Args[1:]) // it ends the process instead of failing
	if err := operator.Run(ctx, o, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "operator:", err)
		stop()
		os.Exit(1) //nolint:gocritic // stop was called
	}
}
