package admin

import (
	"errors"

	"github.com/chatcluster/chatcluster/runtime/httpapi"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/readmodel"
	"github.com/chatcluster/chatcluster/runtime/store"
)

const (
	// defaultSide and maxSide are how many entries are shown on each side of a reviewed message.
	defaultSide = 10
	maxSide     = 50
)

func reviewOf(r readmodel.Review) Review {
	out := Review{
		Conversation: r.Conv.ID(), ConversationKind: r.Kind, Seq: r.Seq, Author: r.Author, State: r.State, OpenedAtMS: r.OpenedAtMS,
		Action: r.Action, Processor: r.Processor, Reason: r.Reason, VerdictSeq: r.VerdictSeq,
	}
	if r.State != readmodel.ReviewOpen {
		out.Decision = &Decision{By: r.DecidedBy, Seq: r.DecidedSeq, AtMS: r.DecidedAtMS}
	}
	return out
}

// getReviews lists the queue.
func (c *call) getReviews() (httpapi.Reply, error) {
	var q readmodel.ReviewQuery
	var err error
	if q.State, err = c.oneOf("state", readmodel.ReviewOpen, readmodel.ReviewConfirmed, readmodel.ReviewReverted); err != nil {
		return httpapi.Reply{}, err
	}
	if q.Action, err = c.oneOf("action", "", protocol.ActionFlag, protocol.ActionMask, protocol.ActionHide); err != nil {
		return httpapi.Reply{}, err
	}
	for name, into := range map[string]*string{"processor": &q.Processor, "author": &q.Author} {
		if *into, err = c.text(name, store.MaxIDBytes); err != nil {
			return httpapi.Reply{}, err
		}
	}
	if q.Author != "" {
		if _, err := store.NewUser(c.tenant, q.Author); err != nil {
			return httpapi.Reply{}, httpapi.Invalid("author: %v", err)
		}
		c.subject = q.Author
	}
	limit, err := c.pageSize()
	if err != nil {
		return httpapi.Reply{}, err
	}
	if err := c.cursor(&q.After); err != nil {
		return httpapi.Reply{}, err
	}
	c.note("state", q.State)
	q.Limit = limit + 1
	found, err := c.a.o.Model.Reviews(c.Context(), c.tenant, q)
	if err != nil {
		return httpapi.Reply{}, err
	}
	var out Reviews
	if len(found) > limit {
		found = found[:limit]
		out.Next = cursorOf(found[limit-1].Place())
	}
	out.Reviews = make([]Review, len(found))
	for i, r := range found {
		out.Reviews[i] = reviewOf(r)
	}
	return ok(out)
}

// review is the one that the path names. It is about the message's author.
func (c *call) review() (readmodel.Review, error) {
	v, err := c.conv()
	if err != nil {
		return readmodel.Review{}, err
	}
	seq, err := c.seq()
	if err != nil {
		return readmodel.Review{}, err
	}
	r, err := c.a.o.Model.Review(c.Context(), v, seq)
	if errors.Is(err, store.ErrNotFound) {
		return r, notFound("there is no verdict on it, or it is not known yet")
	}
	if err != nil {
		return r, err
	}
	c.noteConv(v, r.Kind)
	c.subject = r.Author
	return r, nil
}

func (c *call) getReview() (httpapi.Reply, error) {
	r, err := c.review()
	if err != nil {
		return httpapi.Reply{}, err
	}
	return ok(reviewOf(r))
}

// getReviewMessages shows a message that is to be reviewed with what was said before and after it, uncovered.
func (c *call) getReviewMessages() (httpapi.Reply, error) {
	r, err := c.review()
	if err != nil {
		return httpapi.Reply{}, err
	}
	side, err := c.number("side", 0, maxSide, defaultSide)
	if err != nil {
		return httpapi.Reply{}, err
	}
	entries, err := c.a.o.History.Around(c.Context(), r.Conv, r.Seq, side)
	if err != nil {
		return httpapi.Reply{}, err
	}
	out := Messages{Entries: protocol.EntriesOf(entries)}
	for i, e := range entries {
		out.Entries[i].Sender = e.GetSender() // moderators see which of them acted
	}
	for i, e := range entries {
		if m := e.GetMessage(); m != nil {
			out.Entries[i].Body = m.GetBody()
		}
	}
	return ok(out)
}
