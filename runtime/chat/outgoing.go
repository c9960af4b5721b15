package chat

import (
	"sync"
	"sync/atomic"

	"google.golang.org/protobuf/proto"

	"github.com/chatcluster/chatcluster/runtime/chat/chatpb"
)

const (
	// frameBytes is about how much of each thing one frame to a gateway holds.
	frameBytes = 256 << 10
	// resultBytes is about what a result takes, with its detail.
	resultBytes = 128
)

// outgoing is what waits for one gateway. Results are never lost: when too many wait, the stream ends and the gateway
// answers for them. Deliveries are hints: when too many wait, new ones are replaced by their conversation's head. Signals and
// takeovers may get lost: they are dropped first.
type outgoing struct {
	limit int // bytes of deliveries; half of it for results
	wake  chan struct{}
	// instance is what the gateway's routes name; routed says that it registers all of them.
	instance string
	routed   atomic.Bool
	// sendsOnly says that nobody is there to be told anything.
	sendsOnly bool

	mu         sync.Mutex
	results    []*chatpb.Result
	deliveries []delivery
	bytes      int // of deliveries
	heads      map[headKey]*chatpb.Head
	signals    map[signalKey]*chatpb.Signal
	takeovers  []*chatpb.Takeover
	draining   bool
	overflowed bool
	closed     bool
}

type delivery struct {
	d    *chatpb.Deliver
	size int
}

type headKey struct{ tenant, conversation string }

func newOutgoing(instance string, limit int) *outgoing {
	return &outgoing{
		limit: limit, instance: instance, wake: make(chan struct{}, 1),
		heads: map[headKey]*chatpb.Head{}, signals: map[signalKey]*chatpb.Signal{},
	}
}

func (o *outgoing) signal() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// result queues an answer.
func (o *outgoing) result(r *chatpb.Result) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed || o.overflowed {
		return
	}
	if len(o.results)*resultBytes >= o.limit/2 {
		o.overflowed = true
	} else {
		o.results = append(o.results, r)
	}
	o.signal()
}

// overflow ends the stream.
func (o *outgoing) overflow() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.overflowed = true
	o.signal()
}

// deliver queues a batch, or its conversation's head where there is no room. It returns false in that case.
func (o *outgoing) deliver(d *chatpb.Deliver, size int) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed || o.sendsOnly {
		return true
	}
	defer o.signal()
	if o.bytes+size > o.limit && len(o.deliveries) > 0 {
		entries := d.GetBatch().GetEntries()
		o.headLocked(&chatpb.Head{Tenant: d.GetTenant(), Conversation: d.GetConversation(), Seq: entries[len(entries)-1].GetSeq()})
		return false
	}
	o.deliveries = append(o.deliveries, delivery{d, size})
	o.bytes += size
	return true
}

// head queues a head; only the highest of a conversation waits.
func (o *outgoing) head(h *chatpb.Head) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed || o.sendsOnly {
		return
	}
	o.headLocked(h)
	o.signal()
}

func (o *outgoing) headLocked(h *chatpb.Head) {
	k := headKey{h.GetTenant(), h.GetConversation()}
	old := o.heads[k]
	switch {
	case old == nil || old.GetSeq() <= h.GetSeq() && len(h.GetJoined()) >= len(old.GetJoined()):
		o.heads[k] = h
	case old.GetSeq() < h.GetSeq():
		o.heads[k] = &chatpb.Head{Tenant: h.GetTenant(), Conversation: h.GetConversation(), Seq: h.GetSeq(), Joined: old.GetJoined()}
	}
}

// drain tells the gateway that the pod takes no new conversations.
func (o *outgoing) drain() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.draining = true
	o.signal()
}

// close drops what waits and takes no more.
func (o *outgoing) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
	o.results, o.deliveries, o.heads, o.signals, o.takeovers = nil, nil, nil, nil, nil
}

// frame returns the next frame, or nil when nothing waits. ok is false when results were lost: the stream must end.
func (o *outgoing) frame() (f *chatpb.ChatFrame, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.overflowed {
		return nil, false
	}
	if len(o.results)+len(o.deliveries)+len(o.heads)+len(o.signals)+len(o.takeovers) == 0 && !o.draining {
		return nil, true
	}
	f = &chatpb.ChatFrame{Draining: o.draining}
	o.draining = false
	n := min(len(o.results), frameBytes/resultBytes)
	f.Results, o.results = o.results[:n:n], o.results[n:]
	for size := 0; len(o.deliveries) > 0 && size < frameBytes; {
		d := o.deliveries[0]
		o.deliveries = o.deliveries[1:]
		o.bytes -= d.size
		size += d.size
		f.Deliveries = append(f.Deliveries, d.d)
	}
	size := 0
	for k, h := range o.heads {
		if size >= frameBytes {
			break
		}
		size += proto.Size(h)
		f.Heads = append(f.Heads, h)
		delete(o.heads, k)
	}
	o.asides(f)
	return f, true
}

// streams are the connected gateways.
type streams struct {
	mu  sync.RWMutex
	all map[*outgoing]struct{}
}

func (s *streams) add(o *outgoing) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all == nil {
		s.all = map[*outgoing]struct{}{}
	}
	s.all[o] = struct{}{}
}

func (s *streams) remove(o *outgoing) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, o)
}

func (s *streams) count() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.all)
}

func (s *streams) each(f func(*outgoing)) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for o := range s.all {
		f(o)
	}
}

// deliver queues the batch for every gateway but those to skip; one that no longer registers everybody is not skipped.
func (s *streams) deliver(d *chatpb.Deliver, skip gateways, m *metrics) {
	size := proto.Size(d)
	s.each(func(o *outgoing) {
		switch {
		case o.skipped(skip):
			m.skipped.Inc()
		case !o.deliver(d, size):
			m.dropped.Inc()
		}
	})
}

func (s *streams) signal(sig *chatpb.Signal, skip gateways) {
	s.each(func(o *outgoing) {
		if !o.skipped(skip) {
			o.pass(sig)
		}
	})
}

func (o *outgoing) skipped(skip gateways) bool {
	_, ok := skip[o]
	return ok && o.routed.Load()
}

func (s *streams) head(h *chatpb.Head) { s.each(func(o *outgoing) { o.head(h) }) }

func (s *streams) drain() { s.each((*outgoing).drain) }
