package cluster

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/chatcluster/chatcluster/test/check"
)

// faults are the ways to break this cluster. Those without which a mutation of package check's table would go unseen have their
// time.
func (c *Cluster) faults() []check.Fault {
	faults := []check.Fault{
		{Name: "kill", Weight: 24, Do: c.toAny(kill)},
		{Name: "drain", Weight: 8, Do: c.toAny(drain)},
		{Name: "freeze", Weight: 8, Do: c.toAny(freeze)},
		{Name: "overtaken", Weight: 6, At: 0.5, Do: c.overtake},
		{Name: "redis emptied", Weight: 5, Do: c.emptyRedis},
		{Name: "redis killed", Weight: 3, Do: c.killRedis},
		{Name: "redis away", Weight: 5, Do: proxied(c.lines.redis)},
		{Name: "dynamodb errs", Weight: 12, Do: c.dynamoErrs},
		{Name: "dynamodb away", Weight: 5, Do: c.dynamoAway},
		{Name: "kafka errs", Weight: 8, Do: c.kafkaErrs},
		{Name: "kafka away", Weight: 6, Do: proxied(c.lines.kafka.TCP)},
		{Name: "kafka killed", Weight: 2, At: 0.25, Do: c.killKafka},
		{Name: "postgres away", Weight: 4, Do: proxied(c.lines.postgres)},
		{Name: "push away", Weight: 4, Do: proxied(c.lines.push)},
		{Name: "lines cut", Weight: 12, Do: c.cutLines},
		{Name: "chat away", Weight: 8, Do: c.chatAway},
	}
	if c.o.Bare {
		return faults
	}
	return append(faults,
		check.Fault{Name: "processor killed", Weight: 12, At: 0.6, Do: c.toProcessor(kill)},
		check.Fault{Name: "processor drained", Weight: 4, Do: c.toProcessor(drain)},
		check.Fault{Name: "processor frozen", Weight: 4, Do: c.toProcessor(freeze)},
	)
}

// toAny does something to any of the processes that people wait for.
func (c *Cluster) toAny(do func(context.Context, *process, *rand.Rand) string) func(context.Context, *rand.Rand) string {
	return toOne(c.processes[:c.serving], do)
}

// toProcessor does something to any of the stream processors.
func (c *Cluster) toProcessor(do func(context.Context, *process, *rand.Rand) string) func(context.Context, *rand.Rand) string {
	return toOne(c.processes[c.serving:], do)
}

func toOne(processes []*process, do func(context.Context, *process, *rand.Rand) string) func(context.Context, *rand.Rand) string {
	return func(ctx context.Context, rng *rand.Rand) string {
		p := processes[rng.IntN(len(processes))]
		return p.name + " " + do(ctx, p, rng)
	}
}

// between draws a time.
func between(rng *rand.Rand, low, high time.Duration) time.Duration {
	return low + time.Duration(rng.Int64N(int64(high-low)))
}
