package chat

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"

	"github.com/chatcluster/chatcluster/runtime/chat/chatpb"
	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/store"
	"github.com/chatcluster/chatcluster/runtime/store/embedded"
)

const (
	tenant  = "acme"
	patient = 20 * time.Second
)

var errBoom = errors.New("boom")

func memStore(t *testing.T) *embedded.Store {
	t.Helper()
	s, err := embedded.Open("db", embedded.Options{FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeIt(t, s) })
	return s
}

func closeIt(t testing.TB, c io.Closer) {
	t.Helper()
	if err := c.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

func convOf(t testing.TB, id string) store.Conv {
	t.Helper()
	c, err := store.NewConv(tenant, id)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func userOf(t testing.TB, id string) store.User {
	t.Helper()
	u, err := store.NewUser(tenant, id)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// makeConv writes a conversation with these members straight into the store.
func makeConv(t *testing.T, s store.Conversations, id string, users ...string) store.Conv {
	t.Helper()
	c := convOf(t, id)
	added := &logpb.MembersAdded{}
	var members []store.Member
	for _, u := range users {
		members = append(members, store.Member{User: userOf(t, u), Role: store.RoleMember, Joined: 1})
		added.Members = append(added.Members, &logpb.Member{User: u, Role: store.RoleMember})
	}
	first := &logpb.Batch{Id: []byte("creation"), Entries: []*logpb.Entry{{
		Seq: 1, Sender: users[0], AtMs: time.Now().UnixMilli(), Kind: &logpb.Entry_MembersAdded{MembersAdded: added},
	}}}
	if err := s.Create(t.Context(), store.Conversation{Conv: c, Kind: store.Group, CreatedAt: time.Now()}, members, first, store.AppendOptions{}); err != nil {
		t.Fatal(err)
	}
	return c
}

// logOf reads the whole log and checks what must hold of every log: consecutive seqs, running counts, no name twice.
func logOf(t *testing.T, s store.Log, c store.Conv) []*logpb.Entry {
	t.Helper()
	var all []*logpb.Entry
	names := map[name]uint64{}
	for next := uint64(1); ; {
		page, err := s.Read(context.Background(), c, next, 1000)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		for _, st := range page {
			for _, e := range st.Batch.GetEntries() {
				if e.GetSeq() != next {
					t.Fatalf("seq %d where %d is due", e.GetSeq(), next)
				}
				want := uint64(0)
				if len(all) > 0 {
					want = all[len(all)-1].GetCount()
				}
				if e.GetMessage() != nil {
					want++
				}
				if e.GetCount() != want {
					t.Fatalf("seq %d: count %d, want %d", next, e.GetCount(), want)
				}
				if n := nameOf(e); n.id != "" {
					if at, ok := names[n]; ok {
						t.Fatalf("%v is at %d and at %d", n, at, next)
					}
					names[n] = next
				}
				all = append(all, e)
				next++
			}
		}
	}
	return all
}

func bodies(entries []*logpb.Entry) []string {
	var out []string
	for _, e := range entries {
		if m := e.GetMessage(); m != nil {
			out = append(out, m.GetBody())
		}
	}
	return out
}

// fakeKafka is a Publisher: answer decides about each publication, nil accepts it.
type fakeKafka struct {
	mu      sync.Mutex
	answer  func(c store.Conv, b *logpb.Batch, done func(error))
	taken   map[store.Conv][]*logpb.Batch
	changed chan struct{}
}

func newKafka() *fakeKafka {
	return &fakeKafka{taken: map[store.Conv][]*logpb.Batch{}, changed: make(chan struct{})}
}

func (k *fakeKafka) PublishBatch(c store.Conv, _ string, b *logpb.Batch, done func(error)) {
	k.mu.Lock()
	answer := k.answer
	k.mu.Unlock()
	if answer != nil {
		answer(c, b, done)
		return
	}
	k.accept(c, b)
	done(nil)
}

func (k *fakeKafka) accept(c store.Conv, b *logpb.Batch) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.taken[c] = append(k.taken[c], b)
	close(k.changed)
	k.changed = make(chan struct{})
}

func (k *fakeKafka) set(answer func(store.Conv, *logpb.Batch, func(error))) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.answer = answer
}

func failKafka(_ store.Conv, _ *logpb.Batch, done func(error)) { done(errBoom) }

func silentKafka(store.Conv, *logpb.Batch, func(error)) {}

// bodiesOf returns what Kafka has of the conversation, in its order, repetitions left out.
func (k *fakeKafka) bodiesOf(c store.Conv) []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	var out []string
	seen := map[uint64]bool{}
	for _, b := range k.taken[c] {
		for _, e := range b.GetEntries() {
			if !seen[e.GetSeq()] {
				seen[e.GetSeq()] = true
				out = append(out, bodies([]*logpb.Entry{e})...)
			}
		}
	}
	return out
}

