package chat

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/chatcluster/chatcluster/runtime/chat/chatpb"
	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

func TestFullLaneIsBusy(t *testing.T) {
	mem, k := memStore(t), newKafka()
	c := makeConv(t, mem, "c", "ann", "bob", "cho")
	gate, entered := make(chan struct{}), make(chan struct{}, 100)
	st := &faulty{Store: mem, append: func(_ context.Context, _ *logpb.Batch, put func() error) error {
		entered <- struct{}{}
		<-gate
		return put()
	}}
	g := startPod(t, "chat-0", st, k, nil, func(tn *Tunables) { tn.LaneSlots = 2 }).connect()
	first := g.post(msg{conv: "c", user: "ann", id: "a1"})[0]
	<-entered
	refs := g.post(
		msg{conv: "c", user: "ann", id: "a2"}, // the second slot
		msg{conv: "c", user: "ann", id: "a3"}, // refused, behind what the device is owed
		msg{conv: "c", user: "bob", id: "b1"}, // refused at once
		msg{conv: "c", user: "ann", id: "a4"}, // refused: it follows a3
	)
	if r := g.result(refs[2]); r.GetCode() != string(protocol.CodeBusy) || r.GetRetryAfterMs() == 0 {
		t.Errorf("bob: got %v, want busy with a hint", r)
	}
	close(gate)
	for i, want := range map[int]string{0: "", 1: string(protocol.CodeBusy), 3: string(protocol.CodeUnavailable)} {
		if got := g.result(refs[i]).GetCode(); got != want {
			t.Errorf("answer %d: got %q, want %q", i, got, want)
		}
	}
	g.result(first)
	g.mu.Lock()
	order := slices.DeleteFunc(slices.Clone(g.order), func(r uint64) bool { return r == refs[2] })
	g.mu.Unlock()
	if diff := cmp.Diff([]uint64{first, refs[0], refs[1], refs[3]}, order); diff != "" {
		t.Errorf("ann's answers (-want +got):\n%s", diff)
	}
	if got := g.send(msg{conv: "c", user: "ann", id: "a5", previous: "a4"}).GetCode(); got != string(protocol.CodeUnavailable) {
		t.Errorf("a5 behind a4: got %q, want %q", got, protocol.CodeUnavailable)
	}
	g.mustSend(msg{conv: "c", user: "ann", id: "a3"})
	g.mustSend(msg{conv: "c", user: "ann", id: "a4"})
	if diff := cmp.Diff([]string{"a1", "a2", "a3", "a4"}, bodies(logOf(t, mem, c))); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
}

func TestRateLimit(t *testing.T) {
	st, k := memStore(t), newKafka()
	makeConv(t, st, "c", "ann", "bob")
	g := startPod(t, "chat-0", st, k, nil, func(tn *Tunables) { tn.LaneBytesPerSecond = 1024 }).connect()
	body := string(make([]byte, protocol.MaxBodyBytes))
	g.mustSend(msg{conv: "c", user: "ann", id: "1", body: body})
	r := g.send(msg{conv: "c", user: "ann", id: "2", body: body})
	if r.GetCode() != string(protocol.CodeRateLimited) || r.GetRetryAfterMs() == 0 {
		t.Errorf("got %v, want rate_limited with a hint", r)
	}
}

