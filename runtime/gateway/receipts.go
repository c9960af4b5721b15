package gateway

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/chatcluster/chatcluster/runtime/chat/chatpb"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

const (
	// receiptsEvery is how often a user's marks in a conversation are told to the others at most.
	receiptsEvery = 250 * time.Millisecond
	// maxReceipts bounds those that wait; more are dropped.
	maxReceipts = 1 << 16
	// receiptReads is how many memberships one question reads at a time.
	receiptReads = 8
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
	device          string
	delivered, read uint64
}

func newReceipts(g *Gateway) *receipts { return &receipts{g: g, pending: map[receiptKey]*receipt{}} }

// add notes marks of a connection.
func (r *receipts) add(c *conn, v store.Conv, delivered, read uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	k := receiptKey{c.user, v}
	p := r.pending[k]
	switch {
	case p == nil && len(r.pending) >= maxReceipts:
		return
	case p == nil:
		r.pending[k] = &receipt{c.device, delivered, read}
		return
	case p.device != c.device:
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

// Receipts says who of the others, who were members when it was sent, has a message and who has read it: a page in order of user,
// after the user given. It wraps store.ErrNotFound for whoever is no member or was none then. A mark that has just been given may
// be missing.
func (g *Gateway) Receipts(ctx context.Context, u store.User, v store.Conv, seq uint64, after string, limit int) (protocol.ReceiptsPage, error) {
	limit = min(max(limit, 1), protocol.MaxReceiptsPage)
	all, err := g.o.Store.Members(ctx, v)
	if err != nil {
		return protocol.ReceiptsPage{}, err
	}
	had := func(m store.Member) bool { return m.Joined <= seq && (m.Left == 0 || m.Left > seq) }
	if !slices.ContainsFunc(all, func(m store.Member) bool { return m.User == u && m.Left == 0 && had(m) }) {
		return protocol.ReceiptsPage{}, store.ErrNotFound
	}
	all = slices.DeleteFunc(all, func(m store.Member) bool { return m.User == u || m.User.ID() <= after || !had(m) })
	slices.SortFunc(all, func(a, b store.Member) int { return strings.Compare(a.User.ID(), b.User.ID()) })
	var page protocol.ReceiptsPage
	if len(all) > limit {
		all = all[:limit]
		page.Next = all[limit-1].User.ID()
	}
	users := make([]store.User, len(all))
	for i, m := range all {
		users[i] = m.User
	}
	marks, err := g.memberMarks(ctx, v, users, seq)
	if err != nil {
		return protocol.ReceiptsPage{}, err
	}
	page.Items = make([]protocol.MemberReceipt, len(users))
	for i, m := range marks {
		page.Items[i] = protocol.MemberReceipt{User: users[i].ID(), Read: m.Read >= seq, Delivered: max(m.Delivered, m.Read) >= seq}
	}
	return page, nil
}

// memberMarks asks the cache, and the store about those who, as far as the cache knows, have not read up to seq.
func (g *Gateway) memberMarks(ctx context.Context, v store.Conv, users []store.User, seq uint64) ([]Mark, error) {
	marks := make([]Mark, len(users))
	if g.o.MemberMarks != nil {
		cctx, cancel := context.WithTimeout(ctx, cacheTimeout)
		found, err := g.o.MemberMarks.MemberMarks(cctx, v, users)
		cancel()
		if err != nil || len(found) != len(users) {
			g.m.cacheErrors.Inc()
		} else {
			for i, m := range found {
				marks[i].Read = m.Read
				for _, d := range m.Delivered {
					marks[i].Delivered = max(marks[i].Delivered, d)
				}
			}
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(receiptReads)
	for i, u := range users {
		if marks[i].Read >= seq {
			continue
		}
		group.Go(func() error {
			m, err := g.o.Store.Membership(ctx, u, v)
			if err != nil {
				return err
			}
			marks[i].Read = max(marks[i].Read, m.Read)
			for _, d := range m.Delivered {
				marks[i].Delivered = max(marks[i].Delivered, d)
			}
			return nil
		})
	}
	return marks, group.Wait()
}
