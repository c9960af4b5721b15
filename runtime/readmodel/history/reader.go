package history

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/chatcluster/chatcluster/runtime/fold"
	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

const (
	// DefaultLimit is a page's length where none is asked for.
	DefaultLimit = 50
	// MaxLimit is the longest page.
	MaxLimit = 200
	// walkPage is how many batches are read at a time on the way to the head.
	walkPage = 128
	// rounds is how often a page is begun again that turns out to reach beyond the retention.
	rounds = 3
)

// ErrIncomplete is wrapped when neither the store nor the read model has entries that there must be: it may pass.
var ErrIncomplete = errors.New("a part of the history cannot be read now")

// errDropped says that a page reaches beyond the read model's retention, and its floor has been raised.
var errDropped = errors.New("entries have outlived their retention")

// Hot is the store, as far as histories read it.
type Hot interface {
	Membership(ctx context.Context, u store.User, c store.Conv) (store.Membership, error)
	Conversation(ctx context.Context, c store.Conv) (store.Conversation, error)
	Read(ctx context.Context, c store.Conv, from uint64, limit int) ([]store.Stored, error)
}

// Cold is the read model.
type Cold interface {
	// Entries returns those from seq from to seq to, both included, in order, as far as it has them.
	Entries(ctx context.Context, c store.Conv, from, to uint64) ([]*logpb.Entry, error)
}

// Retained is a Cold that does not keep entries for ever.
type Retained interface {
	// First returns the seq of the first entry that is still kept, or of the next to come where none is; 0 when it does not know.
	First(ctx context.Context, c store.Conv) (uint64, error)
}

// Reader reads histories.
type Reader struct {
	hot  Hot
	cold Cold
	now  func() time.Time
}

// NewReader returns a reader over both.
func NewReader(hot Hot, cold Cold) *Reader {
	return &Reader{hot: hot, cold: cold, now: time.Now}
}

// History returns a page of the conversation as its member may see it, in order of seq: the oldest entries with a greater seq than
// after, or the newest with a smaller one than before; with neither, the newest of all. A limit of 0 means DefaultLimit, one above
// MaxLimit means that. It wraps store.ErrNotFound for whoever never was a member, ErrIncomplete when something is missing for now.
func (r *Reader) History(ctx context.Context, u store.User, c store.Conv, after, before *uint64, limit int) (protocol.HistoryPage, error) {
	m, err := r.hot.Membership(ctx, u, c)
	if err != nil {
		return protocol.HistoryPage{}, fmt.Errorf("history: read the membership: %w", err)
	}
	if limit <= 0 {
		limit = DefaultLimit
	}
	p := &page{r: r, conv: c, limit: uint64(min(limit, MaxLimit))}
	for range rounds {
		p.entries, p.more = nil, false
		spans := within(visible(m), p.floor, open)
		if after != nil {
			err = p.after(ctx, spans, *after, before)
		} else {
			end := uint64(math.MaxUint64)
			if before != nil {
				end = *before
			}
			err = p.before(ctx, spans, end)
		}
		if !errors.Is(err, errDropped) {
			break
		}
	}
	if err != nil {
		return protocol.HistoryPage{}, fmt.Errorf("history of %s: %w", c, err)
	}
	// The projector may not have come by yet.
	fold.Page(p.entries)
	return protocol.HistoryPage{Entries: protocol.EntriesOf(p.entries), More: p.more}, nil
}

// page is one answer in the making.
type page struct {
	r     *Reader
	conv  store.Conv
	limit uint64

	entries []*logpb.Entry
	more    bool
	// floor is the first seq that is still kept, as far as it is known.
	floor uint64
	// tail is the conversation's tail mark as last read, where known says so.
	tail  uint64
	known bool
}

// after collects the oldest entries after a seq, and before another if that is given.
func (p *page) after(ctx context.Context, spans []span, seq uint64, before *uint64) error {
	if seq >= open {
		return nil
	}
	end := uint64(open)
	if before != nil {
		end = min(end, max(*before, 1)-1)
	}
	// One more than asked for tells whether there is more.
	for _, s := range oldest(within(spans, seq+1, end), p.limit+1) {
		got, err := p.read(ctx, s)
		if err != nil {
			return err
		}
		p.entries = append(p.entries, got...)
		if uint64(len(got)) < s.len() {
			break // the end of the log
		}
	}
	if uint64(len(p.entries)) > p.limit {
		p.entries, p.more = p.entries[:p.limit], true
	}
	return nil
}

