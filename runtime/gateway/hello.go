package gateway

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/chatcluster/chatcluster/runtime/auth"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// onFrame acts on one frame of the client.
func (c *conn) onFrame(data []byte) {
	f, err := decode(data)
	switch {
	case err != nil && !c.greeted:
		c.refuse(protocol.CodeBadFrame, err.Error(), protocol.CloseProtocol)
	case err != nil:
		c.g.m.received("bad")
		c.pushFrame(&protocol.ServerFrame{Type: protocol.TypeError, Code: protocol.CodeBadFrame, Detail: err.Error()})
	case !c.greeted && f.Type == protocol.TypeHello:
		c.g.m.received(f.Type)
		c.onHello(f)
	case !c.greeted:
		c.refuse(protocol.CodeBadFrame, "the first frame must be hello", protocol.CloseProtocol)
	default:
		c.dispatch(f)
	}
}

// dispatch acts on a frame after hello.
func (c *conn) dispatch(f *protocol.ClientFrame) {
	switch f.Type {
	case protocol.TypeSend, protocol.TypeEdit, protocol.TypeDelete, protocol.TypeReact:
		c.g.m.received(f.Type)
		c.onSend(f)
	case protocol.TypeDelivered, protocol.TypeRead:
		c.g.m.received(f.Type)
		c.onMark(f)
	case protocol.TypeHistory:
		c.g.m.received(f.Type)
		c.onHistory(f)
	case protocol.TypeToken:
		c.g.m.received(f.Type)
		c.onToken(f)
	case protocol.TypeTyping:
		c.g.m.received(f.Type)
		c.onTyping(f)
	case protocol.TypePresence:
		c.g.m.received(f.Type)
		c.onPresence(f)
	case protocol.TypePing:
		c.g.m.received(f.Type)
		c.pushFrame(&protocol.ServerFrame{Type: protocol.TypePong, ServerTimeMS: time.Now().UnixMilli()})
	case protocol.TypeHello:
		c.g.m.received(f.Type)
		c.pushFrame(&protocol.ServerFrame{Type: protocol.TypeError, Code: protocol.CodeInvalid, Detail: "hello was said before"})
	default:
		c.g.m.received("unknown")
		c.pushFrame(&protocol.ServerFrame{Type: protocol.TypeError, Code: protocol.CodeUnknownType})
	}
}

// refuse tells why and closes.
func (c *conn) refuse(code protocol.Code, detail string, cc protocol.CloseCode) {
	c.pushFrame(&protocol.ServerFrame{Type: protocol.TypeError, Code: code, Detail: detail})
	c.close(cc, code.Title())
}

// onHello authenticates, registers, and only then reads where the user belongs: what is committed from now on is announced,
// what was before is read.
func (c *conn) onHello(f *protocol.ClientFrame) {
	ctx, cancel := context.WithTimeout(c.ctx, c.g.o.Limits.HelloTimeout)
	defer cancel()
	p := c.early
	if p == nil {
		v, err := c.g.verify(ctx, f.Token)
		if err != nil {
			code, cc := authCodes(err)
			c.g.audit.refused(v, f.Device, code)
			c.refuse(code, "", cc)
			return
		}
		p = &v
	}
	if err := store.CheckDevice(f.Device); err != nil {
		c.refuse(protocol.CodeInvalid, err.Error(), protocol.CloseProtocol)
		return
	}
	if f.Platform != "" && !slices.Contains(protocol.Platforms, f.Platform) {
		c.refuse(protocol.CodeInvalid, "platform is none of ios, android, amazon, web, cli", protocol.CloseProtocol)
		return
	}
	if err := store.CheckLocale(f.Locale); err != nil {
		c.refuse(protocol.CodeInvalid, "locale is no BCP 47 tag", protocol.CloseProtocol)
		return
	}
	if err := c.g.mayUse(*p, f.Device); err != nil {
		if errors.Is(err, errOtherDevice) {
			c.g.audit.refused(*p, f.Device, protocol.CodeForbidden)
			c.refuse(protocol.CodeForbidden, err.Error(), protocol.CloseUnauthenticated)
			return
		}
		code, cc := authCodes(err)
		c.g.audit.refused(*p, f.Device, code)
		c.refuse(code, "", cc)
		return
	}
	if !c.g.quotas.admit(c, p.User, f.Device) {
		c.refuse(protocol.CodeQuota, "the tenant has as many connections as it may have", protocol.CloseQuota)
		return
	}
	alone, err := c.g.registerDevice(ctx, p.User, f)
	switch {
	case errors.Is(err, store.ErrTooManyDevices):
		c.g.audit.refused(*p, f.Device, protocol.CodeTooManyDevices)
		c.refuse(protocol.CodeTooManyDevices, err.Error(), protocol.CloseTooManyDevices)
		return
	case err != nil:
		c.unavailable("the device could not be registered", err)
		return
	}

	c.user, c.device, c.alone = p.User, f.Device, alone
	c.mu.Lock()
	c.session = newSession(*p, time.Now())
	c.cursors = map[store.Conv]*cursor{}
	c.mu.Unlock()
	c.greeted = true
	if old := c.g.hub.addUser(c); old != nil {
		old.close(protocol.CloseReplaced, "the same device connected again")
	}
	c.recheck() // a revocation, or suspension, that came after the check above did not find the connection
	if c.closing.Load() {
		return
	}
	c.g.routes.connect(ctx, c)
	if err := c.subscribe(ctx); err != nil {
		c.unavailable("the memberships could not be read", err)
		return
	}
	c.g.audit.accepted(*p, c.device)
	c.pushFrame(&protocol.ServerFrame{
		Type: protocol.TypeWelcome, User: c.user.ID(), Device: c.device, ServerTimeMS: time.Now().UnixMilli(),
		MaxBodyBytes: protocol.MaxBodyBytes, MaxFrameBytes: protocol.MaxFrameBytes, ExpiresAtMS: expiresMS(*p),
	})
	c.goLive()
	c.startTimer()
}

