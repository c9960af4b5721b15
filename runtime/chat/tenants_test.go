package chat

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/chatcluster/chatcluster/runtime/cache"
	"github.com/chatcluster/chatcluster/runtime/chat/chatpb"
	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// directory has the test's tenant's record, if any.
type directory struct {
	mu     sync.Mutex
	record *store.TenantRecord
}

func (d *directory) Peek(store.Tenant) (store.TenantRecord, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.record == nil {
		return store.TenantRecord{}, false
	}
	return *d.record, true
}

func (d *directory) Tenant(_ context.Context, t store.Tenant) (store.TenantRecord, error) {
	r, ok := d.Peek(t)
	if !ok {
		return r, store.ErrNotFound
	}
	return r, nil
}

func (d *directory) set(change func(*store.TenantRecord)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	r := store.TenantRecord{Tenant: tenant, State: store.TenantActive}
	change(&r)
	d.record = &r
}

// shared is where pods tell each other.
type shared struct {
	mu sync.Mutex
	of map[string]map[store.Tenant]int64
}

func (s *shared) ShareUse(_ context.Context, _, pod string, use map[store.Tenant]int64) (map[store.Tenant]cache.Use, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.of[pod] = maps.Clone(use)
	out := map[store.Tenant]cache.Use{}
	for p, theirs := range s.of {
		if n := theirs[tenant]; p != pod && n > 0 {
			u := out[tenant]
			out[tenant] = cache.Use{Total: u.Total + n, Pods: u.Pods + 1}
		}
	}
	return out, nil
}

// A tenant's users share its messages a second, in all conversations, with a code and a hint of their own; another's do not notice.
func TestATenantsMessagesAreLimited(t *testing.T) {
	st, d := memStore(t), &directory{}
	d.set(func(r *store.TenantRecord) { r.MessagesPerSecond = 5 })
	for _, c := range []string{"c", "d"} {
		makeConv(t, st, c, "ann", "bob", "cho")
	}
	g := startPod(t, "chat-0", st, newKafka(), nil, nil, func(o *Options) { o.Tenants = d }).connect()
	took := 0
	var refused *chatpb.Result
	for i := 0; i < 30 && refused == nil; i++ {
		r := g.send(msg{conv: []string{"c", "d"}[i%2], user: []string{"ann", "bob", "cho"}[i%3], device: fmt.Sprint(i), id: fmt.Sprint("m", i)})
		if r.GetCode() != "" {
			refused = r
			break
		}
		took++
	}
	if refused.GetCode() != string(protocol.CodeQuota) || refused.GetRetryAfterMs() == 0 || took < 5 || took > 12 {
		t.Fatalf("after %d messages: %v; want quota_exceeded with a hint after about 5", took, refused)
	}
	if r := g.do("scanner", "v", judge(2, protocol.ActionFlag)); r.GetCode() == string(protocol.CodeQuota) {
		t.Errorf("a verdict: %v; a processor is no user", r)
	}
	// More for a tenant is more at once.
	d.set(func(r *store.TenantRecord) { r.MessagesPerSecond = 0 })
	for i := range 20 {
		g.mustSend(msg{conv: "c", user: "ann", id: fmt.Sprint("n", i)})
	}
}

// Two pods together take about as much as the quota says, and a pod alone all of it.
func TestPodsShareATenantsMessages(t *testing.T) {
	const quota = 100
	st, d, b := memStore(t), &directory{}, &shared{of: map[string]map[store.Tenant]int64{}}
	d.set(func(r *store.TenantRecord) { r.MessagesPerSecond = quota })
	paces := make([]*tenantPaces, 2)
	for i := range paces {
		s, err := New(Options{Pod: fmt.Sprint("chat-", i), Store: st, Publisher: newKafka(), Tenants: d, Use: b})
		if err != nil {
			t.Fatal(err)
		}
		paces[i] = s.paces
	}
	now := time.Now()
	// offer has each pod take what it is offered for a second, in steps, and says how much they took.
	offer := func(perSecond ...int) (took []int) {
		took = make([]int, len(paces))
		for step := range 20 {
			now = now.Add(time.Second / 20)
			for i, n := range perSecond {
				for range n / 20 {
					if code, _, _ := paces[i].take(tenant, now); code == "" {
						took[i]++
					}
				}
			}
			if step%10 == 9 {
				for _, p := range paces {
					p.mu.Lock()
					p.since = p.s.now().Add(-time.Second / 2)
					p.mu.Unlock()
					p.shares.Exchange(t.Context())
				}
			}
		}
		return took
	}
	offer(1000, 0)
	if took := offer(1000, 0); took[0] < quota*8/10 || took[0] > quota*12/10 {
		t.Errorf("a pod alone took %d a second, want about %d", took[0], quota)
	}
	for range 5 {
		offer(1000, 1000)
	}
	if took := offer(1000, 1000); took[0]+took[1] < quota*8/10 || took[0]+took[1] > quota*12/10 || took[0] < quota/4 || took[1] < quota/4 {
		t.Errorf("two pods took %v a second, want about %d together, and none nearly nothing", took, quota)
	}
}

// What comes late for a tenant that is not served is refused for good: nothing is written behind a purge.
func TestATenantThatIsNotServedAppendsNothing(t *testing.T) {
	st, d := memStore(t), &directory{}
	c := makeConv(t, st, "c", "ann")
	g := startPod(t, "chat-0", st, newKafka(), nil, nil, func(o *Options) { o.Tenants = d }).connect()
	g.mustSend(msg{conv: "c", user: "ann", id: "m1"})
	for _, state := range []store.TenantState{store.TenantSuspended, store.TenantDeleting, store.TenantRetained} {
		d.set(func(r *store.TenantRecord) { r.State = state })
		if r := g.send(msg{conv: "c", user: "ann", id: string("m" + state)}); r.GetCode() != string(protocol.CodeSuspended) || r.GetRetryAfterMs() != 0 {
			t.Errorf("%s: %v, want suspended without a hint", state, r)
		}
	}
	if n := len(logOf(t, st, c)); n != 2 {
		t.Errorf("the log has %d entries, want 2", n)
	}
}

