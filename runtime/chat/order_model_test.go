package chat

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// This model is about one device's order (P2): a client that goes back to what was refused, a gateway that sends ahead of the
// answers, its streams, on which anything may be under way for any time, and the lanes of two pods. What the lanes do to the log is cut down
// to an append that finds what is there already: model_test.go is about that. All states are visited.
const (
	orderWindow = 2
	orderWire   = 2 // so many requests are under way on a stream at most
)

// orderRules are what keeps the order. A negative test leaves one out.
type orderRules struct {
	sends, pods, slots uint8
	// names: the gateway names what a send follows.
	names bool
	// chain: a lane takes what names another right behind that one alone.
	chain bool
	// behind: what waits behind a failed request fails with it.
	behind bool
	// forgets: after a failure nothing follows what was taken.
	forgets bool
}

const (
	unanswered uint8 = iota
	answered         // acknowledged, or refused for good
	refused          // to be sent again
)

type (
	orderRequest struct {
		id, previous uint8
		ref          uint8 // the flight that waits for it, from 1; 0: none does any more
	}
	orderQueue struct {
		n  uint8
		of [orderWire]orderRequest
	}
	orderLane struct {
		last    uint8
		waiting orderQueue
	}
	orderWay struct {
		pod   uint8
		queue orderQueue
	}
	orderFlight struct {
		id, answer uint8
		told       bool
	}
	orderState struct {
		invalid uint8 // the send that is refused for good, 0: none
		in      uint8 // the log: a set, since what is wrong with its order is seen when it is written
		next    uint8 // what the client sends next
		lanes   [2]orderLane
		ways    [2]orderWay              // the stream in use, and one that was
		flights [orderWindow]orderFlight // from the oldest on
	}
	orderStep struct {
		what  string
		to    orderState
		wrong string
	}
)

func (q *orderQueue) push(r orderRequest) { q.of[q.n] = r; q.n++ }

func (q *orderQueue) pop() orderRequest {
	r := q.of[0]
	copy(q.of[:], q.of[1:])
	q.n--
	q.of[q.n] = orderRequest{}
	return r
}

func (s *orderState) answer(r orderRequest, answer uint8) {
	if r.ref != 0 {
		s.flights[r.ref-1].answer = answer
	}
}

// flying is how many flights there are.
func (s *orderState) flying() (n int) {
	for n < orderWindow && s.flights[n].id != 0 {
		n++
	}
	return n
}

// each goes over all requests that are under way.
func (s *orderState) each(f func(*orderRequest)) {
	for i := range 2 {
		for _, q := range []*orderQueue{&s.lanes[i].waiting, &s.ways[i].queue} {
			for j := range q.n {
				f(&q.of[j])
			}
		}
	}
}

// sends puts the next send on its way.
func (s *orderState) sends(r orderRules) {
	n := s.flying()
	request := orderRequest{id: s.next, ref: uint8(n + 1)}
	if n > 0 && r.names && !s.flights[n-1].told {
		request.previous = s.flights[n-1].id
	}
	s.flights[n] = orderFlight{id: s.next}
	s.ways[0].queue.push(request)
	s.next++
}

// takesAnswer tells the client what became of the oldest flight.
func (s *orderState) takesAnswer() {
	f := s.flights[0]
	copy(s.flights[:], s.flights[1:])
	s.flights[orderWindow-1] = orderFlight{}
	s.each(func(r *orderRequest) { r.ref -= min(r.ref, 1) })
	if f.told || f.answer == answered {
		return
	}
	for i := range s.flying() {
		s.flights[i].told = true
	}
	s.next = f.id
}

// givesUp answers for everything in flight: too late, or the stream broke.
func (s *orderState) givesUp() {
	for i := range s.flying() {
		if f := &s.flights[i]; f.answer == unanswered {
			f.answer = refused
		}
	}
	s.each(func(r *orderRequest) { r.ref = 0 })
}

