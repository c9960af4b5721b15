package chatpool

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/chatcluster/chatcluster/runtime/chat/chatpb"
	"github.com/chatcluster/chatcluster/runtime/store"
)

const (
	createAttempts = 4
	createPause    = 50 * time.Millisecond
)

// ErrNoPod says that no chat pod is reachable.
var ErrNoPod = errors.New("no chat pod is reachable")

// Handler takes what chat pods announce. Its methods are called from one goroutine per pod and should return soon: a pod
// drops deliveries to a gateway that does not take them.
type Handler interface {
	Deliver(*chatpb.Deliver)
	Head(*chatpb.Head)
	// PodLost says that a stream ended without a drain: what the pod committed last may never be delivered. owned tells
	// which conversations were the pod's in this gateway's eyes.
	PodLost(owned func(store.Conv) bool)
	// Signal is one of another user or device.
	Signal(*chatpb.Signal)
	// Takeover says that a device of this gateway has connected again elsewhere.
	Takeover(*chatpb.Takeover)
}

// deaf has nobody to tell.
type deaf struct{}

func (deaf) Deliver(*chatpb.Deliver)       {}
func (deaf) Head(*chatpb.Head)             {}
func (deaf) PodLost(func(store.Conv) bool) {}
func (deaf) Signal(*chatpb.Signal)         {}
func (deaf) Takeover(*chatpb.Takeover)     {}

// Options of a Pool.
type Options struct {
	// Service is the host and port whose addresses are the ready chat pods. A literal IP address is one pod.
	Service string
	// Gateway is this gateway's name.
	Gateway string
	// Instance names this run of the gateway as its routes do.
	Instance string
	// Handler may be nil: then the streams are for sends alone, and chat pods announce nothing on them.
	Handler Handler
	Logger  *slog.Logger
	// Credentials are what pods must satisfy; nil: everyone is believed, in the clear.
	Credentials credentials.TransportCredentials

	// Resolve looks a host up; net.DefaultResolver when nil.
	Resolve func(ctx context.Context, host string) ([]string, error)
	// ResolveEvery is 2 s when zero.
	ResolveEvery time.Duration
	// SendTimeout is how long a pod may take to answer, 10 s when zero. It is longer than a pod's own deadline for a send.
	SendTimeout time.Duration
	// MaxInFlight bounds the sends of one pod without an answer, 8,192 when zero; more are answered with busy.
	MaxInFlight int
}

// Pool is the set of streams. Make it with New, start it with Run.
type Pool struct {
	o         Options
	sendsOnly bool
	host      string
	port      string
	ring      atomic.Pointer[[]*pod]
	// routed is what every pod is to know; see Routed.
	routed atomic.Bool

	mu   sync.Mutex
	pods map[string]*pod // by address
	wg   sync.WaitGroup
}

// New checks the options and returns a pool that does nothing until Run.
func New(o Options) (*Pool, error) {
	host, port, err := net.SplitHostPort(o.Service)
	if err != nil {
		return nil, fmt.Errorf("chat service address: %w", err)
	}
	if o.Resolve == nil {
		o.Resolve = net.DefaultResolver.LookupHost
	}
	sendsOnly := o.Handler == nil
	if sendsOnly {
		o.Handler = deaf{}
	}
	if o.Credentials == nil {
		o.Credentials = insecure.NewCredentials()
	}
	if o.ResolveEvery <= 0 {
		o.ResolveEvery = 2 * time.Second
	}
	if o.SendTimeout <= 0 {
		o.SendTimeout = 10 * time.Second
	}
	if o.MaxInFlight <= 0 {
		o.MaxInFlight = 8192
	}
	p := &Pool{o: o, sendsOnly: sendsOnly, host: host, port: port, pods: map[string]*pod{}}
	p.ring.Store(&[]*pod{})
	return p, nil
}

