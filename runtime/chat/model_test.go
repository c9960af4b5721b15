package chat

import (
	"fmt"
	"strings"
	"testing"
)

// The model is a conversation's log, two lanes that both believe to own it, clients that retry at either, and the
// readers, each cut down to what order and idempotency depend on. All its states are visited. A batch holds one entry here:
// what matters is that a key is taken once, not how much is put under it.
//
// Time is in it only where the rules lean on it. A batch expires once a tail or floor mark has passed it (lanes and projector
// see to that within an eighth of the hot retention); that long after it was written no put of its time is under way any more, and a lane
// that has not looked at the log since knows that its knowledge is old.
const (
	modelOwners = 2
	modelKeys   = 3
	modelSends  = 3
)

// modelRules are what lanes do. A negative test leaves one out.
type modelRules struct {
	sends uint8
	// expiry: batches expire.
	expiry bool
	// conditional: a put takes a key only if nothing is there.
	conditional bool
	// recheck: after a lost race what was composed is examined again.
	recheck bool
	// doubtful: a put without an answer is not taken for stored.
	doubtful bool
	// safeAck: an answer waits for Kafka.
	safeAck bool
	// safeTail: the tail is raised only to what Kafka has accepted, or readers have applied.
	safeTail bool
	// floor: an opening that reads less than the floor is refused.
	floor bool
	// stale: a lane that has not looked for long asks for the marks before it puts.
	stale bool
}

func soundRules(sends uint8) modelRules {
	return modelRules{sends, true, true, true, true, true, true, true, true}
}

type (
	modelEntry struct {
		send      uint8 // 0: nothing was ever put here
		gone      bool  // expired
		published bool
	}
	modelOwner struct {
		mode   uint8 // down, marked (it has read the marks), open
		next   uint8
		from   uint8 // of the window
		marked uint8 // the seq that must be reached
		cur    uint8 // the send that is composed for next
		wait   uint8 // set of sends
		stale  bool
	}
	modelState struct {
		log         [modelKeys + 1]modelEntry // by seq, from 1
		flight      [modelKeys + 1]uint8      // puts without an answer that may still land: sets of sends
		tail, floor uint8
		owners      [modelOwners]modelOwner
		came        uint8                 // so many sends were made: they differ in nothing, so the first comes first
		acked       [modelSends + 1]uint8 // seq, 0: not
	}
	modelStep struct {
		label modelLabel
		to    modelState
		wrong string // not empty: the step itself breaks a promise
	}
)

// modelLabel says what a step is, written out only when somebody reads it.
type modelLabel struct {
	owner int // from 1; 0: nobody's
	text  string
	args  [2]uint8
	n     int
}

func say(text string, args ...uint8) modelLabel {
	l := modelLabel{text: text, n: len(args)}
	copy(l.args[:], args)
	return l
}

func (l modelLabel) String() string {
	args := []any{l.args[0], l.args[1]}
	text := fmt.Sprintf(l.text, args[:l.n]...)
	if l.owner > 0 {
		return fmt.Sprintf("owner %d: %s", l.owner, text)
	}
	return text
}

const (
	down uint8 = iota
	marked
	open
)

func bit(send uint8) uint8 { return 1 << send }

func (s *modelState) there(seq uint8) bool {
	return seq <= modelKeys && s.log[seq].send != 0 && !s.log[seq].gone
}

// end reads forward, strongly consistent. ok is false where something lies behind what is missing.
func (s *modelState) end(from uint8) (next uint8, ok bool) {
	for next = from; s.there(next); next++ {
	}
	for k := next; k <= modelKeys; k++ {
		if s.there(k) {
			return next, false
		}
	}
	return next, true
}

// put writes, and says what is wrong with that.
func (s *modelState) put(seq, send uint8) string {
	if s.log[seq].send != 0 {
		return fmt.Sprintf("seq %d is given out twice", seq)
	}
	s.log[seq].send = send
	return ""
}

