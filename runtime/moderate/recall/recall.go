package recall

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/chatcluster/chatcluster/runtime/store"
)

// Bounds of what is remembered.
const (
	// MaxRecent is how many of a sender's latest messages are remembered.
	MaxRecent = 256
	// MaxContacts is how many of a sender's conversations are: the latest ones. Who writes to one that is forgotten, begins anew with it.
	MaxContacts = 1000
	// MaxSpread is in how many conversations a text is known to be.
	MaxSpread = 1024
)

const (
	opTimeout = time.Second
	// chunk is how many scripts a pipeline has, so that its deadline does not depend on how many messages there are.
	chunk       = 100
	contactsTTL = 30 * 24 * time.Hour
	sinceTTL    = 90 * 24 * time.Hour
)

// Sent is a message as it is remembered.
type Sent struct {
	// Conv stands for the conversation, among those of its tenant.
	Conv, Seq uint64
	// Print is a hash of the text, by which it is compared; 0: it is not.
	Print uint64
	At    time.Time
}

// Note is what a sender has done.
type Note struct {
	Sender store.User
	// Seen is when.
	Seen time.Time
	// Sent are messages to remember.
	Sent []Sent
	// Contacts says to remember to whom.
	Contacts bool
}

// Known is what is known of a sender, the note included.
type Known struct {
	// First is when the sender was first seen.
	First time.Time
	// Since is since when this tenant's senders are remembered: who was first seen soon after it need not be new.
	Since time.Time
	// Recent are messages from a window before the note's first one to its last one, by time.
	Recent []Sent
	// Contacts is when conversations got their first message, of those that did in that time, by time.
	Contacts []time.Time
}

// NewAt says that at a time the sender was first seen less than age before.
func (k Known) NewAt(at time.Time, age time.Duration) bool {
	return !k.First.IsZero() && at.Sub(k.First) < age && k.First.Sub(k.Since) >= age
}

// Text is a text that is in a conversation.
type Text struct {
	Tenant store.Tenant
	Print  uint64
	Conv   uint64
	At     time.Time
}

// Options of a Redis.
type Options struct {
	// KeyPrefix starts every key, Detector comes next.
	KeyPrefix, Detector string
	// Window is how long before a message others count with it.
	Window time.Duration
}

// Redis remembers.
type Redis struct {
	client redis.UniversalClient
	prefix string
	window time.Duration
}

// New returns what remembers in that Redis. Close closes the client.
func New(client redis.UniversalClient, o Options) *Redis {
	return &Redis{client: client, prefix: o.KeyPrefix + "mod#" + o.Detector + "#", window: o.Window}
}

// Close closes the connections.
func (r *Redis) Close() error { return r.client.Close() }

// noteScript remembers what a sender did. KEYS: recent, contacts. ARGV: the time to live of each, their bounds, when the sender was seen, from and to when
// to answer, whether to remember contacts; and then each message's time and member, whose first 8 bytes are its conversation.
var noteScript = redis.NewScript(`
local recent, contacts = KEYS[1], KEYS[2]
redis.call('ZADD', contacts, 'LT', ARGV[5], '')
for i = 9, #ARGV, 2 do
  if ARGV[8] == '1' then redis.call('ZADD', contacts, 'LT', ARGV[i], string.sub(ARGV[i + 1], 1, 8)) end
  redis.call('ZADD', recent, ARGV[i], ARGV[i + 1])
end
if #ARGV > 8 then
  redis.call('ZREMRANGEBYRANK', recent, 0, -1 - ARGV[3])
  redis.call('PEXPIRE', recent, ARGV[1])
  redis.call('ZREMRANGEBYRANK', contacts, 1, -ARGV[4])
end
redis.call('PEXPIRE', contacts, ARGV[2])
local known = {}
if ARGV[8] == '1' then known = redis.call('ZRANGEBYSCORE', contacts, ARGV[6], ARGV[7], 'WITHSCORES') end
return {
  redis.call('ZSCORE', contacts, ''),
  redis.call('ZRANGEBYSCORE', recent, ARGV[6], ARGV[7], 'WITHSCORES'),
  known,
}
`)

// textScript remembers that a text is in conversation ARGV[2] since ARGV[1], and returns in how many it was from ARGV[3] to then.
var textScript = redis.NewScript(`
redis.call('ZADD', KEYS[1], 'LT', ARGV[1], ARGV[2])
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -1 - ARGV[5])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return redis.call('ZCOUNT', KEYS[1], ARGV[3], ARGV[1])
`)

// Note remembers what senders did and returns what is known of each, in their order.
func (r *Redis) Note(ctx context.Context, notes []Note) ([]Known, error) {
	known := make([]Known, 0, len(notes))
	for part := range slices.Chunk(notes, chunk) {
		some, err := r.note(ctx, part)
		if err != nil {
			return nil, err
		}
		known = append(known, some...)
	}
	return known, ctx.Err()
}

