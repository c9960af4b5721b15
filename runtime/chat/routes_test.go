package chat

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/chatcluster/chatcluster/runtime/chat/chatpb"
	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// fakeRoutes is where users are, by instance.
type fakeRoutes struct {
	mu    sync.Mutex
	at    map[string][]string // users by instance
	fail  func(context.Context) error
	asked int
}

func (r *fakeRoutes) set(f func(*fakeRoutes)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f(r)
}

func (r *fakeRoutes) Away(ctx context.Context, instances []string, groups [][]store.User) ([][]bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked++
	if r.fail != nil {
		if err := r.fail(ctx); err != nil {
			return nil, err
		}
	}
	out := make([][]bool, len(groups))
	for i, users := range groups {
		names := map[string]bool{}
		for _, u := range users {
			names[u.ID()] = true
		}
		for _, in := range instances {
			away := true
			for _, u := range r.at[in] {
				away = away && !names[u]
			}
			out[i] = append(out[i], away)
		}
	}
	return out, nil
}

func (r *fakeRoutes) lookups() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.asked
}

// routedPod is a pod that looks routes up and announces heads by itself only as it heals.
func routedPod(t *testing.T, st Store, r Routes) *pod {
	t.Helper()
	p := startPod(t, "pod", st, newKafka(), nil, func(tn *Tunables) { tn.HeadsEvery = time.Hour }, func(o *Options) { o.Routes = r })
	eventually(t, "the locator runs", func() bool {
		p.locator.mu.Lock()
		defer p.locator.mu.Unlock()
		return p.locator.ready
	})
	return p
}

// seqsOf are the seqs that came to the gateway as deliveries.
func (g *gateway) seqsOf(conv string) []uint64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	var out []uint64
	for _, e := range g.entries[conv] {
		out = append(out, e.GetSeq())
	}
	return out
}

// reach returns when everything up to seq has come as deliveries, in order.
func (g *gateway) reach(conv string, seq uint64) {
	g.t.Helper()
	g.wait(fmt.Sprint("deliveries up to ", seq), func() bool {
		all := g.entries[conv]
		return len(all) > 0 && all[len(all)-1].GetSeq() == seq
	})
	for i, got := range g.seqsOf(conv) {
		if got != uint64(i+1) {
			g.t.Fatalf("delivery %d has seq %d", i+1, got)
		}
	}
}

// fence returns when everything that was queued for the gateway has come: a takeover comes last.
func (p *pod) fence(g *gateway) {
	p.t.Helper()
	g.mu.Lock()
	n := g.takeovers
	g.mu.Unlock()
	p.takeover(&chatpb.Takeover{Instance: g.instance})
	g.wait("fence", func() bool { return g.takeovers > n })
}

func TestDeliveriesGoWhereMembersAre(t *testing.T) {
	cases := map[string]struct {
		reason string
		routed bool
		fail   func(context.Context) error
		others int
		gets   bool // the gateway without a member, too
	}{
		"Away":      {reason: "nobody is there", routed: true},
		"NotRouted": {reason: "that gateway does not register everybody", gets: true},
		"Fails":     {reason: "Redis fails", routed: true, fail: func(context.Context) error { return errBoom }, gets: true},
		"Hangs": {reason: "Redis hangs", routed: true, gets: true, fail: func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		}},
		"Large": {reason: "there are too many members to look up", routed: true, others: maxRouted - 1, gets: true},
		"Small": {reason: "there are just not too many", routed: true, others: maxRouted - 2},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			st := memStore(t)
			c := makeConv(t, st, "c", "ann", "bob")
			last := uint64(1)
			var others []string
			for i := range tc.others {
				others = append(others, fmt.Sprint("user", i))
			}
			for some := range slices.Chunk(others, store.MaxMemberChange) {
				last++
				changeMembers(t, st, c, last, some, nil)
			}
			r := &fakeRoutes{at: map[string][]string{"there": {"ann"}}, fail: tc.fail}
			p := routedPod(t, st, r)
			there, elsewhere := p.connectAs("there", true), p.connectAs("elsewhere", tc.routed)
			last = there.mustSend(msg{conv: c.ID(), user: "ann", id: "m1"}).GetSeq()
			there.reach("c", last)
			// What came while the members changed may have gone everywhere.
			last = there.mustSend(msg{conv: c.ID(), user: "ann", id: "m2"}).GetSeq()
			there.reach("c", last)
			p.fence(elsewhere)
			if got := slices.Contains(elsewhere.seqsOf("c"), last); got != tc.gets {
				t.Errorf("%s: the delivery comes there: %v, want %v", tc.reason, got, tc.gets)
			}
		})
	}
}

