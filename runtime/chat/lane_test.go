package chat

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

func TestSendIsStoredDeliveredPublishedAndAnswered(t *testing.T) {
	st, k := memStore(t), newKafka()
	c := makeConv(t, st, "c", "ann", "bob")
	p := startPod(t, "chat-0", st, k, nil, nil)
	g := p.connect()
	r := g.mustSend(msg{conv: "c", user: "ann", id: "m1", after: seq(1)})
	if r.GetSeq() != 2 || r.GetCount() != 1 || r.GetAtMs() == 0 {
		t.Errorf("result: got %v, want seq 2 and count 1", r)
	}
	if diff := cmp.Diff([]string{"m1"}, bodies(logOf(t, st, c))); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"m1"}, k.bodiesOf(c)); diff != "" {
		t.Errorf("Kafka, at the time of the answer (-want +got):\n%s", diff)
	}
	g.wait("delivery", func() bool { return len(bodies(g.entries["c"])) == 1 })
	g.wait("head", func() bool { return g.heads["c"].GetSeq() == 2 })
}

func TestSendsAreRefusedWithTheirCode(t *testing.T) {
	st, k := memStore(t), newKafka()
	makeConv(t, st, "c", "ann", "bob")
	p := startPod(t, "chat-0", st, k, nil, nil)
	g := p.connect()
	cases := map[string]struct {
		reason string
		m      msg
		want   protocol.Code
	}{
		"Stranger":     {"Only members send.", msg{conv: "c", user: "eve", id: "1"}, protocol.CodeNotMember},
		"Unknown":      {"An unknown conversation looks like another's.", msg{conv: "nowhere", user: "ann", id: "1"}, protocol.CodeNotMember},
		"NoID":         {"Without a client_msg_id a retry would double.", msg{conv: "c", user: "ann", body: "x"}, protocol.CodeInvalid},
		"LongID":       {"Ids are kept in memory.", msg{conv: "c", user: "ann", id: strings.Repeat("i", 65)}, protocol.CodeInvalid},
		"NoUser":       {"Ids are checked.", msg{conv: "c", id: "1"}, protocol.CodeInvalid},
		"Large":        {"Bodies are bounded.", msg{conv: "c", user: "ann", id: "1", body: strings.Repeat("b", protocol.MaxBodyBytes+1)}, protocol.CodeTooLarge},
		"BeyondTheEnd": {"Nobody knows a seq that does not exist.", msg{conv: "c", user: "ann", id: "1", after: seq(99)}, protocol.CodeInvalid},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := g.send(tc.m).GetCode(); got != string(tc.want) {
				t.Errorf("%s\ngot %q, want %q", tc.reason, got, tc.want)
			}
		})
	}
	eventually(t, "the unknown conversation's lane to go", func() bool { return p.laneCount() == 1 })
}

func TestRetryFindsItsMessage(t *testing.T) {
	st, k := memStore(t), newKafka()
	c := makeConv(t, st, "c", "ann", "bob")
	one := startPod(t, "chat-0", st, k, nil, nil)
	two := startPod(t, "chat-1", st, k, nil, nil)
	g, h := one.connect(), two.connect()
	first := g.mustSend(msg{conv: "c", user: "ann", id: "m1", after: seq(1)})
	for i := range 50 {
		g.mustSend(msg{conv: "c", user: "bob", id: fmt.Sprint("other", i)})
	}
	// The other pod opens past the message: the tail was raised meanwhile.
	if err := st.RaiseTail(t.Context(), c, 40, 39); err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		reason string
		g      *gateway
		after  *uint64
	}{
		"SamePod":            {"The window knows it.", g, seq(1)},
		"OtherPod":           {"The store knows it, from after_seq on.", h, seq(1)},
		"OtherPodAgain":      {"The window was extended.", h, seq(1)},
		"WithoutAfterSeq":    {"The last 4,096 are searched.", h, nil},
		"SamePodWithoutAny":  {"The window knows it.", g, nil},
		"SamePodOnceMoreYet": {"As often as it takes.", g, seq(1)},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			r := tc.g.send(msg{conv: "c", user: "ann", id: "m1", after: tc.after})
			if r.GetCode() != "" || r.GetSeq() != first.GetSeq() || r.GetAtMs() != first.GetAtMs() || r.GetCount() != first.GetCount() {
				t.Errorf("%s\ngot %v, want %v", tc.reason, r, first)
			}
		})
	}
}