func (r *Redis) note(ctx context.Context, notes []Note) ([]Known, error) {
	cmds := make([]*redis.Cmd, len(notes))
	since := map[store.Tenant]*redis.StringCmd{}
	err := r.pipeline(ctx, "note senders", func(ctx context.Context, pipe redis.Pipeliner) {
		for i, n := range notes {
			tenant := n.Sender.Tenant()
			if since[tenant] == nil {
				key := r.prefix + "since#{" + store.Escape(string(tenant)) + "}"
				pipe.SetNX(ctx, key, n.Seen.UnixMilli(), sinceTTL)
				pipe.PExpire(ctx, key, sinceTTL)
				since[tenant] = pipe.Get(ctx, key)
			}
			cmds[i] = pipe.EvalSha(ctx, noteScript.Hash(), r.keysOf(n.Sender), r.noteArgs(n)...)
		}
	})
	if err != nil {
		return nil, err
	}
	known := make([]Known, len(notes))
	for i, cmd := range cmds {
		if known[i], err = parseKnown(cmd); err != nil {
			return nil, fmt.Errorf("redis: note senders: %w", err)
		}
		known[i].Since = millis(since[notes[i].Sender.Tenant()].Val())
	}
	return known, nil
}

// keysOf are a sender's keys: what it sent lately, and to whom.
func (r *Redis) keysOf(u store.User) []string {
	tag := "{" + store.Escape(string(u.Tenant())) + "#" + store.Escape(u.ID()) + "}"
	return []string{r.prefix + "r#" + tag, r.prefix + "k#" + tag}
}

// Forget deletes what is remembered of a sender, for good: what it sends later begins anew. In which conversations its texts are is
// under the texts' hashes, says nothing of who sent them, and expires.
func (r *Redis) Forget(ctx context.Context, u store.User) error {
	ctx, cancel := context.WithTimeout(ctx, opTimeout)
	defer cancel()
	if err := r.client.Unlink(ctx, r.keysOf(u)...).Err(); err != nil {
		return fmt.Errorf("redis: forget a sender: %w", err)
	}
	return nil
}

func (r *Redis) noteArgs(n Note) []any {
	from, to := n.Seen, n.Seen
	for _, s := range n.Sent {
		if s.At.Before(from) {
			from = s.At
		}
		if s.At.After(to) {
			to = s.At
		}
	}
	contacts := 0
	if n.Contacts {
		contacts = 1
	}
	args := make([]any, 0, 8+2*len(n.Sent))
	args = append(args, jittered(2*r.window).Milliseconds(), jittered(contactsTTL).Milliseconds(), MaxRecent, MaxContacts,
		from.UnixMilli(), from.Add(-r.window).UnixMilli(), to.UnixMilli(), contacts)
	for _, s := range n.Sent {
		args = append(args, s.At.UnixMilli(), member(s))
	}
	return args
}

// Spread remembers where texts are and returns in how many conversations each was by then, within the window, this one included.
func (r *Redis) Spread(ctx context.Context, texts []Text) ([]int, error) {
	spread := make([]int, 0, len(texts))
	for part := range slices.Chunk(texts, chunk) {
		some, err := r.spread(ctx, part)
		if err != nil {
			return nil, err
		}
		spread = append(spread, some...)
	}
	return spread, ctx.Err()
}

func (r *Redis) spread(ctx context.Context, texts []Text) ([]int, error) {
	cmds := make([]*redis.Cmd, len(texts))
	err := r.pipeline(ctx, "note texts", func(ctx context.Context, pipe redis.Pipeliner) {
		for i, t := range texts {
			key := r.prefix + "t#{" + store.Escape(string(t.Tenant)) + "#" + strconv.FormatUint(t.Print, 16) + "}"
			cmds[i] = pipe.EvalSha(ctx, textScript.Hash(), []string{key}, t.At.UnixMilli(), string(binary.BigEndian.AppendUint64(nil, t.Conv)),
				t.At.Add(-r.window).UnixMilli(), jittered(2*r.window).Milliseconds(), MaxSpread)
		}
	})
	if err != nil {
		return nil, err
	}
	spread := make([]int, len(texts))
	for i, cmd := range cmds {
		if spread[i], err = cmd.Int(); err != nil {
			return nil, fmt.Errorf("redis: note texts: %w", err)
		}
	}
	return spread, nil
}

// pipeline sends what fill queues. Scripts that Redis does not have are given to it, and then all is sent again: it may be.
func (r *Redis) pipeline(ctx context.Context, what string, fill func(context.Context, redis.Pipeliner)) error {
	ctx, cancel := context.WithTimeout(ctx, opTimeout)
	defer cancel()
	run := func() error {
		pipe := r.client.Pipeline()
		fill(ctx, pipe)
		_, err := pipe.Exec(ctx)
		return err
	}
	err := run()
	if redis.HasErrorPrefix(err, "NOSCRIPT") {
		for _, s := range []*redis.Script{noteScript, textScript} {
			if err := s.Load(ctx, r.client).Err(); err != nil {
				return fmt.Errorf("redis: load scripts: %w", err)
			}
		}
		err = run()
	}
	if err != nil {
		return fmt.Errorf("redis: %s: %w", what, err)
	}
	return nil
}

// jittered spreads expiries.
func jittered(d time.Duration) time.Duration { return d + rand.N(d/6+1) }
