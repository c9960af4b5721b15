package check

import (
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/chatcluster/chatcluster/runtime/client"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// recent is among how many of the last messages on its screen a device looks for one to change.
const recent = 30

var (
	emojis = []string{"👍", "❤️", "😂"}
	roles  = []string{store.RoleAdmin, store.RoleMember, store.RoleAdmin}
)

// change asks for an edit, a deletion, a reaction, or another member, title or role. Some of what it asks for is not allowed.
func (d *device) change(conv *conversation, rng *rand.Rand, n int) {
	// Always drawn alike, so that what follows does not depend on what is on the screen.
	draw, which, whom, third, overREST := rng.IntN(100), rng.IntN(recent), rng.IntN(d.r.o.Users), rng.IntN(3), rng.IntN(3) == 0
	body := d.body(rng, n) + " (edited)"
	if draw >= 50 && conv.kind == store.Group {
		d.ask(conv, d.changeGroup(conv, draw, fmt.Sprintf("u%d", whom+1), roles[third], fmt.Sprintf("group %d of %s", n, d.name())))
		return
	}
	target := d.aMessage(conv.id, which, draw < 45)
	if target == 0 {
		return
	}
	q := d.changeMessage(conv, draw, target, body, emojis[third], which%4 == 0)
	if overREST {
		q.socket = nil
	}
	d.ask(conv, q)
}

// changeMessage is an edit, a deletion, or a reaction that comes or goes.
func (d *device) changeMessage(conv *conversation, draw int, target uint64, body, emoji string, removed bool) request {
	c := d.c
	switch {
	case draw < 25:
		return request{
			want:   protocol.Entry{Kind: protocol.KindEdited, Target: target, Body: body},
			socket: func() (*client.Message, error) { return c.EnqueueEdit(conv.id, target, body) },
			rest: func(ctx context.Context, key string) (protocol.Appended, error) {
				return c.EditMessage(ctx, conv.id, target, body, key)
			},
		}
	case draw < 35:
		return request{
			want:   protocol.Entry{Kind: protocol.KindDeleted, Target: target},
			socket: func() (*client.Message, error) { return c.EnqueueDelete(conv.id, target) },
			rest: func(ctx context.Context, key string) (protocol.Appended, error) {
				return c.DeleteMessage(ctx, conv.id, target, key)
			},
		}
	default:
		return request{
			want:   protocol.Entry{Kind: protocol.KindReacted, Target: target, Emoji: emoji, Removed: removed},
			socket: func() (*client.Message, error) { return c.EnqueueReact(conv.id, target, emoji, removed) },
			rest: func(ctx context.Context, key string) (protocol.Appended, error) {
				if removed {
					return c.RemoveReaction(ctx, conv.id, target, emoji, key)
				}
				return c.AddReaction(ctx, conv.id, target, emoji, key)
			},
		}
	}
}

// changeGroup brings somebody, removes somebody, leaves, gives a role or renames. REST alone does.
func (d *device) changeGroup(conv *conversation, draw int, user, role, title string) request {
	c := d.c
	switch {
	case draw < 66:
		if conv.owner == d.user {
			d.r.mu.Lock()
			conv.members[user] = true // from now on that user's devices try
			d.r.mu.Unlock()
		}
		return request{
			want: protocol.Entry{Kind: protocol.KindMembersAdded, Members: []protocol.Member{{User: user, Role: store.RoleMember}}},
			rest: func(ctx context.Context, key string) (protocol.Appended, error) {
				return c.AddMembers(ctx, conv.id, []string{user}, "", key)
			},
		}
	case draw < 74:
		return request{
			want: protocol.Entry{Kind: protocol.KindMembersRemoved, Users: []string{user}},
			rest: func(ctx context.Context, key string) (protocol.Appended, error) {
				return c.RemoveMember(ctx, conv.id, user, key)
			},
		}
	case draw < 78 && conv.owner != d.user:
		return request{
			want: protocol.Entry{Kind: protocol.KindMembersRemoved, Users: []string{d.user}},
			rest: func(ctx context.Context, key string) (protocol.Appended, error) { return c.Leave(ctx, conv.id, key) },
		}
	case draw < 88:
		return request{
			want: protocol.Entry{Kind: protocol.KindRoleChanged, Members: []protocol.Member{{User: user, Role: role}}},
			rest: func(ctx context.Context, key string) (protocol.Appended, error) {
				return c.ChangeRole(ctx, conv.id, user, role, key)
			},
		}
	default:
		return request{
			want: protocol.Entry{Kind: protocol.KindRenamed, Title: title},
			rest: func(ctx context.Context, key string) (protocol.Appended, error) {
				return c.Rename(ctx, conv.id, title, key)
			},
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
