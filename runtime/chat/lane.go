package chat

import (
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/chatcluster/chatcluster/runtime/chat/chatpb"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

const (
	// maxRefusals is how many refusals may wait, in one conversation, for the answers before them.
	maxRefusals = 4096
	// maxChains is of how many devices a lane knows what it took last.
	maxChains = 4096
	// settleFor is how long a put whose outcome is unknown may still land.
	settleFor = 30 * time.Second
)

// lane is a conversation's single file. While something waits it has one goroutine, which commits one batch at a time; an
// idle lane has none.
type lane struct {
	s    *Service
	conv store.Conv

	mu      sync.Mutex
	running bool // a goroutine owns the fields below "run's own"
	closed  bool // out of the service's map, takes no more
	waiting []*request
	answers []*request // accepted or refused behind an accepted one, and not answered, in order
	slots   int
	ords    uint64
	pending map[sender]int // entries in answers, by device
	// last is the client_msg_id of what was taken last of a device, if that and everything before it was not refused to be sent
	// again. What is forgotten here costs its device a retry, no more.
	last    map[sender]string
	limit   *rate.Limiter // of bytes
	entries bucket
	touched time.Time // of the last request or entry
	head    uint64
	opened  bool
	joined  []arrival
	// unsettled is until when a put whose outcome is unknown may still land.
	unsettled time.Time
	checkDue  bool   // look for it now
	raised    uint64 // the tail mark as this lane knows it
	audience  *audience
	floor     uint64 // the floor mark as this lane knows it
	marked    time.Time

	publications

	// Run's own: only the running goroutine uses these, or who holds mu while none runs.
	kind    string
	next    uint64 // 0 until the conversation was read
	count   uint64
	lastAt  int64
	members *members
	window  *window
	placed  bool // the audience is the members
	targets targets
	// fresh is when the lane was last certain of its end of the log.
	fresh time.Time
	gap   error // the log lacks what it must have: this lane is no use any more
}

// arrival is a user who became a member lately.
type arrival struct {
	user string
	at   time.Time
}

func newLane(s *Service, conv store.Conv) *lane {
	n := s.o.LaneBytesPerSecond
	return &lane{
		s: s, conv: conv, touched: s.now(), audience: newAudience(s, conv),
		pending: map[sender]int{}, last: map[sender]string{},
		// A second's worth at once, yet never less than a message.
		limit:        rate.NewLimiter(rate.Limit(n), max(n, 2*protocol.MaxBodyBytes)),
		publications: publications{room: make(chan struct{})},
	}
}

// take accepts the request or refuses it. It returns false when the lane is closed: the caller makes another.
func (l *lane) take(r *request) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return false
	}
	now := l.s.now()
	l.ords++
	r.ord = l.ords
	if r.kind == sendEntry {
		if code, detail, retry := l.admit(r, now); code != "" {
			l.refuse(r, r.failure(code, detail, retry))
			return true
		}
	} else if l.slots >= l.s.o.LaneSlots {
		l.refuse(r, r.failure(protocol.CodeBusy, "the conversation is busy", 0))
		return true
	}
	l.touched = now
	r.slot = true
	l.slots++
	l.s.unanswered.Add(1)
	l.enqueueAnswer(r)
	l.waiting = append(l.waiting, r)
	l.start()
	return true
}

// admit returns an empty code when there is a slot for the request and what it follows was taken.
func (l *lane) admit(r *request, now time.Time) (code protocol.Code, detail string, retry time.Duration) {
	if r.ordered() && r.previous != "" && r.previous != l.last[r.sender()] {
		return protocol.CodeUnavailable, notTaken, 0
	}
	// More than slots are out when neither Kafka nor the outbox takes what is stored, and answers were given up.
	if l.slots >= l.s.o.LaneSlots || len(l.out) > l.maxOut() {
		code, detail = protocol.CodeBusy, "the conversation is busy"
	} else {
		code, detail, retry = l.slow(r, now)
	}
	if code == "" && r.ordered() {
		l.remember(r)
	}
	return code, detail, retry
}

