package rest

import (
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

func (a *API) postRead(c *call) (reply, error) { return a.mark(c, false) }

func (a *API) postDelivered(c *call) (reply, error) { return a.mark(c, true) }

// mark raises the user's read mark, or a device's delivered mark, no further than what the user may see. Nobody repeats a mark
// that came here: it is stored before it is answered.
func (a *API) mark(c *call, delivered bool) (reply, error) {
	v, err := c.conversation()
	if err != nil {
		return reply{}, err
	}
	var body protocol.MarkConversation
	if err := c.decode(&body, maxBody); err != nil {
		return reply{}, err
	}
	head, err := a.head(c.Context(), c.User, v)
	if err != nil {
		return reply{}, err
	}
	switch {
	case !delivered:
		body.Device = ""
	case store.CheckDevice(body.Device) != nil:
		return reply{}, invalid("device names none")
	default:
		if err := c.own(body.Device); err != nil {
			return reply{}, err
		}
		// A mark is kept for each device: only registered ones have one.
		devices, err := a.o.Store.Devices(c.Context(), c.User)
		if err != nil {
			return reply{}, fmt.Errorf("read the devices: %w", err)
		}
		if !slices.ContainsFunc(devices, func(d store.Device) bool { return d.ID == body.Device }) {
			return reply{}, invalid("device is not registered")
		}
	}
	body.Seq = min(body.Seq, head)
	if body.Seq > 0 {
		m := Mark{Read: body.Seq}
		if delivered {
			m = Mark{Delivered: body.Seq}
		}
		err = a.o.Marks.Mark(c.Context(), c.User, v, body.Device, m)
	}
	switch {
	case errors.Is(err, store.ErrNotFound):
		return reply{}, errNotMember
	case err != nil:
		return reply{}, fmt.Errorf("store a mark: %w", err)
	}
	return reply{status: http.StatusOK, body: body}, nil
}