// arrives hands what came first on a way to its lane.
func (s *orderState) arrives(r orderRules, way int, busy bool) {
	request := s.ways[way].queue.pop()
	l := &s.lanes[s.ways[way].pod]
	if busy || r.chain && request.previous != 0 && request.previous != l.last {
		s.answer(request, refused)
		return
	}
	l.last, request.previous = request.id, 0
	l.waiting.push(request)
}

// appends writes what waits first, unless it is there. It says what is wrong with that.
func (s *orderState) appends(pod int) (wrong string) {
	request := s.lanes[pod].waiting.pop()
	s.answer(request, answered)
	if request.id == s.invalid || s.in&bit(request.id) != 0 {
		return ""
	}
	for id := uint8(1); id < request.id; id++ {
		if id != s.invalid && s.in&bit(id) == 0 {
			wrong = fmt.Sprintf("%d has overtaken %d", request.id, id)
		}
	}
	s.in |= bit(request.id)
	return wrong
}

// fails refuses what waits first in a lane, and what came behind it.
func (s *orderState) fails(r orderRules, pod int) {
	l := &s.lanes[pod]
	s.answer(l.waiting.pop(), refused)
	for r.behind && l.waiting.n > 0 {
		s.answer(l.waiting.pop(), refused)
	}
	if r.forgets {
		l.last = 0
	}
}

// changes puts the stream in use aside, with what is under way on it.
func (s *orderState) changes(pod uint8) {
	s.ways[1] = s.ways[0]
	s.ways[0] = orderWay{pod: pod}
}

// steps returns everything that can happen next.
func (s *orderState) steps(r orderRules) []orderStep {
	var out []orderStep
	step := func(what string, change func(*orderState) string) {
		to := *s
		if wrong := change(&to); wrong != "" || to != *s {
			out = append(out, orderStep{what, to, wrong})
		}
	}
	quiet := func(what string, change func(*orderState)) {
		step(what, func(s *orderState) string { change(s); return "" })
	}
	flying := s.flying()
	if s.next <= r.sends && flying < orderWindow && s.ways[0].queue.n < orderWire {
		quiet(fmt.Sprintf("%d is sent", s.next), func(s *orderState) { s.sends(r) })
	}
	if flying > 0 && s.flights[0].answer != unanswered {
		quiet("the gateway takes an answer", (*orderState).takesAnswer)
	}
	if flying > 0 {
		quiet("the gateway waits no longer", (*orderState).givesUp)
	}
	if s.ways[1].queue.n == 0 {
		quiet("the stream breaks", func(s *orderState) { s.givesUp(); s.changes(s.ways[0].pod) })
		if flying == 0 && r.pods > 1 {
			quiet("the owner changes", func(s *orderState) { s.changes(1 - s.ways[0].pod) })
		}
	} else {
		quiet("what was on the old stream is lost", func(s *orderState) { s.ways[1].queue = orderQueue{} })
	}
	for way := range s.ways {
		if w := s.ways[way]; w.queue.n > 0 {
			quiet(fmt.Sprintf("%d arrives and is refused", w.queue.of[0].id), func(s *orderState) { s.arrives(r, way, true) })
			if s.lanes[w.pod].waiting.n < r.slots {
				quiet(fmt.Sprintf("%d arrives", w.queue.of[0].id), func(s *orderState) { s.arrives(r, way, false) })
			}
		}
	}
	for pod := range int(r.pods) {
		l := s.lanes[pod]
		if l.waiting.n > 0 {
			step(fmt.Sprintf("pod %d takes %d up", pod, l.waiting.of[0].id), func(s *orderState) string { return s.appends(pod) })
			quiet(fmt.Sprintf("pod %d fails %d", pod, l.waiting.of[0].id), func(s *orderState) { s.fails(r, pod) })
		}
		quiet(fmt.Sprintf("pod %d forgets", pod), func(s *orderState) { s.lanes[pod].last = 0 })
		quiet(fmt.Sprintf("pod %d dies", pod), func(s *orderState) { s.lanes[pod] = orderLane{} })
	}
	return out
}

