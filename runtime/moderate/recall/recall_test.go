package recall_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

	"github.com/chatcluster/chatcluster/runtime/cache"
	"github.com/chatcluster/chatcluster/runtime/moderate/recall"
	"github.com/chatcluster/chatcluster/runtime/store"
)

var start = time.UnixMilli(1_800_000_000_000)

func after(d time.Duration) time.Time { return start.Add(d) }

// engine is a Redis under test.
type engine struct {
	*recall.Redis
	client redis.UniversalClient
	prefix string
}

func suite(t *testing.T, open func(*testing.T) engine) {
	t.Run("NotesCountOnce", func(t *testing.T) { notesCountOnce(t, open(t)) })
	t.Run("FirstSeenIsTheEarliest", func(t *testing.T) { firstSeen(t, open(t)) })
	t.Run("Spread", func(t *testing.T) { spread(t, open(t)) })
	t.Run("Bounds", func(t *testing.T) { bounds(t, open(t)) })
	t.Run("Forget", func(t *testing.T) { forget(t, open(t)) })
	t.Run("HostileIDs", func(t *testing.T) { hostileIDs(t, open(t)) })
	t.Run("ScriptsAreLoadedAgain", func(t *testing.T) { scriptsLost(t, open(t)) })
}

func TestMiniredis(t *testing.T) {
	suite(t, func(t *testing.T) engine {
		client := redis.NewClient(&redis.Options{Addr: miniredis.RunT(t).Addr()})
		r := recall.New(client, recall.Options{KeyPrefix: "p:", Detector: "d", Window: time.Minute})
		t.Cleanup(func() { _ = r.Close() })
		return engine{r, client, "p:"}
	})
}

