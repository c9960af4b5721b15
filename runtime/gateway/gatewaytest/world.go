package gatewaytest

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/chatcluster/chatcluster/runtime/auth"
	"github.com/chatcluster/chatcluster/runtime/gateway"
	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/readmodel/history"
	"github.com/chatcluster/chatcluster/runtime/store"
	"github.com/chatcluster/chatcluster/runtime/store/embedded"
)

// Patience is how long conditions are waited for.
const Patience = 20 * time.Second

// Tenant is everybody's.
const Tenant = store.Tenant("t")

// World is a store, chat pods and gateways.
type World struct {
	T       testing.TB
	Store   *Store
	Marks   *Marks
	MarkLog *MarkLog
	Tokens  *Tokens
	Inbox   InboxFunc
	// Redis is nil until UseRedis.
	Redis *Redis

	mu    sync.Mutex
	port  string
	pods  map[string]*Pod // by address
	next  int
	heads map[store.Conv]*log
}

// New returns an empty world.
func New(t testing.TB) *World {
	t.Helper()
	db, err := embedded.Open("db", embedded.Options{NoSync: true, FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return &World{
		T: t, Store: &Store{Store: db}, Marks: newMarks(), MarkLog: &MarkLog{}, Tokens: &Tokens{},
		pods: map[string]*Pod{}, heads: map[store.Conv]*log{},
	}
}

// Gateway is a running gateway.
type Gateway struct {
	*gateway.Gateway
	Revocations *auth.Revocations
	// URL is ws://…
	URL  string
	stop context.CancelFunc
	done chan error
}

// Gateway starts one that finds the world's pods. change may adjust the options.
func (w *World) Gateway(name string, change func(*gateway.Options)) *Gateway {
	w.T.Helper()
	revocations, err := auth.NewRevocations(auth.RevocationsOptions{
		Store: w.Store, PollEvery: 20 * time.Millisecond, Log: slog.New(slog.NewTextHandler(w.T.Output(), nil)),
	})
	if err != nil {
		w.T.Fatal(err)
	}
	o := gateway.Options{
		Name: name, Verifier: w.Tokens, Revocations: revocations, Store: w.Store, Marks: w.Marks, MarkLog: w.MarkLog, Inbox: inboxes{w.Inbox, w.Store},
		History: history.NewReader(w.Store, nothing{}), ChatService: net.JoinHostPort("chat.test", w.servicePort()),
		Resolve: w.resolve, MaxConnections: 1000, DrainPeriod: 50 * time.Millisecond,
		Logger: slog.New(slog.NewTextHandler(w.T.Output(), &slog.HandlerOptions{Level: slog.LevelWarn})), Registerer: prometheus.NewRegistry(),
	}
	if w.Redis != nil {
		o.Routes = w.Redis.Cache
		o.Limits.LeaseEvery, o.Limits.RouteEvery = 50*time.Millisecond, 100*time.Millisecond
	}
	if change != nil {
		change(&o)
	}
	g, err := gateway.New(o)
	if err != nil {
		w.T.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.T.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	out := &Gateway{Gateway: g, Revocations: revocations, URL: "ws://" + ln.Addr().String(), stop: stop, done: make(chan error, 1)}
	var beside sync.WaitGroup
	beside.Go(func() { _ = revocations.Run(ctx) })
	go func() { out.done <- g.Run(ctx, ln); beside.Wait(); close(out.done) }()
	w.Eventually("the revocations are known", func() bool { return revocations.Ready(ctx) == nil })
	w.T.Cleanup(func() {
		if err := out.Stop(); err != nil {
			w.T.Errorf("gateway %s: %v", name, err)
		}
	})
	if w.live() > 0 {
		w.Eventually("the gateway is ready", func() bool { return g.Ready(context.Background()) == nil })
	}
	return out
}

// Stop drains the gateway and waits for its end.
func (g *Gateway) Stop() error {
	g.stop()
	return <-g.done
}

// BeginStop drains the gateway without waiting.
func (g *Gateway) BeginStop() { g.stop() }

// Eventually waits until the condition holds.
func (w *World) Eventually(what string, ok func() bool) {
	w.T.Helper()
	Eventually(w.T, what, ok)
}

// Eventually waits until the condition holds.
func Eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	end := time.NewTimer(Patience)
	defer end.Stop()
	look := time.NewTicker(2 * time.Millisecond)
	defer look.Stop()
	for !ok() {
		select {
		case <-end.C:
			t.Fatalf("never came true: %s", what)
		case <-look.C:
		}
	}
}

// Conv returns the conversation's key.
func (w *World) Conv(id string) store.Conv {
	c, err := store.NewConv(Tenant, id)
	if err != nil {
		w.T.Fatal(err)
	}
	return c
}

// User returns the user's key.
func (w *World) User(id string) store.User {
	u, err := store.NewUser(Tenant, id)
	if err != nil {
		w.T.Fatal(err)
	}
	return u
}

// Create makes a group whose first entry names the members, and delivers it.
func (w *World) Create(id string, members ...string) store.Conv {
	w.T.Helper()
	v := w.Conv(id)
	in := make([]*logpb.Member, len(members))
	for i, m := range members {
		in[i] = &logpb.Member{User: m, Role: store.RoleMember}
	}
	if _, err := w.create(v, store.Group, "", members[0], in); err != nil {
		w.T.Fatal(err)
	}
	return v
}

// Say commits messages of a user, one to a batch, delivering each unless the pods are told not to. It returns the last seq.
func (w *World) Say(v store.Conv, user string, bodies ...string) uint64 {
	w.T.Helper()
	var seq uint64
	for i, b := range bodies {
		e, err := w.commit(v, &logpb.Entry{
			Sender: user, Device: "elsewhere", ClientMsgId: fmt.Sprintf("%s-%d-%d", b, i, time.Now().UnixNano()),
			Kind: &logpb.Entry_Message{Message: &logpb.Message{Body: b}},
		})
		if err != nil {
			w.T.Fatal(err)
		}
		seq = e.GetSeq()
	}
	return seq
}

// nothing is a read model that is empty.
type nothing struct{}

func (nothing) Entries(context.Context, store.Conv, uint64, uint64) ([]*logpb.Entry, error) {
	return nil, nil
}

// servicePort is the port that all pods listen on, each with an address of its own.
func (w *World) servicePort() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.port == "" {
		ln, err := net.Listen("tcp", "127.0.1.1:0")
		if err != nil {
			w.T.Fatal(err)
		}
		_, w.port, _ = strings.Cut(ln.Addr().String(), ":")
		_ = ln.Close()
	}
	return w.port
}

func (w *World) resolve(context.Context, string) ([]string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []string
	for a, p := range w.pods {
		if p.listed {
			out = append(out, a)
		}
	}
	if len(out) == 0 {
		return nil, &net.DNSError{Err: "no such host", Name: "chat.test", IsNotFound: true}
	}
	return out, nil
}

func (w *World) live() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.pods)
}

// Seed makes a conversation behind the pods' backs: nothing is delivered.
func (w *World) Seed(c store.Conversation, members ...string) {
	w.T.Helper()
	in := make([]store.Member, len(members))
	added := &logpb.MembersAdded{}
	for i, m := range members {
		in[i] = store.Member{User: w.User(m), Role: store.RoleMember, Joined: 1}
		added.Members = append(added.Members, &logpb.Member{User: m, Role: store.RoleMember})
	}
	first := batch(&logpb.Entry{Seq: 1, Sender: members[0], AtMs: time.Now().UnixMilli(), Kind: &logpb.Entry_MembersAdded{MembersAdded: added}})
	if err := w.Store.Create(context.Background(), c, in, first, store.AppendOptions{}); err != nil {
		w.T.Fatal(err)
	}
}
