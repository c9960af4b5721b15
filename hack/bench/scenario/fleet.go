package scenario

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/controllers/workload"
	"github.com/chatcluster/chatcluster/hack/bench/fleet"
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

func (b *bench) fleetStage(ctx context.Context) (_ *fleetStage, err error) {
	b.runs++
	dir := fmt.Sprintf("%s/%d", b.dir, b.runs)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	top, err := exec.CommandContext(ctx, "git", "rev-parse", "--show-toplevel").Output()
	if err != nil {
		return nil, err
	}
	s := &fleetStage{b: b}
	if s.plane, err = fleet.Start(ctx, strings.TrimSpace(string(top)), dir); err != nil {
		return nil, err
	}
	for i := range fleetNamespaces {
		if err := s.plane.Namespace(ctx, fleetNamespace(i)); err != nil {
			return nil, errors.Join(err, s.plane.Stop())
		}
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
	s.operator, err = process.Start(ctx, "operator", "--kubeconfig", s.plane.Kubeconfig, "--concurrency", fmt.Sprint(fleetConcurrency))
	return err
}

func (s *fleetStage) end() error {
	err := s.operator.Stop()
	s.stop()
	return errors.Join(err, s.hands.Wait(), s.plane.Stop())
}

func fleetNamespace(i int) string { return fmt.Sprintf("team-%d", i%fleetNamespaces) }

// asked is what the operator has asked for.
func (s *fleetStage) asked() (a fleet.Asked, err error) {
	data, err := s.operator.Get("/asked")
	if err != nil {
		return a, err
	}
	return a, json.Unmarshal(data, &a)
}

// apply applies n ChatClusters, named prefix and a number.
func (s *fleetStage) apply(ctx context.Context, prefix string, n int, change func(*v1alpha1.ChatCluster)) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(appliers)
	for i := range n {
		group.Go(func() error {
			cc := fleet.Cluster(fleetNamespace(i), fmt.Sprintf("%s-%d", prefix, i))
			if change != nil {
				change(cc)
			}
			return s.plane.Client.Create(ctx, cc)
		})
	}
	return group.Wait()
}

// ready waits until n ChatClusters whose names begin with prefix are Ready.
func (s *fleetStage) ready(ctx context.Context, prefix string, n int) error {
	ctx, cancel := context.WithTimeout(ctx, fleetWithin)
	defer cancel()
	var list v1alpha1.ChatClusterList
	w, err := s.plane.Client.Watch(ctx, &list)
	if err != nil {
		return err
	}
	defer w.Stop()
	done := map[string]bool{}
	for len(done) < n {
		select {
		case <-ctx.Done():
			return fmt.Errorf("%d of %d ChatClusters are Ready: %w", len(done), n, ctx.Err())
		case e, open := <-w.ResultChan():
			if !open {
				return errors.New("the API server ended a watch")
			}
			cc, ok := e.Object.(*v1alpha1.ChatCluster)
			if ok && strings.HasPrefix(cc.Name, prefix+"-") && meta.IsStatusConditionTrue(cc.Status.Conditions, v1alpha1.ConditionReady) &&
				cc.Status.ObservedGeneration == cc.Generation {
				done[cc.Namespace+"/"+cc.Name] = true
			}
		}
	}
	return nil
}

// children counts what the operator made.
func (s *fleetStage) children(ctx context.Context) (int, error) {
	n := 0
	for _, list := range []client.ObjectList{
		&appsv1.DeploymentList{}, &batchv1.JobList{}, &corev1.ConfigMapList{}, &corev1.ServiceList{}, &corev1.ServiceAccountList{},
		&policyv1.PodDisruptionBudgetList{}, &networkingv1.NetworkPolicyList{}, &corev1.SecretList{},
	} {
		if err := s.plane.Client.List(ctx, list, client.MatchingLabels{workload.LabelManagedBy: workload.ManagedBy}); err != nil {
			return 0, err
		}
		n += meta.LenList(list)
	}
	return n, nil
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

func (s *fleetStage) settledRSS() (float64, error) {
	if err := s.operator.Settle(); err != nil {
		return 0, err
	}
	st, err := s.operator.Stats()
	return round(float64(st.RSSBytes) / 1e6), err
}
