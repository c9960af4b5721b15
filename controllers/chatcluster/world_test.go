package chatcluster

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/retry"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/controllers/external/awsclient"
	"github.com/chatcluster/chatcluster/controllers/external/dynamodb"
	"github.com/chatcluster/chatcluster/controllers/external/dynamodb/dynamodbtest"
	"github.com/chatcluster/chatcluster/controllers/external/kafka"
	"github.com/chatcluster/chatcluster/controllers/external/pinpoint"
	"github.com/chatcluster/chatcluster/controllers/external/pinpoint/pinpointtest"
	"github.com/chatcluster/chatcluster/controllers/external/redis"
	"github.com/chatcluster/chatcluster/controllers/workload"
	"github.com/chatcluster/chatcluster/test/apiserver"
)

// world is a namespace, a reconciler with fakes of everything outside Kubernetes, and what they were asked to change.
type world struct {
	t         *testing.T
	namespace string
	r         *Reconciler
	dynamo    *dynamodbtest.Fake
	pinpoint  *pinpointtest.Fake
	kafka     *memoryKafka
	ping      func() error

	mu     sync.Mutex
	writes []string
	events []string
}

// newWorld is a world in a namespace of its own, of a test that runs beside others.
func newWorld(t *testing.T) *world {
	t.Helper()
	apiserver.Beside(t)
	return newQuietWorld(t)
}

// newQuietWorld is one of a test that runs alone: it is about how long something takes, or changes what the API server knows.
func newQuietWorld(t *testing.T) *world {
	t.Helper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		GenerateName: "chat-", Labels: map[string]string{"pod-security.kubernetes.io/enforce": "restricted"},
	}}
	if err := admin.Create(t.Context(), namespace); err != nil {
		t.Fatal(err)
	}
	w := &world{
		t: t, namespace: namespace.Name, dynamo: &dynamodbtest.Fake{}, pinpoint: &pinpointtest.Fake{}, kafka: &memoryKafka{},
		ping: func() error { return nil },
	}
	direct, err := client.NewWithWatch(operatorConfig, client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	w.r = New(recordWrites(direct, w.wrote), direct, w, w.external(), Options{Operator: "suite"})
	for name, data := range map[string]map[string][]byte{
		"pg":  {"password": []byte("hunter2")},
		"aws": {"credentials": []byte("[default]\naws_access_key_id=a\naws_secret_access_key=b\n")},
	} {
		secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: name}, Data: data}
		if err := admin.Create(t.Context(), secret); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

func (w *world) external() External {
	return External{
		DynamoDB: func(awsclient.Access) (dynamodb.API, error) { return w.dynamo, nil },
		Pinpoint: func(awsclient.Access) (pinpoint.API, error) { return w.pinpoint, nil },
		Kafka: func(a kafka.Access) (kafka.Admin, error) {
			w.kafka.mu.Lock()
			defer w.kafka.mu.Unlock()
			w.kafka.access = a
			return w.kafka, nil
		},
		Redis: func(redis.Access) (redis.Cache, error) { return pinger{w}, nil },
	}
}

func (w *world) wrote(what string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.writes = append(w.writes, what)
}

// Eventf implements events.EventRecorder.
func (w *world) Eventf(_, _ runtime.Object, kind, reason, _, note string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events = append(w.events, kind+" "+reason+": "+fmt.Sprintf(note, args...))
}

// takeWrites returns every change since it was last asked, in Kubernetes and outside.
func (w *world) takeWrites() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := w.writes
	w.writes = nil
	for _, s := range w.dynamo.Writes() {
		all = append(all, "dynamodb "+s)
	}
	for _, s := range w.pinpoint.Writes() {
		all = append(all, "pinpoint "+s)
	}
	for _, s := range w.kafka.takeWrites() {
		all = append(all, "kafka "+s)
	}
	return all
}

// takeOwnWrites returns every change in Kubernetes alone since changes were last asked for.
func (w *world) takeOwnWrites() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	own := w.writes
	w.writes = nil
	return own
}

func (w *world) event(reason string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range w.events {
		if strings.Contains(e, " "+reason+":") {
			return e
		}
	}
	return ""
}

