package chatpool

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"

	"github.com/chatcluster/chatcluster/runtime/chat/chatpb"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

const patience = 20 * time.Second

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	end := time.NewTimer(patience)
	defer end.Stop()
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for !ok() {
		select {
		case <-end.C:
			t.Fatalf("never came true: %s", what)
		case <-look.C:
		}
	}
}

// server is a chat pod that answers as answer says; nil gets no answer.
type server struct {
	chatpb.UnimplementedChatServer
	name   string
	addr   string
	grpc   *grpc.Server
	answer func(*chatpb.Send) *chatpb.Result

	quit chan struct{} // closed to end the stream cleanly

	mu     sync.Mutex
	stream chatpb.Chat_ConnectServer
	frames int
	sends  int

	instance  string
	routed    []bool
	signals   int
	takeovers int
	hold      chan struct{} // nothing is read until it is closed, if it is there
}

func serve(t *testing.T, name, addr string, answer func(*chatpb.Send) *chatpb.Result) *server {
	t.Helper()
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	s := &server{name: name, addr: ln.Addr().String(), grpc: grpc.NewServer(), answer: answer, quit: make(chan struct{})}
	chatpb.RegisterChatServer(s.grpc, s)
	go func() { _ = s.grpc.Serve(ln) }()
	t.Cleanup(s.grpc.Stop)
	return s
}

func ok(s *chatpb.Send) *chatpb.Result { return &chatpb.Result{Ref: s.GetRef(), Seq: s.GetRef()} }

func (s *server) Connect(st chatpb.Chat_ConnectServer) error {
	hello, err := st.Recv()
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.instance, s.routed = hello.GetHello().GetInstance(), append(s.routed, hello.GetRouted())
	s.mu.Unlock()
	if err := st.Send(&chatpb.ChatFrame{Hello: &chatpb.ChatHello{Pod: s.name}}); err != nil {
		return err
	}
	s.mu.Lock()
	s.stream = st
	s.mu.Unlock()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.receive(st)
	}()
	select {
	case <-ended:
	case <-s.quit:
	}
	return nil
}

func (s *server) receive(st chatpb.Chat_ConnectServer) {
	if s.hold != nil {
		<-s.hold
	}
	for {
		f, err := st.Recv()
		if err != nil {
			return
		}
		out := &chatpb.ChatFrame{}
		for _, send := range f.GetSends() {
			if r := s.answer(send); r != nil {
				out.Results = append(out.Results, r)
			}
		}
		s.mu.Lock()
		s.frames, s.sends = s.frames+1, s.sends+len(f.GetSends())
		s.signals, s.takeovers = s.signals+len(f.GetSignals()), s.takeovers+len(f.GetTakeovers())
		if f.Routed != nil {
			s.routed = append(s.routed, f.GetRouted())
		}
		if len(out.GetResults()) > 0 {
			_ = st.Send(out)
		}
		s.mu.Unlock()
	}
}

func (s *server) tell(f *chatpb.ChatFrame) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.stream.Send(f)
}

func (s *server) got() (frames, sends int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.frames, s.sends
}

// handler counts.
type handler struct {
	mu                   sync.Mutex
	deliver, heads, lost int
	owned                func(store.Conv) bool
}

func (h *handler) Deliver(*chatpb.Deliver)   { h.mu.Lock(); h.deliver++; h.mu.Unlock() }
func (h *handler) Head(*chatpb.Head)         { h.mu.Lock(); h.heads++; h.mu.Unlock() }
func (h *handler) Signal(*chatpb.Signal)     {}
func (h *handler) Takeover(*chatpb.Takeover) {}
func (h *handler) PodLost(owned func(store.Conv) bool) {
	h.mu.Lock()
	h.lost, h.owned = h.lost+1, owned
	h.mu.Unlock()
}

func (h *handler) losses() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.lost
}

// names is a resolver that a test changes.
type names struct {
	mu    sync.Mutex
	addrs []string
	err   error
}

func (n *names) set(err error, addrs ...string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.addrs, n.err = addrs, err
}