func TestMembersChangedByAnotherPodAreSeen(t *testing.T) {
	st, k := memStore(t), newKafka()
	c := makeConv(t, st, "c", "ann", "bob")
	g := startPod(t, "chat-0", st, k, nil, nil).connect()
	g.mustSend(msg{conv: "c", user: "bob", id: "b1"}) // the lane is open: bob is in, cho is not
	at := uint64(3)
	change := func(e *logpb.Entry, ch store.MemberChange) {
		t.Helper()
		e.Seq, e.Sender, e.Count = at, "ann", logOf(t, st, c)[at-2].GetCount()
		b := &logpb.Batch{Id: fmt.Appendf(nil, "change-%d", at), Entries: []*logpb.Entry{e}}
		if err := st.ChangeMembers(t.Context(), c, b, []store.MemberChange{ch}, store.AppendOptions{}); err != nil {
			t.Fatal(err)
		}
		at++
	}
	change(&logpb.Entry{Kind: &logpb.Entry_MembersRemoved{MembersRemoved: &logpb.MembersRemoved{Users: []string{"bob"}}}},
		store.MemberChange{User: userOf(t, "bob"), Role: store.RoleMember, Joined: 1, Left: at})
	if got := g.send(msg{conv: "c", user: "bob", id: "b2"}).GetCode(); got != string(protocol.CodeNotMember) {
		t.Errorf("bob, removed by another pod: got %q, want %q", got, protocol.CodeNotMember)
	}
	if r := g.mustSend(msg{conv: "c", user: "bob", id: "b1"}); r.GetSeq() != 2 {
		t.Errorf("bob's retry of what he sent as a member: got %v, want seq 2", r)
	}
	change(&logpb.Entry{Kind: &logpb.Entry_MembersAdded{MembersAdded: &logpb.MembersAdded{Members: []*logpb.Member{{User: "cho", Role: store.RoleMember}}}}},
		store.MemberChange{User: userOf(t, "cho"), Role: store.RoleMember, Joined: at})
	if r := g.mustSend(msg{conv: "c", user: "cho", id: "c1", after: seq(at - 1)}); r.GetSeq() != at {
		t.Errorf("cho: got %v, want seq %d", r, at)
	}
	g.wait("a head that names cho", func() bool { return slices.Contains(g.heads["c"].GetJoined(), "cho") })
	if got := bodies(logOf(t, st, c)); len(got) != 2 {
		t.Errorf("log: got %v", got)
	}
}

func create(conv, kind, creator string, members ...string) *chatpb.CreateConversationRequest {
	in := &chatpb.CreateConversationRequest{Tenant: tenant, Conversation: conv, Kind: kind, Title: "Title", Creator: creator, Device: "phone"}
	for _, m := range members {
		in.Members = append(in.Members, &logpb.Member{User: m})
	}
	return in
}