func (k *fakeKafka) wait(t *testing.T, c store.Conv, n int) {
	t.Helper()
	deadline := time.After(patient)
	for {
		k.mu.Lock()
		changed := k.changed
		k.mu.Unlock()
		if len(k.bodiesOf(c)) >= n {
			return
		}
		select {
		case <-changed:
		case <-deadline:
			t.Fatalf("Kafka has %v, want %d messages", k.bodiesOf(c), n)
		}
	}
}

// faulty is a store whose calls go through the functions that are set.
type faulty struct {
	Store
	mu     sync.Mutex
	append func(ctx context.Context, b *logpb.Batch, put func() error) error
	change func(ctx context.Context, b *logpb.Batch, put func() error) error
	mark   func(ctx context.Context, mark func() error) error
	read   func(ctx context.Context, from uint64) error
}

func (f *faulty) set(change func(*faulty)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(f)
}

func (f *faulty) Append(ctx context.Context, c store.Conv, b *logpb.Batch, o store.AppendOptions) error {
	f.mu.Lock()
	hook := f.append
	f.mu.Unlock()
	put := func() error { return f.Store.Append(context.WithoutCancel(ctx), c, b, o) }
	if hook == nil {
		return put()
	}
	return hook(ctx, b, put)
}

func (f *faulty) ChangeMembers(ctx context.Context, c store.Conv, b *logpb.Batch, changes []store.MemberChange, o store.AppendOptions) error {
	f.mu.Lock()
	hook := f.change
	f.mu.Unlock()
	put := func() error { return f.Store.ChangeMembers(context.WithoutCancel(ctx), c, b, changes, o) }
	if hook == nil {
		return put()
	}
	return hook(ctx, b, put)
}

func (f *faulty) MarkOutbox(ctx context.Context, c store.Conv, first uint64) error {
	f.mu.Lock()
	hook := f.mark
	f.mu.Unlock()
	mark := func() error { return f.Store.MarkOutbox(ctx, c, first) }
	if hook == nil {
		return mark()
	}
	return hook(ctx, mark)
}

func (f *faulty) Read(ctx context.Context, c store.Conv, from uint64, limit int) ([]store.Stored, error) {
	f.mu.Lock()
	hook := f.read
	f.mu.Unlock()
	if hook != nil {
		if err := hook(ctx, from); err != nil {
			return nil, err
		}
	}
	return f.Store.Read(ctx, c, from, limit)
}

// pod is a running chat service.
type pod struct {
	*Service
	t    *testing.T
	lis  *bufconn.Listener
	stop func() // drains
	kill func() // dies
}

func startPod(t *testing.T, podName string, st Store, k Publisher, reg Registry, tune func(*Tunables), change ...func(*Options)) *pod {
	t.Helper()
	return startPodKeeping(t, 24*time.Hour, podName, st, k, reg, tune, change...)
}

