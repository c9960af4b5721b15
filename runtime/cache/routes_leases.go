package cache

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"
)

// renewScript renews a gateway's lease, ARGV[1] milliseconds, if there is one, and sees that the shard has a generation: ARGV[2],
// the milliseconds of now, for ARGV[3] milliseconds.
const renewScript = `
if not redis.call('SET', KEYS[2], ARGV[2], 'NX', 'PX', ARGV[3]) then redis.call('PEXPIRE', KEYS[2], ARGV[3]) end
return redis.call('PEXPIRE', KEYS[1], ARGV[1])
`

// leaseScript gives a gateway its lease of ARGV[1] milliseconds if what it has registered since its BeginGateway is still there.
const leaseScript = `
if redis.call('DEL', KEYS[2]) == 0 then return 0 end
redis.call('SET', KEYS[1], '', 'PX', ARGV[1])
return 1
`

// RenewGateway renews the lease of a gateway's instance. False: Redis has it not, or no more, and who looks for routes takes the
// gateway's as not known. Then BeginGateway, every route again, and FinishGateway give it the lease.
func (c *Cache) RenewGateway(ctx context.Context, instance string) (kept bool, err error) {
	return c.everyShard(ctx, "renew a gateway", func(ctx context.Context, pipe redis.Pipeliner, shard int) *redis.Cmd {
		keys := []string{c.gatewayKey(shard, instance), c.generationKey(shard)}
		return pipe.Eval(ctx, renewScript, keys, c.lease.Milliseconds(), time.Now().UnixMilli(), routeTTL.Milliseconds())
	})
}

// BeginGateway has FinishGateway notice when Redis loses anything in between.
func (c *Cache) BeginGateway(ctx context.Context, instance string) error {
	return c.pipeline(ctx, "begin a gateway", func(ctx context.Context, pipe redis.Pipeliner) {
		for shard := range c.shards {
			pipe.Set(ctx, c.registeringKey(shard, instance), "", registeringTTL)
		}
	})
}

// FinishGateway gives the instance its lease. False: Redis was emptied since BeginGateway, or that took too long.
func (c *Cache) FinishGateway(ctx context.Context, instance string) (ok bool, err error) {
	return c.everyShard(ctx, "finish a gateway", func(ctx context.Context, pipe redis.Pipeliner, shard int) *redis.Cmd {
		return pipe.Eval(ctx, leaseScript, []string{c.gatewayKey(shard, instance), c.registeringKey(shard, instance)}, c.lease.Milliseconds())
	})
}

// EndGateway gives the lease back.
func (c *Cache) EndGateway(ctx context.Context, instance string) error {
	return c.pipeline(ctx, "end a gateway", func(ctx context.Context, pipe redis.Pipeliner) {
		for shard := range c.shards {
			pipe.Del(ctx, c.gatewayKey(shard, instance))
		}
	})
}

// everyShard runs a command in each shard and says whether all answered 1.
func (c *Cache) everyShard(ctx context.Context, what string, run func(context.Context, redis.Pipeliner, int) *redis.Cmd) (bool, error) {
	cmds := make([]*redis.Cmd, c.shards)
	err := c.pipeline(ctx, what, func(ctx context.Context, pipe redis.Pipeliner) {
		for shard := range c.shards {
			cmds[shard] = run(ctx, pipe, shard)
		}
	})
	if err != nil {
		return false, err
	}
	all := true
	for _, cmd := range cmds {
		n, err := cmd.Int()
		if err != nil {
			return false, wrap(what, err)
		}
		all = all && n == 1
	}
	return all, nil
}
