package cluster

import (
	"context"
	"fmt"
	"math/rand/v2"
	"syscall"
	"time"

	"github.com/chatcluster/chatcluster/runtime/eventlog"
)

// commitTime is longer than what is between two commits of offsets.
const commitTime = 2 * eventlog.DefaultCommitInterval

// beyondLease is longer than a chat pod's lease of its lanes.
const beyondLease = 15 * time.Second

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
		period += beyondLease
	}
	p.signal(syscall.SIGSTOP, false)
	_ = pause(ctx, period)
	p.signal(syscall.SIGCONT, false)
	return fmt.Sprintf("frozen for %v", period.Round(time.Millisecond))
}

// overtake freezes a chat pod with what is on its way to it, and has the gateways lose it: another pod takes its conversations
// over. It goes on then with what it had, believing itself their owner, and gets them back. Sometimes its lease has lapsed
// meanwhile, and others have settled its lanes.
func (c *Cluster) overtake(ctx context.Context, rng *rand.Rand) string {
	i := rng.IntN(c.o.Chats)
	p, line := c.processes[i], c.lines.chats[i]
	frozen, alone := between(rng, time.Second, 4*time.Second), between(rng, 200*time.Millisecond, time.Second)
	if rng.IntN(4) == 0 {
		frozen += beyondLease
	}
	p.signal(syscall.SIGSTOP, false)
	_ = pause(ctx, between(rng, 100*time.Millisecond, 500*time.Millisecond))
	line.Refuse(true)
	_ = pause(ctx, frozen)
	p.signal(syscall.SIGCONT, false)
	_ = pause(ctx, alone)
	line.Refuse(false)
	return fmt.Sprintf("%s frozen for %v, its conversations are another's for %v more", p.name, frozen.Round(time.Millisecond), alone.Round(time.Millisecond))
}

// lastWords takes the read model's database and the push service away before the last things are said. The notifier is killed when it has
// taken them and cannot push, however long that took, the projector when it has taken them and cannot write them.
func (c *Cluster) lastWords(ctx context.Context, say func() int) string {
	// First something else: pods that have lost Kafka put things into the outbox until one of them has gone through again.
	err := c.published(ctx, say)
	if err == nil {
		err = c.awaitReaders(ctx)
	}
	if err != nil {
		return "none: " + err.Error() // the verification says what is wrong with that
	}
	c.lines.postgres.Refuse(true)
	defer c.lines.postgres.Refuse(false)
	c.lines.push.Refuse(true)
	defer c.lines.push.Refuse(false)
	if err := c.published(ctx, say); err != nil {
		return "none: " + err.Error()
	}
	_ = pause(ctx, commitTime)
	_ = c.role(notifier).stop(ctx, syscall.SIGKILL)
	_ = pause(ctx, commitTime)
	_ = c.role(projector).stop(ctx, syscall.SIGKILL)
	return "the notifier killed before it could push, and the projector without its database" // Heal starts them again
}
