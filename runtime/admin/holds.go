package admin

import (
	"errors"

	"github.com/chatcluster/chatcluster/runtime/httpapi"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

const (
	maxHoldNameBytes   = 128
	maxHoldReasonBytes = 512
)

func (c *call) getHolds() (httpapi.Reply, error) {
	if c.a.o.Holds == nil {
		return httpapi.Reply{}, notHere("legal holds")
	}
	all, err := c.a.o.Holds.Holds(c.Context(), c.tenant)
	if err != nil {
		return httpapi.Reply{}, err
	}
	if all == nil {
		all = []Hold{}
	}
	return ok(HoldList{Holds: all})
}

// putHold keeps what a user, or the whole tenant, has from being removed.
func (c *call) putHold() (httpapi.Reply, error) {
	var h Hold
	if err := c.decode(&h); err != nil {
		return httpapi.Reply{}, err
	}
	h.Name, h.By, h.AtMS = c.PathValue("name"), c.by(), 0
	switch {
	case len(h.Name) > maxHoldNameBytes:
		return httpapi.Reply{}, httpapi.Invalid("the name is longer than %d bytes", maxHoldNameBytes)
	case h.Reason == "" || len(h.Reason) > maxHoldReasonBytes:
		return httpapi.Reply{}, httpapi.Invalid("reason has not 1 to %d bytes", maxHoldReasonBytes)
	}
	if h.User != "" {
		if _, err := store.NewUser(c.tenant, h.User); err != nil {
			return httpapi.Reply{}, httpapi.Invalid("user: %v", err)
		}
		c.subject = h.User
	}
	if c.a.o.Holds == nil {
		return httpapi.Reply{}, notHere("legal holds")
	}
	if err := c.begin(); err != nil {
		return httpapi.Reply{}, err
	}
	h, err := c.a.o.Holds.PlaceHold(c.Context(), c.tenant, h)
	switch {
	case errors.Is(err, store.ErrExists):
		return httpapi.Reply{}, httpapi.Refuse(protocol.CodeKeyReused, "another hold has the name")
	case errors.Is(err, store.ErrInvalid):
		return httpapi.Reply{}, httpapi.Invalid("%v", err)
	case err != nil:
		return httpapi.Reply{}, err
	}
	return ok(h)
}

func (c *call) deleteHold() (httpapi.Reply, error) {
	if c.a.o.Holds == nil {
		return httpapi.Reply{}, notHere("legal holds")
	}
	if err := c.begin(); err != nil {
		return httpapi.Reply{}, err
	}
	err := c.a.o.Holds.ReleaseHold(c.Context(), c.tenant, c.PathValue("name"))
	if errors.Is(err, store.ErrNotFound) {
		return httpapi.Reply{}, notFound("no such hold")
	}
	if err != nil {
		return httpapi.Reply{}, err
	}
	return nothing()
}