// cluster is a ChatCluster with as little as may be said.
func (w *world) cluster(change func(*v1alpha1.ChatClusterSpec)) *v1alpha1.ChatCluster {
	cc := &v1alpha1.ChatCluster{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "demo", Labels: map[string]string{"argocd.argoproj.io/instance": "mine"}},
		Spec: v1alpha1.ChatClusterSpec{
			Image: "example.com/chatd:1",
			AWS:   v1alpha1.AWSSpec{Region: "eu-central-1"},
			Auth: v1alpha1.AuthSpec{Issuers: []v1alpha1.Issuer{
				{Tenant: "acme", Issuer: "https://id.example", Audience: "chat", JWKSURL: "https://id.example/jwks.json"},
			}},
			MSK: v1alpha1.MSKSpec{BootstrapServers: []string{"b-1." + w.namespace + ":9094"}},
			Aurora: v1alpha1.AuroraSpec{
				Host: "db." + w.namespace, Database: "chat", Username: "chatd", PasswordSecret: v1alpha1.SecretKey{Name: "pg"},
			},
			ElastiCache: v1alpha1.ElastiCacheSpec{Addresses: []string{"cache.example:6379"}},
		},
	}
	if change != nil {
		change(&cc.Spec)
	}
	return cc
}

func (w *world) create(change func(*v1alpha1.ChatClusterSpec)) {
	w.t.Helper()
	if err := admin.Create(w.t.Context(), w.cluster(change)); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) key(name string) types.NamespacedName {
	return types.NamespacedName{Namespace: w.namespace, Name: name}
}

func (w *world) get() *v1alpha1.ChatCluster {
	w.t.Helper()
	var cc v1alpha1.ChatCluster
	if err := admin.Get(w.t.Context(), w.key("demo"), &cc); err != nil {
		w.t.Fatal(err)
	}
	return &cc
}

// change edits the spec as a user would.
func (w *world) change(edit func(*v1alpha1.ChatCluster)) {
	w.t.Helper()
	if err := retry.RetryOnConflict(retry.DefaultRetry, func() error {
		cc := w.get()
		edit(cc)
		return admin.Update(w.t.Context(), cc)
	}); err != nil {
		w.t.Fatal(err)
	}
}

// reconcile makes one pass.
func (w *world) reconcile() (ctrl.Result, error) {
	w.t.Helper()
	return w.r.Reconcile(w.t.Context(), requestFor(w.key("demo")))
}

func requestFor(key types.NamespacedName) ctrl.Request { return ctrl.Request{NamespacedName: key} }

// pass makes one pass, which must not fail.
func (w *world) pass() {
	w.t.Helper()
	if _, err := w.reconcile(); err != nil {
		w.t.Fatal(err)
	}
}

// settle plays the rest of the world until the ChatCluster is Ready: tables become ACTIVE, migrations succeed, pods start.
func (w *world) settle() {
	w.t.Helper()
	for range 16 {
		w.pass()
		cc := w.get()
		if meta.IsStatusConditionTrue(cc.Status.Conditions, v1alpha1.ConditionReady) && cc.Status.Image == cc.Spec.Image {
			return
		}
		w.dynamo.Settle()
		w.endMigration(`{"current":3,"target":3}`, true)
		w.startPods()
	}
	w.t.Fatalf("not Ready: %s", explainConditions(w.get()))
}

func explainConditions(cc *v1alpha1.ChatCluster) string {
	var b strings.Builder
	for _, c := range cc.Status.Conditions {
		fmt.Fprintf(&b, "\n%s=%s %s: %s", c.Type, c.Status, c.Reason, c.Message)
	}
	return b.String()
}

// startPods does as the Deployment controller does when every pod is there: of these roles, or of all when none is named.
func (w *world) startPods(roles ...string) {
	w.t.Helper()
	var list appsv1.DeploymentList
	if err := admin.List(w.t.Context(), &list, client.InNamespace(w.namespace)); err != nil {
		w.t.Fatal(err)
	}
	for i := range list.Items {
		d := &list.Items[i]
		if len(roles) > 0 && !slices.Contains(roles, d.Labels[workload.LabelComponent]) {
			continue
		}
		before := d.DeepCopy()
		n := ptr.Deref(d.Spec.Replicas, 1)
		d.Status = appsv1.DeploymentStatus{ObservedGeneration: d.Generation, Replicas: n, UpdatedReplicas: n, ReadyReplicas: n, AvailableReplicas: n}
		if err := admin.Status().Patch(w.t.Context(), d, client.MergeFrom(before)); err != nil {
			w.t.Fatal(err)
		}
	}
}