func (n *names) resolve(context.Context, string) ([]string, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.addrs, n.err
}

func run(t *testing.T, o Options) (*Pool, *handler) {
	t.Helper()
	h := &handler{}
	o.Handler, o.Gateway, o.Logger = h, "g", slog.New(slog.DiscardHandler)
	if o.ResolveEvery == 0 {
		o.ResolveEvery = 5 * time.Millisecond
	}
	p, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = p.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return p, h
}

// send sends n messages and returns the channel of their results.
func send(p *Pool, conversation string, n int) <-chan *chatpb.Result {
	out := make(chan *chatpb.Result, n)
	for range n {
		p.Send(&chatpb.Send{Tenant: "t", Conversation: conversation}, func(r *chatpb.Result) { out <- r })
	}
	return out
}

func result(t *testing.T, c <-chan *chatpb.Result) *chatpb.Result {
	t.Helper()
	select {
	case r := <-c:
		return r
	case <-time.After(patience):
		t.Fatal("no result")
		return nil
	}
}

func TestSendsAreBatchedAndAnsweredInOrder(t *testing.T) {
	s := serve(t, "c1", "127.0.0.1:0", ok)
	p, _ := run(t, Options{Service: s.addr})
	eventually(t, "ready", p.Ready)
	const n = 2000
	out := send(p, "room", n)
	for i := range uint64(n) {
		if r := result(t, out); r.GetSeq() != i+1 || r.GetCode() != "" {
			t.Fatalf("result %d = %v", i, r)
		}
	}
	if frames, sends := s.got(); sends != n || frames > n/2 {
		t.Errorf("%d sends came in %d frames", sends, frames)
	}
}

