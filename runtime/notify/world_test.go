package notify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chatcluster/chatcluster/runtime/cache"
	"github.com/chatcluster/chatcluster/runtime/eventlog"
	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/push"
	"github.com/chatcluster/chatcluster/runtime/store"
)

var errBoom = errors.New("boom")

const delay = 5 * time.Second

// world is the store, the cache and the phones of a test. Its fields may be replaced.
type world struct {
	t    *testing.T
	conv store.Conv

	mu      sync.Mutex
	members []store.Member
	devices map[string][]store.Device
	stored  map[string]*store.Membership
	fast    map[string]cache.Marks
	phones  map[string][]push.Message // accepted, by token
	sends   int
	sizes   []int // of the calls
	removed []string

	log                      []*logpb.Batch // what the store has of the conversation
	reads                    int
	looks                    int // at shards of deferrals
	deviceReads, memberReads int
	deferrals                map[string]store.Deferral
	dead                     []eventlog.PushFailure

	answer     func(push.Message) push.Result
	onCache    func() error
	onMembers  func() error
	onRaise    func() error
	onMarks    func() error
	onDevices  func() error
	onRead     func() error
	onDefer    func() error
	onDead     func() error
	onClaim    func(shard string) (bool, error)
	onReserve  func(store.User, cache.PushRate) (time.Duration, bool, error)
	onUnread   func(users []string) (map[string]int, error)
	concurrent struct{ now, most int }
}

func newWorld(t *testing.T, users ...string) *world {
	t.Helper()
	c, err := store.NewConv("acme", "room")
	if err != nil {
		t.Fatal(err)
	}
	ok := func() error { return nil }
	w := &world{
		t: t, conv: c, devices: map[string][]store.Device{}, stored: map[string]*store.Membership{}, fast: map[string]cache.Marks{}, phones: map[string][]push.Message{},
		deferrals: map[string]store.Deferral{},
		answer:    func(push.Message) push.Result { return push.Result{Outcome: push.Delivered} },
		onCache:   ok, onMembers: ok, onRaise: ok, onMarks: ok, onDevices: ok, onRead: ok, onDefer: ok, onDead: ok,
		onClaim:   func(string) (bool, error) { return true, nil },
		onReserve: func(store.User, cache.PushRate) (time.Duration, bool, error) { return 0, true, nil },
		onUnread:  func([]string) (map[string]int, error) { return nil, nil },
	}
	for _, u := range users {
		w.join(u, 1)
		w.device(u, "phone")
	}
	return w
}

func (w *world) user(id string) store.User {
	u, err := store.NewUser("acme", id)
	if err != nil {
		w.t.Fatal(err)
	}
	return u
}

func (w *world) join(id string, seq uint64) {
	w.members = append(w.members, store.Member{User: w.user(id), Role: store.RoleMember, Joined: seq})
	w.stored[id] = &store.Membership{Conv: w.conv, Joined: seq, Delivered: map[string]uint64{}}
}

func (w *world) device(user, id string) {
	w.devices[user] = append(w.devices[user], store.Device{
		ID: id, Platform: "android", PushChannel: "GCM", PushToken: user + "-" + id, RegisteredAt: time.Now().Add(-24 * time.Hour),
	})
}

// change is for changes while a notifier runs.
func (w *world) change(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f()
}

func (w *world) Conversation(context.Context, store.Conv) (store.Conversation, error) {
	return store.Conversation{Conv: w.conv, Kind: store.Group, Title: "The Room"}, nil
}

func (w *world) Members(context.Context, store.Conv) ([]store.Member, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.memberReads++
	return slices.Clone(w.members), w.onMembers()
}

func (w *world) Membership(_ context.Context, u store.User, _ store.Conv) (store.Membership, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	m, ok := w.stored[u.ID()]
	if !ok {
		return store.Membership{}, store.ErrNotFound
	}
	return *m, w.onCache()
}

func (w *world) RaisePushed(_ context.Context, u store.User, _ store.Conv, seq uint64) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.onRaise(); err != nil {
		return err
	}
	w.stored[u.ID()].Pushed = max(w.stored[u.ID()].Pushed, seq)
	return nil
}

func (w *world) Devices(_ context.Context, u store.User) ([]store.Device, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.deviceReads++
	return slices.Clone(w.devices[u.ID()]), w.onDevices()
}

func (w *world) RemovePushToken(_ context.Context, u store.User, device, token string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.removed = append(w.removed, token)
	for i, d := range w.devices[u.ID()] {
		if d.ID == device && d.PushToken == token {
			w.devices[u.ID()][i].PushToken = ""
		}
	}
	return nil
}

func (w *world) MemberMarks(_ context.Context, _ store.Conv, users []store.User) ([]cache.Marks, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.onMarks(); err != nil {
		return nil, err
	}
	out := make([]cache.Marks, len(users))
	for i, u := range users {
		out[i] = w.fast[u.ID()]
	}
	return out, nil
}

func (w *world) ReservePush(_ context.Context, u store.User, r cache.PushRate) (time.Duration, bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.onReserve(u, r)
}

func (w *world) ClaimSweep(_ context.Context, shard, _ string, _ time.Duration) (bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.onClaim(shard)
}

