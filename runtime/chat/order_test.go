package chat

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/protocol"
)

// still is a service without streams in a synctest bubble: what is said to it arrives when the test says so, and time passes only
// where the test lets it.
type still struct {
	t   *testing.T
	s   *Service
	out *outgoing
	ref uint64
}

func newStill(t *testing.T, pod string, st Store, tune func(*Tunables)) *still {
	t.Helper()
	tn := Tunables{SendTimeout: time.Second, StoreTimeout: time.Second}
	if tune != nil {
		tune(&tn)
	}
	s, err := New(Options{Pod: pod, Store: st, Publisher: newKafka(), Tunables: tn})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.end()
		s.tasks.Wait()
	})
	return &still{t: t, s: s, out: newOutgoing("gw", s.o.StreamBytes)}
}

// post has the messages arrive and returns the first one's ref.
func (p *still) post(msgs ...msg) uint64 {
	first := p.ref + 1
	for _, m := range msgs {
		p.ref++
		p.s.send(m.send(p.ref), time.Now(), p.out)
	}
	return first
}

// say has the messages arrive, and returns the codes of their answers, which come before any more time has passed than the
// service's own timeouts.
func (p *still) say(msgs ...msg) []string {
	p.t.Helper()
	first := p.post(msgs...)
	codes := make([]string, len(msgs))
	for left := len(msgs); left > 0; {
		synctest.Wait()
		f, ok := p.out.frame()
		if !ok {
			p.t.Fatal("the stream would end")
		}
		if f == nil {
			time.Sleep(10 * time.Millisecond)
			continue
		}
		for _, r := range f.GetResults() {
			if i := int(r.GetRef()) - int(first); i >= 0 {
				codes[i] = r.GetCode()
				left--
			}
		}
	}
	return codes
}

func (p *still) want(reason string, want protocol.Code, m msg) {
	p.t.Helper()
	if got := p.say(m)[0]; got != string(want) {
		p.t.Errorf("%s after %q: got %q, want %q: %s", m.id, m.previous, got, want, reason)
	}
}

func ann(id, previous string) msg {
	return msg{conv: "c", user: "ann", id: id, previous: previous}
}

// However long a message of a window is under way, it does not overtake the one before it that was refused.
func TestNothingOvertakesHoweverLongItIsUnderWay(t *testing.T) {
	const unavailable = protocol.CodeUnavailable
	cases := map[string]struct {
		reason  string
		full    bool // else the store fails
		refused protocol.Code
		stall   time.Duration
	}{
		"Full":       {"the lane was full for a moment", true, protocol.CodeBusy, 0},
		"FullStall":  {"nobody knows how long a stream stalls", true, protocol.CodeBusy, 6 * time.Second},
		"Store":      {"the store was away", false, unavailable, 0},
		"StoreStall": {"nobody knows how long a stream stalls", false, unavailable, time.Minute},
	}
	for what, tc := range cases {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				mem := memStore(t)
				c := makeConv(t, mem, "c", "ann", "bob")
				st, gate := &faulty{Store: mem}, make(chan struct{})
				p := newStill(t, "chat-0", st, func(tn *Tunables) { tn.LaneSlots = 1 })
				p.want("nothing is wrong yet", "", ann("m0", ""))
				st.set(func(f *faulty) {
					f.append = func(_ context.Context, _ *logpb.Batch, put func() error) error {
						if !tc.full {
							return errBoom
						}
						<-gate
						return put()
					}
				})
				if tc.full {
					p.post(msg{conv: "c", user: "bob", id: "b1"})
					synctest.Wait()
				}
				p.want(tc.reason, tc.refused, ann("m1", "m0"))
				st.set(func(f *faulty) { f.append = nil })
				close(gate)
				time.Sleep(tc.stall)
				p.want(tc.reason, unavailable, ann("m2", "m1"))
				p.want(tc.reason, unavailable, ann("m3", "m2"))
				p.want("the refused one comes again", "", ann("m1", ""))
				p.want("and those behind it", "", ann("m2", "m1"))
				p.want("and those behind it", "", ann("m3", "m2"))
				var own []string
				for _, b := range bodies(logOf(t, mem, c)) {
					if b != "b1" {
						own = append(own, b)
					}
				}
				if diff := cmp.Diff([]string{"m0", "m1", "m2", "m3"}, own); diff != "" {
					t.Errorf("%s\nlog (-want +got):\n%s", tc.reason, diff)
				}
			})
		})
	}
}