// remember has the device's next message follow this one.
func (l *lane) remember(r *request) {
	dev := r.sender()
	if _, known := l.last[dev]; !known && len(l.last) >= maxChains {
		for anybody := range l.last {
			delete(l.last, anybody)
			break
		}
	}
	l.last[dev] = r.clientMsgID
}

// slow returns an empty code when the conversation, the user and the tenant take one more entry of that size.
func (l *lane) slow(r *request, now time.Time) (code protocol.Code, detail string, retry time.Duration) {
	entries, wait := l.s.entries.after(l.entries, now)
	if wait > 0 {
		return protocol.CodeRateLimited, "the conversation takes no more entries for now", wait
	}
	res := l.limit.ReserveN(now, r.bytes())
	if wait := res.DelayFrom(now); wait > 0 {
		res.CancelAt(now)
		return protocol.CodeRateLimited, "the conversation takes no more bytes for now", wait
	}
	if !r.trusted() {
		if wait := l.s.users.take(r.user, now); wait > 0 {
			res.CancelAt(now)
			return protocol.CodeRateLimited, "the user sends too much", wait
		}
		if code, detail, wait := l.s.paces.take(l.conv.Tenant(), now); code != "" {
			res.CancelAt(now)
			return code, detail, wait
		}
	}
	l.entries = entries
	return "", "", 0
}

// notTaken is the detail of a refusal because of an earlier one.
const notTaken = "the message before it was not taken: send that one first"

// refuse answers a request that got no slot: at once, or behind what the same device is owed.
func (l *lane) refuse(r *request, result *chatpb.Result) {
	r.result = result
	switch {
	case !r.ordered() || l.pending[r.sender()] == 0:
		r.answered = true
		r.answer(result)
	case len(l.answers)-l.slots >= maxRefusals:
		if r.overflow != nil {
			r.overflow()
		}
	default:
		l.enqueueAnswer(r)
	}
}

func (l *lane) enqueueAnswer(r *request) {
	l.answers = append(l.answers, r)
	if r.ordered() {
		l.pending[r.sender()]++
	}
}

// start runs the lane's goroutine if there is none. Called with mu held.
func (l *lane) start() {
	if !l.running {
		l.running = l.s.tasks.Go(l.run)
	}
}

// settle makes a result known and answers what may be answered, in order. Called with mu held.
func (l *lane) settle(r *request, result *chatpb.Result) {
	if r.result == nil {
		r.result = result
	}
	n := 0
	for ; n < len(l.answers) && l.answers[n].result != nil; n++ {
		a := l.answers[n]
		if a.slot {
			l.slots--
			l.s.unanswered.Add(-1)
		}
		if a.ordered() {
			if l.pending[a.sender()]--; l.pending[a.sender()] == 0 {
				delete(l.pending, a.sender())
			}
		}
		a.answered = true
		a.answer(a.result)
	}
	l.answers = l.answers[n:]
}

// fail answers an accepted request with an error. Where the error is one to retry, what the device sent after it is refused
// too, or it would overtake.
func (l *lane) fail(r *request, code protocol.Code, detail string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failLocked(r, code, detail)
}

func (l *lane) failLocked(r *request, code protocol.Code, detail string) {
	l.failAfter(r, code, detail, 0)
}

// failAfter is failLocked with a hint of when another try is worth it. mu is held.
func (l *lane) failAfter(r *request, code protocol.Code, detail string, retry time.Duration) {
	if r.result != nil {
		return
	}
	if r.ordered() && code.Retryable() {
		dev := r.sender()
		delete(l.last, dev)
		kept := l.waiting[:0:0]
		for _, w := range l.waiting {
			if w != r && w.ordered() && w.sender() == dev && w.ord > r.ord {
				// settle below answers it: it is behind r.
				w.result = w.failure(code, notTaken, 0)
				continue
			}
			kept = append(kept, w)
		}
		l.waiting = kept
	}
	l.settle(r, r.failure(code, detail, retry))
}

// idle says whether the lane holds nothing that is under way. Called with mu held.
func (l *lane) idle() bool {
	return !l.running && len(l.waiting) == 0 && len(l.answers) == 0 && len(l.out) == 0
}
