package chat

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/chatcluster/chatcluster/runtime/chat/chatpb"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

const (
	// registerTimeout bounds what an opening waits for the registry: without it the lane works all the same.
	registerTimeout = 250 * time.Millisecond
	// takeLimit is how many lapsed lanes a pod takes at a time.
	takeLimit = 256
	// settleMax is the longest wait between two tries to settle a lane.
	settleMax = time.Minute
)

// register tells the registry that a lane is open. Failing is not fatal: the next renewal tells it again.
func (s *Service) register(ctx context.Context, conv store.Conv) {
	if s.o.Registry == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, registerTimeout)
	defer cancel()
	if err := s.o.Registry.Register(ctx, s.o.Pod, conv); err != nil {
		s.o.Log.Warn("a lane is not registered", "conversation", conv.String(), "error", err)
	}
}

// keepLease renews the pod's lease and settles what pods that died have left.
func (s *Service) keepLease(ctx context.Context) {
	if s.o.Registry == nil {
		return
	}
	for sleep(ctx, s.o.RenewEvery/2+rand.N(s.o.RenewEvery)) {
		open := s.openLanes()
		err := s.call(ctx, func(ctx context.Context) error { return s.o.Registry.Renew(ctx, s.o.Pod, open) })
		if err != nil {
			s.o.Log.Warn("the lease is not renewed", "error", err)
			continue
		}
		s.settleLapsed(ctx)
	}
}

// settleLapsed opens the lanes of pods that died: opening reads to the end of the log, delivers and publishes.
func (s *Service) settleLapsed(ctx context.Context) {
	for ctx.Err() == nil {
		var convs []store.Conv
		err := s.call(ctx, func(ctx context.Context) (err error) {
			convs, err = s.o.Registry.TakeLapsed(ctx, s.o.Pod, takeLimit)
			return err
		})
		if err != nil {
			s.o.Log.Warn("lapsed lanes are not taken", "error", err)
			return
		}
		if len(convs) == 0 {
			return
		}
		s.o.Log.Info("settling lanes of a pod that is gone", "lanes", len(convs))
		for _, conv := range convs {
			s.settleLane(conv, 0)
		}
	}
}

// settleLane has the lane opened, again and again until it is: it was taken, so nobody else does it. It waits longer each time.
func (s *Service) settleLane(conv store.Conv, waited time.Duration) {
	s.metrics.settled.Inc()
	s.submit(conv, &request{
		kind: barrier, deadline: s.now().Add(openMax),
		answer: func(r *chatpb.Result) {
			if !protocol.Code(r.GetCode()).Retryable() || s.draining.Load() {
				return
			}
			s.tasks.Go(func() {
				wait := min(max(time.Duration(r.GetRetryAfterMs())*time.Millisecond, waited*2), settleMax)
				if sleep(s.life, wait/2+rand.N(wait/2+1)) {
					s.settleLane(conv, wait)
				}
			})
		},
	})
}

// openLanes returns the conversations of all lanes.
func (s *Service) openLanes() []store.Conv {
	ls := s.allLanes()
	convs := make([]store.Conv, len(ls))
	for i, l := range ls {
		convs[i] = l.conv
	}
	return convs
}
