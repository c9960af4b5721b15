package operator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	goruntime "runtime"
	"runtime/debug"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/clientcmd"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"golang.org/x/sync/errgroup"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/controllers/announce"
	"github.com/chatcluster/chatcluster/controllers/chatcluster"
	"github.com/chatcluster/chatcluster/controllers/chattenant"
	"github.com/chatcluster/chatcluster/hack/bench/admin"
)

// observeEvery is the operator's default.
const observeEvery = 5 * time.Minute

// Options are the operator's.
type Options struct {
	Kubeconfig  string
	Concurrency int
}

// Run runs the operator until ctx ends and says on out when it works.
func Run(ctx context.Context, o Options, out io.Writer) error {
	ctrl.SetLogger(logr.Discard())
	debug.SetGCPercent(chatcluster.GCPercent)
	config, err := clientcmd.BuildConfigFromFlags("", o.Kubeconfig)
	if err != nil {
		return err
	}
	config.QPS = -1
	var asked counter
	config.Wrap(asked.wrap)
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		return err
	}
	mgr, err := ctrl.NewManager(config, ctrl.Options{
		Scheme:  scheme,
		Cache:   cache.Options{ByObject: chatcluster.CacheOptions()},
		Client:  client.Options{FieldOwner: string(chatcluster.FieldOwner)},
		Metrics: metricsserver.Options{BindAddress: "0"},
	})
	if err != nil {
		return err
	}
	recorder, err := announce.ForConfig(ctx, mgr.GetConfig(), scheme, "operator")
	if err != nil {
		return err
	}
	var w cloud
	r := chatcluster.New(mgr.GetClient(), mgr.GetAPIReader(), recorder, w.external(), chatcluster.Options{
		Operator: "bench", ObserveEvery: observeEvery, ReportEvery: 15 * time.Second,
	})
	if err := r.SetupWithManager(ctx, mgr, o.Concurrency); err != nil {
		return err
	}
	tenants := chattenant.New(mgr.GetClient(), mgr.GetAPIReader(), recorder, r, chattenant.Options{ObserveEvery: observeEvery})
	if err := tenants.SetupWithManager(ctx, mgr, o.Concurrency); err != nil {
		return err
	}
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	mux := admin.Handler(func() admin.Reads { return admin.Reads{} }, prometheus.NewRegistry())
	mux.HandleFunc("GET /asked", func(rw http.ResponseWriter, _ *http.Request) {
		passed, _, err := work()
		if err != nil {
			http.Error(rw, err.Error(), http.StatusInternalServerError)
			return
		}
		_ = json.NewEncoder(rw).Encode(Asked{Kubernetes: asked.counts(), CloudWrites: w.writes(), CloudReads: w.reads(), Passes: passed})
	})
	mux.HandleFunc("GET /due", func(rw http.ResponseWriter, _ *http.Request) {
		_, due, err := work()
		if err != nil {
			http.Error(rw, err.Error(), http.StatusInternalServerError)
			return
		}
		_, _ = fmt.Fprint(rw, due)
	})
	// It takes memory itself, to name functions: who asks has measured before.
	mux.HandleFunc("GET /stand-ins", func(rw http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(rw, heldByStandIns()) })
	private := &http.Server{Handler: mux, ReadHeaderTimeout: time.Second}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return mgr.Start(ctx) })
	group.Go(func() error { return w.run(ctx) })
	group.Go(func() error {
		if err := private.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	group.Go(func() error {
		<-ctx.Done()
		return private.Close()
	})
	group.Go(func() error {
		if !mgr.GetCache().WaitForCacheSync(ctx) {
			return nil
		}
		// What starting took is not what it takes to work.
		goruntime.GC()
		debug.FreeOSMemory()
		return json.NewEncoder(out).Encode(admin.Ready{Gateway: ln.Addr().String(), Admin: ln.Addr().String()})
	})
	return group.Wait()
}
