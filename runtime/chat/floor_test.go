package chat

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// aging is a store whose batches can expire, and a test that fails when one of their keys is put again.
func aging(t *testing.T, mem Store) *expired {
	return &expired{Store: mem, twice: func(first uint64) { t.Errorf("seq %d is given out twice", first) }}
}

func conversationOf(t *testing.T, s Store, c store.Conv) store.Conversation {
	t.Helper()
	conv, err := s.Conversation(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	return conv
}

// A conversation whose readers were stuck for longer than the hot retention, and whose lane's pod died before it raised the tail,
// takes nothing until they have applied it: it would give the same seqs out again.
func TestAnExpiredLogIsNotContinued(t *testing.T) {
	cases := map[string]struct {
		reason string
		below  uint64
	}{
		"AllOfIt":      {"It looks as if nothing had ever been written.", 40},
		"ItsBeginning": {"What is left does not start where the tail ends.", 33},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			mem := memStore(t)
			c := makeConv(t, mem, "c", "ann", "bob")
			fill(t, mem, c, 2, 40)
			if err := mem.RaiseFloor(t.Context(), c, 33); err != nil {
				t.Fatal(err)
			}
			if err := mem.RaiseTail(t.Context(), c, 1, 0); err != nil {
				t.Fatal(err)
			}
			st := aging(t, mem)
			st.below.Store(tc.below)
			g := startPod(t, "chat-0", st, newKafka(), nil, nil).connect()
			for range 2 {
				if r := g.send(msg{conv: "c", user: "ann", id: "m"}); r.GetCode() != string(protocol.CodeUnavailable) {
					t.Fatalf("%s\ngot %v, want %s", tc.reason, r, protocol.CodeUnavailable)
				}
			}
			if err := mem.RaiseTail(t.Context(), c, 40, 39); err != nil { // the readers go on
				t.Fatal(err)
			}
			if r := g.mustSend(msg{conv: "c", user: "ann", id: "m"}); r.GetSeq() != 41 || r.GetCount() != 40 {
				t.Errorf("%s\nafter the readers: got %v, want seq 41 and count 40", tc.reason, r)
			}
		})
	}
}

// A conversation that was quiet for longer than anything is kept goes on as ever: nothing was written after its tail.
func TestAnOldConversationGoesOn(t *testing.T) {
	mem := memStore(t)
	c := makeConv(t, mem, "c", "ann", "bob")
	fill(t, mem, c, 2, 40)
	for _, err := range []error{mem.RaiseFloor(t.Context(), c, 33), mem.RaiseTail(t.Context(), c, 40, 39)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	st := aging(t, mem)
	st.below.Store(40)
	g := startPod(t, "chat-0", st, newKafka(), nil, nil).connect()
	if r := g.mustSend(msg{conv: "c", user: "ann", id: "m", after: seq(40)}); r.GetSeq() != 41 {
		t.Errorf("got %v, want seq 41", r)
	}
}

// A lane that never rests has its marks follow it, whatever Kafka does: its pod may die any day.
func TestABusyLanesMarksFollowIt(t *testing.T) {
	const hot = 800 * time.Millisecond
	cases := map[string]struct {
		reason string
		kafka  func(*fakeKafka)
		mark   func(store.Conversation) uint64
	}{
		"Tail":  {"Kafka has it: the tail.", func(*fakeKafka) {}, func(c store.Conversation) uint64 { return c.Tail }},
		"Floor": {"Kafka does not: the floor.", func(k *fakeKafka) { k.set(failKafka) }, func(c store.Conversation) uint64 { return c.Floor }},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			st, k := memStore(t), newKafka()
			c := makeConv(t, st, "c", "ann", "bob")
			tc.kafka(k)
			g := startPodKeeping(t, hot, "chat-0", st, k, nil, func(tn *Tunables) {
				tn.UserEntriesPerSecond, tn.LaneEntriesPerSecond, tn.LaneBytesPerSecond = 1e6, 1e6, 1<<30
			}).connect()
			marks := 0
			for last, head, i := uint64(0), uint64(1), 0; marks < 3; i++ {
				r := g.mustSend(msg{conv: "c", user: "ann", id: fmt.Sprint("m", i), after: seq(head)})
				head = r.GetSeq()
				if at := tc.mark(conversationOf(t, st, c)); at > last {
					if at > r.GetSeq() {
						t.Fatalf("%s\nthe mark is at %d, beyond %d", tc.reason, at, r.GetSeq())
					}
					last = at
					marks++
				}
			}
			if conv := conversationOf(t, st, c); name == "Floor" && conv.Tail != 0 {
				t.Errorf("the tail has passed what Kafka does not have: %+v", conv)
			}
		})
	}
}

