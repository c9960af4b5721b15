package controlplane

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/twmb/franz-go/pkg/kfake"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/chatcluster/chatcluster/controllers/external/dynamodb/dynamodbtest"
	"github.com/chatcluster/chatcluster/controllers/external/kafka"
	"github.com/chatcluster/chatcluster/controllers/external/pinpoint/pinpointtest"
	"github.com/chatcluster/chatcluster/controllers/external/redis"
	"github.com/chatcluster/chatcluster/controllers/workload"
	"github.com/chatcluster/chatcluster/runtime/store"
	"github.com/chatcluster/chatcluster/runtime/store/embedded"
)

// stepEvery is how often the world moves by itself.
const stepEvery = 100 * time.Millisecond

// World is everything but the operator and the API server. All ChatClusters share it.
type World struct {
	// DynamoDB and Pinpoint tell what was asked of them (Writes), and fail when told to (Before).
	DynamoDB *dynamodbtest.Fake
	Pinpoint *pinpointtest.Fake
	// Kafka is a Kafka cluster in this process, whatever brokers a ChatCluster names.
	Kafka *kfake.Cluster
	// Cache answers, unless it is told to fail.
	Cache *Cache

	client  client.Client
	brokers *kafka.Clients

	mu      sync.Mutex
	failing string
	stores  map[string]*embedded.Store
}

// Items is what is in the tables whose names start with a prefix: tenants' records, and whatever a test puts there.
func (w *World) Items(tablePrefix string) (store.Store, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if found, ok := w.stores[tablePrefix]; ok {
		return found, nil
	}
	made, err := embedded.Open("items", embedded.Options{NoSync: true, FS: vfs.NewMem()})
	if err != nil {
		return nil, err
	}
	w.stores[tablePrefix] = made
	return made, nil
}

// Cache is a cache that answers, or not.
type Cache struct {
	mu  sync.Mutex
	err error
}

// Fail has the cache answer with err from now on; nil mends it.
func (c *Cache) Fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.err = err
}

// Observe implements redis.Cache.
func (c *Cache) Observe(context.Context) (redis.Info, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return redis.Info{Version: "7.2.0"}, c.err
}

// FailMigrations has migrations that end from now on fail with a message; an empty one lets them succeed again.
func (w *World) FailMigrations(message string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.failing = message
}

func (w *World) close() error {
	w.brokers.Close()
	w.Kafka.Close()
	w.mu.Lock()
	defer w.mu.Unlock()
	var errs []error
	for _, s := range w.stores {
		errs = append(errs, s.Close())
	}
	return errors.Join(errs...)
}

// play steps until ctx ends.
func (w *World) play(ctx context.Context) {
	tick := time.NewTicker(stepEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			// What failed is tried again at the next step: an object that has just changed, an API server that is stopping.
			_ = w.Step(ctx)
		case <-ctx.Done():
			return
		}
	}
}

// Step has everything happen that is under way: tables become ACTIVE or go, pods of Deployments start, migrations and purges end.
func (w *World) Step(ctx context.Context) error {
	w.DynamoDB.Settle()
	return errors.Join(w.startPods(ctx), w.endJobs(ctx))
}

var ours = client.MatchingLabels{workload.LabelManagedBy: workload.ManagedBy}

// startPods does as the Deployment controller and the kubelet do, without pods.
func (w *World) startPods(ctx context.Context) error {
	var list appsv1.DeploymentList
	if err := w.client.List(ctx, &list, ours); err != nil {
		return err
	}
	var errs []error
	for i := range list.Items {
		d := &list.Items[i]
		n := ptr.Deref(d.Spec.Replicas, 1)
		if d.Status.ObservedGeneration == d.Generation && d.Status.AvailableReplicas == n {
			continue
		}
		before := d.DeepCopy()
		d.Status = appsv1.DeploymentStatus{ObservedGeneration: d.Generation, Replicas: n, UpdatedReplicas: n, ReadyReplicas: n, AvailableReplicas: n}
		errs = append(errs, client.IgnoreNotFound(w.client.Status().Patch(ctx, d, client.MergeFrom(before))))
	}
	return errors.Join(errs...)
}

// endJobs does as the Job controller and the kubelet do when a Job's pod has ended.
func (w *World) endJobs(ctx context.Context) error {
	w.mu.Lock()
	failing := w.failing
	w.mu.Unlock()
	var list batchv1.JobList
	if err := w.client.List(ctx, &list, ours); err != nil {
		return err
	}
	var errs []error
	for i := range list.Items {
		job := &list.Items[i]
		if len(job.Status.Conditions) > 0 || !job.DeletionTimestamp.IsZero() {
			continue
		}
		why := ""
		if job.Labels[workload.LabelComponent] == workload.ComponentMigrate {
			why = failing
		}
		errs = append(errs, w.endJob(ctx, job, why))
	}
	return errors.Join(errs...)
}

// endJob ends a Job for better or, when there is a reason, for worse.
func (w *World) endJob(ctx context.Context, job *batchv1.Job, why string) error {
	container := job.Spec.Template.Spec.Containers[0]
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: job.Name + "-1", Namespace: job.Namespace, Labels: maps.Clone(job.Spec.Template.Labels)},
		Spec:       job.Spec.Template.Spec,
	}
	pod.Labels[batchv1.JobNameLabel] = job.Name
	ended := &corev1.ContainerStateTerminated{Message: `{"current":1,"target":1}`, Reason: "Completed", FinishedAt: metav1.Now()}
	phase := corev1.PodSucceeded
	if why != "" {
		ended.Message, ended.Reason, ended.ExitCode = fmt.Sprintf(`{"current":0,"target":1,"error":%q}`, why), "Error", 1
		phase = corev1.PodFailed
	}
	if err := w.client.Create(ctx, pod); err != nil && !apierrors.IsAlreadyExists(err) {
		return err
	}
	pod.Status = corev1.PodStatus{Phase: phase, ContainerStatuses: []corev1.ContainerStatus{{
		Name: container.Name, Image: container.Image, State: corev1.ContainerState{Terminated: ended},
	}}}
	if err := w.client.Status().Update(ctx, pod); err != nil {
		return err
	}
	before, now := job.DeepCopy(), metav1.Now()
	job.Status = batchv1.JobStatus{StartTime: &now, UncountedTerminatedPods: &batchv1.UncountedTerminatedPods{}}
	kinds := []batchv1.JobConditionType{batchv1.JobSuccessCriteriaMet, batchv1.JobComplete}
	if why == "" {
		job.Status.Succeeded, job.Status.CompletionTime = 1, &now
	} else {
		job.Status.Failed = 1
		kinds = []batchv1.JobConditionType{batchv1.JobFailureTarget, batchv1.JobFailed}
	}
	for _, k := range kinds {
		job.Status.Conditions = append(job.Status.Conditions, batchv1.JobCondition{Type: k, Status: corev1.ConditionTrue, Reason: "Played", LastTransitionTime: now})
	}
	return w.client.Status().Patch(ctx, job, client.MergeFrom(before))
}
