package rest

import (
	"fmt"
	"net/http"
)

// deleteDevice signs a device out. What it was issued is refused before it is forgotten: a failure in between may be repeated.
func (a *API) deleteDevice(c *call) (reply, error) {
	id, err := c.device()
	if err != nil {
		return reply{}, err
	}
	if err := a.o.SignOut.SignOutDevice(c.Context(), c.User, id); err != nil {
		return reply{}, fmt.Errorf("sign a device out: %w", err)
	}
	if err := a.o.Store.RemoveDevice(c.Context(), c.User, id); err != nil {
		return reply{}, fmt.Errorf("forget a device: %w", err)
	}
	return reply{status: http.StatusNoContent}, nil
}

func (a *API) postSignOutAll(c *call) (reply, error) {
	if err := a.o.SignOut.SignOutAll(c.Context(), c.User); err != nil {
		return reply{}, fmt.Errorf("sign all devices out: %w", err)
	}
	devices, err := a.o.Store.Devices(c.Context(), c.User)
	if err != nil {
		return reply{}, fmt.Errorf("read the devices: %w", err)
	}
	for _, d := range devices {
		if err := a.o.Store.RemoveDevice(c.Context(), c.User, d.ID); err != nil {
			return reply{}, fmt.Errorf("forget a device: %w", err)
		}
	}
	return reply{status: http.StatusNoContent}, nil
}
