package check

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// clockSlack is how far what is written in an entry may be from this process's clock: it is one machine's.
const clockSlack = time.Second

// comeBack brings the phones online that were away.
func (v *verification) comeBack(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, v.r.o.Patience)
	defer cancel()
	var wg sync.WaitGroup
	for _, d := range v.r.devices {
		if d.c == nil {
			wg.Go(func() {
				if err := d.connect(ctx); err != nil {
					v.r.violate(Violation{Promise: "P4", What: fmt.Sprintf("%s cannot come back: %v", d.name(), err)})
				}
			})
		}
	}
	wg.Wait()
}

// checkDevices verifies that every device was shown every entry that its user may see, once, in order, and nothing else (P4).
func (v *verification) checkDevices(context.Context) ([]Violation, error) {
	var bad []Violation
	for _, d := range v.r.devices {
		for _, c := range v.r.conversations {
			bad = append(bad, v.checkScreen(d, v.logs[c.id])...)
		}
	}
	return bad, nil
}

func (v *verification) checkScreen(d *device, l *log) []Violation {
	v.r.mu.Lock()
	screen, since := d.screens[l.conv.ID()], d.since
	v.r.mu.Unlock()
	stays := l.stays(d.user)
	// One violation of a kind for a screen: one missing entry is as bad as all of them.
	bad := func(seq uint64, format string, args ...any) []Violation {
		return []Violation{{Promise: "P4", Where: at(l, seq), What: d.name() + " " + fmt.Sprintf(format, args...), History: v.history(l, seq, nil)}}
	}
	has := make(map[uint64]bool, len(screen))
	var last, lowest uint64
	for _, s := range screen {
		switch {
		case s.Seq <= last:
			return bad(s.Seq, "was shown %d after %d", s.Seq, last)
		case s.Seq > uint64(len(l.entries)):
			return bad(s.Seq, "was shown an entry that the log has not")
		case !within(stays, s.Seq):
			return bad(s.Seq, "was shown what %s may not see", d.user)
		}
		if what := v.differs(l, s.Entry); what != "" {
			return bad(s.Seq, "was shown another %s than the log has", what)
		}
		if lowest == 0 {
			lowest = s.Seq
		}
		last = s.Seq
		has[s.Seq] = true
	}
	for i, e := range l.entries {
		seq := uint64(i + 1)
		if !within(stays, seq) || has[seq] {
			continue
		}
		// What was there before the device is not owed to it, as long as it misses nothing in between.
		before := said(e).Before(since.Add(clockSlack))
		if before && (lowest == 0 || seq < lowest) {
			continue
		}
		return bad(seq, "was never shown the entry (it was shown %d of %d)", len(screen), len(l.entries))
	}
	return nil
}

// differs names what a shown entry has other than the log's. Later entries may have been folded into either.
func (v *verification) differs(l *log, s protocol.Entry) string {
	e := l.entries[s.Seq-1]
	want := protocol.EntryOf(e)
	switch {
	case s.Kind != want.Kind:
		return "kind"
	case s.Sender != want.Sender || s.Device != want.Device:
		return "sender"
	case s.ClientMsgID != want.ClientMsgID:
		return "client_msg_id"
	case s.AtMS != want.AtMS || s.Count != want.Count:
		return "time or count"
	case s.Target != want.Target || s.Emoji != want.Emoji || s.Removed != want.Removed || s.Title != want.Title:
		return "change"
	case !slices.Equal(s.Users, want.Users) || !slices.Equal(s.Members, want.Members):
		return "member"
	case s.Kind == protocol.KindVerdict && (s.Verdict == nil || *s.Verdict != *want.Verdict):
		return "verdict"
	case s.Revision == want.Revision && s.Redacted == want.Redacted && s.Body != want.Body:
		return "body"
	}
	// The log has lost the bodies that were replaced. Who said them has not.
	asSaid := s.Kind == protocol.KindMessage && s.Revision == 0 || s.Kind == protocol.KindEdited && !s.Redacted
	if o := v.opOf(l.conv, e); o != nil && asSaid && s.Body != o.want.Body {
		return "body"
	}
	return ""
}

// checkMarks verifies that no mark promises more than was shown, and that what the devices confirmed has arrived (P4).
func (v *verification) checkMarks(ctx context.Context) ([]Violation, error) {
	var bad []Violation
	for _, d := range v.r.devices {
		user, err := store.NewUser(v.r.s.Tenant, d.user)
		if err != nil {
			return nil, err
		}
		memberships, err := v.r.s.Store.Memberships(ctx, user)
		if err != nil {
			return nil, err
		}
		for _, m := range memberships {
			seen := d.state.seen(m.Conv.ID())
			l := v.logs[m.Conv.ID()]
			if l == nil {
				continue
			}
			if got := m.Delivered[d.id]; got > seen {
				bad = append(bad, Violation{Promise: "P4", Where: at(l, got), What: fmt.Sprintf("%s's delivered mark is %d, and it was shown no more than %d", d.name(), got, seen), History: v.history(l, got, nil)})
			}
			if m.Read > uint64(len(l.entries)) {
				bad = append(bad, Violation{Promise: "P4", Where: at(l, m.Read), What: fmt.Sprintf("%s's read mark is beyond the log", d.user)})
			}
		}
	}
	return bad, nil
}
