package cache

import (
	"context"
	"encoding/json"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"github.com/chatcluster/chatcluster/runtime/store"
)

const (
	// inboxTTL is how long lists and summaries are kept at most, and a sixth longer.
	inboxTTL = time.Hour
	// quietTTL is how long it is remembered since when nothing has changed: beyond inboxTTL and a sixth it makes no difference.
	quietTTL = 2 * time.Hour
	// quietMin is how long nothing must have changed before a reader may put anything.
	quietMin = time.Second
)

// Fields that are read from outside of the scripts.
const (
	listField = "l"
	dataField = "d"
)

// What a reader puts may be older than it knows: it came from a replica of the database that lags, and the drop or the put
// that would have told may be gone with an emptied Redis. So it lives only for as long as the key beside it, the quiet key, has
// lived, which begins anew with each change and with each emptying: what is wrong is so for about as long again as the replica
// lagged. How long a quiet key has lived is quietTTL less what it has left.

// lifetime is the Lua function that says for how many milliseconds, at most max, a reader's put may live.
const lifetime = `
local function lifetime(quiet, total, least, max)
  local left = redis.call('PTTL', quiet)
  if left < 0 or total - left < tonumber(least) then return 0 end
  return math.min(total - left, max)
end
`

// versionScript returns the list's version, the quiet key's value; it sets it to ARGV[1] for ARGV[2] milliseconds where there
// is none.
const versionScript = `
local v = redis.call('GET', KEYS[1])
if v then return v end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return ARGV[1]
`

// putListScript stores list ARGV[2] for at most ARGV[3] milliseconds while the version is still ARGV[1].
const putListScript = lifetime + `
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
local ttl = lifetime(KEYS[2], ARGV[4], ARGV[5], ARGV[3])
if ttl == 0 then return 0 end
redis.call('HSET', KEYS[1], 'l', ARGV[2])
return redis.call('PEXPIRE', KEYS[1], ttl)
`

// dropScript forgets the list, and begins version ARGV[1] for ARGV[2] milliseconds.
const dropScript = `
redis.call('DEL', KEYS[1])
return redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
`

// putSummaryScript stores summary ARGV[2] as of seq ARGV[1] for ARGV[3] milliseconds unless a newer one is there.
const putSummaryScript = higher + `
local old = redis.call('HGET', KEYS[1], 's')
if old and higher(old, ARGV[1]) then return 0 end
redis.call('HSET', KEYS[1], 's', ARGV[1], 'd', ARGV[2])
redis.call('SET', KEYS[2], '', 'PX', ARGV[4])
return redis.call('PEXPIRE', KEYS[1], ARGV[3])
`

// offerSummaryScript stores summary ARGV[2] as of seq ARGV[1] for at most ARGV[3] milliseconds unless that or a newer one is
// there.
const offerSummaryScript = higher + lifetime + `
if redis.call('EXISTS', KEYS[2]) == 0 then
  redis.call('SET', KEYS[2], '', 'PX', ARGV[4])
  return 0
end
local old = redis.call('HGET', KEYS[1], 's')
if old and not higher(ARGV[1], old) then return 0 end
local ttl = lifetime(KEYS[2], ARGV[4], ARGV[5], ARGV[3])
if ttl == 0 then return 0 end
redis.call('HSET', KEYS[1], 's', ARGV[1], 'd', ARGV[2])
return redis.call('PEXPIRE', KEYS[1], ttl)
`

// Summary is a conversation's summary as of Seq.
type Summary struct {
	Conv store.Conv
	Seq  uint64
	Data []byte
}

func (c *Cache) listKey(u store.User) string { return c.prefix + "l#" + userTag(u) }

func (c *Cache) listQuietKey(u store.User) string { return c.prefix + "lq#" + userTag(u) }

func (c *Cache) summaryKey(v store.Conv) string { return c.prefix + "s#" + convTag(v) }

func (c *Cache) summaryQuietKey(v store.Conv) string { return c.prefix + "sq#" + convTag(v) }

// List returns the user's list; not ok when it is not known.
func (c *Cache) List(ctx context.Context, u store.User) (list []string, ok bool, err error) {
	var cmd *redis.StringCmd
	err = c.pipeline(ctx, "read list", func(ctx context.Context, pipe redis.Pipeliner) {
		cmd = pipe.HGet(ctx, c.listKey(u), listField)
	})
	if err != nil || cmd.Err() != nil {
		return nil, false, err
	}
	if broken := json.Unmarshal([]byte(cmd.Val()), &list); broken != nil {
		list = nil
	}
	return list, list != nil, nil
}

