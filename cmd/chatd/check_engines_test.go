//go:build engines

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chatcluster/chatcluster/runtime/chat/chatpb"
	"github.com/chatcluster/chatcluster/runtime/config"
	"github.com/chatcluster/chatcluster/runtime/dev"
	"github.com/chatcluster/chatcluster/runtime/gateway/chatpool"
	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
	promises "github.com/chatcluster/chatcluster/test/check"
	"github.com/chatcluster/chatcluster/test/check/fault"
)

// TestThePromisesHoldInOneProcess is chatd check on the engines of chatd dev, all of it under the race detector: roles come and
// go, the store fails and loses answers, Kafka too, Redis forgets. Nobody has quiet hours, which end with a minute: that is chatd
// check's.
func TestThePromisesHoldInOneProcess(t *testing.T) {
	dir := t.TempDir()
	open(t, dir)
	engines, err := dev.Start(t.Context(), dev.Options{Dir: dir, NoSync: true, PushDelay: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := engines.Close(); err != nil {
			t.Error(err)
		}
	})
	kafka, err := fault.NewKafka(t.Context(), engines.Config.Kafka.Brokers[0])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = kafka.Close() })
	direct := engines.Config.Kafka
	engines.Config.Kafka.Brokers = []string{kafka.Addr()}
	engines.Config.Processors = config.Processors{Profanity: &config.Detector{Mode: "Enforce"}, Fraud: &config.Detector{Mode: "Flag"}}
	flaky := &flakyStore{Store: engines.Store}
	h := &household{t: t, engines: engines, store: flaky, gateway: "127.0.0.1:0", chat: "127.0.0.1:0"}
	h.start()
	t.Cleanup(h.stop)

	pool := h.pool()
	away := func(set func(bool)) func(context.Context, *rand.Rand) string {
		return func(ctx context.Context, rng *rand.Rand) string {
			set(true)
			defer set(false)
			d := time.Duration(rng.Int64N(int64(time.Second)))
			sleep(ctx, d)
			return d.String()
		}
	}
	seed := rand.Uint64() >> 32
	var out strings.Builder
	report, err := promises.Run(t.Context(), promises.System{
		Gateway: "ws://" + h.gateway, Tenant: dev.Tenant,
		Token: func(user string) (string, error) { return engines.Token(user, time.Hour) },
		Store: engines.Store, Kafka: direct, Postgres: engines.Config.Postgres, Sink: engines.SinkURL, Application: engines.Config.Push.ApplicationID,
		PushDelay: time.Second,
		Processors: []promises.Processor{
			{Name: "profanity", Lure: "bullshit", Sure: true, Action: protocol.ActionMask},
			{Name: "fraud", Lure: "https://paypa1.com/now", Sure: true, Action: protocol.ActionFlag},
		},
		Books: true,
		Judge: func(ctx context.Context, s *chatpb.Send) *chatpb.Result {
			s.Tenant = dev.Tenant
			done := make(chan *chatpb.Result, 1)
			pool.Send(s, func(r *chatpb.Result) { done <- r })
			select {
			case r := <-done:
				return r
			case <-ctx.Done():
				return nil
			}
		},
		Faults: []promises.Fault{
			{Name: "roles restarted", Weight: 2, Do: func(context.Context, *rand.Rand) string { h.stop(); h.start(); return "all" }},
			{Name: "redis emptied", Weight: 2, Do: func(context.Context, *rand.Rand) string { engines.Redis.FlushAll(); return "all" }},
			{Name: "store fails", Weight: 4, Do: away(flaky.fail)},
			{Name: "kafka away", Weight: 3, Do: away(kafka.Refuse)},
		},
		Heal: func(context.Context) error {
			flaky.fail(false)
			kafka.Refuse(false)
			return nil
		},
	}, promises.Options{Seed: seed, Duration: 6 * time.Second, Users: 4, Groups: 2, FaultEvery: time.Second, Patience: patience, Quiet: -1, Out: &out})
	if err != nil {
		t.Fatalf("seed %d: %v\n%s", seed, err, out.String())
	}
	report.Print(&out)
	t.Log(out.String())
	if len(report.Violations) > 0 {
		t.Errorf("%d violations", len(report.Violations))
	}
	if report.Acked == 0 || report.Shown == 0 {
		t.Error("nothing was said")
	}
}

