package cluster

import (
	"context"
	"log/slog"

	"github.com/chatcluster/chatcluster/runtime/chat/chatpb"
	"github.com/chatcluster/chatcluster/runtime/gateway/chatpool"
)

// judge holds streams to the chat pods, as a gateway without clients does: where verdicts go.
type judge struct {
	pool  *chatpool.Pool
	stop  context.CancelFunc
	ended chan struct{}
}

func newJudge(service string, addresses []string) (*judge, error) {
	pool, err := chatpool.New(chatpool.Options{
		Service: service, Gateway: "checker", Logger: slog.New(slog.DiscardHandler),
		Resolve: func(context.Context, string) ([]string, error) { return addresses, nil },
	})
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	j := &judge{pool: pool, stop: stop, ended: make(chan struct{})}
	go func() { // ends with close
		defer close(j.ended)
		_ = pool.Run(ctx) // it ends with ctx
	}()
	return j, nil
}

func (j *judge) close() {
	j.stop()
	<-j.ended
}

// ask has a chat pod append what s asks for.
func (j *judge) ask(ctx context.Context, s *chatpb.Send) *chatpb.Result {
	done := make(chan *chatpb.Result, 1)
	s.Tenant = tenant
	j.pool.Send(s, func(r *chatpb.Result) { done <- r })
	select {
	case r := <-done:
		return r
	case <-ctx.Done():
		return nil
	}
}