// ListVersion returns what PutList asks for. A reader takes it before it reads the database: when a DropList comes in
// between, or Redis is emptied, PutList stores nothing.
func (c *Cache) ListVersion(ctx context.Context, u store.User) (string, error) {
	var cmd *redis.Cmd
	err := c.pipeline(ctx, "read list version", func(ctx context.Context, pipe redis.Pipeliner) {
		cmd = pipe.Eval(ctx, versionScript, []string{c.listQuietKey(u)}, uuid.NewString(), quietTTL.Milliseconds())
	})
	if err != nil {
		return "", err
	}
	version, err := cmd.Text()
	return version, wrap("read list version", err)
}

// PutList stores the user's list if version is still the list's, for as long as it has been, at most about an hour. Within a
// second of a DropList, or of an emptying of Redis, it stores nothing.
func (c *Cache) PutList(ctx context.Context, u store.User, list []string, version string) error {
	if version == "" {
		return ctx.Err()
	}
	if list == nil {
		list = []string{}
	}
	data, err := json.Marshal(list)
	if err != nil {
		return wrap("encode list", err)
	}
	return c.pipeline(ctx, "put list", func(ctx context.Context, pipe redis.Pipeliner) {
		pipe.Eval(ctx, putListScript, []string{c.listKey(u), c.listQuietKey(u)},
			version, data, jittered(inboxTTL).Milliseconds(), quietTTL.Milliseconds(), quietMin.Milliseconds())
	})
}

// DropList forgets the users' lists. It is called after the database has committed what changes them.
func (c *Cache) DropList(ctx context.Context, users ...store.User) error {
	return c.pipeline(ctx, "drop lists", func(ctx context.Context, pipe redis.Pipeliner) {
		for _, u := range users {
			pipe.Eval(ctx, dropScript, []string{c.listKey(u), c.listQuietKey(u)}, uuid.NewString(), quietTTL.Milliseconds())
		}
	})
}

// Summaries returns the conversations' summaries, in their order; nil where one is not known.
func (c *Cache) Summaries(ctx context.Context, convs []store.Conv) ([][]byte, error) {
	cmds := make([]*redis.StringCmd, len(convs))
	err := c.pipeline(ctx, "read summaries", func(ctx context.Context, pipe redis.Pipeliner) {
		for i, v := range convs {
			cmds[i] = pipe.HGet(ctx, c.summaryKey(v), dataField)
		}
	})
	if err != nil {
		return nil, err
	}
	data := make([][]byte, len(convs))
	for i, cmd := range cmds {
		if cmd.Err() == nil {
			data[i] = []byte(cmd.Val())
		}
	}
	return data, nil
}

// PutSummaries stores each summary, for an hour, unless a newer one is there. It is for whoever has just committed them: a
// reader of the database, who cannot know whether there is a newer one, offers them.
func (c *Cache) PutSummaries(ctx context.Context, summaries []Summary) error {
	return c.pipeline(ctx, "put summaries", func(ctx context.Context, pipe redis.Pipeliner) {
		for _, s := range summaries {
			pipe.Eval(ctx, putSummaryScript, []string{c.summaryKey(s.Conv), c.summaryQuietKey(s.Conv)},
				strconv.FormatUint(s.Seq, 10), s.Data, jittered(inboxTTL).Milliseconds(), quietTTL.Milliseconds())
		}
	})
}

// OfferSummaries stores what a reader of the database has found, unless that or a newer one is there: for as long as the
// conversation is known not to have changed, at most about an hour. Within a second of a change, or of an emptying of Redis, it
// stores nothing.
func (c *Cache) OfferSummaries(ctx context.Context, summaries []Summary) error {
	return c.pipeline(ctx, "offer summaries", func(ctx context.Context, pipe redis.Pipeliner) {
		for _, s := range summaries {
			pipe.Eval(ctx, offerSummaryScript, []string{c.summaryKey(s.Conv), c.summaryQuietKey(s.Conv)},
				strconv.FormatUint(s.Seq, 10), s.Data, jittered(inboxTTL).Milliseconds(), quietTTL.Milliseconds(), quietMin.Milliseconds())
		}
	})
}
