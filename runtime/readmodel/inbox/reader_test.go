package inbox

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"github.com/chatcluster/chatcluster/runtime/cache"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/readmodel"
	"github.com/chatcluster/chatcluster/runtime/readmodel/readmodeltest"
	"github.com/chatcluster/chatcluster/runtime/store"
)

var errBoom = errors.New("boom")

// fakeModel is a read model in memory: counts are those of a conversation in which every entry counts from seq 2 on.
type fakeModel struct {
	places    []readmodel.Place
	summaries map[string]readmodel.Summary
	down      bool
	asked     int
}

func (f *fakeModel) Places(context.Context, store.User) ([]readmodel.Place, error) {
	f.asked++
	if f.down {
		return nil, errBoom
	}
	return f.places, nil
}

func (f *fakeModel) Summaries(_ context.Context, _ store.Tenant, conversations []string) ([]readmodel.Summary, error) {
	f.asked++
	if f.down {
		return nil, errBoom
	}
	var out []readmodel.Summary
	for _, c := range conversations {
		if s, ok := f.summaries[c]; ok {
			out = append(out, s)
		}
	}
	return out, nil
}

func (f *fakeModel) Counts(_ context.Context, _ store.Tenant, ats []readmodel.At) (map[readmodel.At]uint64, error) {
	f.asked++
	if f.down {
		return nil, errBoom
	}
	out := map[readmodel.At]uint64{}
	for _, a := range ats {
		out[a] = a.Seq - 1
	}
	return out, nil
}

func redisCache(t *testing.T) (*cache.Cache, *miniredis.Miniredis) {
	t.Helper()
	server := miniredis.RunT(t)
	client := redis.NewClient(&redis.Options{Addr: server.Addr(), MaxRetries: -1})
	t.Cleanup(func() { _ = client.Close() })
	return cache.New(client, cache.Options{KeyPrefix: "test:"}), server
}

