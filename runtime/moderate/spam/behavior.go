package spam

import (
	"context"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/chatcluster/chatcluster/runtime/moderate"
	"github.com/chatcluster/chatcluster/runtime/moderate/recall"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// recall adds how the senders behave.
func (d *Detector) recall(ctx context.Context, messages []moderate.Message, suspects []suspect) error {
	if d.state == nil {
		return ctx.Err()
	}
	notes, of := notesOf(messages, suspects)
	texts, ofText := textsOf(messages, suspects)
	var known []recall.Known
	var counts []int
	ok, err := d.guard.Ask(ctx, len(messages), func(ctx context.Context) (err error) {
		if known, err = d.state.Note(ctx, notes); err != nil || len(texts) == 0 {
			return err
		}
		counts, err = d.state.Spread(ctx, texts)
		return err
	})
	if err != nil || !ok {
		return err
	}
	for i := range messages {
		if of[i] < 0 {
			continue
		}
		d.behavior(&suspects[i], messages[i], known[of[i]])
		if ofText[i] >= 0 && counts[ofText[i]] > d.limits.Spread {
			suspects[i].Add(spread)
		}
	}
	return nil
}

// notesOf returns a note for each sender, and which one is each message's; -1: none.
func notesOf(messages []moderate.Message, suspects []suspect) (notes []recall.Note, of []int) {
	at, of := make(map[store.User]int, len(messages)), make([]int, len(messages))
	for i, m := range messages {
		of[i] = -1
		sender, err := store.NewUser(m.Conv.Tenant(), m.Sender)
		if err != nil {
			continue // nobody's
		}
		n, ok := at[sender]
		if !ok {
			n = len(notes)
			at[sender], notes = n, append(notes, recall.Note{Sender: sender, Seen: m.At, Contacts: true})
		}
		of[i] = n
		if m.At.Before(notes[n].Seen) {
			notes[n].Seen = m.At
		}
		if m.BodyAt == 0 {
			notes[n].Sent = append(notes[n].Sent, recall.Sent{Conv: conversation(m), Seq: m.Seq, Print: suspects[i].near, At: m.At})
		}
	}
	return notes, of
}

func textsOf(messages []moderate.Message, suspects []suspect) (texts []recall.Text, of []int) {
	of = make([]int, len(messages))
	for i, m := range messages {
		of[i] = -1
		if suspects[i].same != 0 {
			of[i] = len(texts)
			texts = append(texts, recall.Text{Tenant: m.Conv.Tenant(), Print: suspects[i].same, Conv: conversation(m), At: m.At})
		}
	}
	return texts, of
}

func conversation(m moderate.Message) uint64 { return xxhash.Sum64String(m.Conv.ID()) }

// behavior adds what a sender had done by the time of a message.
func (d *Detector) behavior(s *suspect, m moderate.Message, k recall.Known) {
	if s.link && k.NewAt(m.At, d.limits.NewFor) {
		s.Add(newSenderLink)
	}
	if m.BodyAt != 0 {
		return
	}
	fast, fanned, own := 0, 0, conversation(m)
	latest := make(map[uint64]time.Duration, 8)
	var alike map[uint64]bool
	for _, sent := range k.Recent {
		age := m.At.Sub(sent.At)
		if age < 0 || age >= Window {
			continue
		}
		if age < minute {
			fast++
		}
		if last, ok := latest[sent.Conv]; !ok || age < last {
			latest[sent.Conv] = age
		}
		if sent.Conv != own && sent.Print != 0 && s.near != 0 && near(sent.Print, s.near) {
			if alike == nil {
				alike = map[uint64]bool{}
			}
			alike[sent.Conv] = true
		}
	}
	for _, age := range latest {
		if age < fanTime {
			fanned++
		}
	}
	switch {
	case fast > 3*d.limits.Velocity:
		s.Add(flood)
	case fast > d.limits.Velocity:
		s.Add(velocity)
	}
	if fanned > d.limits.FanOut {
		s.Add(fanOut)
	}
	if len(alike) > d.limits.Duplicates {
		s.Add(nearDuplicate)
	}
	if d.mostlyNew(m, k, len(latest)) {
		s.Add(newContacts)
	}
}

// mostlyNew says that most of the conversations that the sender wrote to are new to it. Where senders are remembered only since lately, all are.
func (d *Detector) mostlyNew(m moderate.Message, k recall.Known, wrote int) bool {
	if m.At.Sub(k.Since) < d.limits.NewFor {
		return false
	}
	begun := 0
	for _, at := range k.Contacts {
		if age := m.At.Sub(at); age >= 0 && age < Window {
			begun++
		}
	}
	return begun > d.limits.NewContacts && 5*begun >= 4*wrote
}