// ended says that everything was answered.
func (s *orderState) ended(r orderRules) bool { return s.next > r.sends && s.flying() == 0 }

// exploreOrder visits every state. It returns how many there are, and the way to the first wrong step, or to a state from which
// the end cannot be reached any more.
func exploreOrder(r orderRules) (states int, trace []string) {
	type node struct {
		from int32
		what string
	}
	var all []orderState
	var nodes []node
	var before [][]int32
	index := map[orderState]int32{}
	visit := func(s orderState, from int32, what string) {
		i, ok := index[s]
		if !ok {
			i = int32(len(all))
			index[s] = i
			all, nodes, before = append(all, s), append(nodes, node{from, what}), append(before, nil)
		}
		if from >= 0 {
			before[i] = append(before[i], from)
		}
	}
	way := func(i int32, last ...string) []string {
		for ; i >= 0 && nodes[i].from >= 0; i = nodes[i].from {
			last = append([]string{nodes[i].what}, last...)
		}
		return last
	}
	for invalid := range r.sends { // nothing follows the last
		visit(orderState{next: 1, invalid: invalid}, -1, "")
	}
	for i := int32(0); int(i) < len(all); i++ { // all grows
		at := all[i]
		for _, st := range at.steps(r) {
			if st.wrong != "" {
				return len(all), way(i, st.what, st.wrong)
			}
			visit(st.to, i, st.what)
		}
	}
	var good []int32
	ends := make([]bool, len(all))
	for i := range all {
		if all[i].ended(r) {
			ends[i] = true
			good = append(good, int32(i))
		}
	}
	for ; len(good) > 0; good = good[1:] {
		for _, from := range before[good[0]] {
			if !ends[from] {
				ends[from] = true
				good = append(good, from)
			}
		}
	}
	if i := slices.Index(ends, false); i >= 0 {
		return len(all), way(int32(i), "it never ends")
	}
	return len(all), nil
}

func soundOrder(sends, pods, slots uint8) orderRules {
	return orderRules{sends, pods, slots, true, true, true, true}
}

func TestModelKeepsADevicesOrder(t *testing.T) {
	cases := map[string]struct {
		reason             string
		sends, pods, slots uint8
	}{
		"TwoPods":    {"The owner changes, back and forth.", 2, 2, 1},
		"ThreeSends": {"More than a window.", 3, 1, 2},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			states, trace := exploreOrder(soundOrder(tc.sends, tc.pods, tc.slots))
			if trace != nil {
				t.Errorf("%s\nbroken after:\n%s", tc.reason, strings.Join(trace, "\n"))
			}
			t.Logf("%d states", states)
		})
	}
}

// TestModelOfOrderNeedsItsRules leaves out one rule at a time: something overtakes then.
func TestModelOfOrderNeedsItsRules(t *testing.T) {
	cases := map[string]struct {
		reason  string
		without func(*orderRules)
	}{
		"Names":   {"The lane cannot know what is missing.", func(r *orderRules) { r.names = false }},
		"Chain":   {"A later one may be under way for longer than anybody remembers a refusal.", func(r *orderRules) { r.chain = false }},
		"Behind":  {"What waits is taken up next.", func(r *orderRules) { r.behind = false }},
		"Forgets": {"What is sent behind a failure would follow it.", func(r *orderRules) { r.forgets = false }},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			r := soundOrder(3, 1, 2)
			tc.without(&r)
			_, trace := exploreOrder(r)
			if len(trace) == 0 || !strings.Contains(trace[len(trace)-1], "overtaken") {
				t.Errorf("%s\ngot %q, want something to overtake", tc.reason, trace)
			}
			t.Logf("broken by:\n%s", strings.Join(trace, "\n"))
		})
	}
}
