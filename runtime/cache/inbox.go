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
	inboxTTL = time.Hour
	// versionTTL is how long a reader may take between ListVersion and PutList.
	versionTTL = time.Minute
	// dropHold is for how long after a drop nobody may put a list: a reader of a database replica may still see the old one.
	dropHold = 5 * time.Second
)

// Fields that are read from outside of the scripts.
const (
	listField = "l"
	dataField = "d"
)

// versionScript returns the list's version; it sets it to ARGV[1] for ARGV[2] milliseconds where there is none. Empty while
// a drop holds.
const versionScript = `
if redis.call('HEXISTS', KEYS[1], 'h') == 1 then return '' end
local v = redis.call('HGET', KEYS[1], 'v')
if v then return v end
redis.call('HSET', KEYS[1], 'v', ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return ARGV[1]
`

// putListScript stores list ARGV[2] for ARGV[3] milliseconds while the version is still ARGV[1].
const putListScript = `
if redis.call('HGET', KEYS[1], 'v') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'l', ARGV[2])
return redis.call('PEXPIRE', KEYS[1], ARGV[3])
`

// dropScript forgets list and version, and holds new ones off for ARGV[1] milliseconds.
const dropScript = `
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'h', '1')
return redis.call('PEXPIRE', KEYS[1], ARGV[1])
`

// putSummaryScript stores summary ARGV[2] as of seq ARGV[1] for ARGV[3] milliseconds unless a newer one is there.
const putSummaryScript = higher + `
local old = redis.call('HGET', KEYS[1], 's')
if old and higher(old, ARGV[1]) then return 0 end
redis.call('HSET', KEYS[1], 's', ARGV[1], 'd', ARGV[2])
return redis.call('PEXPIRE', KEYS[1], ARGV[3])
`

// Summary is a conversation's summary as of Seq.
type Summary struct {
	Conv store.Conv
	Seq  uint64
	Data []byte
}

func (c *Cache) listKey(u store.User) string { return c.prefix + "l#" + userTag(u) }

func (c *Cache) summaryKey(v store.Conv) string { return c.prefix + "s#" + convTag(v) }

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
// between, or Redis is emptied, PutList stores nothing. It is empty for a few seconds after a DropList.
func (c *Cache) ListVersion(ctx context.Context, u store.User) (string, error) {
	var cmd *redis.Cmd
	err := c.pipeline(ctx, "read list version", func(ctx context.Context, pipe redis.Pipeliner) {
		cmd = pipe.Eval(ctx, versionScript, []string{c.listKey(u)}, uuid.NewString(), versionTTL.Milliseconds())
	})
	if err != nil {
		return "", err
	}
	version, err := cmd.Text()
	return version, wrap("read list version", err)
}

// PutList stores the user's list, for an hour, if version is still the list's. An empty version stores nothing.
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
		pipe.Eval(ctx, putListScript, []string{c.listKey(u)}, version, data, jittered(inboxTTL).Milliseconds())
	})
}

// DropList forgets the users' lists. It is called after the database has committed what changes them.
func (c *Cache) DropList(ctx context.Context, users ...store.User) error {
	return c.pipeline(ctx, "drop lists", func(ctx context.Context, pipe redis.Pipeliner) {
		for _, u := range users {
			pipe.Eval(ctx, dropScript, []string{c.listKey(u)}, dropHold.Milliseconds())
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

// PutSummaries stores each summary, for an hour, unless a newer one is there.
func (c *Cache) PutSummaries(ctx context.Context, summaries []Summary) error {
	return c.pipeline(ctx, "put summaries", func(ctx context.Context, pipe redis.Pipeliner) {
		for _, s := range summaries {
			pipe.Eval(ctx, putSummaryScript, []string{c.summaryKey(s.Conv)},
				strconv.FormatUint(s.Seq, 10), s.Data, jittered(inboxTTL).Milliseconds())
		}
	})
}
