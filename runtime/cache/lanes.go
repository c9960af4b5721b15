package cache

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/chatcluster/chatcluster/runtime/store"
)

const (
	// lanesTTL is how long a dead pod's lanes wait for someone to take them.
	lanesTTL = 24 * time.Hour
	// claimTTL is how long one pod alone takes from a lapsed pod.
	claimTTL = 10 * time.Second
	// lanesChunk bounds a command's members.
	lanesChunk = 1000
	// compareEvery is after how many renewals, on average, all lanes are compared though their number is right.
	compareEvery = 12
)

// claimScript returns up to ARGV[3] lanes of a lapsed pod for claimer ARGV[1], whose claim lasts ARGV[2] milliseconds; false
// when the pod's lease is alive or another has the claim. An empty answer: nothing is left.
const claimScript = `
if redis.call('EXISTS', KEYS[1]) == 1 then return false end
local owner = redis.call('GET', KEYS[3])
if owner and owner ~= ARGV[1] then return false end
redis.call('SET', KEYS[3], ARGV[1], 'PX', ARGV[2])
return redis.call('SRANDMEMBER', KEYS[2], ARGV[3])
`

// releaseScript gives the claim back if it is still the claimer's.
const releaseScript = `
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
`

func (c *Cache) podsKey() string            { return c.prefix + "pods" }
func (c *Cache) leaseKey(pod string) string { return c.prefix + "lease#" + podTag(pod) }
func (c *Cache) lanesKey(pod string) string { return c.prefix + "lanes#" + podTag(pod) }
func (c *Cache) claimKey(pod string) string { return c.prefix + "claim#" + podTag(pod) }

func podTag(pod string) string { return "{" + store.Escape(pod) + "}" }

// Renew renews the pod's lease and makes lanes the pod's registered ones. Every call sends the lease; the lanes travel only
// when Redis does not have as many of them, and now and then to be sure. An emptied Redis is whole again after it.
func (c *Cache) Renew(ctx context.Context, pod string, lanes []store.Conv) error {
	var count *redis.IntCmd
	err := c.pipeline(ctx, "renew lease", func(ctx context.Context, pipe redis.Pipeliner) {
		pipe.Set(ctx, c.leaseKey(pod), "", c.lease)
		pipe.PExpire(ctx, c.lanesKey(pod), lanesTTL)
		count = pipe.SCard(ctx, c.lanesKey(pod))
		pipe.SAdd(ctx, c.podsKey(), pod)
	})
	if err != nil {
		return err
	}
	if count.Val() == int64(len(lanes)) && rand.N(compareEvery) != 0 {
		return nil
	}
	return c.replaceLanes(ctx, pod, lanes)
}

func (c *Cache) replaceLanes(ctx context.Context, pod string, lanes []store.Conv) error {
	var stored *redis.StringSliceCmd
	err := c.pipeline(ctx, "read lanes", func(ctx context.Context, pipe redis.Pipeliner) {
		stored = pipe.SMembers(ctx, c.lanesKey(pod))
	})
	if err != nil {
		return err
	}
	extra := make(map[string]bool, len(stored.Val()))
	for _, m := range stored.Val() {
		extra[m] = true
	}
	var missing, gone []string
	for _, v := range lanes {
		m := member(v)
		if !extra[m] {
			missing = append(missing, m)
		}
		delete(extra, m)
	}
	for m := range extra {
		gone = append(gone, m)
	}
	return c.changeLanes(ctx, "replace lanes", pod, missing, gone)
}

// Register adds lanes to the pod's.
func (c *Cache) Register(ctx context.Context, pod string, lanes ...store.Conv) error {
	return c.changeLanes(ctx, "register lanes", pod, members(lanes), nil)
}

// Unregister removes lanes from the pod's.
func (c *Cache) Unregister(ctx context.Context, pod string, lanes ...store.Conv) error {
	return c.changeLanes(ctx, "unregister lanes", pod, nil, members(lanes))
}

func members(lanes []store.Conv) []string {
	ms := make([]string, len(lanes))
	for i, v := range lanes {
		ms[i] = member(v)
	}
	return ms
}

func (c *Cache) changeLanes(ctx context.Context, what, pod string, add, remove []string) error {
	key := c.lanesKey(pod)
	return c.pipeline(ctx, what, func(ctx context.Context, pipe redis.Pipeliner) {
		for chunk := range slices.Chunk(add, lanesChunk) {
			pipe.SAdd(ctx, key, anys(chunk)...)
		}
		for chunk := range slices.Chunk(remove, lanesChunk) {
			pipe.SRem(ctx, key, anys(chunk)...)
		}
		if len(add) > 0 {
			pipe.PExpire(ctx, key, lanesTTL)
		}
	})
}