// household is all roles in this process, on ports that stay.
type household struct {
	t             *testing.T
	engines       *dev.Engines
	store         store.Store
	gateway, chat string

	mu    sync.Mutex
	end   context.CancelFunc
	ended chan error
}

func (h *household) start() {
	h.mu.Lock()
	defer h.mu.Unlock()
	listen := func(addr *string) net.Listener {
		ln, err := net.Listen("tcp", *addr)
		if err != nil {
			h.t.Error(err)
			return nil
		}
		*addr = ln.Addr().String()
		return ln
	}
	all := allRoles{
		cfg: h.engines.Config, local: local{aws: h.engines.AWS, store: h.store}, log: slog.New(slog.DiscardHandler),
		gateway: listen(&h.gateway), chat: listen(&h.chat),
	}
	if all.gateway == nil || all.chat == nil {
		return
	}
	// They outlive the test's context: the verification needs them.
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	o := newOps(all.log)
	go func() { ended <- all.run(ctx, o) }()
	h.end, h.ended = cancel, ended
	for deadline := time.Now().Add(patience); ; {
		if status, body := o.look(ctx); status == http.StatusOK && allNamed(all.names(), body) {
			return
		} else if time.Now().After(deadline) {
			h.t.Errorf("not ready: %v", body)
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func (h *household) stop() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.end == nil {
		return
	}
	h.end()
	if err := <-h.ended; err != nil {
		h.t.Errorf("the roles ended with %v", err)
	}
	h.end = nil
}

// pool is where verdicts go: they come from no client.
func (h *household) pool() *chatpool.Pool {
	p, err := chatpool.New(chatpool.Options{Service: h.chat, Gateway: "checker", Handler: nobody{}, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		h.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = p.Run(ctx) }()
	h.t.Cleanup(func() { cancel(); <-ended })
	return p
}

type nobody struct{}

func (nobody) Deliver(*chatpb.Deliver)       {}
func (nobody) Head(*chatpb.Head)             {}
func (nobody) PodLost(func(store.Conv) bool) {}
func (nobody) Signal(*chatpb.Signal)         {}
func (nobody) Takeover(*chatpb.Takeover)     {}

var errFlaky = errors.New("the store does not answer")

// flakyStore fails while it is told to: before the write, or after it.
type flakyStore struct {
	store.Store
	failing atomic.Bool
}

func (s *flakyStore) fail(on bool) { s.failing.Store(on) }

// around makes a call, or does not, or does and says nothing of it.
func (s *flakyStore) around(what string, call func() error) error {
	if !s.failing.Load() {
		return call()
	}
	switch rand.IntN(3) {
	case 0:
		return fmt.Errorf("%s: %w", what, errFlaky)
	case 1:
		_ = call() // it has happened, and nobody will know
		return fmt.Errorf("%s: %w", what, errFlaky)
	default:
		return call()
	}
}

func (s *flakyStore) Append(ctx context.Context, c store.Conv, b *logpb.Batch, o store.AppendOptions) error {
	return s.around("append", func() error { return s.Store.Append(ctx, c, b, o) })
}

func (s *flakyStore) ChangeMembers(ctx context.Context, c store.Conv, b *logpb.Batch, changes []store.MemberChange, o store.AppendOptions) error {
	return s.around("change members", func() error { return s.Store.ChangeMembers(ctx, c, b, changes, o) })
}

func (s *flakyStore) MarkOutbox(ctx context.Context, c store.Conv, first uint64) error {
	return s.around("mark", func() error { return s.Store.MarkOutbox(ctx, c, first) })
}

func (s *flakyStore) ClearOutbox(ctx context.Context, c store.Conv, first uint64) error {
	return s.around("clear", func() error { return s.Store.ClearOutbox(ctx, c, first) })
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