// before collects the newest entries before a seq.
func (p *page) before(ctx context.Context, spans []span, seq uint64) error {
	spans = within(spans, 1, min(max(seq, 1)-1, open))
	if len(spans) == 0 {
		return nil
	}
	head, err := p.head(ctx, spans[len(spans)-1].hi)
	if err != nil {
		return err
	}
	spans = within(spans, 1, head)
	for _, s := range newest(spans, p.limit) {
		got, err := p.read(ctx, s)
		if err != nil {
			return err
		}
		if uint64(len(got)) < s.len() {
			return fmt.Errorf("%w: seqs %d to %d", ErrIncomplete, s.lo+uint64(len(got)), s.hi)
		}
		p.entries = append(p.entries, got...)
	}
	p.more = len(p.entries) > 0 && len(within(spans, 1, p.entries[0].GetSeq()-1)) > 0
	return nil
}

// head returns the log's head, or seq where the log reaches that far.
func (p *page) head(ctx context.Context, seq uint64) (uint64, error) {
	if err := p.readTail(ctx); err != nil {
		return 0, err
	}
	head := p.tail
	for head < seq {
		stored, err := p.r.hot.Read(ctx, p.conv, head+1, walkPage)
		if err != nil {
			return 0, fmt.Errorf("read the store: %w", err)
		}
		if len(stored) == 0 {
			return head, nil
		}
		last := store.Last(stored[len(stored)-1].Batch)
		if last <= head {
			return head, nil
		}
		head = last
	}
	return seq, nil
}

func (p *page) readTail(ctx context.Context) error {
	meta, err := p.r.hot.Conversation(ctx, p.conv)
	if err != nil {
		return fmt.Errorf("read the conversation: %w", err)
	}
	p.tail, p.known = meta.Tail, true
	return nil
}

// read returns the span's entries, fewer only where the log ends before it does.
func (p *page) read(ctx context.Context, s span) ([]*logpb.Entry, error) {
	var out []*logpb.Entry
	missed := false
	for next := s.lo; next <= s.hi; next = s.lo + uint64(len(out)) {
		hot, err := p.readHot(ctx, next, s.hi)
		if err != nil {
			return nil, err
		}
		if n := consecutive(hot, next); n > 0 {
			if err := p.complete(ctx, hot[:n]); err != nil {
				return nil, err
			}
			out, missed = append(out, hot[:n]...), false
			continue
		}
		if !p.known || p.tail < next {
			if err := p.readTail(ctx); err != nil {
				return nil, err
			}
		}
		if p.tail < next && len(hot) == 0 {
			return out, nil
		}
		end := s.hi
		if len(hot) > 0 {
			end = hot[0].GetSeq() - 1
		}
		cold, err := p.r.cold.Entries(ctx, p.conv, next, end)
		if err != nil {
			return nil, fmt.Errorf("read the read model: %w", err)
		}
		n := consecutive(cold, next)
		out = append(out, cold[:n]...)
		// The entry may have come, and the tail mark have passed it, between the two reads: then the store has it now.
		if n == 0 && missed {
			return nil, p.missing(ctx, next)
		}
		missed = n == 0
	}
	return out, nil
}

// complete takes messages that the store has no room for from the read model.
func (p *page) complete(ctx context.Context, entries []*logpb.Entry) error {
	for i, e := range entries {
		if !e.GetMessage().GetElided() {
			continue
		}
		whole, err := p.r.cold.Entries(ctx, p.conv, e.GetSeq(), e.GetSeq())
		if err != nil {
			return fmt.Errorf("read the read model: %w", err)
		}
		if len(whole) == 0 {
			return p.missing(ctx, e.GetSeq())
		}
		entries[i] = whole[0]
	}
	return nil
}

// missing says why an entry is neither in the store nor in the read model.
func (p *page) missing(ctx context.Context, seq uint64) error {
	var first uint64
	if cold, ok := p.r.cold.(Retained); ok {
		var err error
		if first, err = cold.First(ctx, p.conv); err != nil {
			return fmt.Errorf("read the read model: %w", err)
		}
	}
	if first > seq && first > p.floor {
		p.floor = first
		return errDropped
	}
	return fmt.Errorf("%w: seq %d", ErrIncomplete, seq)
}

// readHot returns what the store has and may still show of the seqs from lo to hi.
func (p *page) readHot(ctx context.Context, lo, hi uint64) ([]*logpb.Entry, error) {
	stored, err := p.r.hot.Read(ctx, p.conv, lo, int(min(hi-lo+1, walkPage)))
	if err != nil {
		return nil, fmt.Errorf("read the store: %w", err)
	}
	var out []*logpb.Entry
	now := p.r.now()
	for _, s := range stored {
		if !s.ExpiresAt.IsZero() && !now.Before(s.ExpiresAt) {
			continue
		}
		for _, e := range s.Batch.GetEntries() {
			if e.GetSeq() >= lo && e.GetSeq() <= hi {
				out = append(out, e)
			}
		}
	}
	return out, nil
}

// consecutive returns how many of the entries follow each other from seq next on.
func consecutive(entries []*logpb.Entry, next uint64) int {
	for i, e := range entries {
		if e.GetSeq() != next+uint64(i) {
			return i
		}
	}
	return len(entries)
}
