package recall_test

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/chatcluster/chatcluster/runtime/moderate/recall"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// slots watches commands: those with several keys are refused by a cluster, unless all are in one slot.
type slots struct {
	mu     sync.Mutex
	seen   map[string]int // commands by how many keys they have
	across []string
}

func (s *slots) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

func (s *slots) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		s.note(cmd)
		return next(ctx, cmd)
	}
}

func (s *slots) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		for _, cmd := range cmds {
			s.note(cmd)
		}
		return next(ctx, cmds)
	}
}

func (s *slots) note(cmd redis.Cmder) {
	keys := keysIn(cmd)
	if len(keys) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen[fmt.Sprint(cmd.Name(), " ", len(keys))]++
	for _, k := range keys {
		if tagOf(k) == "" || tagOf(k) != tagOf(keys[0]) {
			s.across = append(s.across, fmt.Sprint(cmd.Name(), " ", keys))
		}
	}
}

// keysIn are the keys of a command that is sent here.
func keysIn(cmd redis.Cmder) (keys []string) {
	args := cmd.Args()
	from, n := 1, 1
	switch cmd.Name() {
	case "evalsha", "eval":
		var err error
		if n, err = strconv.Atoi(fmt.Sprint(args[2])); err != nil {
			return []string{"not a number of keys"}
		}
		from = 3
	case "del", "unlink":
		n = len(args) - 1
	case "script", "hello", "client", "ping":
		return nil
	}
	for _, a := range args[from : from+n] {
		keys = append(keys, fmt.Sprint(a))
	}
	return keys
}

// tagOf is what Redis hashes of a key with a tag: what is between the first brace and the next closing one; empty for one without.
func tagOf(key string) string {
	_, rest, ok := strings.Cut(key, "{")
	if !ok {
		return ""
	}
	tag, _, ok := strings.Cut(rest, "}")
	if !ok {
		return ""
	}
	return tag
}

// In a Redis cluster the keys of one command are in one slot, whatever people are called.
func TestKeysOfACommandAreInOneSlot(t *testing.T) {
	client := redis.NewClient(&redis.Options{Addr: miniredis.RunT(t).Addr()})
	s := &slots{seen: map[string]int{}}
	client.AddHook(s)
	r := recall.New(client, recall.Options{KeyPrefix: "chat.demo:", Detector: "spam", Window: time.Hour})
	t.Cleanup(func() { _ = r.Close() })
	for _, tenant := range []store.Tenant{"acme", "{acme", "}", "a}b{c"} {
		for _, id := range []string{"alice", "bob}", "{carol", "{}", "}{dave}", "a#b"} {
			u, err := store.NewUser(tenant, id)
			if err != nil {
				t.Fatal(err)
			}
			sent := []recall.Sent{{Conv: 1, Seq: 2, Print: 3, At: start}}
			if _, err := r.Note(t.Context(), []recall.Note{{Sender: u, Seen: start, Contacts: true, Sent: sent}}); err != nil {
				t.Fatal(err)
			}
			if _, err := r.Spread(t.Context(), []recall.Text{{Tenant: tenant, Print: 3, Conv: 1, At: start}}); err != nil {
				t.Fatal(err)
			}
			if err := r.Forget(t.Context(), u); err != nil {
				t.Fatal(err)
			}
		}
	}
	if len(s.across) > 0 {
		t.Errorf("a cluster refuses %v", s.across)
	}
	if s.seen["evalsha 2"] == 0 || s.seen["evalsha 1"] == 0 {
		t.Errorf("not all was looked at: %v", s.seen)
	}
}