// While Redis hangs, batches are committed and answered; only their deliveries wait, in order and not for long.
func TestALookupHoldsUpNoAnswer(t *testing.T) {
	st := memStore(t)
	c := makeConv(t, st, "c", "ann", "bob")
	r := &fakeRoutes{fail: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }}
	p := routedPod(t, st, r)
	g := p.connectAs("gw", true)
	const n = 200
	for i := range n {
		g.mustSend(msg{conv: c.ID(), user: "ann", id: fmt.Sprint("m", i)})
	}
	g.reach("c", n+1)
	if n := r.lookups(); n > 10 {
		t.Errorf("%d lookups though Redis hangs", n)
	}
}

// A busy conversation looks its members up once a second. Who connects meanwhile elsewhere hears of it by a head.
func TestALookupServesForAWhileAndItsMistakeHeals(t *testing.T) {
	st := memStore(t)
	c := makeConv(t, st, "c", "ann", "bob")
	r := &fakeRoutes{at: map[string][]string{"there": {"ann"}}}
	p := routedPod(t, st, r)
	there, late := p.connectAs("there", true), p.connectAs("late", true)
	there.mustSend(msg{conv: c.ID(), user: "ann", id: "m0"})
	there.reach("c", 2)
	r.set(func(r *fakeRoutes) { r.at["late"] = []string{"bob"} })
	begin := time.Now()
	var last uint64
	for i := range 20 {
		last = there.mustSend(msg{conv: c.ID(), user: "ann", id: fmt.Sprint("m", i+1)}).GetSeq()
	}
	there.reach("c", last)
	if n, most := r.lookups(), 2+int(time.Since(begin)/routesFor); n > most {
		t.Errorf("%d lookups, want %d at most", n, most)
	}
	late.wait("the head", func() bool {
		return late.heads["c"].GetSeq() == last || len(late.entries["c"]) > 0 && late.entries["c"][len(late.entries["c"])-1].GetSeq() == last
	})
}

// A gateway that can no longer register everybody is not left out, whatever was looked up before.
func TestAGatewayThatDoesNotRegisterEverybodyGetsEverything(t *testing.T) {
	st := memStore(t)
	c := makeConv(t, st, "c", "ann", "bob")
	p := routedPod(t, st, &fakeRoutes{at: map[string][]string{"there": {"ann"}}})
	there, elsewhere := p.connectAs("there", true), p.connectAs("elsewhere", true)
	there.mustSend(msg{conv: c.ID(), user: "ann", id: "m1"})
	elsewhere.tell(&chatpb.GatewayFrame{Routed: new(bool)})
	eventually(t, "the pod knows", func() bool {
		routed := 0
		p.streams.each(func(o *outgoing) {
			if o.routed.Load() {
				routed++
			}
		})
		return routed == 1
	})
	there.mustSend(msg{conv: c.ID(), user: "ann", id: "m2"})
	elsewhere.wait("the delivery", func() bool { return slices.Contains(bodies(elsewhere.entries["c"]), "m2") })
}

