package gateway

import (
	"context"
	"errors"

	"github.com/chatcluster/chatcluster/runtime/gateway/rest"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

const (
	// defaultPage and maxPage are how many entries a page has, as on REST.
	defaultPage = 50
	maxPage     = 200
	// maxHistories is how many pages of history one connection may wait for at a time.
	maxHistories = 2
	// historyRetryMS goes with a refusal for too many.
	historyRetryMS = 200
	// maxPageBytes bounds a page on the socket: what does not fit is left for the next one.
	maxPageBytes = 256 << 10
)

// onHistory answers with a page of a conversation, beside the frames that follow.
func (c *conn) onHistory(f *protocol.ClientFrame) {
	v, err := store.NewConv(c.user.Tenant(), f.Conversation)
	detail := ""
	switch {
	case len(f.Ref) > protocol.MaxRefBytes:
		detail = "ref is too long"
	case err != nil:
		detail = err.Error()
	case f.After != nil && f.Before != nil:
		detail = "after and before exclude each other"
	case f.Limit < 0 || f.Limit > maxPage:
		detail = "limit is not between 1 and 200"
	}
	if detail != "" {
		c.refError(f, protocol.CodeInvalid, detail, 0)
		return
	}
	if f.Limit == 0 {
		f.Limit = defaultPage
	}
	if !c.beginHistory() {
		c.refError(f, protocol.CodeBusy, "too many pages are waited for", historyRetryMS)
		return
	}
	c.g.conns.Go(func() { c.page(v, f) })
}

// beginHistory takes one of the connection's and one of the gateway's places.
func (c *conn) beginHistory() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.finished || c.histories >= maxHistories || !c.g.histories.TryAcquire(1) {
		return false
	}
	c.histories++
	return true
}

func (c *conn) endHistory() {
	c.g.histories.Release(1)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.histories--
}

// page reads a page and queues it when there is room. The place is free before the answer is out: whoever has it may ask again.
func (c *conn) page(v store.Conv, f *protocol.ClientFrame) {
	ctx, cancel := context.WithTimeout(c.ctx, rest.Timeout)
	defer cancel()
	page, err := c.g.o.History.History(ctx, c.user, v, f.After, f.Before, f.Limit)
	if err != nil {
		c.endHistory()
		switch {
		case errors.Is(err, store.ErrNotFound):
			c.refError(f, protocol.CodeNotMember, "", 0)
		case c.ctx.Err() == nil:
			c.g.log.Error("a page of history could not be read", "conversation", v.String(), "error", err)
			c.refError(f, protocol.CodeUnavailable, "", defaultRetryMS)
		}
		return
	}
	page = cutPage(page, f.After != nil)
	frame := encode(&protocol.ServerFrame{
		Type: protocol.TypeHistory, Ref: f.Ref, Conversation: v.ID(), Entries: page.Entries, More: page.More,
	})
	c.hold(len(frame))
	err = c.awaitRoom(ctx, len(frame))
	c.hold(-len(frame))
	c.endHistory()
	if err == nil {
		c.push(frame, protocol.TypeHistory)
	}
}

// cutPage leaves out what exceeds maxPageBytes, at the end that is farther from where the page begins, but never all.
func cutPage(page protocol.HistoryPage, forward bool) protocol.HistoryPage {
	all, size := page.Entries, 0
	for n := range all {
		e := &all[n]
		if !forward {
			e = &all[len(all)-1-n]
		}
		if size += weightOf(e); size <= maxPageBytes || n == 0 {
			continue
		}
		page.More = true
		if page.Entries = all[:n]; !forward {
			page.Entries = all[len(all)-n:]
		}
		break
	}
	return page
}

// weightOf is roughly what an entry weighs in a frame.
func weightOf(e *protocol.Entry) int {
	n := 200 + len(e.Body) + len(e.Title) + len(e.Sender) + len(e.Device) + len(e.ClientMsgID)
	for _, m := range e.Members {
		n += 40 + len(m.User)
	}
	for _, u := range e.Users {
		n += 4 + len(u)
	}
	for _, r := range e.Reactions {
		n += 40 + len(r.Emoji)
		for _, u := range r.Users {
			n += 4 + len(u)
		}
	}
	return n
}