// A lane that stayed open without looking at the log, while another pod wrote and all of that expired, does not put where it ended.
func TestALaneThatSleptAsksForTheMarks(t *testing.T) {
	const hot = 800 * time.Millisecond
	mem := memStore(t)
	c := makeConv(t, mem, "c", "ann", "bob")
	st := aging(t, mem)
	slept := startPodKeeping(t, hot, "chat-0", st, newKafka(), nil, nil)
	g := slept.connect()
	first := g.mustSend(msg{conv: "c", user: "ann", id: "m1", after: seq(1)})
	h := startPodKeeping(t, hot, "chat-1", st, newKafka(), nil, nil).connect()
	var last uint64
	for i := range 3 {
		last = h.mustSend(msg{conv: "c", user: "bob", id: fmt.Sprint("b", i), after: seq(1)}).GetSeq()
	}
	h.send(msg{conv: "c", user: "bob", id: "b0", after: seq(1)})
	eventually(t, "the tail to follow", func() bool { return conversationOf(t, mem, c).Tail == last })
	if r := g.mustSend(msg{conv: "c", user: "ann", id: "m1", after: seq(1)}); r.GetSeq() != first.GetSeq() {
		t.Errorf("a retry: got %v, want %v", r, first)
	}
	st.below.Store(last)
	eventually(t, "the lane to know that it is old", func() bool {
		l, _, _ := slept.lane(c)
		return l.idleAnd(l.stale)
	})
	for {
		r := g.send(msg{conv: "c", user: "ann", id: "m2", after: seq(last)})
		if protocol.Code(r.GetCode()).Retryable() {
			continue
		}
		if r.GetSeq() != last+1 {
			t.Errorf("got %v, want seq %d", r, last+1)
		}
		return
	}
}

// idleAnd asks cond while the lane has no goroutine.
func (l *lane) idleAnd(cond func() bool) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.running && cond()
}

// tailless is a store in which no mark rises while failing.
type tailless struct {
	Store
	failing atomic.Bool
	tried   atomic.Int32
}

func (s *tailless) RaiseTail(ctx context.Context, c store.Conv, tail, count uint64) error {
	s.tried.Add(1)
	if s.failing.Load() {
		return errors.New("no")
	}
	return s.Store.RaiseTail(ctx, c, tail, count)
}

func TestALaneStaysUntilItsMarksAreRaised(t *testing.T) {
	st := &tailless{Store: memStore(t)}
	c := makeConv(t, st, "c", "ann", "bob")
	st.failing.Store(true)
	p := startPod(t, "chat-0", st, newKafka(), nil, func(tn *Tunables) { tn.LaneIdle = 20 * time.Millisecond })
	g := p.connect()
	r := g.mustSend(msg{conv: "c", user: "ann", id: "m"})
	eventually(t, "three tries", func() bool { return st.tried.Load() >= 3 })
	if p.laneCount() != 1 {
		t.Error("the lane is gone and its tail was not raised")
	}
	st.failing.Store(false)
	eventually(t, "the lane to close", func() bool { return p.laneCount() == 0 })
	if got := conversationOf(t, st, c).Tail; got != r.GetSeq() {
		t.Errorf("tail %d, want %d", got, r.GetSeq())
	}
}
