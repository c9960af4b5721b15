package gateway

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"

	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

const (
	defaultPage  = 50
	maxPage      = 200
	maxPushToken = 4096
)

// pushChannels are the channels through which a device can be reached.
var pushChannels = []string{"", "APNS", "APNS_SANDBOX", "GCM", "ADM"}

func (g *Gateway) getInbox(w http.ResponseWriter, r *http.Request, p Principal) {
	limit, ok := pageSize(w, r)
	if !ok {
		return
	}
	page, err := g.o.Inbox.Inbox(r.Context(), p.User, limit, r.URL.Query().Get("cursor"))
	switch {
	case errors.Is(err, ErrBadCursor):
		problem(w, protocol.CodeInvalid, "cursor is none of this inbox's")
	case err != nil:
		g.failed(w, r, "the inbox could not be read", err)
	default:
		if page.Items == nil {
			page.Items = []protocol.InboxItem{}
		}
		answer(w, http.StatusOK, page)
	}
}

func (g *Gateway) getMessages(w http.ResponseWriter, r *http.Request, p Principal) {
	v, err := store.NewConv(p.User.Tenant(), r.PathValue("id"))
	if err != nil {
		problem(w, protocol.CodeNotMember, "")
		return
	}
	limit, ok := pageSize(w, r)
	if !ok {
		return
	}
	after, okAfter := seqParam(w, r, "after")
	if !okAfter {
		return
	}
	before, okBefore := seqParam(w, r, "before")
	if !okBefore {
		return
	}
	if after != nil && before != nil {
		problem(w, protocol.CodeInvalid, "after and before exclude each other")
		return
	}
	page, err := g.o.History.History(r.Context(), p.User, v, after, before, limit)
	switch {
	case errors.Is(err, store.ErrNotFound):
		problem(w, protocol.CodeNotMember, "")
	case err != nil:
		g.failed(w, r, "the history could not be read", err)
	default:
		if page.Entries == nil {
			page.Entries = []protocol.Entry{}
		}
		answer(w, http.StatusOK, page)
	}
}

// putDevice registers a device with its push token. The answer never holds the token.
func (g *Gateway) putDevice(w http.ResponseWriter, r *http.Request, p Principal) {
	var body protocol.Device
	if !readBody(w, r, &body) {
		return
	}
	id := r.PathValue("device")
	switch {
	case store.CheckDevice(id) != nil:
		problem(w, protocol.CodeInvalid, "the device's id")
		return
	case !slices.Contains(platforms, body.Platform):
		problem(w, protocol.CodeInvalid, "platform is none of ios, android, amazon, web, cli")
		return
	case !slices.Contains(pushChannels, body.PushChannel):
		problem(w, protocol.CodeInvalid, "push_channel is none of APNS, APNS_SANDBOX, GCM, ADM")
		return
	case (body.PushChannel == "") != (body.PushToken == ""):
		problem(w, protocol.CodeInvalid, "push_channel and push_token go together")
		return
	case len(body.PushToken) > maxPushToken:
		problem(w, protocol.CodeInvalid, "push_token is too long")
		return
	}
	d, err := g.o.Store.PutDevice(r.Context(), p.User, store.Device{
		ID: id, Platform: body.Platform, PushChannel: body.PushChannel, PushToken: body.PushToken,
	})
	if err != nil {
		g.failed(w, r, "the device could not be written", err)
		return
	}
	answer(w, http.StatusOK, protocol.Device{Platform: d.Platform, PushChannel: d.PushChannel})
}

// failed answers for an error of ours.
func (g *Gateway) failed(w http.ResponseWriter, r *http.Request, what string, err error) {
	if errors.Is(err, context.Canceled) && r.Context().Err() != nil {
		return // the client has gone
	}
	g.log.Error("a request failed", "what", what, "error", err)
	problem(w, protocol.CodeUnavailable, "")
}

// pageSize reads limit; it has answered when ok is false.
func pageSize(w http.ResponseWriter, r *http.Request) (n int, ok bool) {
	s := r.URL.Query().Get("limit")
	if s == "" {
		return defaultPage, true
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > maxPage {
		problem(w, protocol.CodeInvalid, "limit is not between 1 and "+strconv.Itoa(maxPage))
		return 0, false
	}
	return n, true
}

// seqParam reads a seq, nil when there is none; it has answered when ok is false.
func seqParam(w http.ResponseWriter, r *http.Request, name string) (seq *uint64, ok bool) {
	s := r.URL.Query().Get(name)
	if s == "" {
		return nil, true
	}
	n, err := strconv.ParseUint(s, 10, 62)
	if err != nil {
		problem(w, protocol.CodeInvalid, name+" is no seq")
		return nil, false
	}
	return &n, true
}