// Run keeps the streams until ctx ends, then ends them and waits for every goroutine.
func (p *Pool) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer p.wg.Wait()
	defer cancel()
	resolve := time.NewTicker(p.o.ResolveEvery)
	defer resolve.Stop()
	expire := time.NewTicker(p.o.SendTimeout / 10)
	defer expire.Stop()
	p.resolve(ctx)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-resolve.C:
			p.resolve(ctx)
		case now := <-expire.C:
			for _, d := range p.all() {
				d.expire(now)
			}
		}
	}
}

// Ready says whether a send has somewhere to go.
func (p *Pool) Ready() bool { return len(*p.ring.Load()) > 0 }

// Send forwards s to the owner of its conversation. It never waits. done is called exactly once, from any goroutine, perhaps
// before Send returns; it must not block. The pool fills in the ref: s must not be used again.
func (p *Pool) Send(s *chatpb.Send, done func(*chatpb.Result)) {
	p.Owner(s.GetTenant(), s.GetConversation()).Send(s, done)
}

// Create asks the owner of the conversation to create it, and tries again, perhaps elsewhere, while that is unavailable: repeating
// it is harmless. The error is ErrNoPod or a gRPC status.
func (p *Pool) Create(ctx context.Context, r *chatpb.CreateConversationRequest) (*chatpb.CreateConversationResponse, error) {
	for attempt := 1; ; attempt++ {
		d := pick(*p.ring.Load(), r.GetTenant(), r.GetConversation())
		if d == nil {
			return nil, ErrNoPod
		}
		res, err := chatpb.NewChatClient(d.cc).CreateConversation(ctx, r)
		if status.Code(err) != codes.Unavailable || attempt == createAttempts {
			return res, err
		}
		wait := time.NewTimer(rand.N(createPause << attempt))
		select {
		case <-ctx.Done():
			wait.Stop()
			return nil, err
		case <-wait.C:
		}
	}
}

// resolve brings the set of pods in line with the Service's addresses.
func (p *Pool) resolve(ctx context.Context) {
	ctx2, cancel := context.WithTimeout(ctx, p.o.ResolveEvery)
	defer cancel()
	addrs := []string{p.host}
	if net.ParseIP(p.host) == nil {
		var err error
		addrs, err = p.o.Resolve(ctx2, p.host)
		var dns *net.DNSError
		if err != nil && (!errors.As(err, &dns) || !dns.IsNotFound) {
			if ctx.Err() == nil {
				p.o.Logger.Warn("chat pods cannot be looked up", "host", p.host, "error", err)
			}
			return
		}
	}
	listed := map[string]bool{}
	for _, a := range addrs {
		listed[net.JoinHostPort(a, p.port)] = true
	}

	p.mu.Lock()
	for a, d := range p.pods {
		d.listed.Store(listed[a])
	}
	for a := range listed {
		if p.pods[a] != nil || ctx.Err() != nil {
			continue
		}
		d, err := newPod(p, a)
		if err != nil {
			p.o.Logger.Error("chat pod's address cannot be used", "address", a, "error", err)
			continue
		}
		p.pods[a] = d
		p.wg.Go(func() {
			d.run(ctx)
			p.mu.Lock()
			if p.pods[a] == d {
				delete(p.pods, a)
			}
			p.mu.Unlock()
		})
	}
	p.mu.Unlock()
	p.rebuild()
}

// rebuild makes the ring: listed pods whose streams are up and not draining, or, where none is listed, the unlisted ones.
func (p *Pool) rebuild() {
	var listed, unlisted []*pod
	p.mu.Lock()
	for _, d := range p.pods {
		if !d.takes() {
			continue
		}
		if d.listed.Load() {
			listed = append(listed, d)
		} else {
			unlisted = append(unlisted, d)
		}
	}
	ring := listed
	if len(ring) == 0 {
		ring = unlisted
	}
	p.ring.Store(&ring)
	p.mu.Unlock()
}

func (p *Pool) all() []*pod {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make([]*pod, 0, len(p.pods))
	for _, d := range p.pods {
		out = append(out, d)
	}
	slices.SortFunc(out, func(a, b *pod) int { return strings.Compare(a.addr, b.addr) })
	return out
}
