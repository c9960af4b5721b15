package rest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/chatcluster/chatcluster/runtime/chat/chatpb"
	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// getConversation shows a conversation to whoever is or was a member. Who has left sees where, and nothing of what is now.
func (a *API) getConversation(c *call) (reply, error) {
	v, err := c.conversation()
	if err != nil {
		return reply{}, err
	}
	m, err := a.membership(c.Context(), c.User, v)
	if err != nil {
		return reply{}, err
	}
	conv, err := a.o.Store.Conversation(c.Context(), v)
	if err != nil {
		return reply{}, fmt.Errorf("read the conversation: %w", err)
	}
	head, err := a.head(c.Context(), c.User, v)
	if err != nil {
		return reply{}, err
	}
	out := protocol.ConversationDetails{
		ID: v.ID(), Kind: conv.Kind, Joined: m.Joined, Left: m.Left, Head: head, Preferences: preferencesOf(m.Preferences),
	}
	if m.Left != 0 {
		return reply{status: http.StatusOK, body: out}, nil
	}
	members, err := a.o.Store.Members(c.Context(), v)
	if err != nil {
		return reply{}, fmt.Errorf("read the members: %w", err)
	}
	out.Title = conv.Title
	for _, who := range members {
		if who.Left != 0 {
			continue
		}
		out.Members++
		if who.User == c.User {
			out.Role = who.Role
		} else if conv.Kind == store.Direct {
			out.Peer = who.User.ID()
		}
	}
	return reply{status: http.StatusOK, body: out}, nil
}

func (a *API) patchConversation(c *call) (reply, error) {
	v, err := c.conversation()
	if err != nil {
		return reply{}, err
	}
	var body protocol.RenameConversation
	if err := c.decode(&body, maxBody); err != nil {
		return reply{}, err
	}
	if len(body.Title) > protocol.MaxTitleBytes || body.Title == "" {
		return reply{}, invalid("title has not between 1 and %d bytes", protocol.MaxTitleBytes)
	}
	return a.append(c, v, &chatpb.Send{Change: &chatpb.Send_Renamed{Renamed: &logpb.Renamed{Title: body.Title}}})
}

// patchPreferences changes what the user wants of the conversation.
func (a *API) patchPreferences(c *call) (reply, error) {
	v, err := c.conversation()
	if err != nil {
		return reply{}, err
	}
	var body protocol.ConversationPreferences
	if err := c.decode(&body, maxBody); err != nil {
		return reply{}, err
	}
	ch := store.PreferencesChange{Archived: body.Archived, Pinned: body.Pinned}
	if ms := body.MutedUntilMS; ms != nil {
		if *ms < 0 || *ms > maxMillis {
			return reply{}, invalid("muted_until_ms is no time")
		}
		until := time.Time{}
		if *ms > 0 {
			until = time.UnixMilli(*ms)
		}
		ch.MutedUntil = &until
	}
	p, err := a.o.Inbox.SetPreferences(c.Context(), c.User, v, ch)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return reply{}, errNotMember
	case err != nil:
		return reply{}, fmt.Errorf("write the preferences: %w", err)
	}
	return reply{status: http.StatusOK, body: preferencesOf(p)}, nil
}

// maxMillis is the end of the year 9999.
const maxMillis = 253_402_300_799_999

func preferencesOf(p store.Preferences) protocol.ConversationPreferences {
	var until int64
	if !p.MutedUntil.IsZero() {
		until = p.MutedUntil.UnixMilli()
	}
	return protocol.ConversationPreferences{MutedUntilMS: &until, Archived: &p.Archived, Pinned: &p.Pinned}
}

// membership is the user's, past ones included.
func (a *API) membership(ctx context.Context, u store.User, v store.Conv) (store.Membership, error) {
	m, err := a.o.Store.Membership(ctx, u, v)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return m, errNotMember
	case err != nil:
		return m, fmt.Errorf("read the membership: %w", err)
	}
	return m, nil
}

// present is membership of those who are members now.
func (a *API) present(ctx context.Context, u store.User, v store.Conv) (store.Membership, error) {
	m, err := a.membership(ctx, u, v)
	if err == nil && m.Left != 0 {
		err = errNotMember
	}
	return m, err
}

// head is the last seq of the conversation that the user may see.
func (a *API) head(ctx context.Context, u store.User, v store.Conv) (uint64, error) {
	page, err := a.o.History.History(ctx, u, v, nil, nil, 1)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return 0, errNotMember
	case err != nil:
		return 0, fmt.Errorf("read the head: %w", err)
	case len(page.Entries) == 0:
		return 0, nil
	}
	return page.Entries[len(page.Entries)-1].Seq, nil
}
