package check

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/chatcluster/chatcluster/runtime/notify"
	"github.com/chatcluster/chatcluster/runtime/push/sink"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// place is what a push is about.
type place struct{ conv, user string }

// checkPushes verifies P6: every phone that is away was pushed about everything that it has not confirmed and its user has not read,
// and all pushes about a conversation to a user carry one collapse id.
func (v *verification) checkPushes(ctx context.Context) ([]Violation, error) {
	var bad []Violation
	v.pushes = 0
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
			found := v.checkPhone(d, l, covered[id])
			if len(found) > 0 {
				found[0].History = append(found[0].History, v.marksOf(ctx, d, l))
			}
			bad = append(bad, found...)
		}
	}
	return bad, nil
}

// checkPhone verifies that a phone that is away is covered for everything in a conversation.
func (v *verification) checkPhone(d *device, l *log, pushes []sink.Shown) []Violation {
	conv := l.conv.ID()
	var reached uint64
	for _, p := range pushes {
		seq, err := strconv.ParseUint(p.Data[notify.DataSeq], 10, 64)
		if err != nil || seq > uint64(len(l.entries)) || !within(l.stays(d.user), seq) {
			return []Violation{{Promise: "P6", Where: l.conv.String(), What: fmt.Sprintf("%s was pushed about seq %q", d.name(), p.Data[notify.DataSeq])}}
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
			read = max(read, other.reads[conv].seq)
		}
	}
	since := d.since
	v.r.mu.Unlock()
	stays := l.stays(d.user)
	if len(stays) == 0 || stays[len(stays)-1].Left != 0 {
		return nil // who has left is not called back
	}
	stays = stays[len(stays)-1:]
	for seq := uint64(len(l.entries)); seq > max(d.state.seen(conv), read, reached); seq-- {
		e := l.entries[seq-1]
		m := e.GetMessage()
		if m == nil || m.GetDeleted() || e.GetSender() == d.user || !within(stays, seq) || time.UnixMilli(e.GetAtMs()).Before(since) {
			continue
		}
		return []Violation{{
			Promise: "P6", Where: at(l, seq), History: v.history(l, seq, nil),
			What: fmt.Sprintf("%s has confirmed %d, %s has read %d, the pushes cover up to %d", d.name(), d.state.seen(conv), d.user, read, reached),
		}}
	}
	return nil
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
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, v.r.s.Sink+"/messages?address="+token, http.NoBody)
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
