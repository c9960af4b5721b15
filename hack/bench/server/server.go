package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/chatcluster/chatcluster/hack/bench/admin"
	"github.com/chatcluster/chatcluster/runtime/auth"
	"github.com/chatcluster/chatcluster/runtime/auth/issuer"
	"github.com/chatcluster/chatcluster/runtime/chat"
	"github.com/chatcluster/chatcluster/runtime/config"
	"github.com/chatcluster/chatcluster/runtime/gateway"
	"github.com/chatcluster/chatcluster/runtime/readmodel/history"
	"github.com/chatcluster/chatcluster/runtime/store"
	"github.com/chatcluster/chatcluster/runtime/store/embedded"
)

// Issuer and Audience are what the load generator's tokens say.
const (
	Issuer   = "http://bench.invalid"
	Audience = "chatcluster"
)

const maxConnections = 20_000

// Options of a server.
type Options struct {
	// Class is D0, D1 or D2.
	Class string
	// Dir holds the store of D1 and the issuer's key.
	Dir string
	// Listen is the gateway's address: the same again after a restart.
	Listen string
	Seed   Seed
}

// KeyFile is the issuer's key in a server's folder.
func KeyFile(dir string) string { return filepath.Join(dir, "issuer.pem") }

// Run serves until ctx ends, and says on out when it is ready.
func Run(ctx context.Context, o Options, out io.Writer) error {
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	registry := prometheus.NewRegistry()
	e, err := openEngines(ctx, o, log, registry)
	if err != nil {
		return err
	}
	defer e.close()

	chatLn, err := listen(ctx, "127.0.0.1:0")
	if err != nil {
		return err
	}
	gatewayLn, err := listen(ctx, o.Listen)
	if err != nil {
		return err
	}
	adminLn, err := listen(ctx, "127.0.0.1:0")
	if err != nil {
		return err
	}
	service, err := chat.New(chat.Options{
		Pod: "chat-0", Store: e.store, Publisher: e.publisher, Registry: e.registry, Routes: e.where, HotRetention: 30 * 24 * time.Hour, Log: log,
		Registerer: registry,
	})
	if err != nil {
		return err
	}
	key, err := issuer.LoadOrCreateKey(KeyFile(o.Dir))
	if err != nil {
		return err
	}
	keys, err := issuer.Handler(Issuer, key)
	if err != nil {
		return err
	}
	verifier, err := auth.New([]config.Issuer{{
		Tenant: string(Tenant), Issuer: Issuer, Audience: Audience, JWKSURL: "http://" + adminLn.Addr().String() + issuer.JWKSPath,
	}}, auth.Options{Log: log})
	if err != nil {
		return err
	}
	revocations, err := auth.NewRevocations(auth.RevocationsOptions{Store: e.store, Log: log})
	if err != nil {
		return err
	}
	reads := &counted{Store: e.store}
	g, err := gateway.New(gateway.Options{
		Name: "gateway-0", Verifier: verifier, Revocations: revocations, Store: reads, Marks: e.marks, MarkLog: e.markLog,
		Inbox:   e.inbox,
		History: history.NewReader(e.store, e.older), Routes: e.routes, ChatService: chatLn.Addr().String(), MaxConnections: maxConnections,
		DrainPeriod: time.Second, Logger: log, Registerer: registry,
	})
	if err != nil {
		return err
	}
	mux := admin.Handler(reads.reads, registry)
	mux.Handle("/.well-known/", keys)
	mux.Handle("GET /logs", logs(e.store, len(o.Seed.Sizes)))
	e.admin(mux)
	private := &http.Server{Handler: mux, ReadHeaderTimeout: time.Second}

	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return service.Serve(ctx, chatLn) })
	group.Go(func() error { return g.Run(ctx, gatewayLn) })
	group.Go(func() error { return ignoreCanceled(verifier.Run(ctx)) })
	group.Go(func() error { return ignoreCanceled(revocations.Run(ctx)) })
	for _, run := range e.background {
		group.Go(func() error { return ignoreCanceled(run(ctx)) })
	}
	group.Go(func() error {
		if err := private.Serve(adminLn); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	group.Go(func() error {
		for g.Ready(ctx) != nil {
			time.Sleep(time.Millisecond)
		}
		return json.NewEncoder(out).Encode(admin.Ready{Gateway: gatewayLn.Addr().String(), Admin: adminLn.Addr().String()})
	})
	group.Go(func() error {
		<-ctx.Done()
		return private.Close()
	})
	return group.Wait()
}

func listen(ctx context.Context, addr string) (net.Listener, error) {
	var lc net.ListenConfig
	return lc.Listen(ctx, "tcp", addr)
}

func ignoreCanceled(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// engines are what a class stands on.
type engines struct {
	store     store.Store
	publisher chat.Publisher
	registry  chat.Registry
	where     chat.Routes
	routes    gateway.Routes
	marks     gateway.Marks
	markLog   gateway.MarkLog
	inbox     gateway.Inbox
	older     history.Cold
	// background runs as long as the server.
	background []func(context.Context) error
	admin      func(*http.ServeMux)
	close      func()
}

// openEngines opens them, with the seed in the store: it is there already after a restart.
func openEngines(ctx context.Context, o Options, log *slog.Logger, registry prometheus.Registerer) (*engines, error) {
	if o.Class == "D2" {
		return realEngines(ctx, o, log, registry)
	}
	opts := embedded.Options{Log: log}
	dir := filepath.Join(o.Dir, "store")
	switch o.Class {
	case "D0":
		opts.FS, opts.NoSync = vfs.NewMem(), true
	case "D1":
	default:
		return nil, fmt.Errorf("no class %q: there are D0, D1 and D2", o.Class)
	}
	st, err := planted(ctx, dir, opts, o.Seed)
	if err != nil {
		return nil, err
	}
	return &engines{
		store: st, publisher: kafka{}, marks: newMarks(), markLog: kafka{}, inbox: nothing{}, older: nothing{},
		admin: func(*http.ServeMux) {}, close: func() { _ = st.Close() },
	}, nil
}

// planted opens the embedded store with the seed in it. What is there before anybody connects need not be flushed one by one.
func planted(ctx context.Context, dir string, opts embedded.Options, seed Seed) (*embedded.Store, error) {
	fast := opts
	fast.NoSync = true
	st, err := embedded.Open(dir, fast)
	if err != nil {
		return nil, err
	}
	there, err := isPlanted(ctx, st)
	if err == nil && !there {
		err = plant(ctx, st, seed, 64)
	}
	if err == nil && opts.NoSync {
		return st, nil
	}
	if err := errors.Join(err, st.Close()); err != nil {
		return nil, err
	}
	return embedded.Open(dir, opts)
}

func isPlanted(ctx context.Context, st store.Store) (bool, error) {
	v, err := store.NewConv(Tenant, "c0")
	if err != nil {
		return false, err
	}
	_, err = st.Conversation(ctx, v)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}