// startPodKeeping is startPod with a hot retention.
func startPodKeeping(t *testing.T, hot time.Duration, podName string, st Store, k Publisher, reg Registry, tune func(*Tunables), change ...func(*Options)) *pod {
	t.Helper()
	tn := Tunables{
		SendTimeout: 3 * time.Second, StoreTimeout: time.Second, KafkaTimeout: 200 * time.Millisecond, BreakerProbe: 20 * time.Millisecond,
		OutboxEvery: 20 * time.Millisecond, OutboxIdle: 5 * time.Second, HeadsEvery: 50 * time.Millisecond, Grace: 10 * time.Second,
		RenewEvery: 20 * time.Millisecond,
	}
	if tune != nil {
		tune(&tn)
	}
	o := Options{Pod: podName, Store: st, Publisher: k, Registry: reg, HotRetention: hot, Tunables: tn}
	for _, f := range change {
		f(&o)
	}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	p := &pod{Service: s, t: t, lis: bufconn.Listen(1 << 20)}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, p.lis) }()
	var once sync.Once
	end := func(killed bool) func() {
		return func() {
			once.Do(func() {
				if killed {
					// Everything of the pod stops where it is: nothing is finished, nothing is unregistered.
					s.end()
					s.mu.Lock()
					s.lanes = map[store.Conv]*lane{}
					s.mu.Unlock()
				}
				cancel()
				select {
				case err := <-done:
					if err != nil && !killed {
						t.Errorf("Serve: %v", err)
					}
				case <-time.After(patient + s.o.Grace):
					t.Error("Serve did not return")
				}
			})
		}
	}
	p.stop, p.kill = end(false), end(true)
	t.Cleanup(p.stop)
	return p
}

// gateway is a connected gateway.
type gateway struct {
	t      *testing.T
	stream grpc.BidiStreamingClient[chatpb.GatewayFrame, chatpb.ChatFrame]
	conv   string // of what do and makeGroup do
	client chatpb.ChatClient
	// sending is held while the duel sends.
	sending sync.Mutex

	mu      sync.Mutex
	changed chan struct{}
	ref     uint64
	last    map[[3]string]*chatpb.Send // by conversation, user and device
	results map[uint64]*chatpb.Result
	order   []uint64 // refs as they were answered
	entries map[string][]*logpb.Entry
	heads   map[string]*chatpb.Head
	drained bool
	hello   *chatpb.ChatHello
	err     error

	instance  string
	signals   []*chatpb.Signal
	takeovers int
}

func (p *pod) connect() *gateway { return p.connectAs("", false) }

// connectAs connects a gateway whose routes say instance; routed says that it registers everybody.
func (p *pod) connectAs(instance string, routed bool) *gateway {
	p.t.Helper()
	cc, err := grpc.NewClient("passthrough:///pod", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return p.lis.DialContext(ctx) }))
	if err != nil {
		p.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	g := &gateway{
		t: p.t, conv: "c", instance: instance, client: chatpb.NewChatClient(cc), changed: make(chan struct{}),
		last: map[[3]string]*chatpb.Send{}, results: map[uint64]*chatpb.Result{}, entries: map[string][]*logpb.Entry{}, heads: map[string]*chatpb.Head{},
	}
	if g.stream, err = g.client.Connect(ctx); err != nil {
		p.t.Fatal(err)
	}
	done := make(chan struct{})
	p.t.Cleanup(func() {
		cancel()
		closeIt(p.t, cc)
		<-done
	})
	g.tell(&chatpb.GatewayFrame{Hello: &chatpb.GatewayHello{Gateway: "gw", Instance: instance}, Routed: &routed})
	go func() {
		defer close(done)
		g.receive()
	}()
	g.wait("hello", func() bool { return g.hello != nil })
	return g
}

// tell sends a frame.
func (g *gateway) tell(f *chatpb.GatewayFrame) {
	g.t.Helper()
	if err := g.stream.Send(f); err != nil {
		g.t.Fatal(err)
	}
}

