package gatewaytest

import (
	"context"
	"math/rand/v2"
	"net"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/chatcluster/chatcluster/runtime/chat/chatpb"
)

// Loss says what becomes of what a pod tells gateways: each delivery, head, signal and takeover is dropped, doubled or held back
// behind the next frame with these probabilities. Results always come.
type Loss struct {
	Seed                 uint64
	Drop, Double, Behind float64
}

// lossy stands before a pod in the Service, under its name, and loses some of what the pod tells.
type lossy struct {
	chatpb.UnimplementedChatServer
	pod  chatpb.ChatClient
	loss Loss

	mu  sync.Mutex
	rng *rand.Rand
}

// Lossy has gateways reach the pod through a network that loses deliveries.
func (p *RealPod) Lossy(loss Loss) {
	w := p.w
	w.T.Helper()
	port := w.servicePort()
	cc, err := grpc.NewClient("passthrough:///"+net.JoinHostPort(p.addr, port), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		w.T.Fatal(err)
	}
	w.T.Cleanup(func() { _ = cc.Close() })
	l := &lossy{pod: chatpb.NewChatClient(cc), loss: loss, rng: rand.New(rand.NewPCG(loss.Seed, 1))}
	front := &Pod{Name: "lossy", w: w, mute: true}
	w.mu.Lock()
	w.next++
	front.addr = loopback(w.next)
	w.mu.Unlock()
	ln, err := net.Listen("tcp", net.JoinHostPort(front.addr, port))
	if err != nil {
		w.T.Fatal(err)
	}
	front.server = grpc.NewServer()
	chatpb.RegisterChatServer(front.server, l)
	go func() { _ = front.server.Serve(ln) }()
	w.T.Cleanup(front.server.Stop)
	w.mu.Lock()
	defer w.mu.Unlock()
	front.listed = true
	w.pods[front.addr] = front
	w.pods[p.addr].listed = false
}

// CreateConversation implements chatpb.ChatServer.
func (l *lossy) CreateConversation(ctx context.Context, r *chatpb.CreateConversationRequest) (*chatpb.CreateConversationResponse, error) {
	return l.pod.CreateConversation(ctx, r)
}

// Connect implements chatpb.ChatServer.
func (l *lossy) Connect(gateway chatpb.Chat_ConnectServer) error {
	ctx, cancel := context.WithCancel(gateway.Context())
	defer cancel()
	pod, err := l.pod.Connect(ctx)
	if err != nil {
		return err
	}
	go func() {
		defer cancel()
		for {
			f, err := gateway.Recv()
			if err != nil || pod.Send(f) != nil {
				_ = pod.CloseSend()
				return
			}
		}
	}()
	late := &chatpb.ChatFrame{}
	for {
		f, err := pod.Recv()
		if err != nil {
			return err
		}
		before := late
		late = &chatpb.ChatFrame{}
		l.mu.Lock()
		f.Deliveries = append(lose(l, f.GetDeliveries(), &late.Deliveries), before.GetDeliveries()...)
		f.Heads = append(lose(l, f.GetHeads(), &late.Heads), before.GetHeads()...)
		f.Signals = append(lose(l, f.GetSignals(), &late.Signals), before.GetSignals()...)
		f.Takeovers = append(lose(l, f.GetTakeovers(), &late.Takeovers), before.GetTakeovers()...)
		l.mu.Unlock()
		if err := gateway.Send(f); err != nil {
			return err
		}
	}
}

// lose returns what comes of in at once, and adds to late what comes with the next frame.
func lose[T any](l *lossy, in []T, late *[]T) []T {
	var out []T
	for _, one := range in {
		switch p := l.rng.Float64(); {
		case p < l.loss.Drop:
		case p < l.loss.Drop+l.loss.Double:
			out = append(out, one, one)
		case p < l.loss.Drop+l.loss.Double+l.loss.Behind:
			*late = append(*late, one)
		default:
			out = append(out, one)
		}
	}
	return out
}
