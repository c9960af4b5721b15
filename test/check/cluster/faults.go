package cluster

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/chatcluster/chatcluster/runtime/config"
	"github.com/chatcluster/chatcluster/test/check"
	"github.com/chatcluster/chatcluster/test/check/fault"
)

// faults are the ways to break this cluster.
func (c *Cluster) faults() []check.Fault {
	role := func(name string, weight int, do func(context.Context, *process, *rand.Rand) string) check.Fault {
		return check.Fault{Name: name, Weight: weight, Do: func(ctx context.Context, rng *rand.Rand) string {
			p := c.processes[rng.IntN(len(c.processes))]
			return p.name + " " + do(ctx, p, rng)
		}}
	}
	return []check.Fault{
		role("kill", 24, kill),
		role("drain", 8, drain),
		role("freeze", 8, freeze),
		{Name: "redis emptied", Weight: 5, Do: c.emptyRedis},
		{Name: "redis killed", Weight: 3, Do: c.killRedis},
		{Name: "redis away", Weight: 5, Do: proxied(c.redis)},
		{Name: "dynamodb errs", Weight: 12, Do: c.dynamoErrs},
		{Name: "dynamodb away", Weight: 5, Do: c.dynamoAway},
		{Name: "kafka errs", Weight: 8, Do: c.kafkaErrs},
		{Name: "kafka away", Weight: 6, Do: proxied(c.kafka.TCP)},
		{Name: "postgres away", Weight: 4, Do: proxied(c.postgres)},
		{Name: "lines cut", Weight: 12, Do: c.cutLines},
	}
}

// between draws a time.
func between(rng *rand.Rand, low, high time.Duration) time.Duration {
	return low + time.Duration(rng.Int64N(int64(high-low)))
}

// kill ends a process in the middle of whatever it does.
func kill(ctx context.Context, p *process, rng *rand.Rand) string {
	down := between(rng, 0, 3*time.Second)
	_ = p.stop(ctx, syscall.SIGKILL)
	_ = pause(ctx, down)
	return again(ctx, p, fmt.Sprintf("killed, down for %v", down.Round(time.Millisecond)))
}

// drain ends a process as a rollout does.
func drain(ctx context.Context, p *process, rng *rand.Rand) string {
	down := between(rng, 0, time.Second)
	if err := p.stop(context.WithoutCancel(ctx), syscall.SIGTERM); err != nil {
		return err.Error()
	}
	_ = pause(ctx, down)
	return again(ctx, p, "drained")
}

// again starts a process; the next fault does not wait until it is ready.
func again(ctx context.Context, p *process, did string) string {
	if err := p.start(); err != nil {
		return did + ", and does not start: " + err.Error()
	}
	if err := p.ready(ctx); err != nil && ctx.Err() == nil {
		return did + "; " + err.Error()
	}
	return did
}

// freeze stops a process for a while, so that it goes on believing what is no longer so.
func freeze(ctx context.Context, p *process, rng *rand.Rand) string {
	period := between(rng, 500*time.Millisecond, 8*time.Second)
	if rng.IntN(6) == 0 {
		period += 15 * time.Second // beyond its lease
	}
	p.signal(syscall.SIGSTOP, false)
	_ = pause(ctx, period)
	p.signal(syscall.SIGCONT, false)
	return fmt.Sprintf("frozen for %v", period.Round(time.Millisecond))
}

// proxied makes an engine go away: refused or silent.
func proxied(t *fault.TCP) func(context.Context, *rand.Rand) string {
	return func(ctx context.Context, rng *rand.Rand) string {
		gone, how := between(rng, 500*time.Millisecond, 7*time.Second), rng.IntN(3)
		switch how {
		case 0:
			t.Refuse(true)
			defer t.Refuse(false)
		case 1:
			t.Stall(true)
			defer t.Stall(false)
		default:
			t.Cut(1)
			return "all connections cut"
		}
		_ = pause(ctx, gone)
		return fmt.Sprintf("%s for %v", []string{"refuses", "is silent"}[how], gone.Round(time.Millisecond))
	}
}

