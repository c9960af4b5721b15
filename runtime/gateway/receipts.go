package gateway

import (
	"context"
	"sync"
	"time"

	"github.com/chatcluster/chatcluster/runtime/chat/chatpb"
	"github.com/chatcluster/chatcluster/runtime/store"
)

const (
	// receiptsEvery is how often a user's marks in a conversation are told to the others at most.
	receiptsEvery = 250 * time.Millisecond
	// maxReceipts bounds those that wait; more are dropped.
	maxReceipts = 1 << 16
)

// receipts gathers marks that others are to learn of, and tells the chat pods a few times a second. Marks are cumulative, so the
// last one says it all.
type receipts struct {
	g *Gateway

	mu      sync.Mutex
	pending map[receiptKey]*receipt
}

type receiptKey struct {
	user store.User
	conv store.Conv
}

type receipt struct {
	// device is the one that knows already, empty for none.
	device          string
	delivered, read uint64
}

func newReceipts(g *Gateway) *receipts { return &receipts{g: g, pending: map[receiptKey]*receipt{}} }

// add notes marks that are news. The device that gave them, where one did, need not be told.
func (r *receipts) add(u store.User, v store.Conv, device string, delivered, read uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	k := receiptKey{u, v}
	p := r.pending[k]
	switch {
	case p == nil && len(r.pending) >= maxReceipts:
		return
	case p == nil:
		r.pending[k] = &receipt{device, delivered, read}
		return
	case p.device != device:
		p.device = "" // news for both
	}
	p.delivered, p.read = max(p.delivered, delivered), max(p.read, read)
}

// run tells until ctx ends.
func (r *receipts) run(ctx context.Context) {
	tick := time.NewTicker(receiptsEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			r.tell()
		}
	}
}

func (r *receipts) tell() {
	r.mu.Lock()
	pending := r.pending
	if len(pending) == 0 {
		r.mu.Unlock()
		return // the map stays add's
	}
	r.pending = map[receiptKey]*receipt{}
	r.mu.Unlock()
	for k, p := range pending {
		r.g.chat.Signal(&chatpb.Signal{
			Tenant: string(k.conv.Tenant()), Conversation: k.conv.ID(), User: k.user.ID(), Device: p.device,
			Kind: &chatpb.Signal_Receipt{Receipt: &chatpb.Receipt{Delivered: p.delivered, Read: p.read}},
		})
	}
}