func TestOldRetryIsRefused(t *testing.T) {
	st, k := memStore(t), newKafka()
	c := makeConv(t, st, "c", "ann", "bob")
	const n = protocol.RetrySearchSeqs + 500 // past the end of the first bucket
	fill(t, st, c, 2, n)
	p := startPod(t, "chat-0", st, k, nil, nil)
	g := p.connect()
	if got := g.send(msg{conv: "c", user: "ann", id: "new", after: seq(5)}).GetCode(); got != string(protocol.CodeRetryTooOld) {
		t.Errorf("after_seq too far behind: got %q, want %q", got, protocol.CodeRetryTooOld)
	}
	if r := g.mustSend(msg{conv: "c", user: "ann", id: "new", after: seq(n)}); r.GetSeq() != n+1 {
		t.Errorf("with a fresh after_seq: got seq %d, want %d", r.GetSeq(), n+1)
	}
	if r := g.mustSend(msg{conv: "c", user: "bob", id: "filler-" + strconv.Itoa(n-4000), body: "filler"}); r.GetSeq() != n-4000 {
		t.Errorf("without after_seq, within reach: got seq %d, want %d", r.GetSeq(), n-4000)
	}
	logOf(t, st, c)
}

// fill appends messages of bob with seqs first to last, in large batches.
func fill(t *testing.T, st Store, c store.Conv, first, last uint64) {
	t.Helper()
	for at := first; at <= last; {
		b := &logpb.Batch{Id: fmt.Appendf(nil, "fill-%d", at)}
		for at <= last && len(b.Entries) < store.MaxBatchEntries && (len(b.Entries) == 0 || at <= store.BucketEnd(store.First(b))) {
			b.Entries = append(b.Entries, &logpb.Entry{
				Seq: at, Sender: "bob", ClientMsgId: "filler-" + strconv.FormatUint(at, 10), Count: at - 1, AtMs: time.Now().UnixMilli(),
				Kind: &logpb.Entry_Message{Message: &logpb.Message{Body: "filler"}},
			})
			at++
		}
		if err := st.Append(t.Context(), c, b, store.AppendOptions{}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestBatchesKeepToTheirBuckets(t *testing.T) {
	st, k := memStore(t), newKafka()
	c := makeConv(t, st, "c", "ann", "bob")
	fill(t, st, c, 2, store.BucketSeqs-3)
	p := startPod(t, "chat-0", st, k, nil, nil)
	g := p.connect()
	var msgs []msg
	for i := range 20 {
		msgs = append(msgs, msg{conv: "c", user: "ann", id: fmt.Sprint("m", i), after: seq(store.BucketSeqs - 3)})
	}
	refs := g.post(msgs...)
	for i, ref := range refs {
		if r := g.result(ref); r.GetSeq() != store.BucketSeqs-2+uint64(i) {
			t.Errorf("message %d: got %v, want seq %d", i, r, store.BucketSeqs-2+uint64(i))
		}
	}
	if got := len(logOf(t, st, c)); got != store.BucketSeqs+17 {
		t.Errorf("the log has %d entries, want %d", got, store.BucketSeqs+17)
	}
}

func TestUnknownOutcomes(t *testing.T) {
	// Each hook handles the first put of "m1"; the store is sound after that.
	cases := map[string]struct {
		reason string
		put    func(ctx context.Context, put func() error) error
	}{
		"ErrorBeforeTheWrite": {"Nothing is there: the same batch is put again.", func(context.Context, func() error) error { return errBoom }},
		"ErrorAfterTheWrite": {"The batch is found under its key.", func(_ context.Context, put func() error) error {
			if err := put(); err != nil {
				return err
			}
			return errBoom
		}},
		"TakenByItself": {"A retry below us lost against its first attempt.", func(_ context.Context, put func() error) error {
			if err := put(); err != nil {
				return err
			}
			return store.ErrTaken
		}},
		"Timeout": {"A put that hangs ends with its deadline.", func(ctx context.Context, put func() error) error {
			<-ctx.Done()
			if err := put(); err != nil {
				return err
			}
			return ctx.Err()
		}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			mem, k := memStore(t), newKafka()
			c := makeConv(t, mem, "c", "ann", "bob")
			var once sync.Once
			st := &faulty{Store: mem, append: func(ctx context.Context, b *logpb.Batch, put func() error) error {
				first := false
				once.Do(func() { first = true })
				if first {
					return tc.put(ctx, put)
				}
				return put()
			}}
			g := startPod(t, "chat-0", st, k, nil, func(tn *Tunables) { tn.StoreTimeout = 100 * time.Millisecond }).connect()
			refs := g.post(msg{conv: "c", user: "ann", id: "m1", after: seq(1)}, msg{conv: "c", user: "ann", id: "m2", after: seq(1)})
			for i, ref := range refs {
				if r := g.result(ref); r.GetCode() != "" || r.GetSeq() != uint64(i)+2 {
					t.Errorf("%s\nresult %d: got %v", tc.reason, i, r)
				}
			}
			if diff := cmp.Diff([]string{"m1", "m2"}, bodies(logOf(t, mem, c))); diff != "" {
				t.Errorf("%s\nlog (-want +got):\n%s", tc.reason, diff)
			}
			if diff := cmp.Diff([]string{"m1", "m2"}, k.bodiesOf(c)); diff != "" {
				t.Errorf("%s\nKafka (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

// TestLatePut is a put that lands after its sender was told that the outcome is unknown.
func TestLatePut(t *testing.T) {
	cases := map[string]struct {
		reason string
		then   func(t *testing.T, g *gateway, land func() error)
		want   []string
	}{
		"LandsAlone": {"Nobody asks again: the lane finds it by itself, delivers and publishes it.", func(t *testing.T, g *gateway, land func() error) {
			if err := land(); err != nil {
				t.Error(err)
			}
		}, []string{"m1"}},
		"LandsBeforeTheRetry": {"The retry finds it.", func(t *testing.T, g *gateway, land func() error) {
			if err := land(); err != nil {
				t.Error(err)
			}
			if r := g.mustSend(msg{conv: "c", user: "ann", id: "m1", after: seq(1)}); r.GetSeq() != 2 {
				t.Errorf("retry: got %v, want seq 2", r)
			}
		}, []string{"m1"}},
		"LandsAfterTheRetry": {"The retry has its key: it loses.", func(t *testing.T, g *gateway, land func() error) {
			g.mustSend(msg{conv: "c", user: "ann", id: "m1", after: seq(1)})
			if err := land(); err == nil {
				t.Error("the late put took a key that was taken")
			}
		}, []string{"m1"}},
		"LandsBeforeAnother": {"Another's message loses its race and comes after it.", func(t *testing.T, g *gateway, land func() error) {
			if err := land(); err != nil {
				t.Error(err)
			}
			if r := g.mustSend(msg{conv: "c", user: "bob", id: "b1", after: seq(1)}); r.GetSeq() != 3 {
				t.Errorf("another's message: got %v, want seq 3", r)
			}
		}, []string{"m1", "b1"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			mem, k := memStore(t), newKafka()
			c := makeConv(t, mem, "c", "ann", "bob")
			var mu sync.Mutex
			var late func() error
			st := &faulty{Store: mem}
			st.append = func(_ context.Context, _ *logpb.Batch, put func() error) error {
				mu.Lock()
				defer mu.Unlock()
				late = put
				return errBoom
			}
			g := startPod(t, "chat-0", st, k, nil, func(tn *Tunables) { tn.SendTimeout = 300 * time.Millisecond }).connect()
			if got := g.send(msg{conv: "c", user: "ann", id: "m1", after: seq(1)}).GetCode(); got != string(protocol.CodeUnavailable) {
				t.Fatalf("send: got %q, want %q", got, protocol.CodeUnavailable)
			}
			st.set(func(f *faulty) { f.append = nil })
			mu.Lock()
			land := late
			mu.Unlock()
			tc.then(t, g, land)
			k.wait(t, c, len(tc.want))
			if diff := cmp.Diff(tc.want, bodies(logOf(t, mem, c))); diff != "" {
				t.Errorf("%s\nlog (-want +got):\n%s", tc.reason, diff)
			}
			if diff := cmp.Diff(tc.want, k.bodiesOf(c)); diff != "" {
				t.Errorf("%s\nKafka (-want +got):\n%s", tc.reason, diff)
			}
			g.wait("deliveries", func() bool { return len(bodies(g.entries["c"])) >= len(tc.want) })
		})
	}
}

func TestPipelinedSendsKeepTheirOrderThroughFailures(t *testing.T) {
	mem, k := memStore(t), newKafka()
	c := makeConv(t, mem, "c", "ann", "bob")
	st := &faulty{Store: mem}
	st.append = func(_ context.Context, _ *logpb.Batch, put func() error) error {
		if rand.IntN(3) == 0 {
			return errBoom
		}
		return put()
	}
	// Few slots and little time: most of a burst is refused.
	g := startPod(t, "chat-0", st, k, nil, func(tn *Tunables) {
		tn.LaneSlots, tn.SendTimeout = 5, 30*time.Millisecond
	}).connect()
	const n = 60
	for next := 0; next < n; {
		var msgs []msg
		for i := next; i < n; i++ {
			msgs = append(msgs, msg{conv: "c", user: "ann", id: fmt.Sprint("m", i)})
		}
		refused := false
		for _, ref := range g.post(msgs...) {
			r := g.result(ref)
			if r.GetCode() == "" {
				if refused {
					t.Fatal("a message was taken after an earlier one of the device was refused")
				}
				next++
				continue
			}
			if !protocol.Code(r.GetCode()).Retryable() {
				t.Fatalf("%v", r)
			}
			refused = true
		}
		// After the first refusal nothing was taken: what was acknowledged is a prefix.
		if got := len(bodies(logOf(t, mem, c))); got < next {
			t.Fatalf("%d acknowledged, %d in the log", next, got)
		}
	}
	want := make([]string, n)
	for i := range want {
		want[i] = fmt.Sprint("m", i)
	}
	if diff := cmp.Diff(want, bodies(logOf(t, mem, c))); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
}

// What waits behind a message that runs out of time is refused with it, though its own time is not up: it would overtake.
func TestWhatWaitsBehindAFailureDoesNotOvertake(t *testing.T) {
	mem, k := memStore(t), newKafka()
	c := makeConv(t, mem, "c", "ann", "bob")
	tried := make(chan struct{}, 1000)
	st := &faulty{Store: mem}
	st.append = func(context.Context, *logpb.Batch, func() error) error {
		tried <- struct{}{}
		return errBoom
	}
	g := startPod(t, "chat-0", st, k, nil, func(tn *Tunables) { tn.SendTimeout = 2 * time.Second }).connect()
	start := time.Now()
	first := g.post(msg{conv: "c", user: "ann", id: "m1"})[0]
	for time.Since(start) < 500*time.Millisecond { // so much more time has the rest
		<-tried
	}
	rest := g.post(msg{conv: "c", user: "ann", id: "m2"}, msg{conv: "c", user: "bob", id: "b1"})
	if r := g.result(first); r.GetCode() != string(protocol.CodeUnavailable) {
		t.Fatalf("m1: %v, want %s", r, protocol.CodeUnavailable)
	}
	st.set(func(f *faulty) { f.append = nil })
	if r := g.result(rest[0]); r.GetCode() != string(protocol.CodeUnavailable) {
		t.Errorf("m2: %v, want %s", r, protocol.CodeUnavailable)
	}
	if r := g.result(rest[1]); r.GetCode() != "" {
		t.Errorf("another sender's message: %v, want it to go on", r)
	}
	g.mustSend(msg{conv: "c", user: "ann", id: "m1"})
	g.mustSend(msg{conv: "c", user: "ann", id: "m2"})
	if diff := cmp.Diff([]string{"b1", "m1", "m2"}, bodies(logOf(t, mem, c))); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
}
