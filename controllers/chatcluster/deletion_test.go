package chatcluster

import (
	"errors"
	"slices"
	"strings"
	"testing"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/controllers/external/ownership"
	"github.com/chatcluster/chatcluster/controllers/workload"
)

func TestRetain(t *testing.T) {
	w := newWorld(t)
	w.create(nil)
	w.settle()
	tables, topics := w.dynamo.Names(), w.kafka.names()
	if err := admin.Delete(t.Context(), w.get()); err != nil {
		t.Fatal(err)
	}
	w.pass()
	if err := admin.Get(t.Context(), w.key("demo"), &v1alpha1.ChatCluster{}); !apierrors.IsNotFound(err) {
		t.Fatalf("the ChatCluster is still there: %v", err)
	}
	if !slices.Equal(w.dynamo.Names(), tables) || len(w.kafka.names()) != len(topics) || len(w.pinpoint.Apps()) != 1 {
		t.Error("something was deleted")
	}
	for _, name := range tables {
		if _, owned := w.dynamo.Tags(name)[ownership.TagUID]; owned {
			t.Errorf("table %s was not released", name)
		}
	}
	if got := w.event("Retained"); !strings.Contains(got, w.namespace+".demo.") || !strings.Contains(got, "app001") {
		t.Errorf("no event says what is left: %q", w.events)
	}
	w.pass()

	w.deleteChildren()
	w.create(nil)
	w.pass()
	if c := w.condition(v1alpha1.ConditionTablesReady); c.Reason != v1alpha1.ReasonNotOwned || !strings.Contains(c.Message, v1alpha1.AnnotationAdoptionPolicy) {
		t.Errorf("tables that nobody owns are taken unasked, or nobody says how to: %+v", c)
	}
	if c := w.condition(v1alpha1.ConditionPushReady); c.Reason != v1alpha1.ReasonNotOwned || !strings.Contains(c.Message, "app001") || !strings.Contains(c.Message, v1alpha1.AnnotationAdoptionPolicy) {
		t.Errorf("the retained push application is taken or doubled unasked, or nobody says how to: %+v", c)
	}
	w.change(func(cc *v1alpha1.ChatCluster) {
		cc.Annotations = map[string]string{v1alpha1.AnnotationAdoptionPolicy: v1alpha1.AdoptionAdopt}
	})
	w.settle()
	cc := w.get()
	if apps := w.pinpoint.Apps(); len(apps) != 1 || cc.Status.Push.ApplicationID != "app001" || apps["app001"][ownership.TagUID] != string(cc.UID) {
		t.Errorf("the push application was not taken over: %v", apps)
	}
}

// deleteChildren does as the garbage collector does, which the suite has not.
func (w *world) deleteChildren() {
	w.t.Helper()
	for _, o := range []client.Object{&corev1.ConfigMap{}, &corev1.ServiceAccount{}, &policyv1.PodDisruptionBudget{}, &batchv1.Job{}, &corev1.Pod{},
		&corev1.Secret{}, &networkingv1.NetworkPolicy{}, &networkingv1.Ingress{}, &autoscalingv2.HorizontalPodAutoscaler{}} {
		if err := admin.DeleteAllOf(w.t.Context(), o, client.InNamespace(w.namespace), client.MatchingLabels{workload.LabelInstance: "demo"},
			client.PropagationPolicy(metav1.DeletePropagationBackground), client.GracePeriodSeconds(0)); err != nil {
			w.t.Fatal(err)
		}
	}
	for _, name := range []string{"gateway", "chat"} {
		if err := admin.Delete(w.t.Context(), &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "demo-" + name}}); err != nil {
			w.t.Fatal(err)
		}
	}
	for _, role := range []string{workload.RoleGateway, workload.RoleChat, workload.RoleNotify, workload.RoleProject} {
		if err := admin.Delete(w.t.Context(), w.deployment(role)); err != nil {
			w.t.Fatal(err)
		}
	}
}

func TestDelete(t *testing.T) {
	w := newWorld(t)
	w.create(func(s *v1alpha1.ChatClusterSpec) { s.DeletionPolicy = v1alpha1.DeletionDelete })
	w.settle()
	if err := admin.Delete(t.Context(), w.get()); err != nil {
		t.Fatal(err)
	}
	w.pass()
	if got := w.dynamo.Names(); len(got) != 6 {
		t.Errorf("tables go while pods still run: %v", got)
	}
	if c := w.condition(v1alpha1.ConditionReady); c.Reason != v1alpha1.ReasonDeleting || !strings.Contains(c.Message, "pods") {
		t.Errorf("the progress is not shown: %+v", c)
	}
	if err := admin.DeleteAllOf(t.Context(), &corev1.Pod{}, client.InNamespace(w.namespace), client.GracePeriodSeconds(0)); err != nil {
		t.Fatal(err)
	}
	for range 12 {
		w.pass()
		if err := admin.Get(t.Context(), w.key("demo"), &v1alpha1.ChatCluster{}); apierrors.IsNotFound(err) {
			break
		}
		w.dynamo.Settle()
	}
	if err := admin.Get(t.Context(), w.key("demo"), &v1alpha1.ChatCluster{}); !apierrors.IsNotFound(err) {
		t.Fatalf("the ChatCluster is still there: %v", explainConditions(w.get()))
	}
	if len(w.dynamo.Names())+len(w.kafka.names())+len(w.pinpoint.Apps()) != 0 {
		t.Errorf("left: %v, %v, %v", w.dynamo.Names(), w.kafka.names(), w.pinpoint.Apps())
	}
	if got := w.event("Deleted"); !strings.Contains(got, "database chat") {
		t.Errorf("no event says that the database is left: %q", w.events)
	}
}