func anys(list []string) []any {
	out := make([]any, len(list))
	for i, s := range list {
		out[i] = s
	}
	return out
}

// TakeLapsed moves lanes of pods whose lease has lapsed to the pod's own, at most limit, and returns them. The caller
// counts them among its lanes from then on, so that Renew keeps them until they are settled. They are added here before they
// are removed there, so a crash between loses none; seldom, two pods take the same. An error comes only where none were
// taken: what was taken before it is returned, and the next call meets it again.
func (c *Cache) TakeLapsed(ctx context.Context, pod string, limit int) ([]store.Conv, error) {
	if limit <= 0 {
		return nil, ctx.Err()
	}
	lapsed, err := c.lapsedPods(ctx, pod)
	if err != nil {
		return nil, err
	}
	var taken []store.Conv
	for _, other := range lapsed {
		var lanes []store.Conv
		lanes, err = c.takeFrom(ctx, other, pod, limit-len(taken))
		if taken = append(taken, lanes...); err != nil || len(taken) == limit {
			break
		}
	}
	if len(taken) > 0 {
		return taken, nil
	}
	return nil, err
}

// lapsedPods returns the other pods without a lease, in random order.
func (c *Cache) lapsedPods(ctx context.Context, pod string) ([]string, error) {
	var all *redis.StringSliceCmd
	err := c.pipeline(ctx, "list pods", func(ctx context.Context, pipe redis.Pipeliner) {
		all = pipe.SMembers(ctx, c.podsKey())
	})
	if err != nil {
		return nil, err
	}
	pods := slices.DeleteFunc(all.Val(), func(p string) bool { return p == pod })
	alive := make([]*redis.IntCmd, len(pods))
	err = c.pipeline(ctx, "read leases", func(ctx context.Context, pipe redis.Pipeliner) {
		for i, p := range pods {
			alive[i] = pipe.Exists(ctx, c.leaseKey(p))
		}
	})
	if err != nil {
		return nil, err
	}
	var lapsed []string
	for i, p := range pods {
		if alive[i].Val() == 0 {
			lapsed = append(lapsed, p)
		}
	}
	rand.Shuffle(len(lapsed), func(i, j int) { lapsed[i], lapsed[j] = lapsed[j], lapsed[i] })
	return lapsed, nil
}

// takeFrom moves lanes of a lapsed pod. When none is left, the pod is forgotten: should it live, its next Renew tells.
func (c *Cache) takeFrom(ctx context.Context, from, to string, limit int) ([]store.Conv, error) {
	var claim *redis.Cmd
	err := c.pipeline(ctx, "claim lanes", func(ctx context.Context, pipe redis.Pipeliner) {
		keys := []string{c.leaseKey(from), c.lanesKey(from), c.claimKey(from)}
		claim = pipe.Eval(ctx, claimScript, keys, to, claimTTL.Milliseconds(), limit)
	})
	if err != nil {
		return nil, err
	}
	found, err := claim.StringSlice()
	switch {
	case errors.Is(err, redis.Nil):
		return nil, nil // it is alive again, or another takes them
	case err != nil:
		return nil, wrap("claim lanes", err)
	}
	lanes := make([]store.Conv, 0, len(found))
	for _, m := range found {
		// What does not parse was never a lane: it goes from there and does not come here.
		if v, err := parseMember(m); err == nil {
			lanes = append(lanes, v)
		}
	}
	if err := c.Register(ctx, to, lanes...); err != nil {
		return nil, err
	}
	err = c.pipeline(ctx, "take lanes", func(ctx context.Context, pipe redis.Pipeliner) {
		if len(found) > 0 {
			pipe.SRem(ctx, c.lanesKey(from), anys(found)...)
		} else {
			pipe.SRem(ctx, c.podsKey(), from)
		}
		pipe.Eval(ctx, releaseScript, []string{c.claimKey(from)}, to)
	})
	return lanes, err
}

func parseMember(m string) (store.Conv, error) {
	tenant, id, ok := strings.Cut(m, "#")
	if !ok {
		return store.Conv{}, fmt.Errorf("%w: a lane without tenant", store.ErrInvalidID)
	}
	tenant, err := store.Unescape(tenant)
	if err != nil {
		return store.Conv{}, err
	}
	if id, err = store.Unescape(id); err != nil {
		return store.Conv{}, err
	}
	return store.NewConv(store.Tenant(tenant), id)
}
