package cache

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/redis/go-redis/v9"

	"github.com/chatcluster/chatcluster/runtime/store"
)

const (
	// routeTTL is how long a user is remembered, and when the user was last seen.
	routeTTL = 30 * 24 * time.Hour
	// routeStale is after how long without renewal a route is forgotten when its user's are written: its gateway is gone.
	routeStale = 10 * time.Minute
	// registeringTTL is how long a gateway may take to register its connections again.
	registeringTTL = time.Minute
	// clusterShards is how many slots routes are spread over in cluster mode. It bounds the commands of one lookup.
	clusterShards = 16
	// routesChunk bounds the routes that one script writes.
	routesChunk = 100
)

// Route is a device's connection.
type Route struct {
	User   store.User
	Device string
	// Epoch orders the connections of a device: the highest is the newest. Microseconds since 1970, by the gateway's clock.
	Epoch uint64
	// New says that the connection was never registered: its epoch is when it was accepted, and is corrected where the gateway's clock
	// is more than a second from that of Redis.
	New bool
}

// Held is what became of a route.
type Held struct {
	// Epoch is the route's epoch from now on, 0 where a newer connection elsewhere has replaced it.
	Epoch uint64
	// Holder is the other gateway that held the device before, or, with Epoch 0, holds it. Empty when there is none.
	Holder string
}

func shardTag(shard int) string { return "{r" + strconv.Itoa(shard) + "}" }

// shard is where the user's routes are: a few slots for all, so that those of many users are read with few commands.
func (c *Cache) shard(u store.User) int {
	return int(xxhash.Sum64String(userTag(u)) % uint64(c.shards))
}

func (c *Cache) routeKey(u store.User) string {
	return c.prefix + "u#" + shardTag(c.shard(u)) + "#" + store.Escape(string(u.Tenant())) + "#" + store.Escape(u.ID())
}

func (c *Cache) gatewayKey(shard int, instance string) string {
	return c.prefix + "g#" + shardTag(shard) + "#" + store.Escape(instance)
}

func (c *Cache) registeringKey(shard int, instance string) string {
	return c.prefix + "gr#" + shardTag(shard) + "#" + store.Escape(instance)
}

func (c *Cache) generationKey(shard int) string { return c.prefix + "gen#" + shardTag(shard) }

// PutRoutes registers the routes of an instance, or renews them, and answers for each in order. A device has one: the newest.
// Repeatable, though no longer as New: after an error some may have been registered.
func (c *Cache) PutRoutes(ctx context.Context, instance string, routes []Route) ([]Held, error) {
	if err := checkRoutes(instance, routes); err != nil {
		return nil, err
	}
	held := make([]Held, len(routes))
	args := []any{routeTTL.Milliseconds(), time.Now().UnixMilli(), routeStale.Milliseconds(), instance}
	arg := func(r Route) []any { return []any{r.Device, strconv.FormatUint(r.Epoch, 10), r.New} }
	err := c.eachChunk(ctx, "put routes", putRoutesScript, routes, args, arg, func(at []int, answer []string) error {
		if len(answer) != 2*len(at) {
			return errors.New("redis: put routes: an answer of the wrong length")
		}
		for i, n := range at {
			held[n] = Held{Epoch: seqOf(answer[2*i]), Holder: answer[2*i+1]}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return held, nil
}

// DropRoutes removes the routes of connections that have ended, unless newer ones have their place, and notes that their users
// were last seen now. Repeatable.
func (c *Cache) DropRoutes(ctx context.Context, instance string, routes []Route) error {
	if err := checkRoutes(instance, routes); err != nil {
		return err
	}
	args := []any{routeTTL.Milliseconds(), time.Now().UnixMilli(), instance}
	arg := func(r Route) []any { return []any{r.Device, strconv.FormatUint(r.Epoch, 10)} }
	return c.eachChunk(ctx, "drop routes", dropRoutesScript, routes, args, arg, nil)
}

// checkRoutes keeps separators out of what is written.
func checkRoutes(instance string, routes []Route) error {
	errs := []error{store.CheckDevice(instance)}
	for _, r := range routes {
		errs = append(errs, store.CheckDevice(r.Device))
	}
	return errors.Join(errs...)
}

// eachChunk runs a script over the routes of one shard at a time, a bounded number each. answer gets the places of a chunk's
// routes with what the script answered.
func (c *Cache) eachChunk(ctx context.Context, what, script string, routes []Route, args []any, arg func(Route) []any, answer func([]int, []string) error) error {
	shards := make([][]int, c.shards)
	for i, r := range routes {
		n := c.shard(r.User)
		shards[n] = append(shards[n], i)
	}
	type chunk struct {
		at  []int
		cmd *redis.Cmd
	}
	var chunks []chunk
	err := c.pipeline(ctx, what, func(ctx context.Context, pipe redis.Pipeliner) {
		for _, all := range shards {
			for at := range slices.Chunk(all, routesChunk) {
				keys, argv := make([]string, len(at)), slices.Clone(args)
				for i, n := range at {
					keys[i] = c.routeKey(routes[n].User)
					argv = append(argv, arg(routes[n])...)
				}
				chunks = append(chunks, chunk{at, pipe.Eval(ctx, script, keys, argv...)})
			}
		}
	})
	if err != nil || answer == nil {
		return err
	}
	for _, ch := range chunks {
		got, err := ch.cmd.StringSlice()
		if err != nil {
			return wrap(what, err)
		}
		if err := answer(ch.at, got); err != nil {
			return err
		}
	}
	return nil
}