func TestCreateConversation(t *testing.T) {
	st, k := memStore(t), newKafka()
	p := startPod(t, "chat-0", st, k, nil, nil)
	g := p.connect()
	users := []string{"ann"}
	for i := range 99 {
		users = append(users, fmt.Sprintf("user-%03d", i))
	}
	out, err := g.client.CreateConversation(t.Context(), create("team", store.Group, "ann", users...))
	if err != nil {
		t.Fatal(err)
	}
	if !out.GetCreated() || out.GetHead() != 3 || out.GetTitle() != "Title" {
		t.Errorf("got %v, want created with head 3", out)
	}
	c := convOf(t, "team")
	list, err := st.Members(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	roles := map[string]int{}
	for _, m := range list {
		roles[m.Role]++
	}
	if diff := cmp.Diff(map[string]int{store.RoleOwner: 1, store.RoleMember: 99}, roles); diff != "" {
		t.Errorf("roles (-want +got):\n%s", diff)
	}
	g.wait("delivery", func() bool { return len(g.entries["team"]) >= 3 })
	again, err := g.client.CreateConversation(t.Context(), create("team", store.Group, "ann", users...))
	if err != nil {
		t.Fatal(err)
	}
	if again.GetCreated() || again.GetHead() != 3 {
		t.Errorf("again: got %v, want found with head 3", again)
	}
	g.mustSend(msg{conv: "team", user: "user-098", id: "1", after: seq(3)})
	logOf(t, st, c)
}

func TestCreateIsCompletedByItsRepetition(t *testing.T) {
	st, k := memStore(t), newKafka()
	users := []string{"ann"}
	for i := range 49 {
		users = append(users, fmt.Sprintf("user-%03d", i))
	}
	// What a pod that died after the first transaction has left.
	dead, err := New(Options{Pod: "dead", Store: st, Publisher: k})
	if err != nil {
		t.Fatal(err)
	}
	c, err := checkCreation(create("team", store.Group, "ann", users...))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := dead.create(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	g := startPod(t, "chat-0", st, k, nil, nil).connect()
	out, err := g.client.CreateConversation(t.Context(), create("team", store.Group, "ann", users...))
	if err != nil {
		t.Fatal(err)
	}
	if out.GetCreated() || out.GetHead() != 2 {
		t.Errorf("got %v, want found and completed with head 2", out)
	}
	list, err := st.Members(t.Context(), c.conv)
	if err != nil || len(list) != 50 {
		t.Errorf("got %d members and error %v, want 50", len(list), err)
	}
}

func TestCreateIsRefused(t *testing.T) {
	st, k := memStore(t), newKafka()
	g := startPod(t, "chat-0", st, k, nil, nil).connect()
	if _, err := g.client.CreateConversation(t.Context(), create("d", store.Direct, "ann", "ann", "bob")); err != nil {
		t.Fatal(err)
	}
	long := create("x", store.Group, "ann", "ann")
	long.Title = string(slices.Repeat([]byte("t"), protocol.MaxTitleBytes+1))
	role := create("x", store.Group, "ann", "ann")
	role.Members[0].Role = "king"
	many := create("x", store.Group, "ann", "ann")
	for i := range protocol.MaxGroupMembers {
		many.Members = append(many.Members, &logpb.Member{User: fmt.Sprint(i)})
	}
	cases := map[string]struct {
		reason string
		in     *chatpb.CreateConversationRequest
		want   codes.Code
	}{
		"Kind":        {"Kinds are known.", create("x", "channel", "ann", "ann"), codes.InvalidArgument},
		"Alone":       {"A direct conversation has two.", create("x", store.Direct, "ann", "ann"), codes.InvalidArgument},
		"NotIn":       {"The creator is a member.", create("x", store.Group, "ann", "bob"), codes.InvalidArgument},
		"Twice":       {"A member has one role.", create("x", store.Group, "ann", "ann", "bob", "bob"), codes.InvalidArgument},
		"NoID":        {"Ids are checked.", create("", store.Group, "ann", "ann"), codes.InvalidArgument},
		"LongTitle":   {"Titles are bounded.", long, codes.InvalidArgument},
		"Role":        {"Roles are known.", role, codes.InvalidArgument},
		"TooMany":     {"Groups are bounded.", many, codes.InvalidArgument},
		"AnotherKind": {"An id has one kind.", create("d", store.Group, "ann", "ann"), codes.AlreadyExists},
		"Stranger":    {"What exists is shown to members.", create("d", store.Direct, "eve", "eve", "bob"), codes.NotFound},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := g.client.CreateConversation(t.Context(), tc.in)
			if got := status.Code(err); got != tc.want {
				t.Errorf("%s\ngot %v (%v), want %v", tc.reason, got, err, tc.want)
			}
		})
	}
}

func TestIdleLaneClosesAndRaisesTheTail(t *testing.T) {
	st, k, reg := memStore(t), newKafka(), newRegistry()
	c := makeConv(t, st, "c", "ann", "bob")
	p := startPod(t, "chat-0", st, k, reg, func(tn *Tunables) { tn.LaneIdle = 50 * time.Millisecond })
	g := p.connect()
	r := g.mustSend(msg{conv: "c", user: "ann", id: "m1"})
	eventually(t, "the tail to be raised", func() bool {
		got, err := st.Conversation(t.Context(), c)
		return err == nil && got.Tail == r.GetSeq() && got.TailCount == r.GetCount()
	})
	eventually(t, "the lane to be unregistered", func() bool { return len(reg.of("chat-0")) == 0 && p.laneCount() == 0 })
	if r := g.mustSend(msg{conv: "c", user: "ann", id: "m2", after: seq(2)}); r.GetSeq() != 3 || r.GetCount() != 2 {
		t.Errorf("after opening again: got %v, want seq 3 and count 2", r)
	}
}

