package chatpool

import "github.com/chatcluster/chatcluster/runtime/chat/chatpb"

// maxFrameAsides bounds the signals, and the takeovers, of one frame.
const maxFrameAsides = 512

// asides are what goes to a pod beside sends: nobody waits for it, and it may get lost.
type asides struct {
	signals   []*chatpb.Signal
	takeovers []*chatpb.Takeover
}

// next moves a frame's worth into f.
func (a *asides) next(f *chatpb.GatewayFrame) {
	f.Signals, a.signals = take(a.signals)
	f.Takeovers, a.takeovers = take(a.takeovers)
}

func take[T any](queue []T) (out, rest []T) {
	n := min(len(queue), maxFrameAsides)
	if n == len(queue) {
		return queue, nil
	}
	return queue[:n:n], queue[n:]
}

// aside queues what add adds, unless the pod is down or does not keep up.
func (c *calls) aside(add func(*asides)) {
	c.mu.Lock()
	if c.alive && len(c.asides.signals) < maxAsides && len(c.asides.takeovers) < maxAsides {
		add(&c.asides)
	}
	c.mu.Unlock()
	c.nudge()
}

// Signal forwards s to the owner of its conversation, or drops it.
func (p *Pool) Signal(s *chatpb.Signal) {
	if d := pick(*p.ring.Load(), s.GetTenant(), s.GetConversation()); d != nil {
		d.aside(func(a *asides) { a.signals = append(a.signals, s) })
	}
}

// Takeover has a pod tell another gateway that a device has connected here. When it is lost, that gateway learns it at the
// connection's next renewal.
func (p *Pool) Takeover(t *chatpb.Takeover) {
	if d := pick(*p.ring.Load(), t.GetTenant(), t.GetUser()); d != nil {
		d.aside(func(a *asides) { a.takeovers = append(a.takeovers, t) })
	}
}

// Routed tells every pod, those to come included, whether all connections of this gateway are registered: only then may a pod
// leave this gateway out of a delivery. It is false until it is said.
func (p *Pool) Routed(routed bool) {
	if p.routed.Swap(routed) == routed {
		return
	}
	for _, d := range p.all() {
		d.nudge()
	}
}
