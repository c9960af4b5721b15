package cache

import (
	"context"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/chatcluster/chatcluster/runtime/store"
)

// MemberMarks returns the marks of each of the users in the conversation, in their order; zero where nothing is known.
func (c *Cache) MemberMarks(ctx context.Context, v store.Conv, users []store.User) ([]Marks, error) {
	cmds := make([]*redis.MapStringStringCmd, len(users))
	err := c.pipeline(ctx, "read marks", func(ctx context.Context, pipe redis.Pipeliner) {
		for i, u := range users {
			if u.Tenant() == v.Tenant() {
				cmds[i] = pipe.HGetAll(ctx, c.marksKey(u, v))
			}
		}
	})
	if err != nil {
		return nil, err
	}
	all := make([]Marks, len(users))
	for i, cmd := range cmds {
		all[i] = marksOf(cmd)
	}
	return all, nil
}

func marksOf(cmd *redis.MapStringStringCmd) Marks {
	m := Marks{Delivered: map[string]uint64{}}
	if cmd == nil {
		return m
	}
	for field, value := range cmd.Val() {
		device, ok := strings.CutPrefix(field, deliveredPrefix)
		switch seq := seqOf(value); {
		case field == readField:
			m.Read = seq
		case ok && seq > 0:
			m.Delivered[device] = seq
		}
	}
	return m
}

// PushRate bounds the pushes to a user: one each Every in the long run, and Burst at once. Who comes when there is no room
// gets a place later, but not beyond Horizon.
type PushRate struct {
	Every   time.Duration
	Burst   int
	Horizon time.Duration
}

// reserveScript is the generic cell rate algorithm: KEYS[1] is when the user's places so far are used up. ARGV: now, every,
// burst, horizon, in milliseconds. It returns how long to wait, -1 when that is beyond the horizon: no place is taken then.
const reserveScript = `
local now, every, burst, horizon = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local used = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), now) + every
local wait = math.max(used - now - burst * every, 0)
if wait > horizon then return -1 end
redis.call('SET', KEYS[1], string.format('%.0f', used), 'PX', string.format('%.0f', used - now + 1000))
return wait
`

// ReservePush takes a place for a push to the user. It returns how long to wait for it; reserved is false when there is none
// within the rate's horizon: ask again after the wait.
func (c *Cache) ReservePush(ctx context.Context, u store.User, r PushRate) (wait time.Duration, reserved bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, opTimeout)
	defer cancel()
	ms, err := c.redis.Eval(ctx, reserveScript, []string{c.prefix + "pr#" + userTag(u)},
		time.Now().UnixMilli(), r.Every.Milliseconds(), r.Burst, r.Horizon.Milliseconds()).Int64()
	switch {
	case err != nil:
		return 0, false, wrap("reserve a push", err)
	case ms < 0:
		return r.Horizon, false, nil
	}
	return time.Duration(ms) * time.Millisecond, true, nil
}

// sweepScript takes or renews KEYS[1] for ARGV[1] for ARGV[2] milliseconds, unless another has it.
const sweepScript = `
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
`

// ClaimSweep makes the pod the one who looks after a shard of deferred pushes for a time. It is no lock: who finds the cache
// empty gets it as well.
func (c *Cache) ClaimSweep(ctx context.Context, shard, pod string, ttl time.Duration) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, opTimeout)
	defer cancel()
	n, err := c.redis.Eval(ctx, sweepScript, []string{c.prefix + "sweep#{" + shard + "}"}, pod, ttl.Milliseconds()).Int64()
	return n == 1, wrap("claim", err)
}
