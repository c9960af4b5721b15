package admin

import (
	"fmt"

	"github.com/chatcluster/chatcluster/runtime/httpapi"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// postRevoke signs a user out everywhere: what was issued until now is refused from now on, and no device is pushed to any more. Tokens come before
// devices: a failure in between may be repeated.
func (c *call) postRevoke() (httpapi.Reply, error) {
	u, err := c.user()
	if err != nil {
		return httpapi.Reply{}, err
	}
	if err := c.begin(); err != nil {
		return httpapi.Reply{}, err
	}
	if err := c.a.o.Revocations.Revoke(c.Context(), store.Revocation{User: u}); err != nil {
		return httpapi.Reply{}, err
	}
	devices, err := c.a.o.Store.Devices(c.Context(), u)
	if err != nil {
		return httpapi.Reply{}, fmt.Errorf("read the devices: %w", err)
	}
	for _, d := range devices {
		if err := c.a.o.Store.RemoveDevice(c.Context(), u, d.ID); err != nil {
			return httpapi.Reply{}, fmt.Errorf("forget a device: %w", err)
		}
	}
	return nothing()
}

// postRevokeDevice signs one of a user's devices out.
func (c *call) postRevokeDevice() (httpapi.Reply, error) {
	u, err := c.user()
	if err != nil {
		return httpapi.Reply{}, err
	}
	device := c.PathValue("device")
	if store.CheckDevice(device) != nil {
		return httpapi.Reply{}, notFound("no such device")
	}
	c.device = device
	if err := c.begin(); err != nil {
		return httpapi.Reply{}, err
	}
	if err := c.a.o.Revocations.Revoke(c.Context(), store.Revocation{User: u, Device: device}); err != nil {
		return httpapi.Reply{}, err
	}
	if err := c.a.o.Store.RemoveDevice(c.Context(), u, device); err != nil {
		return httpapi.Reply{}, fmt.Errorf("forget a device: %w", err)
	}
	return nothing()
}
