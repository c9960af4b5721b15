package scenario

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/controllers/workload"
	"github.com/chatcluster/chatcluster/hack/bench/fleet"
	"github.com/chatcluster/chatcluster/hack/bench/operator"
	"github.com/chatcluster/chatcluster/hack/bench/process"
)

const (
	// fleetNamespaces share the ChatClusters.
	fleetNamespaces = 20
	// fleetConcurrency is the operator's default.
	fleetConcurrency = 8
	// fleetWithin bounds the wait for a fleet to be Ready.
	fleetWithin = 10 * time.Minute
	// appliers apply ChatClusters at the same time.
	appliers = 16
)

// fleetStage is an operator on a control plane.
type fleetStage struct {
	b        *bench
	plane    *fleet.Plane
	operator *process.Server
	stop     context.CancelFunc
	hands    errgroup.Group
}

// plane is a control plane with the namespaces that ChatClusters are in.
func (b *bench) plane(ctx context.Context) (*fleet.Plane, error) {
	b.runs++
	dir := fmt.Sprintf("%s/%d", b.dir, b.runs)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	top, err := exec.CommandContext(ctx, "git", "rev-parse", "--show-toplevel").Output()
	if err != nil {
		return nil, err
	}
	p, err := fleet.Start(ctx, strings.TrimSpace(string(top)), dir)
	if err != nil {
		return nil, err
	}
	for i := range fleetNamespaces {
		if err := p.Namespace(ctx, fleetNamespace(i)); err != nil {
			return nil, errors.Join(err, p.Stop())
		}
	}
	return p, nil
}

func (b *bench) fleetStage(ctx context.Context) (_ *fleetStage, err error) {
	s := &fleetStage{b: b}
	if s.plane, err = b.plane(ctx); err != nil {
		return nil, err
	}
	life, stop := context.WithCancel(ctx)
	s.stop = stop
	s.hands.Go(func() error { return s.plane.Hands(life) })
	if err := s.startOperator(ctx); err != nil {
		stop()
		return nil, errors.Join(err, s.hands.Wait(), s.plane.Stop())
	}
	return s, nil
}

func (s *fleetStage) startOperator(ctx context.Context) (err error) {
	s.operator, err = process.StartBeside(ctx, "bench-operator", "--kubeconfig", s.plane.Kubeconfig, "--concurrency", fmt.Sprint(fleetConcurrency))
	return err
}

func (s *fleetStage) end() error {
	err := s.operator.Stop()
	s.stop()
	return errors.Join(err, s.hands.Wait(), s.plane.Stop())
}

func fleetNamespace(i int) string { return fmt.Sprintf("team-%d", i%fleetNamespaces) }

// asked is what the operator has asked for.
func (s *fleetStage) asked() (a operator.Asked, err error) {
	data, err := s.operator.Get("/asked")
	if err != nil {
		return a, err
	}
	return a, json.Unmarshal(data, &a)
}

// numbered names objects by a prefix and a number.
func numbered(prefix string) func(int) string {
	return func(i int) string { return fmt.Sprintf("%s-%d", prefix, i) }
}

// apply applies n ChatClusters, named prefix and a number.
func (s *fleetStage) apply(ctx context.Context, prefix string, n int, change func(*v1alpha1.ChatCluster)) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(appliers)
	for i := range n {
		group.Go(func() error {
			cc := fleet.Cluster(fleetNamespace(i), numbered(prefix)(i))
			if change != nil {
				change(cc)
			}
			return s.plane.Client.Create(ctx, cc)
		})
	}
	return group.Wait()
}

// applyTenants applies n ChatTenants, named prefix and a number, to ChatClusters, which cluster names, in turn.
func (s *fleetStage) applyTenants(ctx context.Context, prefix string, cluster func(int) string, of, n int) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(appliers)
	for i := range n {
		group.Go(func() error {
			return s.plane.Client.Create(ctx, fleet.Tenant(fleetNamespace(i%of), cluster(i%of), fmt.Sprintf("%s-%d", prefix, i)))
		})
	}
	return group.Wait()
}

// ready waits until n ChatClusters whose names begin with prefix are Ready.
func (s *fleetStage) ready(ctx context.Context, prefix string, n int) error {
	return s.awaitReady(ctx, &v1alpha1.ChatClusterList{}, prefix, n, func(o any) bool {
		cc, ok := o.(*v1alpha1.ChatCluster)
		return ok && isReady(cc, cc.Status.ObservedGeneration, cc.Status.Conditions)
	})
}

