package check

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/chatcluster/chatcluster/runtime/notify"
	"github.com/chatcluster/chatcluster/runtime/push/sink"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// checkPushes verifies P6: every phone that is away was pushed about everything that it has not confirmed and its user has
// neither read nor muted, none was pushed about what is muted or in its quiet hours, and all pushes about a conversation to a
// user carry one collapse id.
func (v *verification) checkPushes(ctx context.Context) ([]Violation, error) {
	var bad []Violation
	v.pushes, v.muted, v.asleep = 0, 0, 0
	collapse := map[string]string{}
	ids := map[place]string{}
	for _, d := range v.r.devices {
		if d.pushToken == "" {
			continue
		}
		phone, err := v.phone(ctx, d.pushToken)
		if err != nil {
			return nil, err
		}
		v.pushes += len(phone.All)
		covered := map[string][]sink.Shown{}
		for _, p := range phone.All {
			at := place{p.Data[notify.DataConversation], d.user}
			covered[at.conv] = append(covered[at.conv], p)
			if was, ok := ids[at]; ok && was != p.CollapseID || p.CollapseID == "" {
				bad = append(bad, Violation{Promise: "P6", Where: at.conv, What: fmt.Sprintf("pushes to %s about one conversation carry several collapse ids", d.user)})
			}
			if was, ok := collapse[p.CollapseID]; ok && was != at.conv {
				bad = append(bad, Violation{Promise: "P6", Where: at.conv, What: "pushes about different conversations carry one collapse id: one hides the other"})
			}
			ids[at], collapse[p.CollapseID] = p.CollapseID, at.conv
		}
		for id, l := range v.logs {
			v.countHeld(d, l)
			found := v.checkPhone(d, l, covered[id])
			if len(found) > 0 {
				found[0].History = append(found[0].History, v.marksOf(ctx, d, l))
			}
			bad = append(bad, found...)
		}
	}
	return bad, nil
}

// checkPhone verifies that a phone was pushed about nothing that it was not to be pushed about, and, where it is away, that it is
// covered for everything else in a conversation.
func (v *verification) checkPhone(d *device, l *log, pushes []sink.Shown) []Violation {
	var reached uint64
	for _, p := range pushes {
		seq, err := strconv.ParseUint(p.Data[notify.DataSeq], 10, 64)
		if err != nil || seq == 0 || seq > uint64(len(l.entries)) || !within(l.stays(d.user), seq) {
			return []Violation{{Promise: "P6", Where: l.conv.String(), What: fmt.Sprintf("%s was pushed about seq %q", d.name(), p.Data[notify.DataSeq])}}
		}
		if what := v.unwanted(d, l, seq, p); what != "" {
			return []Violation{{Promise: "P6", Where: at(l, seq), What: d.name() + " was pushed " + what, History: v.history(l, seq, nil)}}
		}
		reached = max(reached, seq)
	}
	if !d.away || d.c != nil {
		return nil // it may confirm at any moment
	}
	v.r.mu.Lock()
	var read uint64
	for _, other := range v.r.devices {
		if other.user == d.user {
			read = max(read, other.reads[l.conv.ID()].seq)
		}
	}
	since := d.since
	wishes := v.r.wishes[place{l.conv.ID(), d.user}]
	v.r.mu.Unlock()
	stays := l.stays(d.user)
	if len(stays) == 0 || stays[len(stays)-1].Left != 0 {
		return nil // who has left is not called back
	}
	stays = stays[len(stays)-1:]
	from, hidden := owedFrom(wishes).Add(tick), l.hidden()
	for seq := uint64(len(l.entries)); seq > max(d.state.seen(l.conv.ID()), read, reached); seq-- {
		e := l.entries[seq-1]
		m := e.GetMessage()
		switch {
		case m == nil || m.GetDeleted() || hidden[seq] || e.GetSender() == d.user || !within(stays, seq):
			continue
		case said(e).Before(since) || said(e).Before(from):
			continue
		}
		return []Violation{{
			Promise: "P6", Where: at(l, seq), History: v.history(l, seq, nil),
			What: fmt.Sprintf("%s has confirmed %d, %s has read %d, the pushes cover up to %d", d.name(), d.state.seen(l.conv.ID()), d.user, read, reached),
		}}
	}
	return nil
}

// unwanted says why a push must not have been: what it is about was said when its user had muted the conversation, or while the
// phone slept, and it came before that had ended. The decision is made after the message was said, so it knew.
func (v *verification) unwanted(d *device, l *log, seq uint64, p sink.Shown) string {
	came, err := time.Parse(time.RFC3339Nano, p.At)
	if err != nil {
		return "at no time: " + p.At
	}
	v.r.mu.Lock()
	wishes, night := v.r.wishes[place{l.conv.ID(), d.user}], d.night
	v.r.mu.Unlock()
	switch at := said(l.entries[seq-1]); {
	case mutedAt(wishes, at, came):
		return fmt.Sprintf("at %s about a conversation that %s had muted", p.At, d.user)
	case night.covers(at, came):
		return fmt.Sprintf("at %s in its quiet hours, which end at %s", p.At, night.to.UTC().Format(time.RFC3339))
	}
	return ""
}

// countHeld counts the messages that a phone must not be pushed about, or not before its quiet hours end: so many times was that
// put to the test.
func (v *verification) countHeld(d *device, l *log) {
	v.r.mu.Lock()
	defer v.r.mu.Unlock()
	wishes, stays := v.r.wishes[place{l.conv.ID(), d.user}], l.stays(d.user)
	for _, e := range l.entries {
		if e.GetMessage() == nil || e.GetSender() == d.user || e.GetSeq() <= d.state.seen(l.conv.ID()) || !within(stays, e.GetSeq()) {
			continue
		}
		due := said(e).Add(v.r.s.PushDelay)
		if mutedAt(wishes, said(e), due) {
			v.muted++
		} else if d.night.covers(said(e), due) {
			v.asleep++
		}
	}
}

// marksOf says what the store has of the user's marks.
func (v *verification) marksOf(ctx context.Context, d *device, l *log) string {
	user, err := store.NewUser(v.r.s.Tenant, d.user)
	if err != nil {
		return err.Error()
	}
	m, err := v.r.s.Store.Membership(ctx, user, l.conv)
	if err != nil {
		return "marks: " + err.Error()
	}
	return fmt.Sprintf("marks of %s in the store: delivered %v, read %d, pushed %d", d.user, m.Delivered, m.Read, m.Pushed)
}

// phone returns what the sink has of a push token.
func (v *verification) phone(ctx context.Context, token string) (sink.Phone, error) {
	query := url.Values{"application": {v.r.s.Application}, "address": {token}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, v.r.s.Sink+"/messages?"+query.Encode(), http.NoBody)
	if err != nil {
		return sink.Phone{}, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return sink.Phone{}, err
	}
	defer res.Body.Close()
	var view sink.View
	if err := json.NewDecoder(res.Body).Decode(&view); err != nil {
		return sink.Phone{}, err
	}
	if len(view.Phones) == 0 {
		return sink.Phone{}, nil
	}
	return view.Phones[0], nil
}