func TestTailStaysBelowWhatKafkaHasNotAccepted(t *testing.T) {
	st, k := memStore(t), newKafka()
	c := makeConv(t, st, "c", "ann", "bob")
	k.set(failKafka)
	p := startPod(t, "chat-0", st, k, nil, func(tn *Tunables) { tn.LaneIdle, tn.OutboxEvery = 50*time.Millisecond, time.Hour })
	g := p.connect()
	g.mustSend(msg{conv: "c", user: "ann", id: "m1"})
	eventually(t, "the lane to close", func() bool { return p.laneCount() == 0 })
	got, err := st.Conversation(t.Context(), c)
	if err != nil || got.Tail != 0 {
		t.Errorf("tail: got %d and error %v, want 0", got.Tail, err)
	}
}

func TestTailIsRaisedOnceTheOutboxIsDrained(t *testing.T) {
	st, k := memStore(t), newKafka()
	c := makeConv(t, st, "c", "ann", "bob")
	k.set(failKafka)
	p := startPod(t, "chat-0", st, k, nil, func(tn *Tunables) { tn.LaneIdle = time.Second })
	p.connect().mustSend(msg{conv: "c", user: "ann", id: "m1"})
	k.set(nil)
	eventually(t, "the lane to close", func() bool { return p.laneCount() == 0 })
	eventually(t, "the tail to be raised", func() bool {
		got, err := st.Conversation(t.Context(), c)
		return err == nil && got.Tail == 2 && got.TailCount == 1
	})
	if got := k.bodiesOf(c); len(got) != 1 {
		t.Errorf("Kafka has %v, want m1", got)
	}
}

// emptied is a store whose log has expired.
type emptied struct{ Store }

func (emptied) Read(context.Context, store.Conv, uint64, int) ([]store.Stored, error) {
	return nil, nil
}

func TestAnExpiredLogIsNotStartedAgain(t *testing.T) {
	mem, k := memStore(t), newKafka()
	makeConv(t, mem, "c", "ann", "bob")
	g := startPod(t, "chat-0", emptied{mem}, k, nil, func(tn *Tunables) { tn.SendTimeout = 100 * time.Millisecond }).connect()
	if got := g.send(msg{conv: "c", user: "ann", id: "m1"}).GetCode(); got != string(protocol.CodeUnavailable) {
		t.Errorf("got %q, want %q: seqs 1 and up were given out before", got, protocol.CodeUnavailable)
	}
}

func TestDrain(t *testing.T) {
	mem, k, reg := memStore(t), newKafka(), newRegistry()
	c := makeConv(t, mem, "c", "ann", "bob")
	makeConv(t, mem, "d", "ann", "bob")
	gate, entered := make(chan struct{}), make(chan struct{}, 10)
	st := &faulty{Store: mem, append: func(_ context.Context, _ *logpb.Batch, put func() error) error {
		entered <- struct{}{}
		<-gate
		return put()
	}}
	p := startPod(t, "chat-0", st, k, reg, nil)
	g := p.connect()
	waiting := g.post(msg{conv: "c", user: "ann", id: "m1"})[0]
	<-entered
	stopped := make(chan struct{})
	go func() {
		p.stop()
		close(stopped)
	}()
	g.wait("draining", func() bool { return g.drained })
	if got := g.send(msg{conv: "d", user: "ann", id: "d1"}).GetCode(); got != string(protocol.CodeBusy) {
		t.Errorf("a new lane: got %q, want %q", got, protocol.CodeBusy)
	}
	late := g.post(msg{conv: "c", user: "ann", id: "m2"})[0] // an open lane still takes
	close(gate)
	for i, ref := range []uint64{waiting, late} {
		if r := g.result(ref); r.GetCode() != "" || r.GetSeq() != uint64(i)+2 {
			t.Errorf("what was in flight: got %v", r)
		}
	}
	<-stopped
	g.wait("the stream's end", func() bool { return g.err != nil })
	if left := reg.of("chat-0"); len(left) != 0 {
		t.Errorf("still registered: %v", left)
	}
	if conv, err := mem.Conversation(t.Context(), c); err != nil || conv.Tail != 3 {
		t.Errorf("tail: got %d and error %v, want 3", conv.Tail, err)
	}
}

