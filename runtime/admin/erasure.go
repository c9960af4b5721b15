package admin

import (
	"errors"
	"io"
	"net/http"

	"github.com/chatcluster/chatcluster/runtime/httpapi"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// postErasure begins to erase a user. It goes on by itself, and is begun once however often it is asked for.
func (c *call) postErasure() (httpapi.Reply, error) {
	u, err := c.user()
	if err != nil {
		return httpapi.Reply{}, err
	}
	if c.a.o.Erasures == nil {
		return httpapi.Reply{}, notHere("erasures")
	}
	if err := c.begin(); err != nil {
		return httpapi.Reply{}, err
	}
	e, err := c.a.o.Erasures.Begin(c.Context(), u)
	if errors.Is(err, ErrHeld) {
		return httpapi.Reply{}, httpapi.Refuse(protocol.CodeForbidden, "a legal hold covers the user")
	}
	if err != nil {
		return httpapi.Reply{}, err
	}
	return httpapi.Reply{Status: http.StatusAccepted, Body: e}, nil
}

// getErasure shows the user's last erasure. Its record does not say whose: after an erasure none is about the user any more.
func (c *call) getErasure() (httpapi.Reply, error) {
	u, err := c.user()
	if err != nil {
		return httpapi.Reply{}, err
	}
	if c.a.o.Erasures == nil {
		return httpapi.Reply{}, notHere("erasures")
	}
	all, err := c.a.o.Erasures.Erasures(c.Context(), u)
	if err != nil {
		return httpapi.Reply{}, err
	}
	if len(all) == 0 {
		return httpapi.Reply{}, notFound("the user was not erased")
	}
	c.subject = ""
	c.note("erasure", all[0].ID)
	return ok(all[0])
}

// getExport streams an archive of what is kept of a user. It is asked for like a change: what has begun to flow cannot be taken back.
func (c *call) getExport() (httpapi.Reply, error) {
	u, err := c.user()
	if err != nil {
		return httpapi.Reply{}, err
	}
	if c.a.o.Exports == nil {
		return httpapi.Reply{}, notHere("exports")
	}
	if !httpapi.Accepts(c.Header.Values("Accept"), archiveType) {
		return httpapi.Reply{}, httpapi.Refuse(protocol.CodeNotAcceptable, "the archive is "+archiveType)
	}
	if err := c.begin(); err != nil {
		return httpapi.Reply{}, err
	}
	out := &archive{w: c.w}
	err = c.a.o.Exports.Export(c.Context(), u, out)
	switch {
	case err != nil && !out.begun && errors.Is(err, store.ErrNotFound):
		return httpapi.Reply{}, notFound("nothing is kept of the user")
	case err != nil && !out.begun:
		return httpapi.Reply{}, err
	case err != nil:
		c.cut = err
	case !out.begun:
		out.begin()
	}
	return httpapi.Reply{}, nil
}

const archiveType = "application/zip"

// archive is an answer that begins with its first byte: until then it may be refused.
type archive struct {
	w     http.ResponseWriter
	begun bool
}

var _ io.Writer = (*archive)(nil)

func (a *archive) begin() {
	head := a.w.Header()
	head.Set("Content-Type", archiveType)
	head.Set("Content-Disposition", `attachment; filename="export.zip"`)
	head.Set("Cache-Control", "no-store")
	a.begun = true
}

// Write implements io.Writer.
func (a *archive) Write(b []byte) (int, error) {
	if !a.begun {
		a.begin()
	}
	return a.w.Write(b)
}