// unavailable closes with a code that brings the client back.
func (c *conn) unavailable(what string, err error) {
	if c.ctx.Err() == nil {
		c.g.log.Error("a connection cannot begin", "what", what, "error", err)
	}
	c.refuse(protocol.CodeUnavailable, "", protocol.CloseInternal)
}

// authCodes are what a client learns of a refused token.
func authCodes(err error) (protocol.Code, protocol.CloseCode) {
	switch {
	case errors.Is(err, auth.ErrExpired):
		return protocol.CodeTokenExpired, protocol.CloseTokenExpired
	case errors.Is(err, auth.ErrRevoked):
		return protocol.CodeUnauthenticated, protocol.CloseRevoked
	case errors.Is(err, auth.ErrSuspended):
		return protocol.CodeSuspended, protocol.CloseSuspended
	case auth.Retryable(err), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return protocol.CodeUnavailable, protocol.CloseInternal
	default:
		return protocol.CodeUnauthenticated, protocol.CloseUnauthenticated
	}
}

// verify judges a token: its form and signature, whether it is over, and whether it was revoked; of one whose signature is right it returns
// whom it speaks for, refused or not. Which device uses it is judged by
// mayUse.
func (g *Gateway) verify(ctx context.Context, token string) (Principal, error) {
	if token == "" {
		return Principal{}, auth.ErrMalformed
	}
	p, err := g.o.Verifier.Verify(ctx, token)
	switch {
	case err != nil:
		return Principal{}, err
	case !p.Expires.IsZero() && !time.Now().Before(p.Expires.Add(auth.Skew)):
		return p, auth.ErrExpired
	}
	return p, g.o.Revocations.Check(p, p.Device)
}

// registerDevice makes the device known, if there is room. One that is known is left as it is, but for its locale: hello knows
// nothing of its push token. alone says that the user has no other.
func (g *Gateway) registerDevice(ctx context.Context, u store.User, f *protocol.ClientFrame) (alone bool, err error) {
	devices, err := g.o.Store.Devices(ctx, u)
	if err != nil {
		return false, err
	}
	if err := store.CheckRoom(devices, f.Device); err != nil {
		return false, err
	}
	d := store.Device{ID: f.Device, Platform: cmp.Or(f.Platform, "cli"), RegisteredAt: time.Now(), Locale: f.Locale}
	at := slices.IndexFunc(devices, func(d store.Device) bool { return d.ID == f.Device })
	if at < 0 {
		return len(devices) == 0, g.o.Store.RegisterDevice(ctx, u, d)
	}
	if f.Locale != "" && f.Locale != devices[at].Locale {
		err = g.o.Store.RegisterDevice(ctx, u, d)
	}
	return len(devices) == 1, err
}