// migration returns the running migration's Job, nil when there is none.
func (w *world) migration() *batchv1.Job {
	w.t.Helper()
	var list batchv1.JobList
	if err := admin.List(w.t.Context(), &list, client.InNamespace(w.namespace)); err != nil {
		w.t.Fatal(err)
	}
	for i := range list.Items {
		if len(list.Items[i].Status.Conditions) == 0 {
			return &list.Items[i]
		}
	}
	return nil
}

// endAttempt does as the kubelet does when a migration's pod ends with a message.
func (w *world) endAttempt(job *batchv1.Job, message string, succeeded bool) {
	w.t.Helper()
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{GenerateName: job.Name + "-", Namespace: w.namespace, Labels: maps.Clone(job.Spec.Template.Labels)},
		Spec:       job.Spec.Template.Spec,
	}
	pod.Labels[batchv1.JobNameLabel] = job.Name
	if err := admin.Create(w.t.Context(), pod); err != nil {
		w.t.Fatal(err)
	}
	terminated := &corev1.ContainerStateTerminated{Message: message, Reason: "Completed", FinishedAt: metav1.Now()}
	pod.Status.Phase = corev1.PodSucceeded
	if !succeeded {
		terminated.ExitCode, terminated.Reason, pod.Status.Phase = 1, "Error", corev1.PodFailed
	}
	pod.Status.ContainerStatuses = []corev1.ContainerStatus{{
		Name: "migrate", Image: job.Spec.Template.Spec.Containers[0].Image, State: corev1.ContainerState{Terminated: terminated},
	}}
	if err := admin.Status().Update(w.t.Context(), pod); err != nil {
		w.t.Fatal(err)
	}
}

// endMigration ends the migration that runs, if one does.
func (w *world) endMigration(message string, succeeded bool) {
	w.t.Helper()
	job := w.migration()
	if job == nil {
		return
	}
	w.endAttempt(job, message, succeeded)
	before := job.DeepCopy()
	now := metav1.Now()
	job.Status = batchv1.JobStatus{StartTime: &now, UncountedTerminatedPods: &batchv1.UncountedTerminatedPods{}}
	condition := func(kinds ...batchv1.JobConditionType) {
		for _, k := range kinds {
			job.Status.Conditions = append(job.Status.Conditions, batchv1.JobCondition{
				Type: k, Status: corev1.ConditionTrue, Reason: "BackoffLimitExceeded", LastTransitionTime: now,
			})
		}
	}
	if succeeded {
		job.Status.Succeeded, job.Status.CompletionTime = 1, &now
		condition(batchv1.JobSuccessCriteriaMet, batchv1.JobComplete)
	} else {
		job.Status.Failed = 4
		condition(batchv1.JobFailureTarget, batchv1.JobFailed)
	}
	if err := admin.Status().Patch(w.t.Context(), job, client.MergeFrom(before)); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) deployment(role string) *appsv1.Deployment {
	w.t.Helper()
	var d appsv1.Deployment
	if err := admin.Get(w.t.Context(), w.key("demo-"+role), &d); err != nil {
		w.t.Fatal(err)
	}
	return &d
}

func (w *world) condition(kind string) metav1.Condition {
	w.t.Helper()
	return ptr.Deref(meta.FindStatusCondition(w.get().Status.Conditions, kind), metav1.Condition{})
}

func (k *memoryKafka) takeWrites() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	w := k.writes
	k.writes = nil
	return w
}

func (w *world) deployments() []string {
	w.t.Helper()
	var list appsv1.DeploymentList
	if err := admin.List(w.t.Context(), &list, client.InNamespace(w.namespace)); err != nil {
		w.t.Fatal(err)
	}
	var names []string
	for _, d := range list.Items {
		names = append(names, d.Name)
	}
	return names
}

func inNamespace(namespace string) client.DeleteAllOfOption { return client.InNamespace(namespace) }

// atOnce deletes without a grace period, which nobody in the suite would end.
var atOnce = client.GracePeriodSeconds(0)
