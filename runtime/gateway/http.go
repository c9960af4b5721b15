package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/gorilla/websocket"

	"github.com/chatcluster/chatcluster/runtime/protocol"
)

// maxBodyBytes bounds the body of a REST request: a group of MaxGroupMembers with long ids fits.
const maxBodyBytes = 1 << 20

// readBuffer is small: an idle connection holds it.
const readBuffer = 512

// Handler serves /v1. Run serves it; tests may serve it elsewhere.
func (g *Gateway) Handler() http.Handler {
	mux := http.NewServeMux()
	route := func(pattern string, h http.HandlerFunc) {
		mux.Handle(pattern, g.guard(pattern, h))
	}
	route("GET /v1/ws", g.serveSocket)
	route("GET /v1/inbox", g.authenticated(g.getInbox))
	route("GET /v1/conversations/{id}/messages", g.authenticated(g.getMessages))
	route("POST /v1/conversations", g.authenticated(g.postConversation))
	route("PUT /v1/devices/{device}", g.authenticated(g.putDevice))
	route("OPTIONS /v1/", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	route("/", func(w http.ResponseWriter, _ *http.Request) { problem(w, protocol.CodeNotFound, "") })
	return mux
}

// guard is around every route: origins, faults, metrics.
func (g *Gateway) guard(route string, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := &recorder{ResponseWriter: w}
		defer func() {
			if v := recover(); v != nil {
				if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
					panic(v)
				}
				g.m.panics.Inc()
				g.log.Error("a request could not be handled", "route", route, "panic", panicText(v))
				if rec.status == 0 {
					problem(rec, protocol.CodeInternal, "")
				}
			}
			g.m.requests.WithLabelValues(route, strconv.Itoa(rec.status)).Inc()
		}()
		if origin := r.Header.Get("Origin"); origin != "" {
			w.Header().Add("Vary", "Origin")
			if !slices.Contains(g.o.AllowedOrigins, origin) {
				p := protocol.ProblemOf(protocol.CodeInvalid, "the origin is not allowed")
				p.Status = http.StatusForbidden
				writeProblem(rec, p)
				return
			}
			w.Header().Set("Access-Control-Allow-Origin", origin)
			w.Header().Set("Access-Control-Allow-Methods", "GET, POST, PUT")
			w.Header().Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Idempotency-Key")
			w.Header().Set("Access-Control-Max-Age", "600")
		}
		h.ServeHTTP(rec, r)
	})
}

// recorder remembers the status. Unwrap lets the WebSocket library reach the connection.
type recorder struct {
	http.ResponseWriter
	status int
}

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	return r.ResponseWriter.Write(b)
}

func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// writeBuffers are used for the handshake and the library's own control frames alone.
var writeBuffers sync.Pool

// serveSocket upgrades. The handler returns at once: the connection's goroutine is its reader.
func (g *Gateway) serveSocket(w http.ResponseWriter, r *http.Request) {
	if g.draining.Load() {
		problem(w, protocol.CodeUnavailable, "the gateway is going away")
		return
	}
	var early *Principal
	if token := bearer(r); token != "" {
		ctx, cancel := context.WithTimeout(r.Context(), restTimeout)
		defer cancel()
		p, err := g.verify(ctx, token)
		if err != nil {
			unauthorized(w, err)
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
		CheckOrigin:  func(*http.Request) bool { return true }, // guard has
		Error: func(w http.ResponseWriter, _ *http.Request, status int, _ error) {
			p := protocol.ProblemOf(protocol.CodeInvalid, "not a WebSocket handshake of subprotocol "+protocol.Subprotocol)
			p.Status = status
			writeProblem(w, p)
		},
	}
	if !slices.Contains(websocket.Subprotocols(r), protocol.Subprotocol) {
		up.Error(w, r, http.StatusBadRequest, nil)
		return
	}
	ws, err := up.Upgrade(hijackable(w), r, nil)
	if err != nil {
		return // the library has answered
	}
	c := newConn(g, ws, early)
	open, full := g.admit(c)
	switch {
	case !open:
		c.close(protocol.CloseDrain, "the gateway is going away")
	case full:
		c.close(protocol.CloseFull, "the gateway is full")
	}
	g.conns.Go(c.readLoop)
}

// hijackable returns the writer beneath the recorder: the WebSocket library asks it for http.Hijacker by a type assertion.
func hijackable(w http.ResponseWriter) http.ResponseWriter {
	if rec, ok := w.(*recorder); ok {
		rec.status = http.StatusSwitchingProtocols
		return rec.ResponseWriter
	}
	return w
}

// bearer returns the token of the Authorization header, or "".
func bearer(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// authenticated verifies the bearer and gives the request a deadline.
func (g *Gateway) authenticated(h func(http.ResponseWriter, *http.Request, Principal)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), restTimeout)
		defer cancel()
		p, err := g.verify(ctx, bearer(r))
		if err != nil {
			unauthorized(w, err)
			return
		}
		r = r.WithContext(ctx)
		r.Body = http.MaxBytesReader(w, r.Body, maxBodyBytes)
		h(w, r, p)
	}
}

func unauthorized(w http.ResponseWriter, err error) {
	code, _ := authCodes(err)
	if code != protocol.CodeUnavailable {
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	problem(w, code, "")
}

func problem(w http.ResponseWriter, code protocol.Code, detail string) {
	writeProblem(w, protocol.ProblemOf(code, detail))
}

func writeProblem(w http.ResponseWriter, p protocol.Problem) {
	w.Header().Set("Content-Type", "application/problem+json")
	if p.Code.Retryable() {
		w.Header().Set("Retry-After", strconv.Itoa(max(int(p.RetryAfterMS)/1000, 1)))
	}
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p)
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

// readBody decodes the request's one JSON value; it has answered when it returns false.
func readBody(w http.ResponseWriter, r *http.Request, into any) bool {
	d := json.NewDecoder(r.Body)
	err := d.Decode(into)
	if err == nil && d.Decode(new(json.RawMessage)) != io.EOF {
		err = errors.New("more than one value")
	}
	var large *http.MaxBytesError
	switch {
	case err == nil:
		return true
	case errors.As(err, &large):
		problem(w, protocol.CodeTooLarge, "")
	default:
		problem(w, protocol.CodeBadFrame, "the body is not the JSON object that is expected")
	}
	return false
}
