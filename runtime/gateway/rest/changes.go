package rest

import (
	"strconv"

	"github.com/chatcluster/chatcluster/runtime/chat/chatpb"
	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/protocol"
)

// What a member does to a message. The lane decides whether the member may.

func (a *API) postMessage(c *call) (reply, error) {
	v, err := c.conversation()
	if err != nil {
		return reply{}, err
	}
	var body protocol.SendMessage
	if err := c.decode(&body, maxBody); err != nil {
		return reply{}, err
	}
	if err := checkBody(body.Body); err != nil {
		return reply{}, err
	}
	return a.append(c, v, &chatpb.Send{Body: body.Body, AfterSeq: body.AfterSeq})
}

func (a *API) patchMessage(c *call) (reply, error) {
	v, err := c.conversation()
	if err != nil {
		return reply{}, err
	}
	target, err := c.target()
	if err != nil {
		return reply{}, err
	}
	var body protocol.EditMessage
	if err := c.decode(&body, maxBody); err != nil {
		return reply{}, err
	}
	if err := checkBody(body.Body); err != nil {
		return reply{}, err
	}
	return a.append(c, v, &chatpb.Send{Change: &chatpb.Send_Edited{Edited: &logpb.Edited{Target: target, Body: body.Body}}})
}

func (a *API) deleteMessage(c *call) (reply, error) {
	v, err := c.conversation()
	if err != nil {
		return reply{}, err
	}
	target, err := c.target()
	if err != nil {
		return reply{}, err
	}
	return a.append(c, v, &chatpb.Send{Change: &chatpb.Send_Deleted{Deleted: &logpb.Deleted{Target: target}}})
}

func (a *API) putReaction(c *call) (reply, error)    { return a.react(c, false) }
func (a *API) deleteReaction(c *call) (reply, error) { return a.react(c, true) }

func (a *API) react(c *call, removed bool) (reply, error) {
	v, err := c.conversation()
	if err != nil {
		return reply{}, err
	}
	target, err := c.target()
	if err != nil {
		return reply{}, err
	}
	emoji := c.PathValue("emoji")
	if len(emoji) > protocol.MaxEmojiBytes {
		return reply{}, invalid("the emoji is longer than %d bytes", protocol.MaxEmojiBytes)
	}
	return a.append(c, v, &chatpb.Send{Change: &chatpb.Send_Reacted{Reacted: &logpb.Reacted{Target: target, Emoji: emoji, Removed: removed}}})
}

// target is the seq that the path names. What is none is that of no message.
func (c *call) target() (uint64, error) {
	seq, err := strconv.ParseUint(c.PathValue("seq"), 10, maxSeqBits)
	if err != nil || seq == 0 {
		return 0, refuse(protocol.CodeNotFound, "no such message")
	}
	return seq, nil
}

func checkBody(body string) error {
	switch {
	case body == "":
		return invalid("body is empty")
	case len(body) > protocol.MaxBodyBytes:
		return refuse(protocol.CodeTooLarge, "body is longer than "+strconv.Itoa(protocol.MaxBodyBytes)+" bytes")
	default:
		return nil
	}
}
