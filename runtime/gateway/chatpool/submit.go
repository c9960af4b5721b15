package chatpool

import (
	"context"
	"math/rand/v2"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/chatcluster/chatcluster/runtime/chat/chatpb"
	"github.com/chatcluster/chatcluster/runtime/protocol"
)

const (
	// submitAttempts is how often the chat service is asked, whose pods come and go: it finds what it has appended.
	submitAttempts = 3
	submitPause    = 100 * time.Millisecond
)

// Sender takes sends to the chat pods.
type Sender interface {
	// Send does not wait: done is called once, from any goroutine. s must not be used again.
	Send(s *chatpb.Send, done func(*chatpb.Result))
}

// Submit asks until the outcome is known, or attempts or time are used up: the result has a code then. It is for who waits for one answer.
func Submit(ctx context.Context, to Sender, s *chatpb.Send) *chatpb.Result {
	for attempt := 1; ; attempt++ {
		done := make(chan *chatpb.Result, 1)
		to.Send(proto.CloneOf(s), func(r *chatpb.Result) { done <- r })
		var r *chatpb.Result
		select {
		case r = <-done:
		case <-ctx.Done():
			return &chatpb.Result{Code: string(protocol.CodeUnavailable)}
		}
		if protocol.Code(r.GetCode()) != protocol.CodeUnavailable || attempt == submitAttempts {
			return r
		}
		pause := time.NewTimer(submitPause<<attempt/2 + rand.N(submitPause<<attempt/2))
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return r
		}
	}
}