func reader(t *testing.T, m Model, c Cache) *Reader {
	t.Helper()
	r, err := NewReader(Options{Model: m, Cache: c})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func summary(t *testing.T, id string, head uint64, atMS int64) readmodel.Summary {
	c := readmodeltest.NewLog(t, "acme", id, store.Group).Conv
	return readmodel.Summary{
		Conv: c, Kind: store.Group, Title: "Title of " + id, Head: head, Count: head - 1,
		LastSeq: head, LastAtMS: atMS, LastSender: "ann", LastPreview: "last of " + id,
	}
}

func example(t *testing.T) *fakeModel {
	m := &fakeModel{summaries: map[string]readmodel.Summary{}}
	for i := range 5 {
		id := fmt.Sprint("c", i)
		m.places = append(m.places, readmodel.Place{Conversation: id, Joined: 1, JoinedAtMS: 10, Read: 4, ReadCount: 3})
		m.summaries[id] = summary(t, id, 10, int64(1000+i/2)) // some at the same time
	}
	final := summary(t, "left", 6, 500)
	final.Conv = store.Conv{}
	m.places = append(m.places,
		readmodel.Place{Conversation: "left", Joined: 1, Left: 6, Read: 6, ReadCount: 5, Final: &final},
		readmodel.Place{Conversation: "fresh", Peer: "bob", Joined: 30, JoinedAtMS: 5000, ReadCount: 29})
	m.summaries["left"] = summary(t, "left", 99, 9999) // what came after is not theirs
	m.summaries["fresh"] = summary(t, "fresh", 30, 4000)
	fresh := m.summaries["fresh"]
	fresh.LastSeq, fresh.Count = 29, 29
	m.summaries["fresh"] = fresh
	return m
}

func inbox(t *testing.T, r *Reader, limit int, cursor string) protocol.InboxPage {
	t.Helper()
	page, err := r.Inbox(t.Context(), readmodeltest.NewLog(t, "acme", "x", store.Group).User("me"), limit, cursor)
	if err != nil {
		t.Fatal(err)
	}
	return page
}

func ids(page protocol.InboxPage) []string {
	var out []string
	for _, i := range page.Items {
		out = append(out, i.Conversation)
	}
	return out
}

func TestOrderAndPages(t *testing.T) {
	m := example(t)
	c, _ := redisCache(t)
	r := reader(t, m, c)
	want := []string{"fresh", "c4", "c2", "c3", "c0", "c1", "left"}
	if diff := cmp.Diff(want, ids(inbox(t, r, 0, ""))); diff != "" {
		t.Fatalf("by last activity (-want +got):\n%s", diff)
	}
	for limit := 1; limit < 9; limit++ {
		var got []string
		cursor := ""
		for range len(want) + 1 {
			page := inbox(t, r, limit, cursor)
			got = append(got, ids(page)...)
			if cursor = page.Next; cursor == "" {
				break
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("limit %d: pages together (-want +got):\n%s", limit, diff)
		}
	}
}

func TestItems(t *testing.T) {
	c, _ := redisCache(t)
	items := map[string]protocol.InboxItem{}
	for _, i := range inbox(t, reader(t, example(t), c), 0, "").Items {
		items[i.Conversation] = i
	}
	for id, want := range map[string]protocol.InboxItem{
		"c0": {Conversation: "c0", Kind: "group", Title: "Title of c0", Unread: 6, Read: 4, Head: 10, LastAtMS: 1000, LastSender: "ann", LastPreview: "last of c0"},
		// As it was when the user left.
		"left": {Conversation: "left", Kind: "group", Title: "Title of left", Unread: 0, Read: 6, Head: 6, LastAtMS: 500, LastSender: "ann", LastPreview: "last of left"},
		// What was said before the user came is not shown, and not unread.
		"fresh": {Conversation: "fresh", Kind: "group", Title: "Title of fresh", Peer: "bob", Unread: 0, Read: 0, Head: 30, LastAtMS: 5000},
	} {
		if diff := cmp.Diff(want, items[id]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", id, diff)
		}
	}
}

func TestReadMarksAreFresh(t *testing.T) {
	c, _ := redisCache(t)
	m := example(t)
	r := reader(t, m, c)
	l := readmodeltest.NewLog(t, "acme", "c0", store.Group)
	for _, tc := range []struct {
		mark, read, unread uint64
		reason             string
	}{
		{0, 4, 6, "no mark in Redis: the model's"},
		{3, 4, 6, "an older one changes nothing"},
		{7, 7, 3, "a newer one counts before it has reached the model"},
		{10, 10, 0, "all is read"},
		{15, 10, 0, "a mark ahead of the summary: the summary is behind"},
	} {
		if tc.mark > 0 {
			if err := c.RaiseMarks(t.Context(), l.User("me"), l.Conv, "", 0, tc.mark); err != nil {
				t.Fatal(err)
			}
		}
		for _, i := range inbox(t, r, 0, "").Items {
			if i.Conversation == "c0" && (i.Unread != tc.unread || i.Read != tc.read) {
				t.Errorf("mark %d: read %d, unread %d; want %d, %d: %s", tc.mark, i.Read, i.Unread, tc.read, tc.unread, tc.reason)
			}
		}
	}
}

// Redis may be emptied at any moment, or be away: slower, never wrong.
func TestWithoutRedis(t *testing.T) {
	m := example(t)
	c, server := redisCache(t)
	r := reader(t, m, c)
	want := inbox(t, r, 0, "")
	server.FastForward(time.Minute) // within a second of an emptying nothing is kept
	inbox(t, r, 0, "")
	check := func(when string) {
		t.Helper()
		if diff := cmp.Diff(want, inbox(t, r, 0, "")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", when, diff)
		}
	}
	asked := m.asked
	check("warm")
	if m.asked != asked {
		t.Error("a warm cache needs no database")
	}
	server.FlushAll()
	check("emptied")
	server.FastForward(time.Minute)
	check("filled again")
	for _, key := range server.Keys() {
		server.Del(key)
		check("without " + key)
	}
	for _, key := range server.Keys() {
		for _, field := range []string{"l", "d"} {
			if server.HGet(key, field) != "" {
				server.HSet(key, field, "{not ours")
			}
		}
	}
	check("with what another release wrote")
	server.SetError("LOADING Redis is loading the dataset in memory")
	check("failing")
	server.SetError("")
	server.Close()
	check("away")

	m.down = true
	if _, err := r.Inbox(t.Context(), readmodeltest.NewLog(t, "acme", "x", store.Group).User("me"), 0, ""); !errors.Is(err, errBoom) {
		t.Errorf("neither: %v, want the model's error", err)
	}
}

func TestListReadBeforeADropIsNotKept(t *testing.T) {
	c, server := redisCache(t)
	m := example(t)
	u := readmodeltest.NewLog(t, "acme", "x", store.Group).User("me")
	racing := &droppingModel{fakeModel: m, drop: func() {
		if err := c.DropList(t.Context(), u); err != nil {
			t.Error(err)
		}
	}}
	if _, err := c.ListVersion(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	server.FastForward(time.Minute)
	inbox(t, reader(t, racing, c), 0, "")
	if _, ok, err := c.List(t.Context(), u); ok || err != nil {
		t.Errorf("an outdated list was put: %v, %v", ok, err)
	}
}

// A reader of a replica that lags keeps what is outdated, once Redis has been emptied, no longer than the replica lagged and
// reading took: nobody tells the cache again.
func TestWhatALaggingReplicaSaidDoesNotLast(t *testing.T) {
	const lag = 20 * time.Second
	c, server := redisCache(t)
	m := example(t)
	r := reader(t, m, c)
	fresh := m.summaries["c0"]
	fresh.Head, fresh.LastSeq, fresh.Count, fresh.LastPreview = 11, 11, 10, "what the replica does not have yet"
	places := append([]readmodel.Place(nil), m.places...)
	places[1].Read, places[1].ReadCount = 10, 9
	if err := c.PutSummaries(t.Context(), []cache.Summary{{Conv: fresh.Conv, Seq: fresh.Head, Data: fresh.Encode()}}); err != nil {
		t.Fatal(err)
	}
	server.FlushAll()
	for range int(lag / time.Second) {
		inbox(t, r, 0, "")
		server.FastForward(time.Second)
	}
	m.summaries["c0"], m.places = fresh, places // the replica has caught up
	server.FastForward(lag + time.Second)
	for _, i := range inbox(t, r, 0, "").Items {
		if i.Conversation == "c0" && i.LastPreview != fresh.LastPreview || i.Conversation == "c1" && i.Unread != 0 {
			t.Errorf("the inbox is still outdated: %+v", i)
		}
	}
}

// droppingModel has the projector drop the list after the list was read.
type droppingModel struct {
	*fakeModel
	drop func()
}

func (d *droppingModel) Places(ctx context.Context, u store.User) ([]readmodel.Place, error) {
	places, err := d.fakeModel.Places(ctx, u)
	d.drop()
	return places, err
}

// wishes are preferences in memory.
type wishes map[string]store.Preferences

func (w wishes) Memberships(_ context.Context, u store.User) ([]store.Membership, error) {
	if w == nil {
		return nil, errBoom
	}
	var all []store.Membership
	for id, p := range w {
		c, err := store.NewConv(u.Tenant(), id)
		if err != nil {
			return nil, err
		}
		all = append(all, store.Membership{Conv: c, Preferences: p})
	}
	return all, nil
}

// Pinned conversations come first, archived ones apart; both are shown, cached or not, and pages of any length have each once.
func TestPreferences(t *testing.T) {
	c, server := redisCache(t)
	me := readmodeltest.NewLog(t, "acme", "x", store.Group).User("me")
	until := time.UnixMilli(1_900_000_000_000)
	w := wishes{
		"c0": {Pinned: true}, "left": {Pinned: true}, "c1": {Archived: true}, "c2": {MutedUntil: until}, "c3": {Archived: true, Pinned: true}, "nowhere": {Pinned: true},
	}
	r, err := NewReader(Options{Model: example(t), Memberships: w, Cache: c})
	if err != nil {
		t.Fatal(err)
	}
	list := func(limit int, archived bool) (got []string) {
		q := Query{Limit: limit, Archived: archived}
		for {
			page, err := r.List(t.Context(), me, q)
			if err != nil {
				t.Fatal(err)
			}
			for _, i := range page.Items {
				p := w[i.Conversation]
				if i.Pinned != p.Pinned || i.Archived != p.Archived || (i.MutedUntilMS != 0) != !p.MutedUntil.IsZero() {
					t.Errorf("%+v, want %+v", i, p)
				}
				got = append(got, i.Conversation)
			}
			if q.Cursor = page.Next; q.Cursor == "" {
				return got
			}
		}
	}
	check := func(when string) {
		t.Helper()
		for _, limit := range []int{1, 2, 50} {
			if diff := cmp.Diff([]string{"c0", "left", "fresh", "c4", "c2"}, list(limit, false)); diff != "" {
				t.Errorf("%s, limit %d (-want +got):\n%s", when, limit, diff)
			}
			if diff := cmp.Diff([]string{"c3", "c1"}, list(limit, true)); diff != "" {
				t.Errorf("%s, archived, limit %d (-want +got):\n%s", when, limit, diff)
			}
		}
	}
	check("at first")
	server.FastForward(2 * time.Second) // the list may be cached now
	check("when it is cached")
	check("from the cache")
	server.FlushAll()
	check("after Redis was emptied")

	// A change shows at once, whatever is cached.
	server.FastForward(2 * time.Second)
	list(50, false)
	yes := true
	s := NewSettings(setter{w}, c, nil)
	if _, err := s.SetPreferences(t.Context(), me, readmodeltest.NewLog(t, "acme", "c4", store.Group).Conv, store.PreferencesChange{Pinned: &yes}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"c4", "c0", "left", "fresh", "c2"}, list(50, false)); diff != "" {
		t.Errorf("after a change (-want +got):\n%s", diff)
	}
}

// setter changes wishes.
type setter struct{ w wishes }

func (s setter) SetPreferences(_ context.Context, _ store.User, c store.Conv, ch store.PreferencesChange) (store.Preferences, error) {
	p := s.w[c.ID()]
	p.Apply(ch)
	s.w[c.ID()] = p
	return p, nil
}

// An inbox that does not know what is archived would be wrong: it says that it cannot be read.
func TestPreferencesThatCannotBeRead(t *testing.T) {
	c, _ := redisCache(t)
	r, err := NewReader(Options{Model: example(t), Memberships: wishes(nil), Cache: c})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.List(t.Context(), readmodeltest.NewLog(t, "acme", "x", store.Group).User("me"), Query{}); !errors.Is(err, errBoom) {
		t.Errorf("got %v, want the store's error", err)
	}
}

func TestBadCursor(t *testing.T) {
	c, _ := redisCache(t)
	r := reader(t, example(t), c)
	for _, cursor := range []string{"%", "AAAA", position{false, 1, ""}.cursor(), position{true, 1, "a\x00"}.cursor(), base64.RawURLEncoding.EncodeToString([]byte("1 c"))} {
		if _, err := r.Inbox(t.Context(), readmodeltest.NewLog(t, "acme", "x", store.Group).User("me"), 0, cursor); !errors.Is(err, ErrBadCursor) {
			t.Errorf("cursor %q: %v, want ErrBadCursor", cursor, err)
		}
	}
}

func FuzzCursor(f *testing.F) {
	f.Add("", int64(0), "c", false)
	f.Add("AAAA", int64(-5), "r b", true)
	f.Fuzz(func(t *testing.T, cursor string, atMS int64, conversation string, pinned bool) {
		if p, err := parseCursor("acme", cursor); err == nil {
			if again, err := parseCursor("acme", p.cursor()); err != nil || again != p {
				t.Errorf("%v is %v, %v after a round trip", p, again, err)
			}
		}
		if _, err := store.NewConv("acme", conversation); err != nil {
			return
		}
		want := position{pinned, atMS, conversation}
		got, err := parseCursor("acme", want.cursor())
		if err != nil || got != want {
			t.Errorf("got %v, %v; want %v", got, err, want)
		}
	})
}
