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
	removed []string

	answer     func(push.Message) push.Result
	onCache    func() error
	onMembers  func() error
	onRaise    func() error
	onMarks    func() error
	onDevices  func() error
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
		answer:  func(push.Message) push.Result { return push.Result{Outcome: push.Delivered} },
		onCache: ok, onMembers: ok, onRaise: ok, onMarks: ok, onDevices: ok,
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

func (w *world) Marks(_ context.Context, u store.User, convs ...store.Conv) ([]cache.Marks, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.onMarks(); err != nil {
		return nil, err
	}
	out := make([]cache.Marks, len(convs))
	for i := range convs {
		out[i] = w.fast[u.ID()]
	}
	return out, nil
}

func (w *world) Send(_ context.Context, application string, messages []push.Message) []push.Result {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sends++
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
}

// run starts a notifier in a bubble; it is stopped and waited for at the test's end.
func run(t *testing.T, w *world, change ...func(*Options)) *live {
	t.Helper()
	o := Options{Store: w, Marks: w, Sender: w, Application: "app", Delay: delay}
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
	t.Cleanup(func() { cancel(); wg.Wait() })
	return l
}

var log0 = partition{"log", 0}

// say files a record with one message, committed now.
func (l *live) say(sender string, seq uint64, body string) {
	l.batch(entry(sender, seq, body, time.Now()))
}

func (l *live) batch(entries ...*logpb.Entry) {
	last := entries[len(entries)-1].GetSeq()
	l.add(log0, l.w.conv, store.Direct, &logpb.Batch{Entries: entries}, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.done = append(l.done, last)
	})
}

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
