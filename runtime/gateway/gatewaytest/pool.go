package gatewaytest

import (
	"context"
	"log/slog"
	"net"
	"sync"

	"github.com/chatcluster/chatcluster/runtime/chat/chatpb"
	"github.com/chatcluster/chatcluster/runtime/gateway/chatpool"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// Pool holds streams to the world's pods as a gateway without clients does. It ends with the test.
func (w *World) Pool(name string) *chatpool.Pool {
	w.T.Helper()
	pool, err := chatpool.New(chatpool.Options{
		Service: net.JoinHostPort("chat.test", w.servicePort()), Gateway: name, Handler: deaf{}, Resolve: w.resolve, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		w.T.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var ended sync.WaitGroup
	ended.Go(func() { _ = pool.Run(ctx) }) // it ends with ctx
	w.T.Cleanup(func() { stop(); ended.Wait() })
	w.Eventually("the pool has a pod", pool.Ready)
	return pool
}

// deaf has no clients to tell.
type deaf struct{}

func (deaf) Deliver(*chatpb.Deliver)       {}
func (deaf) Head(*chatpb.Head)             {}
func (deaf) PodLost(func(store.Conv) bool) {}
func (deaf) Signal(*chatpb.Signal)         {}
func (deaf) Takeover(*chatpb.Takeover)     {}