// emptyRedis forgets everything of this cluster's.
func (c *Cluster) emptyRedis(ctx context.Context, _ *rand.Rand) string {
	client, err := c.redisClient()
	if err != nil {
		return err.Error()
	}
	defer client.Close() //nolint:errcheck // its pool is empty
	n := 0
	keys := client.Scan(ctx, 0, c.direct.Redis.KeyPrefix+"*", 1000).Iterator()
	for keys.Next(ctx) {
		if client.Del(ctx, keys.Val()).Err() == nil {
			n++
		}
	}
	return fmt.Sprintf("%d keys", n)
}

// killRedis kills the engine's process; the world starts it again, empty.
func (c *Cluster) killRedis(ctx context.Context, _ *rand.Rand) string {
	if err := c.o.World.component(ctx, "redis", "kill"); err != nil {
		return err.Error()
	}
	return "starts again, empty"
}

func (c *Cluster) redisClient() (*redis.Client, error) {
	password, err := config.ReadSecret(c.direct.Redis.PasswordFile)
	if err != nil {
		return nil, err
	}
	return redis.NewClient(&redis.Options{Addr: c.direct.Redis.Addresses[0], Password: password}), nil
}

// dynamoErrs has requests fail for a while, above all those whose answer is lost or that land late.
func (c *Cluster) dynamoErrs(ctx context.Context, rng *rand.Rand) string {
	period := between(rng, time.Second, 6*time.Second)
	rates := fault.Rates{
		Error: 0.15 * rng.Float64(), Throttle: 0.1 * rng.Float64(), Lost: 0.25 * rng.Float64(), Late: 0.03 * rng.Float64(),
		Delay: 0.3 * rng.Float64(), By: between(rng, 20*time.Millisecond, time.Second),
	}
	c.dynamo.Set(rates)
	defer c.dynamo.Set(fault.Rates{})
	_ = pause(ctx, period)
	return describe(period, rates)
}

func (c *Cluster) dynamoAway(ctx context.Context, rng *rand.Rand) string {
	period := between(rng, 300*time.Millisecond, 5*time.Second)
	c.dynamo.Down(true)
	defer c.dynamo.Down(false)
	_ = pause(ctx, period)
	return fmt.Sprintf("for %v", period.Round(time.Millisecond))
}

func (c *Cluster) kafkaErrs(ctx context.Context, rng *rand.Rand) string {
	period := between(rng, time.Second, 6*time.Second)
	rates := fault.Rates{
		Error: 0.2 * rng.Float64(), Lost: 0.2 * rng.Float64(), Delay: 0.3 * rng.Float64(), By: between(rng, 20*time.Millisecond, 2*time.Second),
	}
	c.kafka.Set(rates)
	defer c.kafka.Set(fault.Rates{})
	_ = pause(ctx, period)
	return describe(period, rates)
}

func describe(d time.Duration, r fault.Rates) string {
	parts := []string{"for " + d.Round(time.Millisecond).String()}
	for _, p := range []struct {
		what string
		rate float64
	}{{"errors", r.Error}, {"throttled", r.Throttle}, {"answers lost", r.Lost}, {"late", r.Late}, {"delayed by up to " + r.By.Round(time.Millisecond).String(), r.Delay}} {
		if p.rate > 0 {
			parts = append(parts, fmt.Sprintf("%.0f %% %s", 100*p.rate, p.what))
		}
	}
	return strings.Join(parts, ", ")
}

// cutLines ends connections of clients, some or all.
func (c *Cluster) cutLines(_ context.Context, rng *rand.Rand) string {
	share := 0.2 + 0.8*rng.Float64()
	c.clients.Cut(share)
	return fmt.Sprintf("%.0f %% of the clients'", 100*share)
}
