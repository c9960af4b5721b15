package gateway

import (
	"context"
	"net/http"
	"slices"
	"sync"

	"github.com/gorilla/websocket"

	"github.com/chatcluster/chatcluster/runtime/gateway/rest"
	"github.com/chatcluster/chatcluster/runtime/httpapi"
	"github.com/chatcluster/chatcluster/runtime/protocol"
)

// readBuffer is for the handshake alone: a connection reads for itself (inbound).
const readBuffer = 512

// Handler serves /v1 and the web client. Run serves it; tests may serve it elsewhere.
func (g *Gateway) Handler() http.Handler {
	var routes rest.Routes // nil, where there are none
	if g.o.Routes != nil {
		routes = g.o.Routes
	}
	return rest.New(rest.Options{
		Verify: g.verify, Store: g.o.Store, Chat: g.chat, Inbox: g.o.Inbox, History: g.o.History, Marks: restMarks{g}, SignOut: g, Routes: routes,
		Presence: g, Socket: g.serveSocket,
		AllowedOrigins: g.o.AllowedOrigins, Pages: g.o.Pages, Limits: g.o.RESTLimits, Logger: g.log, Requests: g.m.requests, Seconds: g.m.requestSeconds,
		Panics: g.m.panics, Tracer: g.tracer,
	})
}

// writeBuffers are used for the handshake and the library's own control frames alone.
var writeBuffers sync.Pool

// serveSocket upgrades. The handler returns at once: the connection's goroutine is its reader.
func (g *Gateway) serveSocket(w http.ResponseWriter, r *http.Request) {
	if g.draining.Load() {
		problem(w, protocol.CodeUnavailable, "the gateway is going away")
		return
	}
	var early *Principal
	if token := httpapi.Bearer(r); token != "" {
		ctx, cancel := context.WithTimeout(r.Context(), rest.Timeout)
		defer cancel()
		p, err := g.verify(ctx, token)
		if err != nil {
			code, _ := authCodes(err)
			g.audit.refused(p, "", code)
			httpapi.Unauthorized(w, err)
			return
		}
		early = &p
	}
	// A connection or two above the bound are let in to be told so with a close code; beyond, the handshake is refused.
	if g.count() > g.o.MaxConnections+g.o.MaxConnections/10+1 {
		problem(w, protocol.CodeBusy, "the gateway is full")
		return
	}
	up := websocket.Upgrader{
		ReadBufferSize: readBuffer, WriteBufferPool: &writeBuffers, HandshakeTimeout: readHeaderTimeout,
		Subprotocols: []string{protocol.Subprotocol},
		CheckOrigin:  func(*http.Request) bool { return true }, // rest has
		Error: func(w http.ResponseWriter, _ *http.Request, status int, _ error) {
			p := protocol.ProblemOf(protocol.CodeInvalid, "not a WebSocket handshake of subprotocol "+protocol.Subprotocol)
			p.Status = status
			httpapi.Problem(w, p)
		},
	}
	if !slices.Contains(websocket.Subprotocols(r), protocol.Subprotocol) {
		up.Error(w, r, http.StatusBadRequest, nil)
		return
	}
	ws, err := up.Upgrade(w, r, nil)
	if err != nil {
		return // the library has answered
	}
	c := newConn(g, ws.NetConn(), early)
	open, full := g.admit(c)
	switch {
	case !open:
		c.close(protocol.CloseDrain, "the gateway is going away")
	case full:
		c.close(protocol.CloseFull, "the gateway is full")
	}
	g.conns.Go(c.readLoop)
}

func problem(w http.ResponseWriter, code protocol.Code, detail string) {
	httpapi.Problem(w, protocol.ProblemOf(code, detail))
}
