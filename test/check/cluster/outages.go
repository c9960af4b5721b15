package cluster

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/chatcluster/chatcluster/runtime/config"
	"github.com/chatcluster/chatcluster/test/check/fault"
)

// proxied makes whoever is behind a proxy go away: refused or silent.
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

// cutLines ends connections of clients, some or all.
func (c *Cluster) cutLines(_ context.Context, rng *rand.Rand) string {
	share := 0.2 + 0.8*rng.Float64()
	c.lines.clients.Cut(share)
	return fmt.Sprintf("%.0f %% of the clients'", 100*share)
}

// chatAway has the gateways lose a chat pod that lives on.
func (c *Cluster) chatAway(ctx context.Context, rng *rand.Rand) string {
	i := rng.IntN(c.o.Chats)
	return c.processes[i].name + " " + proxied(c.lines.chats[i])(ctx, rng)
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

// killKafka kills the broker's process; the world starts it again, with its logs as they were written.
func (c *Cluster) killKafka(ctx context.Context, _ *rand.Rand) string {
	from := time.Now()
	if err := c.o.World.component(ctx, "kafka", "kill"); err != nil {
		return err.Error()
	}
	if _, err := c.awaitKafka(ctx, 0); err != nil {
		return "killed, and not back yet"
	}
	return fmt.Sprintf("killed, back after %v", time.Since(from).Round(time.Millisecond))
}

// dynamoErrs has requests fail for a while, above all those whose answer is lost or that land late.
func (c *Cluster) dynamoErrs(ctx context.Context, rng *rand.Rand) string {
	period := between(rng, time.Second, 6*time.Second)
	rates := fault.Rates{
		Error: 0.15 * rng.Float64(), Throttle: 0.1 * rng.Float64(), Lost: 0.25 * rng.Float64(), Late: 0.03 * rng.Float64(),
		Delay: 0.3 * rng.Float64(), By: between(rng, 20*time.Millisecond, time.Second),
	}
	c.lines.dynamo.Set(rates)
	defer c.lines.dynamo.Set(fault.Rates{})
	_ = pause(ctx, period)
	return describe(period, rates)
}

func (c *Cluster) dynamoAway(ctx context.Context, rng *rand.Rand) string {
	period := between(rng, 300*time.Millisecond, 5*time.Second)
	c.lines.dynamo.Down(true)
	defer c.lines.dynamo.Down(false)
	_ = pause(ctx, period)
	return fmt.Sprintf("for %v", period.Round(time.Millisecond))
}

func (c *Cluster) kafkaErrs(ctx context.Context, rng *rand.Rand) string {
	period := between(rng, time.Second, 6*time.Second)
	rates := fault.Rates{
		Error: 0.2 * rng.Float64(), Lost: 0.2 * rng.Float64(), Delay: 0.3 * rng.Float64(), By: between(rng, 20*time.Millisecond, 2*time.Second),
	}
	c.lines.kafka.Set(rates)
	defer c.lines.kafka.Set(fault.Rates{})
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
