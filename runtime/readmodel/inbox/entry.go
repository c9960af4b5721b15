package inbox

import (
	"context"

	"github.com/chatcluster/chatcluster/runtime/cache"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/readmodel"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// entry is a conversation on its way into a page.
type entry struct {
	place
	summary readmodel.Summary
}

// entries joins places with their summaries.
func (q *query) entries(ctx context.Context, places []place) ([]entry, error) {
	var current []string
	for _, p := range places {
		if p.Final == nil {
			current = append(current, p.Conversation)
		}
	}
	summaries, err := q.summaries(ctx, current)
	if err != nil {
		return nil, err
	}
	entries := make([]entry, 0, len(places))
	for _, p := range places {
		e := entry{place: p}
		if p.Final != nil {
			e.summary = *p.Final
		} else if s, ok := summaries[p.Conversation]; ok {
			e.summary = s
		} else {
			continue // the reader host has the member and not yet the conversation
		}
		if e.summary.LastSeq < p.Joined {
			// Nothing was said since the user came: what was said before is not theirs to see.
			e.summary.LastSeq, e.summary.LastAtMS, e.summary.LastSender, e.summary.LastPreview = 0, p.JoinedAtMS, "", ""
		}
		entries = append(entries, e)
	}
	return entries, nil
}

// summaries returns those of the conversations, from the cache where it has them.
func (q *query) summaries(ctx context.Context, conversations []string) (map[string]readmodel.Summary, error) {
	found := make(map[string]readmodel.Summary, len(conversations))
	missing := conversations
	if !q.noCache && len(conversations) > 0 {
		missing = nil
		convs := q.convs(conversations)
		data, err := q.r.cache.Summaries(ctx, convs)
		q.notice(err)
		for i, c := range convs {
			if err == nil && i < len(data) && data[i] != nil {
				if s, err := readmodel.DecodeSummary(c, data[i]); err == nil {
					found[c.ID()] = s
					continue
				}
			}
			missing = append(missing, c.ID())
		}
	}
	q.r.metrics.summaries.WithLabelValues(sourceCache).Add(float64(len(found)))
	if len(missing) == 0 {
		return found, nil
	}
	got, err := q.r.model.Summaries(ctx, q.user.Tenant(), missing)
	if err != nil {
		return nil, err
	}
	q.r.metrics.summaries.WithLabelValues(sourceModel).Add(float64(len(got)))
	put := make([]cache.Summary, 0, len(got))
	for _, s := range got {
		found[s.Conv.ID()] = s
		put = append(put, cache.Summary{Conv: s.Conv, Seq: s.Head, Data: s.Encode()})
	}
	if !q.noCache {
		q.notice(q.r.cache.OfferSummaries(ctx, put))
	}
	return found, nil
}

// convs makes ids that the model gave out into conversations again.
func (q *query) convs(conversations []string) []store.Conv {
	convs := make([]store.Conv, 0, len(conversations))
	for _, id := range conversations {
		if c, err := store.NewConv(q.user.Tenant(), id); err == nil {
			convs = append(convs, c)
		}
	}
	return convs
}

// freshen raises the entries' read marks to those of now, and counts up to them.
func (q *query) freshen(ctx context.Context, entries []entry) error {
	if q.noCache || len(entries) == 0 {
		return nil
	}
	conversations := make([]string, len(entries))
	for i, e := range entries {
		conversations[i] = e.place.Conversation
	}
	marks, err := q.r.cache.ReadMarks(ctx, q.user, q.convs(conversations))
	q.notice(err) // without them the model's marks count
	byID := make(map[string]uint64, len(marks))
	for c, seq := range marks {
		byID[c.ID()] = seq
	}
	var ats []readmodel.At
	for i := range entries {
		e := &entries[i]
		mark := byID[e.place.Conversation]
		if mark <= e.place.Read {
			continue
		}
		e.place.Read = mark
		switch {
		case mark >= e.summary.LastSeq:
			e.place.ReadCount = e.summary.Count // all is read
		case mark > e.place.Joined:
			ats = append(ats, readmodel.At{Conversation: e.place.Conversation, Seq: mark})
		}
	}
	if len(ats) == 0 {
		return nil
	}
	counts, err := q.r.model.Counts(ctx, q.user.Tenant(), ats)
	if err != nil {
		return err
	}
	for i := range entries {
		p := &entries[i].place
		if n, ok := counts[readmodel.At{Conversation: p.Conversation, Seq: p.Read}]; ok {
			p.ReadCount = max(p.ReadCount, n)
		}
	}
	return nil
}

func (e entry) position() position {
	return position{e.Pinned, e.summary.LastAtMS, e.Conversation}
}

func (e entry) item() protocol.InboxItem {
	s, p := e.summary, e.place
	item := protocol.InboxItem{
		Conversation: p.Conversation, Kind: s.Kind, Title: s.Title, Peer: p.Peer,
		Read: min(p.Read, s.Head), Head: s.Head,
		LastAtMS: s.LastAtMS, LastSender: s.LastSender, LastPreview: s.LastPreview,
		MutedUntilMS: p.MutedUntilMS, Archived: p.Archived, Pinned: p.Pinned,
	}
	if s.Count > p.ReadCount {
		item.Unread = s.Count - p.ReadCount
	}
	return item
}
