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

// maxCount is the highest number of messages that a push names.
const maxCount = 99

// owed is a push that a device is owed.
type owed struct {
	device store.Device
	// unseen are the messages that the push covers, those of others only.
	unseen timeline
	// earlier is how many the device has not seen before them, at least when more is set.
	earlier int
	more    bool
}

func (p owed) count() int { return len(p.unseen) + p.earlier }

// last is the last seq that the push is about.
func (p owed) last() uint64 { return p.unseen[len(p.unseen)-1].seq }

// compose writes the push that covers all that a device has not seen, in its language. Devices that see the same are sent the same,
// so that one call serves them.
func (n *Notifier) compose(c store.Conv, kind, title string, p owed) push.Message {
	last := p.unseen[len(p.unseen)-1]
	m := push.Message{
		Address:    p.device.PushToken,
		Channel:    push.Channel(p.device.PushChannel),
		Title:      title,
		CollapseID: CollapseID(c),
		Data:       map[string]string{DataConversation: c.ID(), DataSeq: strconv.FormatUint(last.seq, 10)},
	}
	if m.Title == "" {
		m.Title = last.sender
	}
	private := p.device.Preferences.Private
	if private {
		m.Title = ""
	}
	texts := n.texts.in(p.device.Locale)
	switch count := p.count(); {
	case count > maxCount:
		m.Body = texts.Sprintf(textMore, maxCount)
	case p.more:
		m.Body = texts.Sprintf(textMore, count)
	case count > 1, private, last.preview == "":
		m.Body = texts.Sprintf(textNew, count)
	case kind == store.Group:
		m.Body = texts.Sprintf(textSaid, last.sender, last.preview)
	default:
		m.Body = last.preview
	}
	return m
}

// CollapseID is the same for every push about a conversation, whoever sends it and when: 43 bytes that tell neither tenant nor
// conversation. It names no user, for users to share calls; a token belongs to one.
func CollapseID(c store.Conv) string {
	h := sha256.New()
	for _, part := range []string{"chatcluster push", string(c.Tenant()), c.ID()} {
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

// badge fills in the badges of the pushes to iPhones, where the unread totals can be had; a badge is not worth a push's delay.
// The total may be behind by what is pushed: it is at least that.
func (n *Notifier) badge(ctx context.Context, t store.Tenant, out []outgoing) {
	if n.o.Badges == nil {
		return
	}
	var users []string
	for _, o := range out {
		if o.takesBadge() && (len(users) == 0 || users[len(users)-1] != o.user.ID()) {
			users = append(users, o.user.ID())
		}
	}
	if len(users) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, badgeTimeout)
	defer cancel()
	totals, err := n.o.Badges.Unread(ctx, t, users)
	if err != nil {
		n.metrics.badgeUnavailable.Inc()
		return
	}
	for i, o := range out {
		if total, ok := totals[o.user.ID()]; ok && o.takesBadge() {
			total = max(total, o.owed.count())
			out[i].message.Badge = &total
		}
	}
}