// sorted returns the state with its owners in one of their two orders, since they differ in nothing else, and without the late
// puts of keys that are taken: they change nothing.
func (s modelState) sorted(r modelRules) modelState {
	for k := range s.flight {
		if r.conditional && s.log[k].send != 0 {
			s.flight[k] = 0
		}
	}
	key := func(o modelOwner) (k uint64) {
		for _, b := range [...]uint8{o.mode, o.next, o.from, o.marked, o.cur, o.wait} {
			k = k<<8 | uint64(b)
		}
		if o.stale {
			k |= 1 << 63
		}
		return k
	}
	if key(s.owners[0]) > key(s.owners[1]) {
		s.owners[0], s.owners[1] = s.owners[1], s.owners[0]
	}
	return s
}

// accepted is up to where everything is published.
func (s *modelState) accepted() (seq uint8) {
	for seq < modelKeys && s.log[seq+1].published {
		seq++
	}
	return seq
}

// answered is how many sends were acknowledged.
func (s *modelState) answered() (n uint8) {
	for _, at := range s.acked {
		if at != 0 {
			n++
		}
	}
	return n
}

// find looks for the send as the owner does: in its window, and before it in the store.
func (s *modelState) find(o *modelOwner, send uint8) (seq uint8, old bool) {
	for k := uint8(1); k < o.next && k <= modelKeys; k++ {
		switch {
		case k < o.from && s.log[k].gone:
			old = true
		case s.log[k].send == send:
			return k, false
		}
	}
	return 0, old
}

// broken says which promise does not hold.
func (s *modelState) broken() string {
	var seen uint8
	for k := 1; k <= modelKeys; k++ {
		e := s.log[k]
		switch {
		case e.send == 0 && k < modelKeys && s.log[k+1].send != 0:
			return fmt.Sprintf("seq %d is left out", k)
		case e.send != 0 && seen&bit(e.send) != 0:
			return fmt.Sprintf("send %d is in the log twice", e.send)
		case k <= int(s.tail) && !e.published:
			return fmt.Sprintf("the tail has passed %d, which is not published", k)
		}
		if e.send != 0 {
			seen |= bit(e.send)
		}
	}
	for send := 1; send <= modelSends; send++ {
		if at := s.acked[send]; at != 0 && (s.log[at].send != uint8(send) || !s.log[at].published) {
			return fmt.Sprintf("send %d was acknowledged at %d, where it is not stored and published", send, at)
		}
	}
	return ""
}

// steps returns everything that can happen next.
func (s *modelState) steps(r modelRules) []modelStep {
	var out []modelStep
	step := func(label modelLabel, change func(*modelState) string) {
		to := *s
		wrong := change(&to)
		if to = to.sorted(r); wrong != "" || to != *s {
			out = append(out, modelStep{label, to, wrong})
		}
	}
	for i := range s.owners {
		s.ownerSteps(r, i, step)
	}
	for k := uint8(1); k <= modelKeys; k++ {
		for send := uint8(1); send <= r.sends; send++ {
			if s.flight[k]&bit(send) != 0 {
				step(say("a late put of %d arrives at %d", send, k), func(s *modelState) string {
					s.flight[k] &^= bit(send)
					if r.conditional && s.there(k) {
						return ""
					}
					return s.put(k, send)
				})
			}
		}
		if r.expiry && s.there(k) && (s.tail >= k || s.floor >= k) {
			step(say("%d expires", k), func(s *modelState) string {
				s.log[k].gone = true
				for j := range k + 1 {
					s.flight[j] = 0
				}
				for i := range s.owners {
					if o := &s.owners[i]; o.mode == marked && o.next <= k {
						*o = modelOwner{}
					} else if o.mode == open && o.next <= k {
						o.stale = true
					}
				}
				return ""
			})
		}
	}
	if k := s.accepted() + 1; k < modelKeys && s.there(k) && s.log[k+1].published {
		step(say("readers repair %d and mark it as owed", k), func(s *modelState) string { s.log[k].published = true; return "" })
	}
	step(say("readers raise the tail"), func(s *modelState) string { s.tail = max(s.tail, s.accepted()); return "" })
	if !r.expiry {
		return out
	}
	step(say("readers that are stuck raise the floor"), func(s *modelState) string {
		for k := uint8(1); k <= modelKeys; k++ {
			if s.log[k].published {
				s.floor = max(s.floor, k)
			}
		}
		return ""
	})
	return out
}