func user(t *testing.T, tenant, id string) store.User {
	t.Helper()
	u, err := store.NewUser(store.Tenant(tenant), id)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func note(t *testing.T, e engine, n ...recall.Note) []recall.Known {
	t.Helper()
	known, err := e.Note(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	return known
}

func notesCountOnce(t *testing.T, e engine) {
	ann := user(t, "acme", "ann")
	one := recall.Sent{Conv: 1, Seq: 7, Print: 42, At: after(0)}
	two := recall.Sent{Conv: 2, Seq: 1<<63 + 1, Print: 1 << 63, At: after(10 * time.Second)}
	late := recall.Sent{Conv: 1, Seq: 8, At: after(2 * time.Minute)}
	for _, tc := range []struct {
		reason string
		sent   []recall.Sent
		want   []recall.Sent
		firsts []time.Time
	}{
		{"the first", []recall.Sent{one}, []recall.Sent{one}, []time.Time{one.At}},
		{"the same again", []recall.Sent{one}, []recall.Sent{one}, []time.Time{one.At}},
		{"another conversation", []recall.Sent{one, two}, []recall.Sent{one, two}, []time.Time{one.At, two.At}},
		{"later: only what is within the window", []recall.Sent{late}, []recall.Sent{late}, nil},
		{"once more, as of its time", []recall.Sent{two}, []recall.Sent{one, two}, []time.Time{one.At, two.At}},
	} {
		got := note(t, e, recall.Note{Sender: ann, Seen: tc.sent[0].At, Sent: tc.sent, Contacts: true})[0]
		if d := cmp.Diff(tc.want, got.Recent); d != "" {
			t.Errorf("%s: recent (-want +got):\n%s", tc.reason, d)
		}
		if d := cmp.Diff(tc.firsts, got.Contacts); d != "" {
			t.Errorf("%s: contacts (-want +got):\n%s", tc.reason, d)
		}
		if !got.First.Equal(start) {
			t.Errorf("%s: first seen %v", tc.reason, got.First)
		}
	}
}

func firstSeen(t *testing.T, e engine) {
	const day = 24 * time.Hour
	ann, bob, eve := user(t, "acme", "ann"), user(t, "acme", "bob"), user(t, "globex", "eve")
	note(t, e, recall.Note{Sender: ann, Seen: after(0)})
	known := note(t, e, recall.Note{Sender: bob, Seen: after(3 * day)}, recall.Note{Sender: ann, Seen: after(3 * day)}, recall.Note{Sender: eve, Seen: after(3 * day)})
	for i, tc := range []struct {
		reason string
		isNew  bool
	}{
		{"bob was not there in three days", true},
		{"ann was", false},
		{"nobody knows who was there of globex", false},
	} {
		if got := known[i].NewAt(after(3*day+time.Hour), day); got != tc.isNew {
			t.Errorf("%s: new = %t", tc.reason, got)
		}
	}
	if known[0].NewAt(after(5*day), day) {
		t.Error("nobody is new for ever")
	}
	if got := note(t, e, recall.Note{Sender: bob, Seen: after(2 * day)})[0]; !got.First.Equal(after(2 * day)) {
		t.Errorf("what comes late and is earlier counts: %v", got.First)
	}
}

func spread(t *testing.T, e engine) {
	text := func(hash, conv uint64, at time.Duration) recall.Text {
		return recall.Text{Tenant: "acme", Print: hash, Conv: conv, At: after(at)}
	}
	got, err := e.Spread(t.Context(), []recall.Text{
		text(1, 1, 0), text(1, 1, time.Second), text(1, 2, 2*time.Second), text(2, 1, 0), text(1, 1, 0),
		{Tenant: "globex", Print: 1, Conv: 9, At: after(0)}, text(1, 3, 61*time.Second),
	})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]int{1, 1, 2, 1, 1, 1, 2}, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func bounds(t *testing.T, e engine) {
	ann := user(t, "acme", "ann")
	var sent []recall.Sent
	var texts []recall.Text
	for i := range 2 * recall.MaxContacts {
		sent = append(sent, recall.Sent{Conv: uint64(i), Seq: 1, At: after(time.Duration(i) * time.Millisecond)})
		texts = append(texts, recall.Text{Tenant: "acme", Print: 1, Conv: uint64(i), At: after(0)})
	}
	for part := range slices.Chunk(sent, 500) {
		note(t, e, recall.Note{Sender: ann, Seen: part[0].At, Sent: part, Contacts: true})
	}
	if _, err := e.Spread(t.Context(), texts); err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	for key, most := range map[string]int64{
		"mod#d#r#{acme#ann}": recall.MaxRecent, "mod#d#k#{acme#ann}": recall.MaxContacts, "mod#d#t#{acme#1}": recall.MaxSpread,
	} {
		n, err := e.client.ZCard(ctx, e.prefix+key).Result()
		if err != nil || n != most {
			t.Errorf("%s has %d members, want %d: %v", key, n, most, err)
		}
		if ttl, err := e.client.PTTL(ctx, e.prefix+key).Result(); err != nil || ttl <= 0 {
			t.Errorf("%s lives for ever: %v %v", key, ttl, err)
		}
	}
	if got := note(t, e, recall.Note{Sender: ann, Seen: after(time.Hour)})[0]; !got.First.Equal(start) {
		t.Errorf("first seen is never forgotten for others: %v", got.First)
	}
}

func hostileIDs(t *testing.T, e engine) {
	a, b := user(t, "acme}#x", "ann{"), user(t, "acme", "}#x#ann{")
	note(t, e, recall.Note{Sender: a, Seen: after(0), Sent: []recall.Sent{{Conv: 1, Seq: 1, At: after(0)}}})
	if got := note(t, e, recall.Note{Sender: b, Seen: after(0)})[0]; len(got.Recent) > 0 {
		t.Errorf("one sender's messages are another's: %v", got.Recent)
	}
}

func scriptsLost(t *testing.T, e engine) {
	ann := user(t, "acme", "ann")
	note(t, e, recall.Note{Sender: ann, Seen: after(0)})
	if err := e.client.ScriptFlush(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	note(t, e, recall.Note{Sender: ann, Seen: after(0)})
}

func TestGuard(t *testing.T) {
	g, err := recall.NewGuard("d", nil, prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	ask := func(err error) func(context.Context) error {
		return func(context.Context) error { asked++; return err }
	}
	for _, tc := range []struct {
		reason string
		err    error
		ok     bool
		asked  int
	}{
		{"it answers", nil, true, 1},
		{"it fails: there is no answer, and no error", errors.New("away"), false, 2},
		{"it is left alone for a while", nil, false, 2},
	} {
		if ok, err := g.Ask(t.Context(), 1, ask(tc.err)); ok != tc.ok || err != nil || asked != tc.asked {
			t.Errorf("%s: %t, %v, asked %d times", tc.reason, ok, err, asked)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := g.Ask(ctx, 1, ask(nil)); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want context.Canceled", err)
	}
}

// A sender that is erased, and a tenant that is purged, are remembered no more; everybody else is.
func forget(t *testing.T, e engine) {
	ann, bob := user(t, "acme", "ann#1"), user(t, "acme", "bob")
	others := user(t, "acme#", "ann#1")
	sent := []recall.Sent{{Conv: 1, Seq: 1, Print: 7, At: after(0)}}
	for _, u := range []store.User{ann, bob, others} {
		note(t, e, recall.Note{Sender: u, Seen: after(0), Sent: sent, Contacts: true})
		if _, err := e.Spread(t.Context(), []recall.Text{{Tenant: u.Tenant(), Print: 7, Conv: 1, At: after(0)}}); err != nil {
			t.Fatal(err)
		}
	}
	later := after(time.Second)
	remembered := func(u store.User) bool {
		k := note(t, e, recall.Note{Sender: u, Seen: later, Contacts: true})[0]
		return k.First.Equal(after(0)) && len(k.Recent) == 1 && len(k.Contacts) == 1
	}
	if err := e.Forget(t.Context(), ann); err != nil {
		t.Fatal(err)
	}
	if remembered(ann) {
		t.Error("a sender that was forgotten is remembered")
	}
	for _, u := range []store.User{bob, others} {
		if !remembered(u) {
			t.Errorf("%s is not remembered: only another one was to be forgotten", u)
		}
	}

	if err := cache.New(e.client, cache.Options{KeyPrefix: e.prefix}).ForgetTenant(t.Context(), "acme"); err != nil {
		t.Fatal(err)
	}
	left := keys(t, e)
	for _, key := range left {
		if !strings.Contains(key, "{"+store.Escape("acme#")) {
			t.Errorf("of the tenant that was purged is left %q", key)
		}
	}
	if len(left) != 4 || !remembered(others) {
		t.Errorf("of the other tenant are left %q, want 4 keys", left)
	}
}

// keys are all that there are, on every node.
func keys(t *testing.T, e engine) (out []string) {
	t.Helper()
	var mu sync.Mutex
	scan := func(ctx context.Context, node redis.Cmdable) error {
		it := node.Scan(ctx, 0, e.prefix+"*", 1000).Iterator()
		for it.Next(ctx) {
			mu.Lock()
			out = append(out, it.Val())
			mu.Unlock()
		}
		return it.Err()
	}
	err := scan(t.Context(), e.client)
	if c, ok := e.client.(*redis.ClusterClient); ok {
		out = nil
		err = c.ForEachMaster(t.Context(), func(ctx context.Context, node *redis.Client) error { return scan(ctx, node) })
	}
	if err != nil {
		t.Fatal(err)
	}
	return out
}
