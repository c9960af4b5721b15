package chatcluster

import (
	"context"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
)

// In a real manager, with its cache and its watches, every step follows from what happened in the cluster: nobody calls
// the reconciler.
func TestManager(t *testing.T) {
	w := newWorld(t)
	mgr, err := ctrl.NewManager(operatorConfig, ctrl.Options{
		Scheme:  scheme,
		Cache:   cache.Options{ByObject: CacheOptions(), DefaultNamespaces: map[string]cache.Config{w.namespace: {}}},
		Metrics: metricsserver.Options{BindAddress: "0"},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := New(mgr.GetClient(), mgr.GetAPIReader(), mgr.GetEventRecorder("suite"), w.external(), Options{Operator: "suite", ObserveEvery: time.Hour})
	if err := r.SetupWithManager(ctx, mgr, 2); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- mgr.Start(ctx) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the manager ended with %v", err)
		}
	}()

	w.create(nil)
	w.await("Ready", func(cc *v1alpha1.ChatCluster) bool {
		w.dynamo.Settle()
		w.endMigration(`{"current":3,"target":3}`, true)
		w.startPods()
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
}

// await looks every 50 ms, for half a minute.
func (w *world) await(what string, done func(*v1alpha1.ChatCluster) bool) {
	w.t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(30 * time.Second)
	for {
		cc := w.get()
		if done(cc) {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			w.t.Fatalf("waited for %s: %s", what, explainConditions(cc))
		}
	}
}
