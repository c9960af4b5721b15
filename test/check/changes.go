package check

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"

	"github.com/chatcluster/chatcluster/runtime/chat/chatpb"
	"github.com/chatcluster/chatcluster/runtime/client"
	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// recent is among how many of the last messages on its screen a device looks for one to change.
const recent = 30

// changeRetry is how long a device waits before it asks again, at most.
const changeRetry = 500 * time.Millisecond

// change asks for an edit, a deletion, a reaction, or another member, title or role. Some of what it asks for is not allowed.
func (d *device) change(conv *conversation, rng *rand.Rand, n int) {
	if d.r.s.Change == nil {
		return
	}
	s := &chatpb.Send{Conversation: conv.id, User: d.user, Device: d.id + "-changes", ClientMsgId: uuid.NewString()}
	if seen := d.state.seen(conv.id); seen > 0 {
		s.AfterSeq = &seen
	}
	o := &op{device: d, life: d.life, conv: conv, as: s.Device, id: s.ClientMsgId, at: time.Now()}
	// Always drawn alike, so that what follows does not depend on what is on the screen.
	draw, which, whom, emoji := rng.IntN(100), rng.IntN(recent), rng.IntN(d.r.o.Users), rng.IntN(3)
	switch user := fmt.Sprintf("u%d", whom+1); {
	case draw < 65 || conv.kind != store.Group:
		target := d.aMessage(conv.id, which, draw < 45)
		if target == 0 {
			return
		}
		o.target = target
		switch {
		case draw < 25:
			o.kind, o.body = protocol.KindEdited, d.body(rng, n)+" (edited)"
			s.Change = &chatpb.Send_Edited{Edited: &logpb.Edited{Target: target, Body: o.body}}
		case draw < 35:
			o.kind = protocol.KindDeleted
			s.Change = &chatpb.Send_Deleted{Deleted: &logpb.Deleted{Target: target}}
		default:
			o.kind = protocol.KindReacted
			s.Change = &chatpb.Send_Reacted{Reacted: &logpb.Reacted{Target: target, Emoji: []string{"👍", "❤️", "😂"}[emoji], Removed: which%4 == 0}}
		}
	case draw < 78:
		o.kind = protocol.KindMembersAdded
		s.Change = &chatpb.Send_MembersAdded{MembersAdded: &logpb.MembersAdded{Members: []*logpb.Member{{User: user, Role: store.RoleMember}}}}
	case draw < 84:
		o.kind = protocol.KindMembersRemoved
		s.Change = &chatpb.Send_MembersRemoved{MembersRemoved: &logpb.MembersRemoved{Users: []string{user}}}
	case draw < 88 && conv.owner != d.user:
		o.kind = protocol.KindMembersRemoved
		s.Change = &chatpb.Send_MembersRemoved{MembersRemoved: &logpb.MembersRemoved{Users: []string{d.user}}}
	case draw < 94 && user != conv.owner:
		o.kind = protocol.KindRoleChanged
		s.Change = &chatpb.Send_RoleChanged{RoleChanged: &logpb.RoleChanged{User: user, Role: []string{store.RoleAdmin, store.RoleMember}[emoji%2]}}
	default:
		o.kind = protocol.KindRenamed
		s.Change = &chatpb.Send_Renamed{Renamed: &logpb.Renamed{Title: fmt.Sprintf("group %d of %s", n, d.name())}}
	}
	if o.kind == protocol.KindMembersAdded && conv.owner == d.user {
		d.r.mu.Lock()
		conv.members[fmt.Sprintf("u%d", whom+1)] = true // from now on that user's devices try
		d.r.mu.Unlock()
	}
	select {
	case d.flying <- struct{}{}:
	default:
		return
	}
	d.orders++
	o.order = d.orders
	d.r.record(o)
	ctx := d.alive
	d.pending.Go(func() {
		defer func() { <-d.flying }()
		ack, err := d.ask(ctx, s)
		d.r.settleOp(o, ack, err)
	})
}

// ask asks, with the same name, until there is an answer or the device has left.
func (d *device) ask(ctx context.Context, s *chatpb.Send) (client.Ack, error) {
	for {
		// The pool keeps what it was given.
		again := &chatpb.Send{
			Conversation: s.GetConversation(), User: s.GetUser(), Device: s.GetDevice(), ClientMsgId: s.GetClientMsgId(), AfterSeq: s.AfterSeq, Change: s.GetChange(),
		}
		r := d.r.s.Change(ctx, again)
		switch code := protocol.Code(r.GetCode()); {
		case r == nil:
			return client.Ack{}, errors.Join(errors.New("the device left"), ctx.Err())
		case code == "":
			return client.Ack{Seq: r.GetSeq()}, nil
		case code == protocol.CodeRetryTooOld:
			return client.Ack{}, errors.New("whether it is there can no longer be told")
		case !code.Retryable():
			return client.Ack{}, &client.Error{Code: code, Detail: r.GetDetail()}
		}
		if err := pause(ctx, rand.N(changeRetry)); err != nil {
			return client.Ack{}, err
		}
	}
}

// aMessage returns one of the last messages on the screen, one of the user's own if that is asked for; 0: there is none.
func (d *device) aMessage(conv string, which int, own bool) uint64 {
	d.r.mu.Lock()
	defer d.r.mu.Unlock()
	var found []uint64
	screen := d.screens[conv]
	for i := len(screen) - 1; i >= 0 && len(found) < recent; i-- {
		if e := screen[i]; e.Kind == protocol.KindMessage && (!own || e.Sender == d.user) {
			found = append(found, e.Seq)
		}
	}
	if len(found) == 0 {
		return 0
	}
	return found[which%len(found)]
}

// effects are what a log does to a message, told apart from the runtime's own folding.
type effects struct {
	Body      string
	Deleted   bool
	EditedAt  int64
	Reactions map[string]bool
}

func effectsOf(m *logpb.Message) effects {
	out := effects{Body: m.GetBody(), Deleted: m.GetDeleted(), EditedAt: m.GetEditedAtMs(), Reactions: map[string]bool{}}
	for _, r := range m.GetReactions() {
		out.Reactions[r.GetUser()+" "+r.GetEmoji()] = true
	}
	return out
}

// fold returns the log's messages as they are in the end, by what was asked for: the log itself has lost replaced bodies.
func (v *verification) fold(l *log) map[uint64]*effects {
	out := map[uint64]*effects{}
	for _, e := range l.entries {
		o := v.opOf(l.conv, e)
		if o == nil {
			continue
		}
		m := out[o.target]
		switch {
		case e.GetMessage() != nil:
			out[e.GetSeq()] = &effects{Body: o.body, Reactions: map[string]bool{}}
		case m == nil || m.Deleted:
		case e.GetEdited() != nil:
			m.Body, m.EditedAt = o.body, e.GetAtMs()
		case e.GetDeleted() != nil:
			*m = effects{Deleted: true, EditedAt: m.EditedAt, Reactions: map[string]bool{}}
		case e.GetReacted() != nil:
			who := e.GetSender() + " " + e.GetReacted().GetEmoji()
			if e.GetReacted().GetRemoved() {
				delete(m.Reactions, who)
			} else {
				m.Reactions[who] = true
			}
		}
	}
	return out
}