func TestSendsWithoutAnAnswerAreBoundedInNumberAndTime(t *testing.T) {
	s := serve(t, "c1", "127.0.0.1:0", func(*chatpb.Send) *chatpb.Result { return nil })
	p, _ := run(t, Options{Service: s.addr, MaxInFlight: 3, SendTimeout: 100 * time.Millisecond})
	eventually(t, "ready", p.Ready)
	out := send(p, "room", 5)
	var got []string
	for range 5 {
		got = append(got, result(t, out).GetCode())
	}
	want := []string{"busy", "busy", "unavailable", "unavailable", "unavailable"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestALostPodAnswersForWhatIsInFlightAndTellsWhatWasItsOwn(t *testing.T) {
	s := serve(t, "c1", "127.0.0.1:0", func(*chatpb.Send) *chatpb.Result { return nil })
	p, h := run(t, Options{Service: s.addr})
	eventually(t, "ready", p.Ready)
	out := send(p, "room", 3)
	eventually(t, "the sends are with the pod", func() bool { _, n := s.got(); return n == 3 })
	s.grpc.Stop()
	for range 3 {
		if r := result(t, out); r.GetCode() != string(protocol.CodeUnavailable) || r.GetRetryAfterMs() == 0 {
			t.Errorf("result = %v", r)
		}
	}
	eventually(t, "the loss is told", func() bool { return h.losses() == 1 })
	v, err := store.NewConv("t", "room")
	if err != nil {
		t.Fatal(err)
	}
	if !h.owned(v) {
		t.Error("the only pod owned nothing")
	}
	if r := result(t, send(p, "room", 1)); r.GetCode() != string(protocol.CodeUnavailable) {
		t.Errorf("without a pod: %v", r)
	}
	serve(t, "c1", s.addr, ok)
	eventually(t, "the pod is found again", p.Ready)
}

func TestADrainedPodIsNoLoss(t *testing.T) {
	s := serve(t, "c1", "127.0.0.1:0", ok)
	host, port, _ := strings.Cut(s.addr, ":")
	n := &names{}
	n.set(nil, host)
	p, h := run(t, Options{Service: "chat.test:" + port, Resolve: n.resolve})
	eventually(t, "ready", p.Ready)
	n.set(nil)
	s.tell(&chatpb.ChatFrame{Draining: true})
	eventually(t, "the pod leaves the ring at once", func() bool { return !p.Ready() })
	eventually(t, "the pod is not listed", func() bool { return !p.all()[0].listed.Load() })
	close(s.quit)
	eventually(t, "the pod is forgotten", func() bool { return len(p.all()) == 0 })
	if n := h.losses(); n != 0 {
		t.Errorf("%d losses", n)
	}
}

func TestAPodThatDiesUnlistedMayHaveOwnedAnything(t *testing.T) {
	s := serve(t, "c1", "127.0.2.1:0", ok)
	_, port, _ := strings.Cut(s.addr, ":")
	serve(t, "c2", "127.0.2.2:"+port, ok)
	n := &names{}
	n.set(nil, "127.0.2.1", "127.0.2.2")
	p, h := run(t, Options{Service: "chat.test:" + port, Resolve: n.resolve})
	eventually(t, "two pods", func() bool { return len(*p.ring.Load()) == 2 })
	n.set(nil, "127.0.2.2")
	eventually(t, "one pod", func() bool { return len(*p.ring.Load()) == 1 })
	s.grpc.Stop()
	eventually(t, "the loss is told", func() bool { return h.losses() == 1 })
	v, err := store.NewConv("t", "room")
	if err != nil {
		t.Fatal(err)
	}
	if !h.owned(v) {
		t.Error("a conversation that may have been its own would not be looked at")
	}
}

func TestNamesComeAndGo(t *testing.T) {
	a := serve(t, "c1", "127.0.2.1:0", ok)
	_, port, _ := strings.Cut(a.addr, ":")
	serve(t, "c2", "127.0.2.2:"+port, ok)
	n := &names{}
	n.set(nil, "127.0.2.1")
	p, h := run(t, Options{Service: "chat.test:" + port, Resolve: n.resolve})
	size := func(want int) func() bool { return func() bool { return len(*p.ring.Load()) == want } }
	eventually(t, "one pod", size(1))
	n.set(nil, "127.0.2.1", "127.0.2.2")
	eventually(t, "two pods", size(2))
	n.set(errors.New("servfail"))
	if r := result(t, send(p, "room", 1)); r.GetCode() != "" {
		t.Errorf("a failed lookup took the pods away: %v", r)
	}
	n.set(nil, "127.0.2.2")
	eventually(t, "the unlisted pod leaves the ring", size(1))
	n.set(&net.DNSError{IsNotFound: true})
	eventually(t, "nobody is listed: streams that are up are trusted", size(2))
	if h.losses() != 0 {
		t.Errorf("%d pods were lost", h.losses())
	}
}

func TestRendezvousMovesOnlyWhatItMust(t *testing.T) {
	pods := func(names ...string) []*pod {
		out := make([]*pod, len(names))
		for i, n := range names {
			out[i] = &pod{}
			out[i].name.Store(&n)
		}
		return out
	}
	owner := func(ring []*pod, i int) string { return pick(ring, "t", fmt.Sprintf("conversation-%d", i)).identity() }
	three, two, again := pods("a", "b", "c"), pods("a", "b"), pods("c", "b", "a")
	count := map[string]int{}
	const n = 3000
	for i := range n {
		o := owner(three, i)
		count[o]++
		if other := owner(again, i); other != o {
			t.Fatalf("the order of the ring decides: %s or %s", o, other)
		}
		if o != "c" && owner(two, i) != o {
			t.Fatalf("conversation %d moved from %s though c went", i, o)
		}
	}
	for name, c := range count {
		if c < n/3-n/10 || c > n/3+n/10 {
			t.Errorf("pod %s owns %d of %d", name, c, n)
		}
	}
	if pick(nil, "t", "x") != nil {
		t.Error("nobody owns something")
	}
	if weight("a", "bc", "p") == weight("ab", "c", "p") {
		t.Error("tenant and conversation run together")
	}
}

func TestNewRefusesAServiceWithoutAPort(t *testing.T) {
	if _, err := New(Options{Service: "chat"}); err == nil {
		t.Error("no error")
	}
}
