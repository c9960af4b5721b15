package cache

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/chatcluster/chatcluster/runtime/store"
)

// routesRead bounds the keys that one command reads.
const routesRead = 1000

// Away says of each group of users, and in it of each of the gateways' instances, whether it is certain that no device of the
// group is connected there. It is not where the gateway's lease is missing, whatever the reason.
func (c *Cache) Away(ctx context.Context, instances []string, groups [][]store.User) ([][]bool, error) {
	read := c.reader()
	for _, users := range groups {
		for _, u := range users {
			read.user(u)
			for _, in := range instances {
				read.add(c.shard(u), c.gatewayKey(c.shard(u), in))
			}
		}
	}
	if err := read.run(ctx); err != nil {
		return nil, err
	}
	away := make([][]bool, len(groups))
	for g, users := range groups {
		at := map[string]bool{}
		leased := map[int]bool{}
		for _, u := range users {
			leased[c.shard(u)] = true
			_, routes := read.routes(u)
			for _, r := range routes {
				at[r.instance] = true
			}
		}
		away[g] = make([]bool, len(instances))
		for i, in := range instances {
			away[g][i] = !at[in]
			for shard := range leased {
				_, ok := read.got[c.gatewayKey(shard, in)]
				away[g][i] = away[g][i] && ok
			}
		}
	}
	return away, nil
}

// Presence is whether a user is connected.
type Presence struct {
	User store.User
	// Known is false when Redis has lost routes, or is filled again just now.
	Known  bool
	Online bool
	// LastSeen is when a user who is not online was last connected, zero when that is not known.
	LastSeen time.Time
}

// Presence returns whether each of the users is connected, in their order.
func (c *Cache) Presence(ctx context.Context, users []store.User) ([]Presence, error) {
	read := c.reader()
	for _, u := range users {
		read.user(u)
		read.add(c.shard(u), c.generationKey(c.shard(u)))
	}
	if err := read.run(ctx); err != nil {
		return nil, err
	}
	leases := c.reader()
	for _, u := range users {
		_, routes := read.routes(u)
		for _, r := range routes {
			leases.add(c.shard(u), c.gatewayKey(c.shard(u), r.instance))
		}
	}
	if err := leases.run(ctx); err != nil {
		return nil, err
	}
	now := time.Now()
	out := make([]Presence, len(users))
	for i, u := range users {
		p := Presence{User: u}
		seen, routes := read.routes(u)
		for _, r := range routes {
			if _, ok := leases.got[c.gatewayKey(c.shard(u), r.instance)]; ok {
				p.Online = true
			}
			seen = max(seen, r.at)
		}
		// A young generation is one in which gateways may not have registered everybody yet.
		begun, ok := read.got[c.generationKey(c.shard(u))]
		p.Known = p.Online || ok && now.Sub(time.UnixMilli(int64(seqOf(begun)))) > 2*c.lease
		if !p.Online && seen > 0 {
			p.LastSeen = time.UnixMilli(seen)
		}
		out[i] = p
	}
	return out, nil
}

// Connection is a device's.
type Connection struct {
	Device string
	Since  time.Time
}

// Connections returns the user's at gateways that hold their lease, ordered by device.
func (c *Cache) Connections(ctx context.Context, u store.User) ([]Connection, error) {
	read := c.reader()
	read.user(u)
	if err := read.run(ctx); err != nil {
		return nil, err
	}
	_, routes := read.routes(u)
	leases := c.reader()
	for _, r := range routes {
		leases.add(c.shard(u), c.gatewayKey(c.shard(u), r.instance))
	}
	if err := leases.run(ctx); err != nil {
		return nil, err
	}
	var out []Connection
	for _, r := range routes {
		if _, ok := leases.got[c.gatewayKey(c.shard(u), r.instance)]; ok {
			out = append(out, Connection{Device: r.device, Since: time.UnixMicro(int64(r.epoch))})
		}
	}
	slices.SortFunc(out, func(a, b Connection) int { return strings.Compare(a.Device, b.Device) })
	return out, nil
}

// route is a line of a user's routes.
type route struct {
	device, instance string
	epoch            uint64
	at               int64
}

// parseRoutes reads what the scripts write; a line that is none is passed over.
func parseRoutes(s string) (seen int64, routes []route) {
	first, rest, _ := strings.Cut(s, "\n")
	seen, _ = strconv.ParseInt(first, 10, 64)
	for line := range strings.Lines(rest) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(f) != 4 {
			continue
		}
		at, err := strconv.ParseInt(f[3], 10, 64)
		if err != nil {
			continue
		}
		routes = append(routes, route{device: f[0], instance: f[1], epoch: seqOf(f[2]), at: at})
	}
	return max(seen, 0), routes
}

// shardReader reads many keys with few commands: one for each shard, however many users there are.
type shardReader struct {
	c    *Cache
	keys []map[string]struct{}
	got  map[string]string
}

func (c *Cache) reader() *shardReader {
	return &shardReader{c: c, keys: make([]map[string]struct{}, c.shards), got: map[string]string{}}
}

func (r *shardReader) user(u store.User) { r.add(r.c.shard(u), r.c.routeKey(u)) }

func (r *shardReader) add(shard int, key string) {
	if r.keys[shard] == nil {
		r.keys[shard] = map[string]struct{}{}
	}
	r.keys[shard][key] = struct{}{}
}

func (r *shardReader) run(ctx context.Context) error {
	type read struct {
		keys []string
		cmd  *redis.SliceCmd
	}
	var reads []read
	err := r.c.pipeline(ctx, "read routes", func(ctx context.Context, pipe redis.Pipeliner) {
		for _, set := range r.keys {
			all := make([]string, 0, len(set))
			for k := range set {
				all = append(all, k)
			}
			for keys := range slices.Chunk(all, routesRead) {
				reads = append(reads, read{keys, pipe.MGet(ctx, keys...)})
			}
		}
	})
	if err != nil {
		return err
	}
	for _, one := range reads {
		values := one.cmd.Val()
		if len(values) != len(one.keys) {
			return fmt.Errorf("redis: read routes: %d answers for %d keys", len(values), len(one.keys))
		}
		for i, v := range values {
			if s, ok := v.(string); ok {
				r.got[one.keys[i]] = s
			}
		}
	}
	return nil
}

// routes are the user's, of what was read.
func (r *shardReader) routes(u store.User) (seen int64, routes []route) {
	return parseRoutes(r.got[r.c.routeKey(u)])
}