// What processors and erasures say goes on while a tenant is suspended, and ends with its purge: that finds no end otherwise.
func TestATenantThatIsPurgedTakesNoVerdicts(t *testing.T) {
	erases := func(s *chatpb.Send) {
		s.Change, s.Erasure = &chatpb.Send_Deleted{Deleted: &logpb.Deleted{Target: 2}}, true
	}
	for name, tc := range map[string]struct {
		reason string
		state  store.TenantState
		first  bool // the pod hears of the conversation by the verdict
		want   protocol.Code
	}{
		"Suspended": {"what was said before is judged", store.TenantSuspended, false, ""},
		"Retained":  {"a user can ask to be erased all the same", store.TenantRetained, false, ""},
		"Purged":    {"nothing is written behind the purge", store.TenantDeleting, false, protocol.CodeSuspended},
		"Unheard":   {"nor by a pod that knew nothing of the tenant", store.TenantDeleting, true, protocol.CodeSuspended},
	} {
		t.Run(name, func(t *testing.T) {
			st, d, k := memStore(t), &directory{}, newKafka()
			c := makeConv(t, st, "c", "ann", "bob")
			g := startPod(t, "chat-0", st, k, nil, nil, func(o *Options) { o.Tenants = d }).connect()
			g.mustSend(msg{conv: "c", user: "ann", id: "m1"})
			if tc.first {
				g = startPod(t, "chat-1", st, k, nil, nil, func(o *Options) { o.Tenants = lateDirectory{d, &sync.Map{}} }).connect()
			}
			d.set(func(r *store.TenantRecord) { r.State = tc.state })
			before := len(logOf(t, st, c))
			for what, change := range map[string]change{"a verdict": judge(2, protocol.ActionHide), "an erasure": erases} {
				if r := g.do(map[string]string{"a verdict": "spam", "an erasure": "ann"}[what], what, change); r.GetCode() != string(tc.want) || r.GetRetryAfterMs() != 0 {
					t.Errorf("%s: %s: %v, want %q", tc.reason, what, r, tc.want)
				}
			}
			if n := len(logOf(t, st, c)) - before; (n > 0) != (tc.want == "") {
				t.Errorf("%s: %d new entries", tc.reason, n)
			}
		})
	}
}

// lateDirectory knows a tenant once somebody has waited for it, as a pod's does.
type lateDirectory struct {
	*directory
	known *sync.Map
}

func (d lateDirectory) Peek(t store.Tenant) (store.TenantRecord, bool) {
	if _, ok := d.known.Load(t); !ok {
		return store.TenantRecord{}, false
	}
	return d.directory.Peek(t)
}

func (d lateDirectory) Tenant(ctx context.Context, t store.Tenant) (store.TenantRecord, error) {
	d.known.Store(t, true)
	return d.directory.Tenant(ctx, t)
}

// A tenant's messages leave the store as its retention says, never later than the cluster's.
func TestATenantsRetention(t *testing.T) {
	const hot = 30 * 24 * time.Hour
	cases := map[string]struct {
		reason string
		record func(*store.TenantRecord)
		want   time.Duration
	}{
		"None":    {"the configuration's tenants have the cluster's", nil, hot},
		"Unset":   {"so has who asks for none", func(*store.TenantRecord) {}, hot},
		"Shorter": {"the tenant's own", func(r *store.TenantRecord) { r.Retention = 48 * time.Hour }, 48 * time.Hour},
		"History": {"what is not kept at all is not kept here", func(r *store.TenantRecord) { r.History = 72 * time.Hour }, 72 * time.Hour},
		"Both":    {"the shorter one", func(r *store.TenantRecord) { r.Retention, r.History = 48*time.Hour, 72*time.Hour }, 48 * time.Hour},
		"Longer":  {"lanes and readers go by the cluster's", func(r *store.TenantRecord) { r.Retention = 2 * hot }, hot},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			st, d := memStore(t), &directory{}
			if tc.record != nil {
				d.set(tc.record)
			}
			p := startPodKeeping(t, hot, "chat-0", st, newKafka(), nil, nil, func(o *Options) { o.Tenants = d })
			g := p.connect()
			if _, err := g.client.CreateConversation(t.Context(), &chatpb.CreateConversationRequest{
				Tenant: tenant, Conversation: "c", Kind: store.Group, Creator: "ann", Members: []*logpb.Member{{User: "ann"}},
			}); err != nil {
				t.Fatal(err)
			}
			g.mustSend(msg{conv: "c", user: "ann", id: "m1"})
			page, err := st.Read(t.Context(), convOf(t, "c"), 1, 10)
			if err != nil || len(page) != 2 {
				t.Fatalf("%v, %v", page, err)
			}
			for _, b := range page {
				if keep := time.Until(b.ExpiresAt) - expirySlack; keep > tc.want || keep < tc.want-time.Minute {
					t.Errorf("%s: kept for %s, want %s", tc.reason, keep, tc.want)
				}
			}
			// Marks must outrun the shortest retention that there may be.
			if every := p.markEvery(); every > store.MinRetention/8 {
				t.Errorf("marks every %s", every)
			}
		})
	}
}
