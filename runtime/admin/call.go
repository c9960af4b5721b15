package admin

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/chatcluster/chatcluster/runtime/auth"
	"github.com/chatcluster/chatcluster/runtime/httpapi"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// call is a request of somebody who is known.
type call struct {
	*http.Request
	a  *Admin
	op operation
	w  http.ResponseWriter
	// who calls, and tenant is whose the call is about: the caller's own, or the one that an operator of the platform names.
	who    auth.Principal
	tenant store.Tenant

	// What its audit records say; begun is whether the first one of a change is safe.
	id      string
	subject string
	device  string
	details map[string]string
	begun   bool
	// cut is why an answer that had begun was broken off.
	cut error
}

// platform says whether the caller is an operator of the platform.
func (c *call) platform() bool { return c.who.User.Tenant() == auth.Admin }

// by is the caller, as the tenant is told.
func (c *call) by() string {
	if c.platform() {
		return protocol.PlatformModerator
	}
	return c.who.User.ID()
}

// note adds to what the audit record says. Values are words, numbers, and ids of what are no persons.
func (c *call) note(key, value string) {
	if value != "" {
		c.details[key] = value
	}
}

// serve is an operation behind what is the same for all: who calls, how often, for which tenant, whether they may, and that it is audited.
func (a *Admin) serve(op operation) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		timeout := Timeout
		if op.streams {
			timeout = StreamTimeout
			// The server's own deadline is for answers that do not stream; one that cannot be lifted cuts the archive off.
			_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(timeout))
		}
		ctx, cancel := context.WithTimeout(r.Context(), timeout)
		defer cancel()
		r = r.WithContext(ctx)
		if !op.streams && !httpapi.Accepts(r.Header.Values("Accept"), httpapi.JSONType) {
			a.mux.Refuse(w, r, httpapi.Refuse(protocol.CodeNotAcceptable, "answers are "+httpapi.JSONType))
			return
		}
		who, err := a.verify(ctx, httpapi.Bearer(r))
		if err != nil {
			a.mux.Refuse(w, r, httpapi.Unauthenticated(w.Header(), err))
			return
		}
		if wait := a.rates.Take(who.User); wait > 0 {
			a.mux.Refuse(w, r, httpapi.Refusal{Code: protocol.CodeRateLimited, Wait: wait})
			return
		}
		c := &call{Request: r, a: a, op: op, w: w, who: who, tenant: who.User.Tenant(), id: uuid.NewString(), details: map[string]string{}}
		out, err := c.perform()
		if err = c.conclude(err); err != nil {
			a.mux.Refuse(w, r, err)
			return
		}
		if c.cut != nil {
			a.o.Logger.WarnContext(ctx, "an archive was cut off", "error", c.cut)
			panic(http.ErrAbortHandler) // so that whoever reads it knows
		}
		if !op.streams {
			httpapi.Answer(w, r, out)
		}
	}
}

// verify judges a token, and whether it was revoked.
func (a *Admin) verify(ctx context.Context, token string) (auth.Principal, error) {
	who, err := a.o.Verifier.Verify(ctx, token)
	if err != nil {
		return who, err
	}
	return who, a.o.Revocations.Check(who, who.Device)
}

// perform does what is asked for, if the caller may.
func (c *call) perform() (httpapi.Reply, error) {
	if !slices.ContainsFunc(c.op.scopes, c.who.Has) {
		return httpapi.Reply{}, httpapi.Refuse(protocol.CodeForbidden, "the token's scope does not allow it")
	}
	if err := c.findTenant(); err != nil {
		return httpapi.Reply{}, err
	}
	return c.op.do(c)
}

// findTenant finds out whose the call is about.
func (c *call) findTenant() error {
	named := store.Tenant(c.URL.Query().Get("tenant"))
	noTenant := httpapi.Refuse(protocol.CodeNotFound, "no such tenant")
	switch {
	case !c.platform() && (named == "" || named == c.tenant):
		return nil
	case !c.platform():
		return noTenant // whether there is one is not theirs to know
	case named == "":
		return httpapi.Invalid("tenant is missing: who tends the platform says whose")
	case named == auth.Admin:
		return nil
	}
	if _, err := store.NewUser(named, "x"); err != nil {
		return noTenant
	}
	_, err := c.a.o.Tenants.Tenant(c.Context(), named)
	if errors.Is(err, store.ErrNotFound) {
		return noTenant
	}
	if err == nil {
		c.tenant = named
	}
	return err
}
