package admin

import (
	"fmt"

	"github.com/chatcluster/chatcluster/runtime/httpapi"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/readmodel"
	"github.com/chatcluster/chatcluster/runtime/store"
)

func conversationOf(s readmodel.Summary) Conversation {
	return Conversation{ID: s.Conv.ID(), Kind: s.Kind, Title: s.Title, Head: s.Head, Messages: s.Count, LastAtMS: s.LastAtMS}
}

// getConversations searches by title and by member.
func (c *call) getConversations() (httpapi.Reply, error) {
	var q readmodel.ConversationQuery
	var err error
	if q.Title, err = c.text("title", protocol.MaxTitleBytes); err != nil {
		return httpapi.Reply{}, err
	}
	if q.Member, err = c.text("member", store.MaxIDBytes); err != nil {
		return httpapi.Reply{}, err
	}
	if q.Limit, err = c.pageSize(); err != nil {
		return httpapi.Reply{}, err
	}
	if q.After, err = c.idCursor(); err != nil {
		return httpapi.Reply{}, err
	}
	if q.Member != "" {
		if _, err := store.NewUser(c.tenant, q.Member); err != nil {
			return httpapi.Reply{}, httpapi.Invalid("member: %v", err)
		}
		c.subject = q.Member
	}
	found, next, err := c.a.o.Model.Conversations(c.Context(), c.tenant, q)
	if err != nil {
		return httpapi.Reply{}, err
	}
	out := Conversations{Conversations: make([]Conversation, len(found))}
	for i, s := range found {
		out.Conversations[i] = conversationOf(s)
	}
	if next != "" {
		out.Next = cursorOf(next)
	}
	return ok(out)
}

// known is the conversation that the path names, as the read model has it.
func (c *call) known() (readmodel.Summary, error) {
	v, err := c.conv()
	if err != nil {
		return readmodel.Summary{}, err
	}
	found, err := c.a.o.Model.Summaries(c.Context(), c.tenant, []string{v.ID()})
	if err != nil {
		return readmodel.Summary{}, err
	}
	if len(found) == 0 {
		return readmodel.Summary{}, notFound("no such conversation")
	}
	c.noteConv(v, found[0].Kind)
	return found[0], nil
}

func (c *call) getConversation() (httpapi.Reply, error) {
	s, err := c.known()
	if err != nil {
		return httpapi.Reply{}, err
	}
	return ok(conversationOf(s))
}

func (c *call) getMembers() (httpapi.Reply, error) {
	s, err := c.known()
	if err != nil {
		return httpapi.Reply{}, err
	}
	limit, err := c.pageSize()
	if err != nil {
		return httpapi.Reply{}, err
	}
	after, err := c.idCursor()
	if err != nil {
		return httpapi.Reply{}, err
	}
	page, err := c.a.o.Store.MembersPage(c.Context(), s.Conv, after, limit)
	if err != nil {
		return httpapi.Reply{}, fmt.Errorf("read the members: %w", err)
	}
	out := Members{Members: make([]Member, len(page))}
	for i, m := range page {
		out.Members[i] = Member{User: m.User.ID(), Role: m.Role, Joined: m.Joined, Left: m.Left}
	}
	if len(page) == limit {
		out.Next = cursorOf(page[limit-1].User.ID())
	}
	return ok(out)
}