// What a send follows decides whether it is taken.
func TestASendIsTakenRightBehindTheOneBefore(t *testing.T) {
	const unavailable = protocol.CodeUnavailable
	type says struct {
		msg
		want protocol.Code
	}
	cases := map[string]struct {
		reason string
		first  []says // at another pod
		then   []says // in one frame
	}{
		"InOneFrame": {"a frame holds many", nil, []says{{ann("m1", ""), ""}, {ann("m2", "m1"), ""}, {ann("m3", "m2"), ""}}},
		"RefusedForGood": {"nobody waits for what is never to come", nil, []says{
			{msg{conv: "c", user: "ann", id: "m1", change: edit(1000, "x")}, protocol.CodeNotFound}, {ann("m2", "m1"), ""},
		}},
		"NeverSeen": {"the one before was lost on the way", nil, []says{{ann("m2", "m1"), unavailable}, {ann("m3", "m2"), unavailable}}},
		"TakenElsewhere": {"another pod has taken it: the gateway sends on when that has answered", []says{{ann("m1", ""), ""}}, []says{
			{ann("m2", "m1"), unavailable}, {ann("m2", ""), ""},
		}},
		"AllOfItAgain": {"a client that lost its answers repeats", []says{{ann("m1", ""), ""}, {ann("m2", "m1"), ""}}, []says{
			{ann("m1", ""), ""}, {ann("m2", "m1"), ""}, {ann("m3", "m2"), ""},
		}},
		"NotRightBehind": {"it comes late on an old stream, where another has followed", nil, []says{
			{ann("m1", ""), ""}, {ann("m2", "m1"), ""}, {ann("m3", "m1"), unavailable},
		}},
		"OfAnotherDevice": {"each device has its own order", nil, []says{
			{ann("m1", ""), ""}, {msg{conv: "c", user: "ann", device: "tablet", id: "t1", previous: "m1"}, unavailable}, {ann("m2", "m1"), ""},
		}},
		"OfAnotherUser": {"and each user", nil, []says{
			{ann("m1", ""), ""}, {msg{conv: "c", user: "bob", id: "b1", previous: "m1"}, unavailable}, {ann("m2", "m1"), ""},
		}},
		"OfNoDevice": {"REST has no order to keep", nil, []says{{msg{conv: "c", user: "ann", device: noDevice, id: "r1", previous: "m1"}, ""}}},
	}
	for what, tc := range cases {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				mem := memStore(t)
				makeConv(t, mem, "c", "ann", "bob")
				ask := func(pod string, list []says) {
					var msgs []msg
					var want []string
					for _, m := range list {
						msgs, want = append(msgs, m.msg), append(want, string(m.want))
					}
					if diff := cmp.Diff(want, newStill(t, pod, mem, nil).say(msgs...)); diff != "" {
						t.Errorf("%s: the answers of %s (-want +got):\n%s", tc.reason, pod, diff)
					}
				}
				if tc.first != nil {
					ask("chat-1", tc.first)
				}
				ask("chat-0", tc.then)
			})
		})
	}
}

// What a lane remembers of devices is bounded in number and time. Who was forgotten is refused once, and begins anew.
func TestALaneForgetsDevices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := memStore(t)
		makeConv(t, mem, "c", "ann", "bob")
		p := newStill(t, "chat-0", mem, nil)
		p.want("nothing came before", "", ann("m1", ""))
		p.want("it follows", "", ann("m2", "m1"))
		l := p.s.allLanes()[0]
		time.Sleep(2 * trimAfter)
		l.tend(time.Now())
		p.want("the lane was quiet for long", protocol.CodeUnavailable, ann("m3", "m2"))
		p.want("it comes again", "", ann("m3", ""))
		l.mu.Lock()
		for i := range 2 * maxChains {
			l.remember(&request{user: userOf(t, "bob"), device: fmt.Sprint("d", i), clientMsgID: "b"})
		}
		n := len(l.last)
		l.mu.Unlock()
		if n != maxChains {
			t.Errorf("%d devices are remembered, want %d", n, maxChains)
		}
		p.want("the last one is remembered", "", msg{conv: "c", user: "bob", device: fmt.Sprint("d", 2*maxChains-1), id: "b1", previous: "b"})
	})
}