func (w *world) Read(_ context.Context, _ store.Conv, from uint64, limit int) ([]store.Stored, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.reads++
	var out []store.Stored
	for _, b := range w.log {
		if store.Last(b) >= from && len(out) < limit {
			out = append(out, store.Stored{Batch: b})
		}
	}
	return out, w.onRead()
}

func (w *world) StrikeToken(_ context.Context, u store.User, device, token string) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, d := range w.devices[u.ID()] {
		if d.ID == device && d.PushToken == token {
			w.devices[u.ID()][i].Strikes++
			return w.devices[u.ID()][i].Strikes, nil
		}
	}
	return 0, nil
}

func (w *world) ClearStrikes(_ context.Context, u store.User, device, token string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, d := range w.devices[u.ID()] {
		if d.ID == device && d.PushToken == token {
			w.devices[u.ID()][i].Strikes = 0
		}
	}
	return nil
}

// deferralKey names a deferral as a store does.
func deferralKey(d store.Deferral) string {
	return fmt.Sprint(d.Due.UnixMilli(), d.User, d.Device, d.Conv)
}

func (w *world) Defer(_ context.Context, d store.Deferral) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.onDefer(); err != nil {
		return err
	}
	old, ok := w.deferrals[deferralKey(d)]
	if !ok {
		old = d
	}
	old.Seq = max(old.Seq, d.Seq)
	w.deferrals[deferralKey(d)] = old
	return nil
}

func (w *world) Deferred(_ context.Context, shard int, by time.Time, limit int) ([]store.Deferral, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.looks++
	var out []store.Deferral
	for _, d := range w.deferrals {
		if store.DeferralShard(d.User) == shard && !d.Due.After(by) {
			out = append(out, d)
		}
	}
	slices.SortFunc(out, func(a, b store.Deferral) int { return a.Due.Compare(b.Due) })
	return out[:min(len(out), limit)], nil
}

func (w *world) RemoveDeferral(_ context.Context, d store.Deferral) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.deferrals[deferralKey(d)].Seq <= d.Seq {
		delete(w.deferrals, deferralKey(d))
	}
	return nil
}

func (w *world) Unread(_ context.Context, t store.Tenant, users []string) (map[string]int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if t != "acme" {
		w.t.Errorf("badges of tenant %q", t)
	}
	return w.onUnread(users)
}

func (w *world) PublishPushFailure(_ context.Context, f eventlog.PushFailure) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.onDead(); err != nil {
		return err
	}
	w.dead = append(w.dead, f)
	return nil
}

func (w *world) Send(_ context.Context, application string, messages []push.Message) []push.Result {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sends++
	w.sizes = append(w.sizes, len(messages))
	if application != "app" {
		w.t.Errorf("application %q", application)
	}
	out := make([]push.Result, len(messages))
	for i, m := range messages {
		if out[i] = w.answer(m); out[i].Outcome == push.Delivered {
			w.phones[m.Address] = append(w.phones[m.Address], m)
		}
	}
	return out
}

// shows returns the bodies that a phone was sent, in order.
func (w *world) shows(token string) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := []string{}
	for _, m := range w.phones[token] {
		out = append(out, m.Body)
	}
	return out
}

func (w *world) pushed(user string) uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.stored[user].Pushed
}

// live is a running notifier.
type live struct {
	*Notifier
	t    *testing.T
	w    *world
	mu   sync.Mutex
	done []uint64
	stop func() // and wait
}

// run starts a notifier in a bubble; it is stopped and waited for at the test's end.
func run(t *testing.T, w *world, change ...func(*Options)) *live {
	t.Helper()
	o := Options{Store: w, Cache: w, Sender: w, Badges: w, DeadLetters: w, Application: "app", Delay: delay}
	for _, f := range change {
		f(&o)
	}
	n, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	l := &live{Notifier: n, t: t, w: w}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := n.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	l.stop = func() { cancel(); wg.Wait() }
	t.Cleanup(l.stop)
	return l
}

var log0 = partition{"log", 0}

// say files a record with one message, committed now.
func (l *live) say(sender string, seq uint64, body string) {
	l.batch(entry(sender, seq, body, time.Now()))
}

func (l *live) batch(entries ...*logpb.Entry) {
	last := entries[len(entries)-1].GetSeq()
	b := &logpb.Batch{Entries: entries}
	l.w.change(func() { l.w.log = append(l.w.log, b) })
	l.add(log0, l.w.conv, store.Direct, b, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.done = append(l.done, last)
	})
}

func batchOf(entries ...*logpb.Entry) *logpb.Batch { return &logpb.Batch{Entries: entries} }

func entry(sender string, seq uint64, body string, at time.Time) *logpb.Entry {
	return &logpb.Entry{Seq: seq, Sender: sender, AtMs: at.UnixMilli(), Kind: &logpb.Entry_Message{Message: &logpb.Message{Body: body}}}
}

func (l *live) completed() []uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]uint64{}, l.done...)
}

// pass lets the bubble's time pass, until everything that is due has happened.
func pass(d time.Duration) {
	time.Sleep(d) // the bubble's clock
	synctest.Wait()
}

func bodies(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprint("m", i+1)
	}
	return out
}
