package chatpool

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/keepalive"

	"github.com/chatcluster/chatcluster/runtime/chat/chatpb"
	"github.com/chatcluster/chatcluster/runtime/store"
)

const (
	helloTimeout = 5 * time.Second
	backoffMin   = 50 * time.Millisecond
	backoffMax   = 2 * time.Second
	// redialTimeout is how long a new connection is waited for before the next attempt.
	redialTimeout = 500 * time.Millisecond
	// maxRecvBytes bounds one ChatFrame.
	maxRecvBytes = 16 << 20
	// keepaliveEvery notices a pod whose machine is gone. The chat server's enforcement policy must allow it.
	keepaliveEvery = 20 * time.Second
)

// pod is one chat pod: its address, its connection and, while one is up, its stream.
type pod struct {
	pool   *Pool
	addr   string
	cc     *grpc.ClientConn
	listed atomic.Bool
	name   atomic.Pointer[string]
	calls
}

func newPod(p *Pool, addr string) (*pod, error) {
	cc, err := grpc.NewClient("passthrough:///"+addr,
		grpc.WithTransportCredentials(p.o.Credentials),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxRecvBytes)),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: keepaliveEvery, Timeout: 5 * time.Second}),
		// Without a backoff of its own gRPC would dial again and again as fast as it can.
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: backoff.DefaultConfig, MinConnectTimeout: helloTimeout}),
	)
	if err != nil {
		return nil, err
	}
	d := &pod{pool: p, addr: addr, cc: cc}
	d.listed.Store(true)
	d.init(p.o.MaxInFlight, p.o.SendTimeout)
	return d, nil
}

// identity is what rendezvous hashing knows the pod by: its name, which it says in its hello.
func (d *pod) identity() string {
	if n := d.name.Load(); n != nil {
		return *n
	}
	return d.addr
}

// run keeps a stream up while the pod is listed.
func (d *pod) run(ctx context.Context) {
	defer func() { _ = d.cc.Close() }()
	log := d.pool.o.Logger.With("chat", d.addr)
	limit := backoffMin
	for {
		wasUp, err := d.session(ctx)
		if ctx.Err() != nil || !d.listed.Load() {
			return
		}
		if wasUp {
			limit = backoffMin
			log.Info("stream to chat pod ended", "error", err)
		} else {
			log.Warn("chat pod cannot be reached", "error", err)
		}
		wait := time.NewTimer(time.Duration(rand.Int64N(int64(limit)) + 1))
		select {
		case <-ctx.Done():
			wait.Stop()
			return
		case <-wait.C:
		}
		limit = min(2*limit, backoffMax)
		d.redial(ctx)
	}
}

// redial has gRPC dial now: a connection that waits out gRPC's own, longer backoff would hide that the pod is back. It waits a
// little for that, since calls fail at once until the connection is there.
func (d *pod) redial(ctx context.Context) {
	d.cc.ResetConnectBackoff()
	ctx, cancel := context.WithTimeout(ctx, redialTimeout)
	defer cancel()
	if d.cc.GetState() == connectivity.TransientFailure {
		d.cc.WaitForStateChange(ctx, connectivity.TransientFailure)
	}
}

// session is one stream from hello to end. It says whether the stream was up.
func (d *pod) session(ctx context.Context) (wasUp bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	late := time.AfterFunc(helloTimeout, cancel)
	defer late.Stop()
	stream, err := chatpb.NewChatClient(d.cc).Connect(ctx)
	if err != nil {
		return false, fmt.Errorf("connect: %w", err)
	}
	routed := d.pool.routed.Load()
	hello := &chatpb.GatewayHello{Gateway: d.pool.o.Gateway, Instance: d.pool.o.Instance, SendsOnly: d.pool.sendsOnly}
	if err := stream.Send(&chatpb.GatewayFrame{Hello: hello, Routed: &routed}); err != nil && !errors.Is(err, io.EOF) {
		return false, fmt.Errorf("send hello: %w", err)
	}
	first, err := stream.Recv()
	if err != nil {
		return false, fmt.Errorf("receive hello: %w", err)
	}
	if first.GetHello().GetPod() == "" {
		return false, errors.New("the pod's first frame is no hello")
	}
	if !late.Stop() {
		return false, errors.New("the pod's hello came too late")
	}
	name := first.GetHello().GetPod()
	d.name.Store(&name)
	d.up()
	d.take(first)
	d.pool.rebuild()

	sender := make(chan struct{})
	go func() {
		defer close(sender)
		d.sendLoop(ctx, stream, &d.pool.routed, routed)
	}()
	for {
		var f *chatpb.ChatFrame
		if f, err = stream.Recv(); err != nil {
			break
		}
		d.take(f)
	}
	cancel()
	<-sender
	d.end(errors.Is(err, io.EOF))
	return true, err
}

// take hands a frame's parts on.
func (d *pod) take(f *chatpb.ChatFrame) {
	if f.GetDraining() && d.drain() {
		d.pool.rebuild()
	}
	for _, v := range f.GetDeliveries() {
		d.pool.o.Handler.Deliver(v)
	}
	for _, h := range f.GetHeads() {
		d.pool.o.Handler.Head(h)
	}
	for _, r := range f.GetResults() {
		d.finish(r)
	}
	for _, t := range f.GetTakeovers() {
		d.pool.o.Handler.Takeover(t)
	}
	for _, s := range f.GetSignals() {
		d.pool.o.Handler.Signal(s)
	}
}

// end takes the pod out of the ring, answers what is in flight and, unless the pod had drained, says that it was lost.
func (d *pod) end(eof bool) {
	before := *d.pool.ring.Load()
	orphans, drained := d.down()
	d.pool.rebuild()
	for _, c := range orphans {
		c.done(unknownOutcome())
	}
	if drained && eof && len(orphans) == 0 {
		return
	}
	owned := func(c store.Conv) bool { return pick(before, string(c.Tenant()), c.ID()) == d }
	if !slices.Contains(before, d) {
		// It had left the ring, draining or unlisted: which conversations were its own is no longer known.
		owned = func(store.Conv) bool { return true }
	}
	d.pool.o.Handler.PodLost(owned)
}
