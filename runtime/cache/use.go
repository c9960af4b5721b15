package cache

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/chatcluster/chatcluster/runtime/store"
)

// useLife is for how long a pod's use counts after it was told.
const useLife = 15 * time.Second

// Use is what other pods see of a tenant.
type Use struct {
	// Total is theirs together, Pods how many have any.
	Total int64
	Pods  int
}

// useScript notes ARGV[1]'s use ARGV[2] in KEYS[1] and answers what the others told within ARGV[3] seconds, and how many have any. The time
// is Redis' own: pods' clocks differ.
//
//nolint:dupword // Lua ends one block after another
const useScript = `
local now = tonumber(redis.call('TIME')[1])
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. ' ' .. string.format('%.0f', now))
redis.call('EXPIRE', KEYS[1], ARGV[3])
local all, sum, pods = redis.call('HGETALL', KEYS[1]), 0, 0
for i = 1, #all, 2 do
  local n, at = string.match(all[i+1], '^(%d+) (%d+)$')
  if not n or now - tonumber(at) > tonumber(ARGV[3]) then
    redis.call('HDEL', KEYS[1], all[i])
  elseif all[i] ~= ARGV[1] and n ~= '0' then
    sum, pods = sum + tonumber(n), pods + 1
  end
end
return string.format('%.0f %.0f', sum, pods)
`

// ShareUse tells of the pod's use of what is counted, and returns the others' for each of the tenants.
func (c *Cache) ShareUse(ctx context.Context, what, pod string, use map[store.Tenant]int64) (map[store.Tenant]Use, error) {
	answers := make(map[store.Tenant]*redis.Cmd, len(use))
	err := c.pipeline(ctx, "share use", func(ctx context.Context, pipe redis.Pipeliner) {
		for t, n := range use {
			key := c.prefix + "use#" + what + "#{" + store.Escape(string(t)) + "}"
			answers[t] = pipe.Eval(ctx, useScript, []string{key}, pod, max(n, 0), int(useLife.Seconds()))
		}
	})
	if err != nil {
		return nil, err
	}
	others := make(map[store.Tenant]Use, len(answers))
	for t, a := range answers {
		text, err := a.Text()
		if err != nil {
			return nil, wrap("share use", err)
		}
		total, pods, _ := strings.Cut(text, " ")
		n, err := strconv.ParseInt(total, 10, 64)
		p, perr := strconv.Atoi(pods)
		if err := errors.Join(err, perr); err != nil {
			return nil, fmt.Errorf("redis: share use: %w", err)
		}
		others[t] = Use{Total: n, Pods: p}
	}
	return others, nil
}
