package chat

import "github.com/chatcluster/chatcluster/runtime/chat/chatpb"

const (
	// maxAsides bounds the signals, and the takeovers, that wait for one gateway.
	maxAsides = 4096
	// frameAsides is how many of each go into one frame.
	frameAsides = 512
)

// signalKey is whose signal it is, of what kind: only the last one waits.
type signalKey struct {
	headKey
	user   string
	typing bool
	own    bool
}

// pass queues a signal, unless the gateway is behind with what matters more.
func (o *outgoing) pass(s *chatpb.Signal) {
	o.mu.Lock()
	defer o.mu.Unlock()
	k := signalKey{headKey{s.GetTenant(), s.GetConversation()}, s.GetUser(), s.GetTyping() != nil, s.GetOwn()}
	old := o.signals[k]
	if o.closed || o.sendsOnly || o.bytes > o.limit/2 || old == nil && len(o.signals) >= maxAsides {
		return
	}
	if r, before := s.GetReceipt(), old.GetReceipt(); r != nil && before != nil {
		// Marks only rise, on whichever device.
		s = &chatpb.Signal{
			Tenant: s.GetTenant(), Conversation: s.GetConversation(), User: s.GetUser(), Device: s.GetDevice(), Own: s.GetOwn(),
			Kind: &chatpb.Signal_Receipt{Receipt: &chatpb.Receipt{
				Delivered: max(r.GetDelivered(), before.GetDelivered()), Read: max(r.GetRead(), before.GetRead()),
			}},
		}
		if old.GetDevice() != s.GetDevice() {
			s.Device = "" // news for both
		}
	}
	o.signals[k] = s
	o.signal()
}

// takeover queues one; without it the older connection learns at its next renewal.
func (o *outgoing) takeover(t *chatpb.Takeover) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.closed && !o.sendsOnly && len(o.takeovers) < maxAsides {
		o.takeovers = append(o.takeovers, t)
		o.signal()
	}
}

// asides moves a frame's worth into f. The lock is held.
func (o *outgoing) asides(f *chatpb.ChatFrame) {
	for k, s := range o.signals {
		if len(f.GetSignals()) == frameAsides {
			break
		}
		f.Signals = append(f.Signals, s)
		delete(o.signals, k)
	}
	n := min(len(o.takeovers), frameAsides)
	f.Takeovers, o.takeovers = o.takeovers[:n:n], o.takeovers[n:]
}
