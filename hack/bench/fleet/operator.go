package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/client-go/tools/clientcmd"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"golang.org/x/sync/errgroup"

	"github.com/chatcluster/chatcluster/controllers/chatcluster"
	"github.com/chatcluster/chatcluster/hack/bench/server"
)

// OperatorOptions are the operator's.
type OperatorOptions struct {
	Kubeconfig  string
	Concurrency int
}

// Operator runs the operator until ctx ends and says on out when it works.
func Operator(ctx context.Context, o OperatorOptions, out io.Writer) error {
	ctrl.SetLogger(logr.Discard())
	config, err := clientcmd.BuildConfigFromFlags("", o.Kubeconfig)
	if err != nil {
		return err
	}
	config.QPS = -1
	var asked counter
	config.Wrap(asked.wrap)
	scheme, err := Scheme()
	if err != nil {
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
	var w cloud
	r := chatcluster.New(mgr.GetClient(), mgr.GetAPIReader(), mgr.GetEventRecorder("operator"), w.external(), chatcluster.Options{
		Operator: "bench", ObserveEvery: 5 * time.Minute, ReportEvery: 15 * time.Second,
	})
	if err := r.SetupWithManager(ctx, mgr, o.Concurrency); err != nil {
		return err
	}
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	mux := server.Admin(func() server.Reads { return server.Reads{} }, prometheus.NewRegistry())
	mux.HandleFunc("GET /asked", func(rw http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(rw).Encode(Asked{Kubernetes: asked.counts(), CloudWrites: w.writes(), CloudReads: w.reads()})
	})
	admin := &http.Server{Handler: mux, ReadHeaderTimeout: time.Second}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return mgr.Start(ctx) })
	group.Go(func() error { return w.run(ctx) })
	group.Go(func() error {
		if err := admin.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	group.Go(func() error {
		<-ctx.Done()
		return admin.Close()
	})
	group.Go(func() error {
		if !mgr.GetCache().WaitForCacheSync(ctx) {
			return nil
		}
		// What starting took is not what it takes to work.
		runtime.GC()
		debug.FreeOSMemory()
		return json.NewEncoder(out).Encode(server.Ready{Gateway: ln.Addr().String(), Admin: ln.Addr().String()})
	})
	return group.Wait()
}
