package cache

import (
	"context"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"github.com/chatcluster/chatcluster/runtime/store"
)

// ForgetUser deletes what is known of the user: routes, the list, rates, and the marks in these conversations. What is left of the list is a
// version, for two hours: a reader who has read the database before puts nothing after it.
func (c *Cache) ForgetUser(ctx context.Context, u store.User, convs []store.Conv) error {
	keys := []string{c.routeKey(u), c.prefix + "pr#" + userTag(u)}
	for _, v := range convs {
		keys = append(keys, c.marksKey(u, v))
	}
	for len(keys) > 0 {
		n := min(len(keys), forgetChunk)
		// Each key by itself: in a cluster they are in different slots.
		err := c.pipeline(ctx, "forget a user", func(ctx context.Context, pipe redis.Pipeliner) {
			for _, k := range keys[:n] {
				pipe.Unlink(ctx, k)
			}
		})
		if err != nil {
			return err
		}
		keys = keys[n:]
	}
	return c.pipeline(ctx, "forget a user", func(ctx context.Context, pipe redis.Pipeliner) {
		pipe.Eval(ctx, dropScript, []string{c.listKey(u), c.listQuietKey(u)}, uuid.NewString(), quietTTL.Milliseconds())
	})
}

// forgetChunk is how many keys go at a time.
const forgetChunk = 500