func (s *modelState) ownerSteps(r modelRules, i int, step func(modelLabel, func(*modelState) string)) {
	o := s.owners[i]
	named := func(label modelLabel, change func(s *modelState, o *modelOwner) string) {
		label.owner = i + 1
		step(label, func(s *modelState) string { return change(s, &s.owners[i]) })
	}
	for send := uint8(1); send <= r.sends; send++ {
		if o.mode != down && o.wait&bit(send) == 0 && s.acked[send] == 0 && send <= s.came+1 && send <= s.answered()+2 {
			named(say("send %d comes", send), func(s *modelState, o *modelOwner) string {
				o.wait |= bit(send)
				s.came = max(s.came, send)
				return ""
			})
		}
	}
	switch o.mode {
	case down:
		named(say("reads the marks"), func(s *modelState, o *modelOwner) string {
			*o = modelOwner{mode: marked, next: s.tail + 1, from: s.tail + 1, marked: s.tail}
			if r.floor {
				o.marked = max(s.tail, s.floor)
			}
			return ""
		})
		return
	case marked:
		named(say("opens"), func(s *modelState, o *modelOwner) string {
			next, ok := s.end(o.next)
			if !ok || next-1 < o.marked {
				*o = modelOwner{}
				return ""
			}
			o.mode, o.next, o.marked = open, next, 0
			return ""
		})
		return
	}
	named(say("dies"), func(_ *modelState, o *modelOwner) string { *o = modelOwner{}; return "" })
	named(say("raises the tail"), func(s *modelState, o *modelOwner) string {
		to := min(s.accepted(), o.next-1)
		if !r.safeTail {
			to = o.next - 1
		}
		s.tail = max(s.tail, to)
		return ""
	})
	if r.expiry {
		named(say("raises the floor"), func(s *modelState, o *modelOwner) string { s.floor = max(s.floor, o.next-1); return "" })
	}
	if o.cur == 0 && o.wait == 0 {
		named(say("closes"), func(s *modelState, o *modelOwner) string {
			s.tail = max(s.tail, min(s.accepted(), o.next-1))
			*o = modelOwner{}
			return ""
		})
	}
	named(say("reads on"), func(s *modelState, o *modelOwner) string {
		next, ok := s.end(o.next)
		least := uint8(0)
		if o.stale && r.stale {
			least = max(s.tail, s.floor)
		}
		if !ok || next-1 < least {
			*o = modelOwner{}
			return ""
		}
		if next != o.next {
			o.next, o.cur = next, 0
		}
		if r.stale {
			o.stale = false
		}
		return ""
	})
	for k := o.from; k < o.next; k++ {
		named(say("publishes %d", k), func(s *modelState, _ *modelOwner) string { s.log[k].published = true; return "" })
	}
	s.sendSteps(r, o, named)
	if o.cur != 0 && o.next <= modelKeys && (!o.stale || !r.stale) {
		s.putSteps(r, o, named)
	}
}

// sendSteps examine what waits.
func (s *modelState) sendSteps(r modelRules, o modelOwner, named func(modelLabel, func(*modelState, *modelOwner) string)) {
	for send := uint8(1); send <= r.sends; send++ {
		if o.wait&bit(send) == 0 {
			continue
		}
		at, old := s.find(&o, send)
		switch {
		case at != 0 && (s.log[at].published || !r.safeAck):
			named(say("acknowledges %d at %d", send, at), func(s *modelState, o *modelOwner) string {
				s.acked[send] = at
				o.wait &^= bit(send)
				return ""
			})
		case at != 0:
		case old:
			named(say("refuses %d: too old", send), func(_ *modelState, o *modelOwner) string {
				o.wait &^= bit(send)
				return ""
			})
		case o.cur == 0:
			named(say("composes %d", send), func(_ *modelState, o *modelOwner) string { o.cur = send; return "" })
		case o.cur == send:
			named(say("gives %d up", send), func(_ *modelState, o *modelOwner) string {
				o.cur = 0
				o.wait &^= bit(send)
				return ""
			})
		}
	}
}

