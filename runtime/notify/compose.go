package notify

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strconv"

	"github.com/chatcluster/chatcluster/runtime/push"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// Keys of a push's data, for the app to open the right place.
const (
	// DataConversation is the conversation's id.
	DataConversation = "conversation"
	// DataSeq is the seq of the last message that the push covers.
	DataSeq = "seq"
)

// compose writes the push that covers all that a device has not seen.
func compose(e *evaluation, u store.User, title string, p owed) push.Message {
	last := p.unseen[len(p.unseen)-1]
	m := push.Message{
		Address:    p.device.PushToken,
		Channel:    push.Channel(p.device.PushChannel),
		Title:      title,
		CollapseID: CollapseID(e.conv, u),
		Data:       map[string]string{DataConversation: e.conv.ID(), DataSeq: strconv.FormatUint(last.seq, 10)},
	}
	if m.Title == "" {
		m.Title = last.sender
	}
	switch {
	case len(p.unseen) > 1:
		m.Body = fmt.Sprintf("%d new messages", len(p.unseen))
	case last.preview == "":
		m.Body = "1 new message"
	case e.kind == store.Group:
		m.Body = last.sender + ": " + last.preview
	default:
		m.Body = last.preview
	}
	return m
}

// CollapseID is the same for every push about a conversation to a user, whoever sends it and when: 43 bytes that tell
// neither.
func CollapseID(c store.Conv, u store.User) string {
	h := sha256.New()
	for _, part := range []string{"chatcluster push", string(c.Tenant()), c.ID(), u.ID()} {
		_, _ = fmt.Fprintf(h, "%d:%s", len(part), part) // a hash never fails
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

// titleOf returns a group's title, which is read once for an evaluation. Without it a push names its sender: a title is not
// worth a push's delay.
func (n *Notifier) titleOf(ctx context.Context, e *evaluation) string {
	if e.kind != store.Group {
		return ""
	}
	e.titleMu.Lock()
	defer e.titleMu.Unlock()
	if !e.titled {
		c, err := n.o.Store.Conversation(ctx, e.conv)
		if err != nil {
			n.o.Log.Warn("title not read", "conversation", e.conv.String(), "error", err)
			return ""
		}
		e.title, e.titled = c.Title, true
	}
	return e.title
}
