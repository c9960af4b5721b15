package erase

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/chatcluster/chatcluster/runtime/chat/chatpb"
	"github.com/chatcluster/chatcluster/runtime/protocol"
)

const (
	// askTries is how often a request is made that is to be made again: about two minutes.
	askTries   = 40
	askBackoff = 50 * time.Millisecond
	askRest    = 5 * time.Second
)

// ErrRefused says that the chat service refused what an erasure asked for.
var ErrRefused = errors.New("the chat service refuses")

// Sender passes requests to the chat pods: chatpool.Pool.
type Sender interface {
	Send(s *chatpb.Send, done func(*chatpb.Result))
}

// Asking is a Chat over a Sender.
type Asking struct{ Sender Sender }

// Ask implements Chat. It makes the request again for as long as the answer says so, at most some minutes.
func (a Asking) Ask(ctx context.Context, s *chatpb.Send) error {
	var last *chatpb.Result
	for try := range askTries {
		if try > 0 {
			// What the answer asks for, or more and more; spread, since many are asked at once.
			pause := max(time.Duration(last.GetRetryAfterMs())*time.Millisecond, min(askBackoff<<min(try, 10), askRest))
			if err := sleep(ctx, pause+rand.N(pause)); err != nil {
				return err
			}
		}
		done := make(chan *chatpb.Result, 1)
		a.Sender.Send(proto.CloneOf(s), func(r *chatpb.Result) { done <- r })
		select {
		case last = <-done:
		case <-ctx.Done():
			return ctx.Err()
		}
		switch code := protocol.Code(last.GetCode()); {
		case code == "":
			return nil
		case !code.Retryable():
			return fmt.Errorf("%w: %s (%s)", ErrRefused, code, last.GetDetail())
		}
	}
	return fmt.Errorf("%w for minutes: %s (%s)", ErrRefused, last.GetCode(), last.GetDetail())
}

// sleep returns the error of a context that ends first; a pause of 0 or less is none.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
