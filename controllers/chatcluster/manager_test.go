package chatcluster

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/controllers/workload"
)

// In a real manager, with its cache and its watches, every step follows from what happened in the cluster: nobody calls
// the reconciler.
func TestManager(t *testing.T) {
	w := newWorld(t)
	w.manage(ctrl.Options{}, w.external(), Options{Operator: "suite", ObserveEvery: time.Hour})

	w.create(nil)
	w.await("Ready", func(cc *v1alpha1.ChatCluster) bool {
		w.play()
		return meta.IsStatusConditionTrue(cc.Status.Conditions, v1alpha1.ConditionReady)
	})

	w.change(func(cc *v1alpha1.ChatCluster) { cc.Spec.Image = "example.com/chatd:2" })
	w.await("a migration", func(*v1alpha1.ChatCluster) bool { return w.migration() != nil })
	w.endAttempt(w.migration(), `{"current":3,"target":4,"error":"boom"}`, false)
	w.await("the failed attempt in the status, by the pod's event", func(cc *v1alpha1.ChatCluster) bool { return cc.Status.Schema.LastError == "boom" })
	w.await("the new image", func(cc *v1alpha1.ChatCluster) bool {
		w.endMigration(`{"current":4,"target":4}`, true)
		w.startPods()
		return cc.Status.Image == "example.com/chatd:2" && ptr.Deref(cc.Status.Schema.Current, 0) == 4
	})

	w.change(func(cc *v1alpha1.ChatCluster) { cc.Spec.Gateway.Replicas = ptr.To[int32](3) })
	w.await("the rollout", func(cc *v1alpha1.ChatCluster) bool {
		return !meta.IsStatusConditionTrue(cc.Status.Conditions, v1alpha1.ConditionGatewayReady)
	})
	w.addPod(workload.RoleGateway, waitsFor("ErrImagePull", "no such image"))
	w.await("the reason why a pod waits, by the pod's event", func(*v1alpha1.ChatCluster) bool {
		return strings.Contains(w.condition(v1alpha1.ConditionGatewayReady).Message, "no such image")
	})

	younger := w.cluster(func(s *v1alpha1.ChatClusterSpec) { s.MSK.TopicPrefix = w.namespace + ".demo." })
	younger.Name = "younger"
	if err := admin.Create(t.Context(), younger); err != nil {
		t.Fatal(err)
	}
	status := func() []metav1.Condition {
		if err := admin.Get(t.Context(), w.key("younger"), younger); err != nil {
			t.Fatal(err)
		}
		return younger.Status.Conditions
	}
	w.awaitThat("the younger one to have nothing left to do but wait", func() bool {
		w.dynamo.Settle()
		return meta.IsStatusConditionTrue(status(), v1alpha1.ConditionStalled) && meta.IsStatusConditionTrue(status(), v1alpha1.ConditionTablesReady)
	})
	if err := admin.Delete(t.Context(), w.get()); err != nil {
		t.Fatal(err)
	}
	w.awaitThat("the younger one to go on when the older one is gone", func() bool {
		return meta.IsStatusConditionTrue(status(), v1alpha1.ConditionTopicsReady)
	})
}

// manage runs a manager with the suite's namespace until the function that it returns is called, or the test ends.
func (w *world) manage(o ctrl.Options, external External, options Options) (stop func()) {
	w.t.Helper()
	o.Scheme = runtime.NewScheme() // making a manager writes to it, while another one may be reading
	if err := errors.Join(clientgoscheme.AddToScheme(o.Scheme), v1alpha1.AddToScheme(o.Scheme)); err != nil {
		w.t.Fatal(err)
	}
	o.Cache = cache.Options{ByObject: CacheOptions(), DefaultNamespaces: map[string]cache.Config{w.namespace: {}}}
	o.Metrics = metricsserver.Options{BindAddress: "0"}
	// Each test has a manager of its own, in the same process.
	o.Controller.SkipNameValidation = ptr.To(true)
	config := rest.CopyConfig(operatorConfig)
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { return requests{next, w.wrote} })
	mgr, err := ctrl.NewManager(config, o)
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := New(mgr.GetClient(), mgr.GetAPIReader(), mgr.GetEventRecorder("suite"), external, options)
	if err := r.SetupWithManager(ctx, mgr, 2); err != nil {
		w.t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- mgr.Start(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil && !strings.Contains(err.Error(), "leader election lost") {
			w.t.Errorf("the manager ended with %v", err)
		}
	})
	w.t.Cleanup(stop)
	return stop
}

// requests notes what changes something, but for events, which only tell.
type requests struct {
	next http.RoundTripper
	note func(string)
}

func (r requests) RoundTrip(q *http.Request) (*http.Response, error) {
	if q.Method != http.MethodGet && !strings.Contains(q.URL.Path, "/events") {
		r.note(q.Method + " " + q.URL.Path)
	}
	return r.next.RoundTrip(q)
}

// play does what the rest of the world does.
func (w *world) play() {
	w.dynamo.Settle()
	w.endMigration(`{"current":3,"target":3}`, true)
	w.startPods()
}

// await looks every 50 ms, for half a minute.
func (w *world) await(what string, done func(*v1alpha1.ChatCluster) bool) {
	w.t.Helper()
	defer func() {
		if w.t.Failed() {
			w.t.Log(explainConditions(w.get()))
		}
	}()
	w.awaitThat(what, func() bool { return done(w.get()) })
}

func (w *world) awaitThat(what string, done func() bool) {
	w.t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(time.Minute) // a busy machine takes half of it
	for {
		if done() {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			w.t.Fatal("waited in vain for " + what)
		}
	}
}