// A namespace that is being deleted takes its Secrets first: it must not hang for want of them.
func TestNamespaceGoes(t *testing.T) {
	w := newWorld(t)
	w.create(func(s *v1alpha1.ChatClusterSpec) { s.AWS.Credentials.SecretName = "aws" })
	w.settle()
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "aws"}}
	if err := errors.Join(admin.Delete(t.Context(), secret), admin.Delete(t.Context(), w.get())); err != nil {
		t.Fatal(err)
	}
	w.pass()
	if c := w.condition(v1alpha1.ConditionReady); !strings.Contains(c.Message, "waits for Secret") {
		t.Errorf("what the deletion waits for is not shown: %+v", c)
	}
	if err := admin.Delete(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: w.namespace}}); err != nil {
		t.Fatal(err)
	}
	w.pass()
	if err := admin.Get(t.Context(), w.key("demo"), &v1alpha1.ChatCluster{}); !apierrors.IsNotFound(err) {
		t.Errorf("the namespace hangs: %v", err)
	}
	if w.event("Abandoned") == "" {
		t.Errorf("nobody says what was left: %q", w.events)
	}
}

// What could never be made must be deletable, or a mistake stays for ever.
func TestRefusedGoes(t *testing.T) {
	w := newWorld(t)
	w.create(func(s *v1alpha1.ChatClusterSpec) {
		s.AWS.Endpoints = v1alpha1.AWSEndpoints{DynamoDB: "http://10.0.0.1:8000", Pinpoint: "http://10.0.0.1:8081"}
	})
	w.pass()
	if err := admin.Delete(t.Context(), w.get()); err != nil {
		t.Fatal(err)
	}
	w.pass()
	if err := admin.Get(t.Context(), w.key("demo"), &v1alpha1.ChatCluster{}); !apierrors.IsNotFound(err) {
		t.Errorf("a ChatCluster that was refused cannot be deleted: %v", err)
	}
}

// A younger ChatCluster that was kept from its topics does not delete the older one's.
func TestDeleteLeavesOthersTopics(t *testing.T) {
	first := newWorld(t)
	first.create(nil)
	first.settle()
	topics := first.get().Status.Topics
	second := newWorld(t)
	second.kafka = first.kafka
	second.r.External = second.external()
	cc := second.cluster(func(s *v1alpha1.ChatClusterSpec) {
		s.DeletionPolicy = v1alpha1.DeletionDelete
		s.MSK.BootstrapServers, s.MSK.TopicPrefix = first.get().Spec.MSK.BootstrapServers, first.namespace+".demo."
	})
	claim := second.r.scope(cc)
	cc.CreationTimestamp = metav1.Now()
	cc.UID = "younger"
	if f := claim.deleteTopics(t.Context()); !f.ready() {
		t.Fatal(f.explain())
	}
	if got := len(first.kafka.names()); got != len(topics) {
		t.Errorf("%d of the older ChatCluster's %d topics are left", got, len(topics))
	}
}

// A busy table refuses to lose its tags. Let go of with them on, nobody could ever take it over.
func TestRetainWaitsForBusyTables(t *testing.T) {
	w := newWorld(t)
	w.create(nil)
	w.settle()
	w.change(func(cc *v1alpha1.ChatCluster) { cc.Spec.DynamoDB.DeletionProtection = ptr.To(false) })
	w.pass()
	if err := admin.Delete(t.Context(), w.get()); err != nil {
		t.Fatal(err)
	}
	w.pass()
	if c := w.condition(v1alpha1.ConditionReady); c.Reason != v1alpha1.ReasonDeleting || !strings.Contains(c.Message, "released") {
		t.Errorf("what the deletion waits for is not shown: %+v", c)
	}
	w.dynamo.Settle()
	w.pass()
	if err := admin.Get(t.Context(), w.key("demo"), &v1alpha1.ChatCluster{}); !apierrors.IsNotFound(err) {
		t.Errorf("the ChatCluster is still there: %v", err)
	}
	for _, name := range w.dynamo.Names() {
		if _, owned := w.dynamo.Tags(name)[ownership.TagUID]; owned {
			t.Errorf("table %s was not released", name)
		}
	}
}

// Replacing a ChatCluster leaves the old one's children to the garbage collector for a moment: nobody has to do anything.
func TestPredecessorsChildrenGo(t *testing.T) {
	w := newWorld(t)
	w.create(func(s *v1alpha1.ChatClusterSpec) { s.DeletionPolicy = v1alpha1.DeletionDelete })
	w.pass()
	cc := w.get()
	cc.Finalizers = nil
	if err := errors.Join(admin.Update(t.Context(), cc), admin.Delete(t.Context(), cc)); err != nil {
		t.Fatal(err)
	}
	for _, name := range w.dynamo.Names() {
		w.dynamo.SetTags(name, nil)
	}
	next := w.cluster(nil)
	next.Annotations = map[string]string{v1alpha1.AnnotationAdoptionPolicy: v1alpha1.AdoptionAdopt}
	if err := admin.Create(t.Context(), next); err != nil {
		t.Fatal(err)
	}
	if result, err := w.reconcile(); err == nil && (result.RequeueAfter == 0 || result.RequeueAfter > afterWait) {
		t.Error("nobody comes back to look whether they went")
	}
	if c := w.condition(v1alpha1.ConditionStalled); c.Type != "" {
		t.Errorf("it asks for a person: %+v", c)
	}
	if c := w.condition(v1alpha1.ConditionSchemaReady); !strings.Contains(c.Message, "earlier ChatCluster") {
		t.Errorf("what it waits for is not shown: %+v", c)
	}
}
