package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"time"

	"github.com/spf13/cobra"

	promises "github.com/chatcluster/chatcluster/test/check"
	"github.com/chatcluster/chatcluster/test/check/cluster"
)

// worldVariable names the file that describes a world of engines; `world run` sets it.
const worldVariable = "CHATCLUSTER_WORLD"

type checkOptions struct {
	promises.Options
	world, logs, level string
	faults, processors bool
}

func checkCommand() *cobra.Command {
	var o checkOptions
	cmd := &cobra.Command{
		Use: "check", Short: "Talk through a data plane while it is being broken, and verify its promises", Args: cobra.NoArgs,
		Long: `check runs this binary's roles as processes on a world's engines, has many clients talk through them while it kills roles and breaks
engines, and verifies P1 to P6 at the end: in the store, in Kafka, in the read model, in what the gateways show, on every device and
in the push sink; and that the processors have said every verdict once, and that the audit log and the figures are the logs'. The seed that it prints makes the same plan again.

It needs real engines: PostgreSQL, Redis, Kafka and DynamoDB Local. The local world brings all four and takes them away again:

  make test-faults                        a minute of it
  make check DURATION=30m SEED=n          as long as you like
  make up; chatd check --world FILE       on engines that stay; FILE is the world.json that "make up" names

The same check in one process, on the embedded engines of "chatd dev", is a test. PostgreSQL is the one engine that cannot be embedded:
where it says that there is none, install the Debian package postgresql (apt-get install postgresql), or put initdb and postgres into
the PATH.

  go test -race -tags engines -run TestThePromisesHoldInOneProcess ./cmd/chatd`,
		Example: "  chatd check --world world.json --duration 10m --seed 7 --logs /tmp/roles",
		RunE:    func(cmd *cobra.Command, _ []string) error { return runCheck(cmd.Context(), o, cmd.OutOrStdout()) },
	}
	f := cmd.Flags()
	f.StringVar(&o.world, "world", "", "world.json of a world of engines (hack/world); of $"+worldVariable+" unless given")
	f.StringVar(&o.logs, "logs", "", "folder for the roles' logs, kept; one of its own, removed when all is well, when empty")
	f.StringVar(&o.level, "role-log-level", "info", "the roles' log level")
	f.Uint64Var(&o.Seed, "seed", 0, "the plan's seed; 0: any")
	f.DurationVar(&o.Duration, "duration", time.Minute, "how long people talk")
	f.DurationVar(&o.Patience, "patience", 2*time.Minute, "how long everything may take to come to rest")
	f.DurationVar(&o.FaultEvery, "fault-every", 2*time.Second, "from one fault to the next, on average")
	f.DurationVar(&o.Pace, "pace", 150*time.Millisecond, "from one thing that a device does to the next, on average")
	f.IntVar(&o.Users, "users", 6, "how many people talk")
	f.IntVar(&o.Groups, "groups", 3, "in how many groups; there are as many direct conversations")
	f.BoolVar(&o.faults, "faults", true, "break things")
	f.BoolVar(&o.processors, "processors", true, "run the stream processors, too, and verify what they have said and written")
	return cmd
}

func runCheck(ctx context.Context, o checkOptions, out io.Writer) (err error) {
	if o.world == "" {
		o.world = os.Getenv(worldVariable)
	}
	if o.world == "" {
		return errors.New("there are no engines to check on: run \"make test-faults\", or name a world's world.json with --world; \"chatd check --help\" says more")
	}
	w, err := cluster.LoadWorld(o.world)
	if err != nil {
		return err
	}
	for o.Seed == 0 {
		o.Seed = rand.Uint64() >> 32 // short to type
	}
	fmt.Fprintf(out, "seed %d\n", o.Seed)
	self, err := os.Executable()
	if err != nil {
		return err
	}
	keep := o.logs != ""
	if !keep {
		if o.logs, err = os.MkdirTemp("", "chatd-check-"); err != nil {
			return err
		}
	} else if err := os.MkdirAll(o.logs, 0o700); err != nil {
		return err
	}
	defer func() {
		switch {
		case keep:
		case err == nil:
			err = os.RemoveAll(o.logs)
		default:
			fmt.Fprintf(out, "the roles' logs are in %s\n", o.logs)
		}
	}()
	c, err := cluster.Start(ctx, cluster.Options{World: w, Chatd: self, Dir: o.logs, Level: o.level, Bare: !o.processors})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	system := c.System()
	if !o.faults {
		system.Faults = nil
	}
	o.Out = out
	report, err := promises.Run(ctx, system, o.Options)
	if err != nil {
		return fmt.Errorf("seed %d: %w", o.Seed, err)
	}
	report.Violations = append(report.Violations, c.Deaths()...)
	report.Print(out)
	if n := len(report.Violations); n > 0 {
		return fmt.Errorf("%d violations with seed %d", n, o.Seed)
	}
	return nil
}
