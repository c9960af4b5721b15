package rest

import (
	"context"
	"net/http"
	"time"

	"github.com/chatcluster/chatcluster/runtime/chat/chatpb"
	"github.com/chatcluster/chatcluster/runtime/gateway/chatpool"
	"github.com/chatcluster/chatcluster/runtime/httpapi"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
	"github.com/chatcluster/chatcluster/runtime/telemetry"
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
	r := chatpool.Submit(ctx, a.o.Chat, s)
	if code := protocol.Code(r.GetCode()); code != "" {
		return nil, httpapi.Refusal{Code: code, Detail: r.GetDetail(), Wait: time.Duration(r.GetRetryAfterMs()) * time.Millisecond}
	}
	return r, nil
}
