package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"github.com/chatcluster/chatcluster/runtime/protocol"
)

// What appends an entry takes a key: asked again with the same one, it is done once. An empty key is a new one each time.

// Conversation shows a conversation as the user may see it.
func (c *Client) Conversation(ctx context.Context, conversation string) (protocol.ConversationDetails, error) {
	var out protocol.ConversationDetails
	err := c.call(ctx, http.MethodGet, conversationPath(conversation), nil, nil, &out)
	return out, err
}

// Rename gives a group another title.
func (c *Client) Rename(ctx context.Context, conversation, title, key string) (protocol.Appended, error) {
	return c.appended(ctx, http.MethodPatch, conversationPath(conversation), protocol.RenameConversation{Title: title}, key)
}

// Leave leaves a group.
func (c *Client) Leave(ctx context.Context, conversation, key string) (protocol.Appended, error) {
	return c.appended(ctx, http.MethodPost, conversationPath(conversation)+"/leave", nil, key)
}

// Members returns a page of the members. limit 0 is the server's default; cursor is a page's Next.
func (c *Client) Members(ctx context.Context, conversation string, limit int, cursor string) (protocol.MembersPage, error) {
	var out protocol.MembersPage
	err := c.call(ctx, http.MethodGet, conversationPath(conversation)+"/members"+pageQuery(limit, cursor), nil, nil, &out)
	return out, err
}

// AddMembers adds users with a role; an empty role is member.
func (c *Client) AddMembers(ctx context.Context, conversation string, users []string, role, key string) (protocol.Appended, error) {
	return c.appended(ctx, http.MethodPost, conversationPath(conversation)+"/members", protocol.AddMembers{Users: users, Role: role}, key)
}

// RemoveMember removes one.
func (c *Client) RemoveMember(ctx context.Context, conversation, user, key string) (protocol.Appended, error) {
	return c.appended(ctx, http.MethodDelete, conversationPath(conversation)+"/members/"+url.PathEscape(user), nil, key)
}

// ChangeRole gives a member another role.
func (c *Client) ChangeRole(ctx context.Context, conversation, user, role, key string) (protocol.Appended, error) {
	return c.appended(ctx, http.MethodPatch, conversationPath(conversation)+"/members/"+url.PathEscape(user), protocol.ChangeRole{Role: role}, key)
}

// SetPreferences mutes, archives or pins a conversation; what is nil stays. It returns all as they are then.
func (c *Client) SetPreferences(ctx context.Context, conversation string, p protocol.ConversationPreferences) (protocol.ConversationPreferences, error) {
	var out protocol.ConversationPreferences
	err := c.call(ctx, http.MethodPatch, conversationPath(conversation)+"/preferences", p, nil, &out)
	return out, err
}

// Post sends a message without the socket, once for the key, which is its client_msg_id. created is false when it was sent before.
func (c *Client) Post(ctx context.Context, conversation string, m protocol.SendMessage, key string) (out protocol.Appended, created bool, err error) {
	status, err := c.do(ctx, http.MethodPost, conversationPath(conversation)+"/messages", m, keyHead(key), &out)
	return out, status == http.StatusCreated, err
}

// EditMessage replaces the body of the user's own message.
func (c *Client) EditMessage(ctx context.Context, conversation string, seq uint64, body, key string) (protocol.Appended, error) {
	return c.appended(ctx, http.MethodPatch, messagePath(conversation, seq), protocol.EditMessage{Body: body}, key)
}

// DeleteMessage deletes a message for all.
func (c *Client) DeleteMessage(ctx context.Context, conversation string, seq uint64, key string) (protocol.Appended, error) {
	return c.appended(ctx, http.MethodDelete, messagePath(conversation, seq), nil, key)
}

// AddReaction reacts to a message.
func (c *Client) AddReaction(ctx context.Context, conversation string, seq uint64, emoji, key string) (protocol.Appended, error) {
	return c.appended(ctx, http.MethodPut, messagePath(conversation, seq)+"/reactions/"+url.PathEscape(emoji), nil, key)
}

// RemoveReaction takes a reaction back.
func (c *Client) RemoveReaction(ctx context.Context, conversation string, seq uint64, emoji, key string) (protocol.Appended, error) {
	return c.appended(ctx, http.MethodDelete, messagePath(conversation, seq)+"/reactions/"+url.PathEscape(emoji), nil, key)
}

// MarkRead marks everything up to and including seq as read, without the socket. It returns the mark as it was taken.
func (c *Client) MarkRead(ctx context.Context, conversation string, seq uint64) (uint64, error) {
	var out protocol.MarkConversation
	err := c.call(ctx, http.MethodPost, conversationPath(conversation)+"/read", protocol.MarkConversation{Seq: seq}, nil, &out)
	return out.Seq, err
}

// MarkDelivered confirms everything up to and including seq for this device, without the socket.
func (c *Client) MarkDelivered(ctx context.Context, conversation string, seq uint64) (uint64, error) {
	var out protocol.MarkConversation
	body := protocol.MarkConversation{Seq: seq, Device: c.o.Device}
	err := c.call(ctx, http.MethodPost, conversationPath(conversation)+"/delivered", body, nil, &out)
	return out.Seq, err
}

// Receipts returns a page of who has a message. limit 0 is the server's default; cursor is a page's Next.
func (c *Client) Receipts(ctx context.Context, conversation string, seq uint64, limit int, cursor string) (protocol.Receipts, error) {
	var out protocol.Receipts
	err := c.call(ctx, http.MethodGet, messagePath(conversation, seq)+"/receipts"+pageQuery(limit, cursor), nil, nil, &out)
	return out, err
}

// appended makes a call that appends an entry.
func (c *Client) appended(ctx context.Context, method, path string, body any, key string) (protocol.Appended, error) {
	var out protocol.Appended
	err := c.call(ctx, method, path, body, keyHead(key), &out)
	return out, err
}

func conversationPath(conversation string) string {
	return "/v1/conversations/" + url.PathEscape(conversation)
}

func messagePath(conversation string, seq uint64) string {
	return conversationPath(conversation) + "/messages/" + strconv.FormatUint(seq, 10)
}

func keyHead(key string) http.Header {
	if key == "" {
		return nil
	}
	return http.Header{"Idempotency-Key": {key}}
}

func pageQuery(limit int, cursor string) string {
	q := url.Values{}
	if limit > 0 {
		q.Set("limit", strconv.Itoa(limit))
	}
	if cursor != "" {
		q.Set("cursor", cursor)
	}
	if len(q) == 0 {
		return ""
	}
	return "?" + q.Encode()
}