func TestLanesOfADeadPodAreSettled(t *testing.T) {
	st, k, reg := memStore(t), newKafka(), newRegistry()
	c := makeConv(t, st, "c", "ann", "bob")
	published := make(chan struct{}, 10)
	k.set(func(store.Conv, *logpb.Batch, func(error)) { published <- struct{}{} })
	one := startPod(t, "chat-0", st, k, reg, func(tn *Tunables) { tn.KafkaTimeout, tn.Grace = time.Hour, 100*time.Millisecond })
	g := one.connect()
	g.post(msg{conv: "c", user: "ann", id: "m1"})
	<-published
	<-published
	one.kill()
	k.set(nil)

	two := startPod(t, "chat-1", st, k, reg, nil)
	h := two.connect()
	reg.lapse("chat-0")
	k.wait(t, c, 1)
	h.wait("what was committed is delivered", func() bool { return len(bodies(h.entries["c"])) == 1 })
	h.wait("the head", func() bool { return h.heads["c"].GetSeq() == 2 })
}

func TestAGatewayThatComesBackLearnsTheHeads(t *testing.T) {
	st, k := memStore(t), newKafka()
	makeConv(t, st, "c", "ann", "bob")
	p := startPod(t, "chat-0", st, k, nil, func(tn *Tunables) { tn.HeadsEvery = time.Hour })
	p.connect().mustSend(msg{conv: "c", user: "ann", id: "m1"})
	h := p.connect()
	h.wait("head", func() bool { return h.heads["c"].GetSeq() == 2 })
}

// fakeRegistry is a Registry in memory.
type fakeRegistry struct {
	mu     sync.Mutex
	lanes  map[string]map[store.Conv]bool
	lapsed map[string]bool
}

func newRegistry() *fakeRegistry {
	return &fakeRegistry{lanes: map[string]map[store.Conv]bool{}, lapsed: map[string]bool{}}
}

func (r *fakeRegistry) change(pod string, in bool, lanes []store.Conv) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.lanes[pod] == nil {
		r.lanes[pod] = map[store.Conv]bool{}
	}
	for _, c := range lanes {
		if in {
			r.lanes[pod][c] = true
		} else {
			delete(r.lanes[pod], c)
		}
	}
}

func (r *fakeRegistry) Renew(_ context.Context, pod string, lanes []store.Conv) error {
	r.change(pod, true, lanes)
	return nil
}

func (r *fakeRegistry) Register(_ context.Context, pod string, lanes ...store.Conv) error {
	r.change(pod, true, lanes)
	return nil
}

func (r *fakeRegistry) Unregister(_ context.Context, pod string, lanes ...store.Conv) error {
	r.change(pod, false, lanes)
	return nil
}

func (r *fakeRegistry) TakeLapsed(_ context.Context, pod string, _ int) ([]store.Conv, error) {
	var taken []store.Conv
	r.mu.Lock()
	for dead := range r.lapsed {
		for c := range r.lanes[dead] {
			taken = append(taken, c)
		}
		delete(r.lanes, dead)
		delete(r.lapsed, dead)
	}
	r.mu.Unlock()
	r.change(pod, true, taken)
	return taken, nil
}

func (r *fakeRegistry) lapse(pod string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lapsed[pod] = true
}

func (r *fakeRegistry) of(pod string) []store.Conv {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []store.Conv
	for c := range r.lanes[pod] {
		out = append(out, c)
	}
	return out
}
