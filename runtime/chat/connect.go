package chat

import (
	"errors"
	"io"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/chatcluster/chatcluster/runtime/chat/chatpb"
)

// Connect implements the gateways' stream.
func (s *Service) Connect(stream grpc.BidiStreamingServer[chatpb.GatewayFrame, chatpb.ChatFrame]) error {
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	if first.GetHello().GetGateway() == "" {
		return status.Error(codes.InvalidArgument, "the first frame has no hello")
	}
	out := newOutgoing(first.GetHello().GetInstance(), s.o.StreamBytes)
	out.sendsOnly = first.GetHello().GetSendsOnly()
	out.routed.Store(first.GetRouted())
	s.streams.add(out)
	defer out.close()
	defer s.streams.remove(out)
	// Whom the pod has greeted hears of all that comes after, a drain that begins now included.
	if err := stream.Send(&chatpb.ChatFrame{Hello: &chatpb.ChatHello{Pod: s.o.Pod}, Draining: s.draining.Load()}); err != nil {
		return err
	}
	// What this gateway missed while it was away heals by the heads.
	for _, l := range s.allLanes() {
		if h := l.headSince(time.Time{}); h != nil {
			out.head(h)
		}
	}

	received := make(chan error, 1)
	// It ends when this method has returned: the stream's context is over then.
	if !s.tasks.Go(func() { received <- s.receive(stream, first, out) }) {
		return status.Error(codes.Unavailable, "the pod is shutting down")
	}
	return s.transmit(stream, out, received)
}

// receive hands what comes to the lanes. It never waits for one.
func (s *Service) receive(stream grpc.BidiStreamingServer[chatpb.GatewayFrame, chatpb.ChatFrame], f *chatpb.GatewayFrame, out *outgoing) error {
	for {
		now := s.now()
		if f.Routed != nil {
			out.routed.Store(f.GetRouted())
		}
		for _, send := range f.GetSends() {
			s.send(send, now, out)
		}
		for _, t := range f.GetTakeovers() {
			s.takeover(t)
		}
		for _, sig := range f.GetSignals() {
			s.signal(sig)
		}
		var err error
		if f, err = stream.Recv(); err != nil {
			return err
		}
	}
}

// transmit writes what waits, many things to a frame, until the stream or the service ends.
func (s *Service) transmit(stream grpc.BidiStreamingServer[chatpb.GatewayFrame, chatpb.ChatFrame], out *outgoing, received <-chan error) error {
	flush := func() error {
		for {
			f, ok := out.frame()
			if !ok {
				return status.Error(codes.ResourceExhausted, "the gateway does not take its results")
			}
			if f == nil {
				return nil
			}
			if err := stream.Send(f); err != nil {
				return err
			}
		}
	}
	for {
		select {
		case <-out.wake:
			if err := flush(); err != nil {
				return err
			}
		case err := <-received:
			if errors.Is(err, io.EOF) {
				return flush()
			}
			return err
		case <-stream.Context().Done():
			return status.FromContextError(stream.Context().Err()).Err()
		case <-s.stopped:
			return flush()
		}
	}
}

// send checks one send and hands it to its lane.
func (s *Service) send(in *chatpb.Send, now time.Time, out *outgoing) {
	r := &request{
		kind: sendEntry, ref: in.GetRef(), device: in.GetDevice(), clientMsgID: in.GetClientMsgId(),
		previous: in.GetPrevious(), after: in.AfterSeq, in: in, deadline: now.Add(s.o.SendTimeout), overflow: out.overflow,
	}
	r.answer = func(res *chatpb.Result) {
		s.metrics.result(res.GetCode())
		out.result(res)
	}
	conv, code, err := check(in, r)
	if err != nil {
		r.answer(r.failure(code, err.Error(), 0))
		return
	}
	s.submit(conv, r)
}
