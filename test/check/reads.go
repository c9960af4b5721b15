package check

import (
	"context"
	"fmt"

	"github.com/google/go-cmp/cmp"

	"github.com/chatcluster/chatcluster/runtime/client"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// readsPage is the largest page that the gateway gives.
const readsPage = 200

// checkReads verifies that every user reads what the logs add up to, in the histories and in the inbox, whatever Redis has
// forgotten (P5).
func (v *verification) checkReads(ctx context.Context) ([]Violation, error) {
	ctx, cancel := context.WithTimeout(ctx, v.r.o.Patience)
	defer cancel()
	var bad []Violation
	seen := map[string]bool{}
	for _, d := range v.r.devices {
		if d.c == nil || seen[d.user] {
			continue
		}
		seen[d.user] = true
		for _, l := range v.logs {
			found, err := v.checkHistory(ctx, d, l)
			if err != nil {
				return nil, err
			}
			bad = append(bad, found...)
		}
		found, err := v.checkInbox(ctx, d)
		if err != nil {
			return nil, err
		}
		bad = append(bad, found...)
	}
	return bad, nil
}

// checkHistory pages through a conversation from its beginning.
func (v *verification) checkHistory(ctx context.Context, d *device, l *log) ([]Violation, error) {
	stays := l.stays(d.user)
	if len(stays) == 0 {
		return nil, nil
	}
	bad := func(seq uint64, format string, args ...any) []Violation {
		return []Violation{{Promise: "P5", Where: at(l, seq), What: d.user + "'s history " + fmt.Sprintf(format, args...), History: v.history(l, seq, nil)}}
	}
	want := v.fold(l)
	next, end := uint64(1), uint64(len(l.entries))
	skip := func() {
		for next <= end && !within(stays, next) {
			next++
		}
	}
	for after := uint64(0); ; {
		var page protocol.HistoryPage
		err := persist(ctx, func(ctx context.Context) (err error) { // so many requests are more than a user may make
			page, err = d.c.History(ctx, l.conv.ID(), client.Range{After: &after, Limit: readsPage})
			return err
		})
		if err != nil {
			return nil, err
		}
		for _, e := range page.Entries {
			skip()
			if e.Seq != next || next > end {
				return bad(next, "shows %d where %d is due", e.Seq, next), nil
			}
			if what := v.differs(l, e); what != "" {
				return bad(next, "shows another %s than the log has", what), nil
			}
			if w := want[next]; w != nil {
				if diff := cmp.Diff(w.shown(), shownEffects(e)); diff != "" {
					return bad(next, "is not what the log adds up to (-log +history):\n%s", diff), nil
				}
			}
			after, next = e.Seq, next+1
		}
		if !page.More || len(page.Entries) == 0 {
			break
		}
	}
	if skip(); next <= end {
		return bad(next, "ends before %d", next), nil
	}
	return nil, nil
}

// shown are the effects as far as people see them.
func (m *story) shown() effects {
	out := m.effects
	out.Body = m.shows()
	return out
}

func shownEffects(e protocol.Entry) effects {
	out := effects{Body: e.Body, Deleted: e.Deleted, EditedAt: e.EditedAtMS, Reactions: map[string]bool{}}
	for _, r := range e.Reactions {
		for _, u := range r.Users {
			out.Reactions[u+" "+r.Emoji] = true
		}
	}
	if e.Verdict != nil {
		out.Verdict = e.Verdict.Action + " by " + e.Verdict.Processor
	}
	return out
}

// checkInbox compares a user's inbox with the logs of the conversations that the user is in.
func (v *verification) checkInbox(ctx context.Context, d *device) ([]Violation, error) {
	items := map[string]protocol.InboxItem{}
	for cursor := ""; ; {
		var page protocol.InboxPage
		err := persist(ctx, func(ctx context.Context) (err error) {
			page, err = d.c.Inbox(ctx, readsPage, cursor)
			return err
		})
		if err != nil {
			return nil, err
		}
		for _, i := range page.Items {
			items[i.Conversation] = i
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	var bad []Violation
	for id, l := range v.logs {
		stays := l.stays(d.user)
		if len(stays) == 0 || stays[len(stays)-1].Left != 0 {
			continue
		}
		item, ok := items[id]
		if !ok {
			bad = append(bad, Violation{Promise: "P5", Where: l.conv.String(), What: d.user + "'s inbox does not have the conversation"})
			continue
		}
		want := l.inboxItem(item, stays[len(stays)-1], v.r.mutedUntil(place{id, d.user}, item.MutedUntilMS))
		if diff := cmp.Diff(want, item); diff != "" {
			bad = append(bad, Violation{Promise: "P5", Where: l.conv.String(), What: d.user + "'s inbox is not what the log adds up to (-log +inbox):\n" + diff})
		}
	}
	return bad, nil
}

// inboxItem is the item as it must be. How far the user has read is the item's own to say, and what is not checked is as it is.
func (l *log) inboxItem(is protocol.InboxItem, stay store.Interval, mutedUntil int64) protocol.InboxItem {
	count := func(seq uint64) uint64 {
		if seq == 0 {
			return 0
		}
		return l.entries[min(seq, uint64(len(l.entries)))-1].GetCount()
	}
	want := is
	want.Head = uint64(len(l.entries))
	want.Unread = count(want.Head) - count(max(is.Read, stay.Joined))
	want.MutedUntilMS = mutedUntil
	for _, e := range l.entries {
		if e.GetRenamed() != nil {
			want.Title = e.GetRenamed().GetTitle()
		}
		if e.GetMessage() != nil && e.GetSeq() >= stay.Joined {
			want.LastSender, want.LastAtMS = e.GetSender(), e.GetAtMs()
		}
	}
	return want
}

// mutedUntil is what the user has wished last, or what is shown where that is not known.
func (r *run) mutedUntil(at place, shown int64) int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	wishes := r.wishes[at]
	if n := len(wishes); n > 0 {
		switch last := wishes[n-1]; {
		case last.acked.IsZero():
			return shown
		case !last.until.IsZero():
			return last.until.UnixMilli()
		}
	}
	return 0
}