func (s *modelState) putSteps(r modelRules, o modelOwner, named func(modelLabel, func(*modelState, *modelOwner) string)) {
	if r.conditional && s.there(o.next) {
		named(say("loses the race"), func(s *modelState, o *modelOwner) string {
			if r.recheck {
				o.cur = 0
			}
			o.next, _ = s.end(o.next)
			return ""
		})
		return
	}
	named(say("puts %d at %d", o.cur, o.next), func(s *modelState, o *modelOwner) string {
		wrong := s.put(o.next, o.cur)
		o.next, o.cur = o.next+1, 0
		return wrong
	})
	named(say("puts %d at %d, the answer is lost", o.cur, o.next), func(s *modelState, o *modelOwner) string {
		return s.put(o.next, o.cur)
	})
	named(say("puts %d at %d, and it may land late", o.cur, o.next), func(s *modelState, o *modelOwner) string {
		s.flight[o.next] |= bit(o.cur)
		if !r.doubtful {
			s.acked[o.cur] = o.next
			o.wait &^= bit(o.cur)
			o.next, o.cur = o.next+1, 0
		}
		return ""
	})
}

// explore visits every state that can be reached. It returns how many there are, and the way to the first that breaks a
// promise, nil when none does.
func explore(r modelRules) (states int, trace []string) {
	type node struct {
		from  int32
		which int16 // of the steps from there
	}
	all := []modelState{{}}
	nodes := []node{{from: -1}}
	index := map[modelState]struct{}{{}: {}}
	way := func(i int, last ...string) []string {
		for ; i > 0; i = int(nodes[i].from) {
			last = append([]string{all[nodes[i].from].steps(r)[nodes[i].which].label.String()}, last...)
		}
		return last
	}
	for i := 0; i < len(all); i++ {
		at := all[i]
		for which, st := range at.steps(r) {
			if st.wrong != "" {
				return len(all), way(i, st.label.String(), st.wrong)
			}
			if _, ok := index[st.to]; ok {
				continue
			}
			if wrong := st.to.broken(); wrong != "" {
				return len(all), way(i, st.label.String(), wrong)
			}
			index[st.to] = struct{}{}
			all = append(all, st.to)
			nodes = append(nodes, node{int32(i), int16(which)})
		}
	}
	return len(all), nil
}

func TestModelKeepsItsPromises(t *testing.T) {
	cases := map[string]struct {
		reason string
		sends  uint8
		expiry bool
	}{
		"OneSend":    {"One message, at both lanes, again and again.", 1, true},
		"TwoSends":   {"Two messages that compete for their seqs.", 2, true},
		"ThreeSends": {"A third once one of two is acknowledged, while nothing expires.", 3, false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			r := soundRules(tc.sends)
			r.expiry = tc.expiry
			states, trace := explore(r)
			if trace != nil {
				t.Errorf("%s\nbroken after:\n%s", tc.reason, strings.Join(trace, "\n"))
			}
			t.Logf("%d states", states)
		})
	}
}

// TestModelNeedsItsRules leaves out one rule at a time: what it is for then goes wrong.
func TestModelNeedsItsRules(t *testing.T) {
	cases := map[string]struct {
		reason  string
		sends   uint8
		without func(*modelRules)
		want    string
	}{
		"ConditionalPut": {"Who owns a conversation is a belief.", 2, func(r *modelRules) { r.conditional = false }, "given out twice"},
		"Recheck": {
			"A retry may have won the race.", 1, func(r *modelRules) { r.recheck = false }, "in the log twice",
		},
		"Doubt":    {"A timeout is not a success.", 1, func(r *modelRules) { r.doubtful = false }, "acknowledged"},
		"SafeAck":  {"A lane that dies publishes nothing.", 1, func(r *modelRules) { r.safeAck = false }, "acknowledged"},
		"SafeTail": {"Who opens at the tail publishes nothing below.", 1, func(r *modelRules) { r.safeTail = false }, "the tail has passed"},
		"Floor":    {"What has expired looks like what never was.", 2, func(r *modelRules) { r.floor = false }, "given out twice"},
		"Stale":    {"A lane that sleeps longer than batches live wakes up in the past.", 2, func(r *modelRules) { r.stale = false }, "given out twice"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			r := soundRules(tc.sends)
			tc.without(&r)
			_, trace := explore(r)
			if len(trace) == 0 || !strings.Contains(trace[len(trace)-1], tc.want) {
				t.Errorf("%s\ngot %q, want an end with %q", tc.reason, trace, tc.want)
			}
			t.Logf("broken by:\n%s", strings.Join(trace, "\n"))
		})
	}
}
