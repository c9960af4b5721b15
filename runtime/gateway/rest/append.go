package rest

import (
	"context"
	"math/rand/v2"
	"net/http"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/chatcluster/chatcluster/runtime/chat/chatpb"
	"github.com/chatcluster/chatcluster/runtime/httpapi"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
	"github.com/chatcluster/chatcluster/runtime/telemetry"
)

const (
	// appendAttempts is how often one request asks the chat service, whose pods come and go: it finds what it has appended.
	appendAttempts = 3
	appendPause    = 100 * time.Millisecond
)

// append has the chat service append what s asks for to the conversation, once for the request's Idempotency-Key. Asked for something
// else with it later, the chat service refuses.
func (a *API) append(c *call, v store.Conv, s *chatpb.Send) (reply, error) {
	id, err := c.clientMsgID()
	if err != nil {
		return reply{}, err
	}
	s.Tenant, s.Conversation, s.User, s.ClientMsgId = string(v.Tenant()), v.ID(), c.User.ID(), id
	r, err := a.submit(c.Context(), s)
	if err != nil {
		return reply{}, err
	}
	status := http.StatusOK
	if s.GetChange() == nil && !r.GetFound() {
		status = http.StatusCreated
	}
	return reply{status: status, body: protocol.Appended{Seq: r.GetSeq(), AtMS: r.GetAtMs()}}, nil
}

// submit asks until the outcome is known or attempts or time are used up.
func (a *API) submit(ctx context.Context, s *chatpb.Send) (*chatpb.Result, error) {
	s.TraceParent = telemetry.Parent(ctx)
	for attempt := 1; ; attempt++ {
		done := make(chan *chatpb.Result, 1)
		a.o.Chat.Send(proto.CloneOf(s), func(r *chatpb.Result) { done <- r })
		var r *chatpb.Result
		select {
		case r = <-done:
		case <-ctx.Done():
			return nil, refuse(protocol.CodeUnavailable, "")
		}
		code := protocol.Code(r.GetCode())
		if code == "" {
			return r, nil
		}
		told := httpapi.Refusal{Code: code, Detail: r.GetDetail(), Wait: time.Duration(r.GetRetryAfterMs()) * time.Millisecond}
		if code != protocol.CodeUnavailable || attempt == appendAttempts {
			return nil, told
		}
		pause := time.NewTimer(appendPause<<attempt/2 + rand.N(appendPause<<attempt/2))
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return nil, told
		}
	}
}
