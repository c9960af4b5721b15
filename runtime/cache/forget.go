package cache

import (
	"context"
	"strings"

	"github.com/redis/go-redis/v9"
)

// scanCount is how many keys Redis looks at for one answer.
const scanCount = 1000

// globEscape has a pattern match its characters as they are.
var globEscape = strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`)

// ForgetInboxes forgets every list and summary, as an emptied Redis does: for when it was not told what has changed. A reader who has read
// the database before puts nothing after it. It takes a while; until it is done what is cached may still show.
func (c *Cache) ForgetInboxes(ctx context.Context) error {
	if cluster, ok := c.redis.(*redis.ClusterClient); ok {
		return wrap("forget inboxes", cluster.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error {
			return c.forgetInboxes(ctx, node)
		}))
	}
	return wrap("forget inboxes", c.forgetInboxes(ctx, c.redis))
}

// forgetInboxes is ForgetInboxes for one node.
func (c *Cache) forgetInboxes(ctx context.Context, node redis.Cmdable) error {
	match := globEscape.Replace(c.prefix) + "[ls]*"
	for cursor := uint64(0); ; {
		keys, next, err := c.scan(ctx, node.Scan, cursor, match)
		if err != nil {
			return err
		}
		pipe := node.Pipeline()
		for _, key := range keys {
			for _, kind := range []string{"l#", "lq#", "s#", "sq#"} {
				if strings.HasPrefix(key, c.prefix+kind) {
					pipe.Unlink(ctx, key)
				}
			}
		}
		if err := c.send(ctx, pipe); err != nil {
			return err
		}
		if next == 0 {
			return nil
		}
		cursor = next
	}
}

func (c *Cache) scan(ctx context.Context, scan func(context.Context, uint64, string, int64) *redis.ScanCmd, cursor uint64, match string) ([]string, uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, opTimeout)
	defer cancel()
	return scan(ctx, cursor, match, scanCount).Result()
}

func (c *Cache) send(ctx context.Context, pipe redis.Pipeliner) error {
	if pipe.Len() == 0 {
		return ctx.Err()
	}
	ctx, cancel := context.WithTimeout(ctx, opTimeout)
	defer cancel()
	_, err := pipe.Exec(ctx)
	return err
}
