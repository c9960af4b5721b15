package export

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// Device is a line of devices.jsonl.
type Device struct {
	ID           string    `json:"id"`
	Platform     string    `json:"platform"`
	PushChannel  string    `json:"push_channel,omitempty"`
	RegisteredAt time.Time `json:"registered_at"`
	Locale       string    `json:"locale,omitempty"`
	Private      bool      `json:"private_pushes,omitempty"`
	// QuietFrom and QuietTo are minutes of the day in QuietZone.
	QuietFrom int    `json:"quiet_from,omitempty"`
	QuietTo   int    `json:"quiet_to,omitempty"`
	QuietZone string `json:"quiet_zone,omitempty"`
}

// Conversation is a line of conversations.jsonl: the user's place in one.
type Conversation struct {
	ID   string `json:"id"`
	Kind string `json:"kind,omitempty"`
	// Title is left out where the user has left: it may be a later one.
	Title string `json:"title,omitempty"`
	// Stays are the user's, by the seqs of the entries that say so; the last one's Left is 0 while it lasts.
	Stays []Stay `json:"stays,omitempty"`
	// Read is the seq up to which the user has read, Delivered up to which each device has confirmed.
	Read      uint64            `json:"read,omitempty"`
	Delivered map[string]uint64 `json:"delivered,omitempty"`
	// Pushed is the seq up to which a push has told of.
	Pushed     uint64     `json:"pushed,omitempty"`
	MutedUntil *time.Time `json:"muted_until,omitempty"`
	Archived   bool       `json:"archived,omitempty"`
	Pinned     bool       `json:"pinned,omitempty"`
}

// Stay is from when to when the user was a member.
type Stay struct {
	Joined uint64 `json:"joined"`
	Left   uint64 `json:"left,omitempty"`
}

// Message is a line of messages.jsonl: one that the user has sent, with the body that it has now.
type Message struct {
	Conversation string     `json:"conversation"`
	Seq          uint64     `json:"seq"`
	At           time.Time  `json:"at"`
	Device       string     `json:"device,omitempty"`
	ClientMsgID  string     `json:"client_msg_id,omitempty"`
	Body         string     `json:"body"`
	EditedAt     *time.Time `json:"edited_at,omitempty"`
	Deleted      bool       `json:"deleted,omitempty"`
	// Moderation is what was said of it, and why.
	Moderation *Moderation `json:"moderation,omitempty"`
}

// Moderation is a verdict that holds.
type Moderation struct {
	Action    string `json:"action"`
	Processor string `json:"processor"`
	Reason    string `json:"reason,omitempty"`
}

// Reaction is a line of reactions.jsonl: one of the user's that is there.
type Reaction struct {
	Conversation string    `json:"conversation"`
	Target       uint64    `json:"target"`
	Emoji        string    `json:"emoji"`
	At           time.Time `json:"at"`
}

func (w *writer) devices(ctx context.Context, add func(any) error) error {
	devices, err := w.store.Devices(ctx, w.user)
	if err != nil {
		return fmt.Errorf("read the devices: %w", err)
	}
	for _, d := range devices {
		p := d.Preferences
		if err := add(Device{
			ID: d.ID, Platform: d.Platform, PushChannel: d.PushChannel, RegisteredAt: d.RegisteredAt.UTC(), Locale: d.Locale,
			Private: p.Private, QuietFrom: p.QuietFrom, QuietTo: p.QuietTo, QuietZone: p.QuietZone,
		}); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) conversations(ctx context.Context, places []place, add func(any) error) error {
	for _, p := range places {
		conv, err := w.conversationOf(ctx, p.conv)
		if err != nil {
			return fmt.Errorf("read conversation %s: %w", p.conv, err)
		}
		out := Conversation{ID: p.conv.ID(), Kind: conv.Kind}
		if m := p.membership; m != nil {
			for _, e := range m.Earlier {
				out.Stays = append(out.Stays, Stay{e.Joined, e.Left})
			}
			out.Stays = append(out.Stays, Stay{m.Joined, m.Left})
			out.Read, out.Delivered, out.Pushed, out.Archived, out.Pinned = m.Read, m.Delivered, m.Pushed, m.Archived, m.Pinned
			if !m.MutedUntil.IsZero() {
				until := m.MutedUntil.UTC()
				out.MutedUntil = &until
			}
			if m.Left == 0 {
				out.Title = conv.Title
			}
		}
		if err := add(out); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) messages(ctx context.Context, places []place, add func(any) error) error {
	for _, p := range places {
		err := w.own(ctx, p.conv, func(own []*logpb.Entry) error {
			for _, e := range own {
				if e.GetMessage() == nil {
					continue
				}
				if err := add(messageOf(p.conv, e)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("conversation %s: %w", p.conv, err)
		}
	}
	return nil
}

func messageOf(c store.Conv, e *logpb.Entry) Message {
	m := e.GetMessage()
	out := Message{
		Conversation: c.ID(), Seq: e.GetSeq(), At: millis(e.GetAtMs()), Device: e.GetDevice(), ClientMsgID: e.GetClientMsgId(),
		Body: m.GetBody(), Deleted: m.GetDeleted(),
	}
	if at := m.GetEditedAtMs(); at > 0 {
		edited := millis(at)
		out.EditedAt = &edited
	}
	if v := m.GetVerdict(); v != nil {
		out.Moderation = &Moderation{Action: v.GetAction(), Processor: v.GetProcessor(), Reason: v.GetReason()}
	}
	return out
}

// reactions writes those that are still there. Each once, at the time when it was last given.
func (w *writer) reactions(ctx context.Context, places []place, add func(any) error) error {
	for _, p := range places {
		err := w.own(ctx, p.conv, func(own []*logpb.Entry) error { return w.standing(ctx, p.conv, own, add) })
		if err != nil {
			return fmt.Errorf("conversation %s: %w", p.conv, err)
		}
	}
	return nil
}

// standing writes those of the window's reactions that nothing later of the window takes back and that their message has. One that was
// given twice, in two windows, is there twice.
func (w *writer) standing(ctx context.Context, c store.Conv, own []*logpb.Entry, add func(any) error) error {
	last := map[Reaction]*logpb.Entry{}
	var at []uint64
	for _, e := range own {
		r := e.GetReacted()
		if r == nil {
			continue
		}
		key := Reaction{Target: r.GetTarget(), Emoji: r.GetEmoji()}
		if delete(last, key); !r.GetRemoved() {
			last[key] = e
			at = append(at, r.GetTarget())
		}
	}
	if len(last) == 0 {
		return nil
	}
	targets, err := w.model.EntriesAt(ctx, c, slices.Compact(slices.Sorted(slices.Values(at))))
	if err != nil {
		return err
	}
	there := map[Reaction]bool{}
	for _, t := range targets {
		for _, r := range t.GetMessage().GetReactions() {
			if r.GetUser() == w.user.ID() {
				there[Reaction{Target: t.GetSeq(), Emoji: r.GetEmoji()}] = true
			}
		}
	}
	for _, e := range own {
		key := Reaction{Target: e.GetReacted().GetTarget(), Emoji: e.GetReacted().GetEmoji()}
		if last[key] != e || !there[key] {
			continue
		}
		key.Conversation, key.At = c.ID(), millis(e.GetAtMs())
		if err := add(key); err != nil {
			return err
		}
	}
	return nil
}

func millis(ms int64) time.Time { return time.UnixMilli(ms).UTC() }