// Whoever a batch brings or removes hears of it; after that, who is gone does not.
func TestWhoComesAndGoesHearsOfIt(t *testing.T) {
	st := memStore(t)
	c := makeConv(t, st, "c", "ann", "bob")
	r := &fakeRoutes{at: map[string][]string{"a": {"ann"}, "b": {"bob"}, "c": {"cid"}}}
	p := routedPod(t, st, r)
	a, b, cid := p.connectAs("a", true), p.connectAs("b", true), p.connectAs("c", true)
	say := func(id string) {
		t.Helper()
		a.reach("c", a.mustSend(msg{conv: c.ID(), user: "ann", id: id}).GetSeq())
	}
	say("m1") // 2
	changeMembers(t, st, c, 3, nil, []string{"bob"})
	say("m2") // 4
	changeMembers(t, st, c, 5, []string{"cid"}, nil)
	say("m3") // 6
	for _, tc := range []struct {
		who     string
		at      *gateway
		gets    []uint64
		getsNot []uint64
	}{
		{"who was removed", b, []uint64{1, 2, 3}, []uint64{4, 6}},
		{"who came", cid, []uint64{5, 6}, []uint64{2, 4}},
	} {
		p.fence(tc.at)
		got := tc.at.seqsOf("c")
		for _, seq := range tc.gets {
			if !slices.Contains(got, seq) {
				t.Errorf("%s gets %v, which lacks %d", tc.who, got, seq)
			}
		}
		for _, seq := range tc.getsNot {
			if slices.Contains(got, seq) {
				t.Errorf("%s gets %v, which has %d", tc.who, got, seq)
			}
		}
	}
}

func TestATakeoverGoesToTheGatewayThatIsNamed(t *testing.T) {
	p := routedPod(t, memStore(t), &fakeRoutes{})
	a, b := p.connectAs("a", true), p.connectAs("b", true)
	a.tell(&chatpb.GatewayFrame{Takeovers: []*chatpb.Takeover{{Instance: "b"}, {Instance: "gone"}}})
	b.wait("the takeover", func() bool { return b.takeovers == 1 })
	p.fence(a)
	if a.takeovers != 1 { // the fence's own
		t.Errorf("%d takeovers came to another gateway", a.takeovers-1)
	}
}

// changeMembers appends a change of members at seq behind the pod's back, as another pod would.
func changeMembers(t *testing.T, st Store, c store.Conv, at uint64, come, leave []string) {
	t.Helper()
	e := &logpb.Entry{Seq: at, Sender: "ann", AtMs: time.Now().UnixMilli(), Count: logOf(t, st, c)[at-2].GetCount()}
	var changes []store.MemberChange
	added := &logpb.MembersAdded{}
	for _, u := range come {
		added.Members = append(added.Members, &logpb.Member{User: u, Role: store.RoleMember})
		e.Kind = &logpb.Entry_MembersAdded{MembersAdded: added}
		changes = append(changes, store.MemberChange{User: userOf(t, u), Role: store.RoleMember, Joined: at})
	}
	for _, u := range leave {
		e.Kind = &logpb.Entry_MembersRemoved{MembersRemoved: &logpb.MembersRemoved{Users: []string{u}}}
		changes = append(changes, store.MemberChange{User: userOf(t, u), Role: store.RoleMember, Joined: 1, Left: at})
	}
	b := &logpb.Batch{Id: fmt.Appendf(nil, "change-%d", at), Entries: []*logpb.Entry{e}}
	if err := st.ChangeMembers(t.Context(), c, b, changes, store.AppendOptions{}); err != nil {
		t.Fatal(err)
	}
}

func typingSignal(conv, user string) *chatpb.Signal {
	return &chatpb.Signal{Tenant: tenant, Conversation: conv, User: user, Device: "phone", Kind: &chatpb.Signal_Typing{Typing: &chatpb.Typing{Active: true}}}
}

func receiptSignal(conv, user string, delivered, read uint64) *chatpb.Signal {
	return &chatpb.Signal{
		Tenant: tenant, Conversation: conv, User: user, Device: "phone",
		Kind: &chatpb.Signal_Receipt{Receipt: &chatpb.Receipt{Delivered: delivered, Read: read}},
	}
}

