package cache

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/chatcluster/chatcluster/runtime/store"
)

// marksTTL is how long marks are kept: far longer than it takes them to reach the store.
const marksTTL = 48 * time.Hour

// Fields of a marks hash.
const (
	readField       = "r"
	deliveredPrefix = "d#"
)

// higher is the Lua function that compares two seqs.
const higher = `
local function higher(new, old)
  return not old or #new > #old or (#new == #old and new > old)
end
`

// raiseScript raises the fields ARGV[2], ARGV[4], … to ARGV[3], ARGV[5], … and renews the expiry of ARGV[1] milliseconds.
const raiseScript = higher + `
for i = 2, #ARGV, 2 do
  local old = redis.call('HGET', KEYS[1], ARGV[i])
  if higher(ARGV[i+1], old) then redis.call('HSET', KEYS[1], ARGV[i], ARGV[i+1]) end -- only up
end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 0
`

// Marks is how far a user has come in a conversation, as far as the cache knows: the store may know more.
type Marks struct {
	// Delivered is the highest seq that each device has confirmed, by device id.
	Delivered map[string]uint64
	// Read is the highest seq that the user has read on any device.
	Read uint64
}

// DeviceMark is Marks for one device.
type DeviceMark struct {
	Delivered uint64
	Read      uint64
}

// Raise is a mark to raise; see RaiseMarks.
type Raise struct {
	User            store.User
	Conv            store.Conv
	Device          string
	Delivered, Read uint64
}

func (c *Cache) marksKey(u store.User, v store.Conv) string {
	return c.prefix + "m#" + userTag(u) + "#" + store.Escape(v.ID())
}

// RaiseMarks raises the device's delivered mark and the user's read mark. A lower mark changes nothing; zero leaves one as
// it is. Repeatable.
func (c *Cache) RaiseMarks(ctx context.Context, u store.User, v store.Conv, device string, delivered, read uint64) error {
	return c.RaiseMany(ctx, Raise{User: u, Conv: v, Device: device, Delivered: delivered, Read: read})
}

// RaiseMany is RaiseMarks for many at once. After an error some may have been raised. A mark of a user with another
// tenant's conversation is none.
func (c *Cache) RaiseMany(ctx context.Context, raises ...Raise) error {
	return c.pipeline(ctx, "raise marks", func(ctx context.Context, pipe redis.Pipeliner) {
		for _, r := range raises {
			args := []any{marksTTL.Milliseconds()}
			if r.Delivered > 0 && r.Device != "" {
				args = append(args, deliveredPrefix+r.Device, strconv.FormatUint(r.Delivered, 10))
			}
			if r.Read > 0 {
				args = append(args, readField, strconv.FormatUint(r.Read, 10))
			}
			if len(args) > 1 && r.User.Tenant() == r.Conv.Tenant() {
				pipe.Eval(ctx, raiseScript, []string{c.marksKey(r.User, r.Conv)}, args...)
			}
		}
	})
}

// Marks returns the user's marks in each of the conversations, in their order; zero where nothing is known.
func (c *Cache) Marks(ctx context.Context, u store.User, convs ...store.Conv) ([]Marks, error) {
	cmds := make([]*redis.MapStringStringCmd, len(convs))
	err := c.pipeline(ctx, "read marks", func(ctx context.Context, pipe redis.Pipeliner) {
		for i, v := range convs {
			if u.Tenant() == v.Tenant() {
				cmds[i] = pipe.HGetAll(ctx, c.marksKey(u, v))
			}
		}
	})
	if err != nil {
		return nil, err
	}
	all := make([]Marks, len(convs))
	for i, cmd := range cmds {
		all[i] = marksOf(cmd)
	}
	return all, nil
}

// DeviceMarks returns the device's mark and the user's in each of the conversations, in their order.
func (c *Cache) DeviceMarks(ctx context.Context, u store.User, device string, convs []store.Conv) ([]DeviceMark, error) {
	values, err := c.hashFields(ctx, u, convs, deliveredPrefix+device, readField)
	if err != nil {
		return nil, err
	}
	marks := make([]DeviceMark, len(convs))
	for i, v := range values {
		marks[i] = DeviceMark{Delivered: v[0], Read: v[1]}
	}
	return marks, nil
}

// ReadMarks returns the user's read marks where they are known.
func (c *Cache) ReadMarks(ctx context.Context, u store.User, convs []store.Conv) (map[store.Conv]uint64, error) {
	values, err := c.hashFields(ctx, u, convs, readField)
	if err != nil {
		return nil, err
	}
	marks := make(map[store.Conv]uint64)
	for i, v := range values {
		if v[0] > 0 {
			marks[convs[i]] = v[0]
		}
	}
	return marks, nil
}

// hashFields returns the fields of the user's marks hash in each of the conversations.
func (c *Cache) hashFields(ctx context.Context, u store.User, convs []store.Conv, fields ...string) ([][]uint64, error) {
	cmds := make([]*redis.SliceCmd, len(convs))
	err := c.pipeline(ctx, "read marks", func(ctx context.Context, pipe redis.Pipeliner) {
		for i, v := range convs {
			if u.Tenant() == v.Tenant() {
				cmds[i] = pipe.HMGet(ctx, c.marksKey(u, v), fields...)
			}
		}
	})
	if err != nil {
		return nil, err
	}
	all := make([][]uint64, len(convs))
	for i, cmd := range cmds {
		all[i] = make([]uint64, len(fields))
		if cmd == nil {
			continue
		}
		values := cmd.Val()
		if len(values) != len(fields) {
			return nil, errors.New("redis: read marks: an answer of the wrong length")
		}
		for j, v := range values {
			if s, ok := v.(string); ok {
				all[i][j] = seqOf(s)
			}
		}
	}
	return all, nil
}

// seqOf reads a seq; what is none is unknown.
func seqOf(s string) uint64 {
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		return 0
	}
	return n
}
