package rest

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/chatcluster/chatcluster/runtime/auth"
	"github.com/chatcluster/chatcluster/runtime/httpapi"
	"github.com/chatcluster/chatcluster/runtime/protocol"
)

// API serves /v1.
type API struct {
	*httpapi.Mux
	o     Options
	rates *httpapi.Rates
}

// call is an authenticated request.
type call struct {
	*http.Request
	auth.Principal
	// head is that of the answer.
	head http.Header
	w    http.ResponseWriter
}

// reply is a good answer. One without a body has none.
type reply struct {
	status int
	body   any
	// tagged answers have an ETag, and are not sent again to who has them.
	tagged bool
}

type handler func(*call) (reply, error)

// Route is an operation.
type Route struct{ Method, Path string }

// handlers are the operations, but for the socket.
func (a *API) handlers() map[Route]handler {
	return map[Route]handler{
		{http.MethodPost, "/v1/conversations"}:                   a.postConversation,
		{http.MethodGet, "/v1/conversations/{id}"}:               a.getConversation,
		{http.MethodPatch, "/v1/conversations/{id}"}:             a.patchConversation,
		{http.MethodPatch, "/v1/conversations/{id}/preferences"}: a.patchPreferences,
		{http.MethodPost, "/v1/conversations/{id}/leave"}:        a.postLeave,

		{http.MethodGet, "/v1/conversations/{id}/members"}:           a.getMembers,
		{http.MethodPost, "/v1/conversations/{id}/members"}:          a.postMembers,
		{http.MethodPatch, "/v1/conversations/{id}/members/{user}"}:  a.patchMember,
		{http.MethodDelete, "/v1/conversations/{id}/members/{user}"}: a.deleteMember,

		{http.MethodGet, "/v1/conversations/{id}/messages"}:                            a.getMessages,
		{http.MethodPost, "/v1/conversations/{id}/messages"}:                           a.postMessage,
		{http.MethodPatch, "/v1/conversations/{id}/messages/{seq}"}:                    a.patchMessage,
		{http.MethodDelete, "/v1/conversations/{id}/messages/{seq}"}:                   a.deleteMessage,
		{http.MethodPut, "/v1/conversations/{id}/messages/{seq}/reactions/{emoji}"}:    a.putReaction,
		{http.MethodDelete, "/v1/conversations/{id}/messages/{seq}/reactions/{emoji}"}: a.deleteReaction,
		{http.MethodGet, "/v1/conversations/{id}/messages/{seq}/receipts"}:             a.getReceipts,
		{http.MethodPost, "/v1/conversations/{id}/read"}:                               a.postRead,
		{http.MethodPost, "/v1/conversations/{id}/delivered"}:                          a.postDelivered,

		{http.MethodGet, "/v1/inbox"}: a.getInbox,

		{http.MethodGet, "/v1/presence"}: a.getPresence,
		{http.MethodGet, "/v1/sessions"}: a.getSessions,

		{http.MethodGet, "/v1/devices"}:             a.getDevices,
		{http.MethodDelete, "/v1/devices/{device}"}: a.deleteDevice,
		{http.MethodPost, "/v1/sign-out-all"}:       a.postSignOutAll,
		{http.MethodPut, "/v1/devices/{device}"}:    a.putDevice,
	}
}

var socketRoute = Route{http.MethodGet, "/v1/ws"}

// New returns the API.
func New(o Options) *API {
	o.Limits.fill()
	a := &API{o: o, rates: httpapi.NewRates(o.Limits.RequestRate, o.Limits.RequestBurst, o.Limits.RatedUsers)}
	operations := map[httpapi.Route]http.Handler{httpapi.Route(socketRoute): o.Socket}
	for r, h := range a.handlers() {
		operations[httpapi.Route(r)] = a.authenticated(h)
	}
	a.Mux = httpapi.NewMux(httpapi.Options{
		AllowedOrigins: o.AllowedOrigins, Pages: o.Pages, Logger: o.Logger, Requests: o.Requests, Seconds: o.Seconds, Panics: o.Panics, Tracer: o.Tracer,
	}, operations, socketRoute.Path)
	return a
}

// Routes are the operations that there are, in order.
func (a *API) Routes() []Route {
	out := []Route{socketRoute}
	for r := range a.handlers() {
		out = append(out, r)
	}
	slices.SortFunc(out, func(x, y Route) int { return strings.Compare(x.Path+" "+x.Method, y.Path+" "+y.Method) })
	return out
}

// authenticated verifies the bearer, gives the request a deadline and its user's share, and answers what h returns.
func (a *API) authenticated(h handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), Timeout)
		defer cancel()
		r = r.WithContext(ctx)
		if !httpapi.Accepts(r.Header.Values("Accept"), httpapi.JSONType) {
			a.Refuse(w, r, refuse(protocol.CodeNotAcceptable, "answers are "+httpapi.JSONType))
			return
		}
		p, err := a.o.Verify(ctx, httpapi.Bearer(r))
		if err != nil {
			a.Refuse(w, r, httpapi.Unauthenticated(w.Header(), err))
			return
		}
		if wait := a.rates.Take(p.User); wait > 0 {
			a.Refuse(w, r, httpapi.Refusal{Code: protocol.CodeRateLimited, Wait: wait})
			return
		}
		out, err := h(&call{Request: r, Principal: p, head: w.Header(), w: w})
		if err != nil {
			a.Refuse(w, r, err)
			return
		}
		httpapi.Answer(w, r, httpapi.Reply{Status: out.status, Body: out.body, Tagged: out.tagged})
	}
}