// Signals go where members are, whether the conversation has a lane or has been quiet; a large one hears less.
func TestSignalsGoWhereMembersAre(t *testing.T) {
	typing, read, delivered := typingSignal("c", "ann"), receiptSignal("c", "ann", 2, 1), receiptSignal("c", "ann", 2, 0)
	own := receiptSignal("c", "ann", 2, 1)
	own.Own = true
	cases := map[string]struct {
		reason string
		large  bool
		send   *chatpb.Signal
		bob    *chatpb.Signal // at his gateway
		ann    *chatpb.Signal // at hers
	}{
		"Typing":         {"a member writes", false, typing, typing, typing},
		"Receipt":        {"a member has read", false, read, read, read},
		"LargeTyping":    {"that somebody writes is told in large conversations, too", true, typing, typing, typing},
		"LargeRead":      {"only the user's other devices learn", true, read, nil, own},
		"LargeDelivered": {"nobody shows it", true, delivered, nil, nil},
		"Unknown":        {"a newer gateway's", false, &chatpb.Signal{Tenant: tenant, Conversation: "c", User: "ann"}, nil, nil},
		"NoSuch":         {"no such conversation", false, typingSignal("d", "ann"), nil, nil},
	}
	for name, tc := range cases {
		for _, quiet := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s/quiet=%v", name, quiet), func(t *testing.T) {
				t.Parallel()
				st := memStore(t)
				c := makeConv(t, st, "c", "ann", "bob")
				var others []string
				for i := range 2 * (maxRouted - 1) {
					others = append(others, fmt.Sprint("user", i))
				}
				if tc.large {
					at := uint64(2)
					for some := range slices.Chunk(others, store.MaxMemberChange) {
						changeMembers(t, st, c, at, some, nil)
						at++
					}
				}
				p := routedPod(t, st, &fakeRoutes{at: map[string][]string{"a": {"ann"}, "b": {"bob"}}})
				a, b, none := p.connectAs("a", true), p.connectAs("b", true), p.connectAs("none", true)
				if !quiet {
					a.reach("c", a.mustSend(msg{conv: c.ID(), user: "ann", id: "m1"}).GetSeq())
				}
				a.tell(&chatpb.GatewayFrame{Signals: []*chatpb.Signal{tc.send}})
				want := map[*gateway]*chatpb.Signal{a: tc.ann, b: tc.bob}
				for g, one := range want {
					if one != nil {
						g.wait("the signal", func() bool { return len(g.signals) > 0 })
					}
				}
				eventually(t, "nothing is being read", func() bool {
					p.quiet.mu.Lock()
					defer p.quiet.mu.Unlock()
					for _, q := range p.quiet.all {
						if q.reading {
							return false
						}
					}
					return true
				})
				for _, g := range []*gateway{a, b, none} {
					p.fence(g)
					g.mu.Lock()
					got := g.signals
					g.mu.Unlock()
					var expect []*chatpb.Signal
					if one := want[g]; one != nil {
						expect = append(expect, one)
					}
					if g == none && tc.large && tc.send == typing {
						expect = append(expect, typing) // a large one is not looked up
					}
					if diff := cmp.Diff(expect, got, protocmp.Transform()); diff != "" {
						t.Errorf("%s, at %s, -want +got:\n%s", tc.reason, g.instance, diff)
					}
				}
			})
		}
	}
}

func TestSignalsAreBoundedMergedAndDroppedFirst(t *testing.T) {
	o := newOutgoing("gw", 1000)
	o.pass(receiptSignal("c", "ann", 5, 1))
	o.pass(receiptSignal("c", "ann", 2, 3))
	o.pass(typingSignal("c", "ann"))
	stopped := typingSignal("c", "ann")
	stopped.GetTyping().Active = false
	o.pass(stopped)
	f, _ := o.frame()
	slices.SortFunc(f.Signals, func(a, b *chatpb.Signal) int {
		return len(fmt.Sprint(b.GetReceipt())) - len(fmt.Sprint(a.GetReceipt()))
	})
	if diff := cmp.Diff([]*chatpb.Signal{receiptSignal("c", "ann", 5, 3), stopped}, f.GetSignals(), protocmp.Transform()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for i := range maxAsides + 10 {
		o.pass(typingSignal("c", fmt.Sprint("user", i)))
	}
	if n := len(o.signals); n != maxAsides {
		t.Errorf("%d signals wait, want %d", n, maxAsides)
	}
	busy := newOutgoing("gw", 1000)
	d := delivered(1, 600)
	busy.deliver(d, 600)
	busy.pass(typingSignal("c", "ann"))
	if f, _ := busy.frame(); len(f.GetSignals()) != 0 || len(f.GetDeliveries()) != 1 {
		t.Errorf("a gateway that is behind gets %v", f)
	}
}