// tenantsReady is the same for ChatTenants.
func (s *fleetStage) tenantsReady(ctx context.Context, prefix string, n int) error {
	return s.awaitReady(ctx, &v1alpha1.ChatTenantList{}, prefix, n, func(o any) bool {
		ct, ok := o.(*v1alpha1.ChatTenant)
		return ok && isReady(ct, ct.Status.ObservedGeneration, ct.Status.Conditions)
	})
}

func isReady(o client.Object, observed int64, conditions []metav1.Condition) bool {
	return meta.IsStatusConditionTrue(conditions, v1alpha1.ConditionReady) && observed == o.GetGeneration()
}

// awaitReady watches until n objects whose names begin with prefix are Ready. A watch that ends is begun anew.
func (s *fleetStage) awaitReady(ctx context.Context, list client.ObjectList, prefix string, n int, ready func(any) bool) error {
	ctx, cancel := context.WithTimeout(ctx, fleetWithin)
	defer cancel()
	done := map[string]bool{}
	for len(done) < n {
		w, err := s.plane.Client.Watch(ctx, list)
		if err != nil {
			return fmt.Errorf("%d of %d %T are Ready: %w", len(done), n, list, err)
		}
		err = collect(ctx, w, n, done, func(o client.Object) bool { return strings.HasPrefix(o.GetName(), prefix+"-") && ready(o) })
		w.Stop()
		if err != nil {
			return fmt.Errorf("%d of %d %T are Ready: %w", len(done), n, list, err)
		}
	}
	return nil
}

// collect takes note of those that are ready, until there are n or the watch ends.
func collect(ctx context.Context, w watch.Interface, n int, done map[string]bool, ready func(client.Object) bool) error {
	for len(done) < n {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case e, open := <-w.ResultChan():
			if !open {
				return nil
			}
			if o, ok := e.Object.(client.Object); ok && ready(o) {
				done[o.GetNamespace()+"/"+o.GetName()] = true
			}
		}
	}
	return nil
}

// children are what the operator made.
func (s *fleetStage) children(ctx context.Context) ([]unstructured.Unstructured, error) {
	var all []unstructured.Unstructured
	for _, kind := range []schema.GroupVersionKind{
		corev1.SchemeGroupVersion.WithKind("ServiceAccount"), networkingv1.SchemeGroupVersion.WithKind("NetworkPolicy"),
		corev1.SchemeGroupVersion.WithKind("Secret"), corev1.SchemeGroupVersion.WithKind("ConfigMap"), batchv1.SchemeGroupVersion.WithKind("Job"),
		corev1.SchemeGroupVersion.WithKind("Service"), policyv1.SchemeGroupVersion.WithKind("PodDisruptionBudget"),
		appsv1.SchemeGroupVersion.WithKind("Deployment"),
	} {
		list := &unstructured.UnstructuredList{}
		list.SetGroupVersionKind(kind.GroupVersion().WithKind(kind.Kind + "List"))
		if err := s.plane.Client.List(ctx, list, client.MatchingLabels{workload.LabelManagedBy: workload.ManagedBy}); err != nil {
			return nil, err
		}
		all = append(all, list.Items...)
	}
	return all, nil
}

// peak follows the operator's memory until the function that it returns is called.
func (s *fleetStage) peak(ctx context.Context) func() (float64, error) {
	ctx, cancel := context.WithCancel(ctx)
	var group errgroup.Group
	top := int64(0)
	group.Go(func() error {
		for {
			st, err := s.operator.Stats()
			if err != nil {
				return err
			}
			top = max(top, st.RSSBytes)
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(250 * time.Millisecond):
			}
		}
	})
	return func() (float64, error) {
		cancel()
		return mb(group.Wait, &top)
	}
}

func mb(wait func() error, bytes *int64) (float64, error) {
	err := wait()
	return round(float64(*bytes) / 1e6), err
}

// settledRSS is the operator's memory in MB once it has settled, and what of it is held by what plays AWS and Kafka there.
func (s *fleetStage) settledRSS() (rss, standIns float64, err error) {
	if err := s.operator.Settle(); err != nil {
		return 0, 0, err
	}
	st, err := s.operator.Stats()
	if err != nil {
		return 0, 0, err
	}
	if err := s.b.profileHeap(s.operator, "operator"); err != nil {
		return 0, 0, err
	}
	held, err := s.askedFor("/stand-ins")
	return round(float64(st.RSSBytes) / 1e6), round(float64(held) / 1e6), err
}

// askedFor reads a number from the operator's private port.
func (s *fleetStage) askedFor(path string) (int64, error) {
	data, err := s.operator.Get(path)
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(string(data), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", path, err)
	}
	return n, nil
}
