package client

import (
	"context"
	"net/http"
	"net/url"

	"github.com/chatcluster/chatcluster/runtime/protocol"
)

// Devices are the user's, ordered by id.
func (c *Client) Devices(ctx context.Context) ([]protocol.DeviceDetails, error) {
	var out protocol.Devices
	err := c.call(ctx, http.MethodGet, "/v1/devices", nil, nil, &out)
	return out.Devices, err
}

// SignOutDevice signs one of the user's devices out.
func (c *Client) SignOutDevice(ctx context.Context, device string) error {
	return c.call(ctx, http.MethodDelete, "/v1/devices/"+url.PathEscape(device), nil, nil, nil)
}

// SignOutAll signs all of the user's devices out, this one included.
func (c *Client) SignOutAll(ctx context.Context) error {
	return c.call(ctx, http.MethodPost, "/v1/sign-out-all", nil, nil, nil)
}

// Sessions are the user's connections.
func (c *Client) Sessions(ctx context.Context) ([]protocol.Session, error) {
	var out protocol.Sessions
	err := c.call(ctx, http.MethodGet, "/v1/sessions", nil, nil, &out)
	return out.Sessions, err
}

// PresenceOf says who of the users is connected, in their order.
func (c *Client) PresenceOf(ctx context.Context, users ...string) ([]protocol.Presence, error) {
	var out protocol.PresenceList
	err := c.call(ctx, http.MethodGet, "/v1/presence?"+url.Values{"user": users}.Encode(), nil, nil, &out)
	return out.Presence, err
}
