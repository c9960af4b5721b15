package gateway

import (
	"context"
	"errors"
	"time"

	"github.com/chatcluster/chatcluster/runtime/auth"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// errOtherDevice says that a token names another device than the one that uses it.
var errOtherDevice = errors.New("the token is another device's")

// SignOutDevice takes back what one of the user's devices uses and was issued until now, and closes its connection: here at once,
// at other gateways within the time that package auth gives.
func (g *Gateway) SignOutDevice(ctx context.Context, u store.User, device string) error {
	return g.revoke(ctx, store.Revocation{User: u, Device: device}, "device")
}

// SignOutAll takes back everything that was issued to the user until now, and closes all the user's connections.
func (g *Gateway) SignOutAll(ctx context.Context, u store.User) error {
	return g.revoke(ctx, store.Revocation{User: u}, "all")
}

// RevokeToken takes one token back, by its id, and closes the connections that live by it. expires is the token's expiry, zero when
// it is not known.
func (g *Gateway) RevokeToken(ctx context.Context, u store.User, tokenID string, expires time.Time) error {
	return g.revoke(ctx, store.Revocation{User: u, TokenID: tokenID, Until: expires}, "token")
}

func (g *Gateway) revoke(ctx context.Context, r store.Revocation, scope string) error {
	if err := g.o.Revocations.Revoke(ctx, r); err != nil {
		return err
	}
	g.audit.revoked(r.User, r.Device, scope)
	return nil
}

// revoked closes the connections that revocations concern.
func (g *Gateway) revoked(news []store.Revocation) {
	for _, r := range news {
		for _, c := range g.hub.userConns(r.User) {
			c.recheck()
		}
	}
}

// mayUse says whether the connection's device may use the token.
func (g *Gateway) mayUse(p Principal, device string) error {
	if p.Device != "" && p.Device != device {
		return errOtherDevice
	}
	return g.o.Revocations.Check(p, device)
}

// recheck closes the connection when its token was revoked, or its tenant is not served. Connections stay when that is not known.
func (c *conn) recheck() {
	c.mu.Lock()
	p := c.session.by
	c.mu.Unlock()
	if errors.Is(c.g.o.Revocations.Check(p, c.device), auth.ErrRevoked) {
		c.g.m.revoked.Inc()
		c.refuse(protocol.CodeUnauthenticated, "revoked", protocol.CloseRevoked)
		return
	}
	if r, known := c.g.tenant(c.user.Tenant()); known && !r.Served() {
		c.suspend()
	}
}
