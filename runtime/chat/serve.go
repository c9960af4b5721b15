package chat

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"

	"github.com/chatcluster/chatcluster/runtime/chat/chatpb"
)

const (
	// maxReceive bounds a gateway's frame: some hundred messages of the largest size.
	maxReceive = 8 << 20
	// maxSend bounds our frames: frameBytes and one large batch, heads and results.
	maxSend = 4 << 20
	// drainQuiet is how long a draining pod waits for gateways to move away before it ends their streams.
	drainQuiet = time.Second
)

// Serve serves gateways on lis until ctx ends, then drains: it takes no new lanes, finishes what waits, raises the tails,
// unregisters and ends the streams, all within Grace. It returns when no goroutine of the service is left. Call it once.
func (s *Service) Serve(ctx context.Context, lis net.Listener) error {
	server := grpc.NewServer(
		grpc.Creds(s.o.Credentials),
		grpc.MaxRecvMsgSize(maxReceive),
		grpc.MaxSendMsgSize(maxSend),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: 10 * time.Second, Timeout: 5 * time.Second}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 5 * time.Second, PermitWithoutStream: true}),
	)
	chatpb.RegisterChatServer(server, s)

	loops, stopLoops := context.WithCancel(context.WithoutCancel(ctx))
	defer stopLoops()
	var g errgroup.Group
	for _, loop := range []func(context.Context){s.announceHeads, s.sweep, s.drainHot, s.drainAll, s.keepLease, s.locator.run, func(ctx context.Context) { _ = s.paces.shares.Run(ctx) }} {
		g.Go(func() error {
			loop(loops)
			return nil
		})
	}
	failed := make(chan struct{})
	g.Go(func() error {
		err := server.Serve(lis)
		if errors.Is(err, grpc.ErrServerStopped) {
			err = nil
		}
		close(failed)
		return err
	})

	select {
	case <-ctx.Done():
	case <-failed: // reported by g.Wait
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.o.Grace)
	defer cancel()
	err := s.drain(grace)

	close(s.stopped)
	stopServer(grace, server)
	stopLoops()
	s.end()
	gerr := g.Wait()
	s.tasks.Wait()
	if gerr != nil {
		return fmt.Errorf("chat: serve: %w", gerr)
	}
	return err
}

// Draining says whether the service is on its way out: it is not ready any more.
func (s *Service) Draining() bool { return s.draining.Load() }

// drain finishes what was accepted and closes the lanes.
func (s *Service) drain(ctx context.Context) error {
	s.draining.Store(true)
	s.streams.drain()
	// What gateways send before they have moved away is still taken, by lanes that are open.
	for quiet := false; !quiet; {
		if err := s.unanswered.zero(ctx); err != nil {
			return fmt.Errorf("chat: drain: %d requests are not answered: %w", s.unanswered.n.Load(), err)
		}
		before := s.accepted()
		if s.streams.count() > 0 && !sleep(ctx, drainQuiet) {
			break
		}
		quiet = s.accepted() == before
	}
	s.closeLanes(ctx, s.allLanes())
	return nil
}

// accepted sums up the requests that open lanes have taken.
func (s *Service) accepted() (n uint64) {
	for _, l := range s.allLanes() {
		l.mu.Lock()
		n += l.ords
		l.mu.Unlock()
	}
	return n
}

// stopServer lets streams end by themselves, until ctx ends.
func stopServer(ctx context.Context, server *grpc.Server) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		server.GracefulStop()
	}()
	select {
	case <-done:
	case <-ctx.Done():
		server.Stop()
		<-done
	}
}