func (g *gateway) receive() {
	for {
		f, err := g.stream.Recv()
		g.mu.Lock()
		if err != nil {
			g.err = err
		}
		if f.GetHello() != nil {
			g.hello = f.GetHello()
		}
		for _, r := range f.GetResults() {
			g.results[r.GetRef()] = r
			g.order = append(g.order, r.GetRef())
		}
		for _, d := range f.GetDeliveries() {
			g.entries[d.GetConversation()] = append(g.entries[d.GetConversation()], d.GetBatch().GetEntries()...)
		}
		for _, h := range f.GetHeads() {
			g.heads[h.GetConversation()] = h
		}
		g.drained = g.drained || f.GetDraining()
		g.signals = append(g.signals, f.GetSignals()...)
		g.takeovers += len(f.GetTakeovers())
		close(g.changed)
		g.changed = make(chan struct{})
		g.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// wait returns when cond holds; cond is called with the lock held.
func (g *gateway) wait(what string, cond func() bool) {
	g.t.Helper()
	deadline := time.After(patient)
	for {
		g.mu.Lock()
		ok, changed := cond(), g.changed
		g.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-changed:
		case <-deadline:
			g.t.Fatalf("%s: not within %v", what, patient)
		}
	}
}

type msg struct {
	conv, user, device, id, body string
	previous                     string
	after                        *uint64
	change                       func(*chatpb.Send)
}

// noDevice stands for no device, where none at all stands for a phone.
const noDevice = "-"

func (m msg) send(ref uint64) *chatpb.Send {
	s := &chatpb.Send{
		Ref: ref, Tenant: tenant, Conversation: m.conv, User: m.user, Device: m.device, ClientMsgId: m.id, Body: m.body,
		Previous: m.previous, AfterSeq: m.after,
	}
	switch m.device {
	case "":
		s.Device = "phone"
	case noDevice:
		s.Device = ""
	}
	if s.Body == "" {
		s.Body = m.id
	}
	if m.change != nil {
		s.Body = ""
		m.change(s)
	}
	return s
}

// post sends without waiting and returns the refs. As a gateway does, it has each message follow the device's one before that has
// no answer.
func (g *gateway) post(msgs ...msg) []uint64 {
	g.t.Helper()
	f := &chatpb.GatewayFrame{}
	var refs []uint64
	g.mu.Lock()
	for _, m := range msgs {
		g.ref++
		refs = append(refs, g.ref)
		s := m.send(g.ref)
		from := [3]string{s.GetConversation(), s.GetUser(), s.GetDevice()}
		if last := g.last[from]; last != nil && m.previous == "" && g.results[last.GetRef()] == nil {
			s.Previous = last.GetClientMsgId()
		}
		g.last[from] = s
		f.Sends = append(f.Sends, s)
	}
	g.mu.Unlock()
	if err := g.stream.Send(f); err != nil {
		g.t.Fatal(err)
	}
	return refs
}

func (g *gateway) result(ref uint64) *chatpb.Result {
	g.t.Helper()
	var r *chatpb.Result
	g.wait(fmt.Sprint("result ", ref), func() bool { r = g.results[ref]; return r != nil })
	return r
}

// send sends one message and waits for its result.
func (g *gateway) send(m msg) *chatpb.Result {
	g.t.Helper()
	return g.result(g.post(m)[0])
}

// mustSend sends one message and wants its seq.
func (g *gateway) mustSend(m msg) *chatpb.Result {
	g.t.Helper()
	r := g.send(m)
	if r.GetCode() != "" {
		g.t.Fatalf("send %s: %s (%s)", m.id, r.GetCode(), r.GetDetail())
	}
	return r
}

func seq(n uint64) *uint64 { return &n }

// eventually polls what no event tells of.
func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patient)
	for !cond() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%s: not within %v", what, patient)
		}
	}
}
