package cache

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"github.com/chatcluster/chatcluster/runtime/config"
	"github.com/chatcluster/chatcluster/runtime/store"
)

func mini(t *testing.T) (*miniredis.Miniredis, *Cache) {
	t.Helper()
	m := miniredis.RunT(t)
	c, err := Connect(config.Redis{Addresses: []string{m.Addr()}, KeyPrefix: "p:"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return m, c
}

func TestMiniredis(t *testing.T) {
	suite(t, func(t *testing.T) *engine {
		m, c := mini(t)
		return &engine{Cache: c, lapse: func() { m.FastForward(DefaultLease) }, empty: m.FlushAll}
	})
}

// Each key ends on its own: nothing is kept for ever, and what was written together does not end together.
func TestExpiry(t *testing.T) {
	m, c := mini(t)
	e := &engine{T: t, Cache: c, tenant: "t"}
	ctx, u, v := t.Context(), e.user("ann"), e.conv("c")
	version, err := c.ListVersion(ctx, u)
	e.must(err)
	e.quietFor(c.listQuietKey(u), inboxTTL+inboxTTL/6)
	e.must(errors.Join(
		c.RaiseMarks(ctx, u, v, "phone", 1, 1), c.PutList(ctx, u, []string{"c"}, version),
		c.PutSummaries(ctx, []Summary{{v, 1, []byte("x")}}), c.Renew(ctx, "pod", []store.Conv{v}), c.DropList(ctx, e.user("bob")),
	))
	for key, want := range map[string][2]time.Duration{
		c.marksKey(u, v):              {marksTTL, marksTTL},
		c.listKey(u):                  {inboxTTL, inboxTTL + inboxTTL/6},
		c.listQuietKey(e.user("bob")): {quietTTL, quietTTL},
		c.summaryKey(v):               {inboxTTL, inboxTTL + inboxTTL/6},
		c.summaryQuietKey(v):          {quietTTL, quietTTL},
		c.leaseKey("pod"):             {DefaultLease, DefaultLease},
		c.lanesKey("pod"):             {lanesTTL, lanesTTL},
	} {
		if ttl := m.TTL(key); ttl < want[0] || ttl > want[1] {
			t.Errorf("%s ends after %v, want %v to %v", key, ttl, want[0], want[1])
		}
	}
	for _, key := range m.Keys() {
		if !strings.HasPrefix(key, "p:") {
			t.Errorf("key %q is without the prefix", key)
		}
	}
}

// In cluster mode a script may touch one slot only: whatever stands in a hash tag is hashed alone.
func TestKeysOfOneScriptShareATag(t *testing.T) {
	c := New(nil, Options{KeyPrefix: "p:"})
	for _, pod := range []string{"chat-0", "a{b}c", "{}", "}"} {
		want := tagOf(c.leaseKey(pod))
		if want == "" || strings.ContainsAny(want, "{}") {
			t.Errorf("pod %q: the tag is %q", pod, want)
		}
		for _, key := range []string{c.lanesKey(pod), c.claimKey(pod)} {
			if tagOf(key) != want {
				t.Errorf("pod %q: %q is not in the slot of tag %q", pod, key, want)
			}
		}
	}
}

// The same of what a user and a conversation has.
func TestQuietKeysShareATag(t *testing.T) {
	e := &engine{T: t, Cache: New(nil, Options{KeyPrefix: "p:"}), tenant: "t"}
	u, v := e.user("a{b}#c"), e.conv("{}")
	for key, quiet := range map[string]string{e.listKey(u): e.listQuietKey(u), e.summaryKey(v): e.summaryQuietKey(v)} {
		if tag := tagOf(key); tag == "" || tagOf(quiet) != tag || quiet == key {
			t.Errorf("%q and %q are not two keys of one slot", key, quiet)
		}
	}
}

func tagOf(key string) string {
	_, rest, _ := strings.Cut(key, "{")
	tag, _, _ := strings.Cut(rest, "}")
	return tag
}

// A rotated password is used at the next connection.
func TestPasswordRotates(t *testing.T) {
	m := miniredis.RunT(t)
	m.RequireAuth("old-secret")
	file := filepath.Join(t.TempDir(), "password")
	write := func(s string) {
		if err := os.WriteFile(file, []byte(s), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("old-secret\n")
	c, err := Connect(config.Redis{Addresses: []string{m.Addr()}, KeyPrefix: "p:", PasswordFile: file})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	write("new-secret")
	m.RequireAuth("new-secret")
	addr := m.Addr()
	m.Close()
	if err := m.StartAddr(addr); err != nil {
		t.Fatal(err)
	}
	within(t, 10*time.Second, "the new password is used", func() bool { return c.Ping(t.Context()) == nil })

	write("wrong-secret")
	m.Close()
	if err := m.StartAddr(addr); err != nil {
		t.Fatal(err)
	}
	within(t, 10*time.Second, "the wrong password is refused", func() bool {
		err := c.Ping(t.Context())
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Fatalf("the error shows a password: %v", err)
		}
		return err != nil
	})
}

func TestConnectRefuses(t *testing.T) {
	if _, err := Connect(config.Redis{Addresses: []string{"a:1", "b:1"}}); err == nil {
		t.Error("several addresses without cluster mode are accepted: one may be a replica")
	}
}

// A Redis that is away is an error within the deadline, never an answer.
func TestAway(t *testing.T) {
	m, c := mini(t)
	e := &engine{T: t, Cache: c, tenant: "t"}
	m.Close()
	if got, err := c.Marks(t.Context(), e.user("ann"), e.conv("c")); err == nil {
		t.Errorf("Marks = %v without Redis", got)
	}
	if _, ok, err := c.List(t.Context(), e.user("ann")); ok || err == nil {
		t.Errorf("List = %v, %v without Redis", ok, err)
	}
	if got, err := c.TakeLapsed(t.Context(), "pod", 1); err == nil {
		t.Errorf("TakeLapsed = %v without Redis", got)
	}
}

// An error in the middle of taking lanes does not hide those that were taken: nobody else would settle them.
func TestTakenBesideAnError(t *testing.T) {
	m, c := mini(t)
	e := &engine{T: t, Cache: c, tenant: "t"}
	const dead = 4
	for i := range dead {
		e.must(c.Renew(t.Context(), e.pod(fmt.Sprint("dead", i)), []store.Conv{e.conv(fmt.Sprint("c", i))}))
	}
	m.FastForward(DefaultLease)
	broken := c.lanesKey(e.pod("dead0"))
	m.Del(broken)
	e.must(m.Set(broken, "not a set"))
	var taken []store.Conv
	within(t, 10*time.Second, "all others' lanes are taken", func() bool {
		got, err := c.TakeLapsed(t.Context(), e.pod("alive"), 10)
		if err != nil && len(got) > 0 {
			t.Fatalf("TakeLapsed = %v beside %v", got, err)
		}
		taken = append(taken, got...)
		return len(taken) == dead-1
	})
	e.same([]string{"c1", "c2", "c3"}, sorted(taken))
}

func TestSilent(t *testing.T) {
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	c, err := Connect(config.Redis{Addresses: []string{l.Addr().String()}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	start := time.Now()
	if err := c.Ping(ctx); err == nil {
		t.Error("nobody answered and Ping is content")
	}
	if took := time.Since(start); took > opTimeout+500*time.Millisecond {
		t.Errorf("it took %v", took)
	}
}

// A wrong answer among good ones is an error, also behind a key that is missing.
func TestForeignTypes(t *testing.T) {
	m, c := mini(t)
	e := &engine{T: t, Cache: c, tenant: "t"}
	e.must(m.Set(c.summaryKey(e.conv("b")), "a string"))
	if got, err := c.Summaries(t.Context(), []store.Conv{e.conv("a"), e.conv("b")}); err == nil {
		t.Errorf("Summaries = %q", got)
	}
	m.HSet(c.marksKey(e.user("ann"), e.conv("c")), "r", "soon", "d#phone", "-1", "x", "1")
	got, err := c.Marks(t.Context(), e.user("ann"), e.conv("c"))
	e.must(err)
	e.same([]Marks{{Delivered: map[string]uint64{}}}, got)
	m.HSet(c.listKey(e.user("ann")), "l", "not json")
	if _, ok, err := c.List(t.Context(), e.user("ann")); ok || err != nil {
		t.Errorf("a list that is none: %v, %v; want not known", ok, err)
	}
}

func FuzzParseMember(f *testing.F) {
	for _, s := range []string{"", "#", "t#c", "t#c#d", "%23#%7B", "t#%"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, m string) {
		if v, err := parseMember(m); err == nil && member(v) != m {
			t.Errorf("parseMember(%q) = %v, which is %q", m, v, member(v))
		}
	})
}
