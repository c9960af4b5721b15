package chatcluster

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/controllers/external/fault"
	"github.com/chatcluster/chatcluster/controllers/external/ownership"
	"github.com/chatcluster/chatcluster/controllers/workload"
)

func TestCreate(t *testing.T) {
	w := newWorld(t)
	w.create(nil)
	if got := w.get().Status.ObservedGeneration; got != -1 {
		t.Errorf("a ChatCluster that nobody has seen has observedGeneration %d, which kstatus takes for done", got)
	}
	w.pass()
	if c := w.condition(v1alpha1.ConditionReconciling); c.Status != metav1.ConditionTrue || c.ObservedGeneration != 1 {
		t.Errorf("the first status does not say Reconciling: %+v", c)
	}
	w.settle()

	cc := w.get()
	ready := map[string]bool{}
	for _, c := range cc.Status.Conditions {
		ready[c.Type] = c.Status == metav1.ConditionTrue
	}
	want := map[string]bool{
		v1alpha1.ConditionReady: true, v1alpha1.ConditionTablesReady: true, v1alpha1.ConditionTopicsReady: true, v1alpha1.ConditionSchemaReady: true,
		v1alpha1.ConditionCacheReady: true, v1alpha1.ConditionPushReady: true, v1alpha1.ConditionGatewayReady: true, v1alpha1.ConditionChatReady: true,
		v1alpha1.ConditionNotificationsReady: true, v1alpha1.ConditionProjectorReady: true,
	}
	if diff := cmp.Diff(want, ready); diff != "" {
		t.Errorf("conditions (-want +got):\n%s", diff)
	}
	st := cc.Status
	if st.Gateway != "2/2" || st.Image != cc.Spec.Image || ptr.Deref(st.Schema.Current, 0) != 3 || st.Push.ApplicationID != "app001" ||
		len(st.Tables) != 6 || len(st.Topics) != 4 || len(st.Workloads) != 4 || st.ObservedGeneration != cc.Generation {
		t.Errorf("status: %+v", st)
	}
	if want := "ws://demo-gateway." + w.namespace + ".svc/v1/ws"; st.Endpoints.Gateway != want {
		t.Errorf("gateway at %s, want %s", st.Endpoints.Gateway, want)
	}

	d := w.deployment(workload.RoleGateway)
	if !metav1.IsControlledBy(d, cc) {
		t.Error("the Deployment is not owned by the ChatCluster")
	}
	if _, copied := d.Labels["argocd.argoproj.io/instance"]; copied {
		t.Error("the ChatCluster's labels were copied to its children")
	}
	// The namespace enforces Pod Security "restricted", which Deployments are not held to but their pods are.
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "try", Namespace: w.namespace, Labels: d.Spec.Template.Labels}, Spec: d.Spec.Template.Spec}
	if err := admin.Create(t.Context(), pod, client.DryRunAll); err != nil {
		t.Errorf("a gateway's pod is refused: %v", err)
	}
	for _, reason := range []string{"TableCreated", "MigrationStarted", "RollingOut", "Ready"} {
		if w.event(reason) == "" {
			t.Errorf("no event %s in %q", reason, w.events)
		}
	}
}

func TestUnchangedWritesNothing(t *testing.T) {
	w := newWorld(t)
	w.create(func(s *v1alpha1.ChatClusterSpec) {
		s.AWS.Credentials.SecretName = "aws"
		s.ElastiCache.PasswordSecret = &v1alpha1.SecretKey{Name: "pg"}
		s.Gateway.Resources = &corev1.ResourceRequirements{}
	})
	w.settle()
	w.pass()
	before := w.get().ResourceVersion
	external := len(w.dynamo.Writes()) + len(w.pinpoint.Writes())
	w.takeWrites()
	reads := w.dynamo.Reads()
	w.pass()
	if got := w.takeWrites(); len(got) != external {
		t.Errorf("a pass over an unchanged ChatCluster wrote:\n%s", strings.Join(got[:len(got)-external], "\n"))
	}
	if w.dynamo.Reads() == reads {
		t.Error("nothing was observed, so nothing was proven")
	}
	if after := w.get().ResourceVersion; after != before {
		t.Error("the ChatCluster was written")
	}
}

func TestDriftIsRepaired(t *testing.T) {
	w := newWorld(t)
	w.create(nil)
	w.settle()

	d := w.deployment(workload.RoleChat)
	d.Spec.Template.Spec.Containers[0].Image = "example.com/evil"
	d.Spec.Template.Spec.Containers[0].Env = nil
	d.Spec.Replicas = ptr.To[int32](7)
	if err := admin.Update(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	service := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "demo-gateway"}}
	if err := admin.Delete(t.Context(), service); err != nil {
		t.Fatal(err)
	}
	var budget policyv1.PodDisruptionBudget
	if err := admin.Get(t.Context(), w.key("demo-gateway"), &budget); err != nil {
		t.Fatal(err)
	}
	budget.Spec.MaxUnavailable, budget.Labels = nil, nil
	if err := admin.Update(t.Context(), &budget); err != nil {
		t.Fatal(err)
	}
	table := w.namespace + ".demo.log"
	tags := w.dynamo.Tags(table)
	delete(tags, ownership.TagName)
	w.dynamo.SetTags(table, tags)
	w.kafka.topics[w.namespace+".demo.log"].Configs["cleanup.policy"] = "compact"

	w.pass()
	d = w.deployment(workload.RoleChat)
	if c := d.Spec.Template.Spec.Containers[0]; c.Image != "example.com/chatd:1" || len(c.Env) == 0 || *d.Spec.Replicas != 2 {
		t.Errorf("the Deployment was not repaired: %s, %v, %d replicas", c.Image, c.Env, *d.Spec.Replicas)
	}
	if err := admin.Get(t.Context(), client.ObjectKeyFromObject(service), service); err != nil {
		t.Errorf("the Service was not made again: %v", err)
	}
	if err := admin.Get(t.Context(), client.ObjectKeyFromObject(&budget), &budget); err != nil || budget.Spec.MaxUnavailable == nil || len(budget.Labels) == 0 {
		t.Errorf("the PodDisruptionBudget was not repaired: %+v, %v", budget.Spec, err)
	}
	if w.dynamo.Tags(table)[ownership.TagName] != "demo" {
		t.Error("the table's tag was not set again")
	}
	if got := w.kafka.topics[w.namespace+".demo.log"].Configs["cleanup.policy"]; got != "delete" {
		t.Errorf("cleanup.policy is %s", got)
	}
	if got := w.get().Status.Image; got != "example.com/chatd:1" {
		t.Errorf("status.image is %s", got)
	}
}

// Fields that others own are theirs: an annotation for IRSA, a sidecar injector's label.
func TestOthersFieldsStay(t *testing.T) {
	w := newWorld(t)
	w.create(nil)
	w.settle()
	var account corev1.ServiceAccount
	if err := admin.Get(t.Context(), w.key("demo-gateway"), &account); err != nil {
		t.Fatal(err)
	}
	account.Annotations["eks.amazonaws.com/role-arn"] = "arn:aws:iam::1:role/x"
	if err := admin.Update(t.Context(), &account); err != nil {
		t.Fatal(err)
	}
	w.pass()
	if err := admin.Get(t.Context(), w.key("demo-gateway"), &account); err != nil || account.Annotations["eks.amazonaws.com/role-arn"] == "" {
		t.Errorf("the annotation is gone: %v, %v", account.Annotations, err)
	}
}

func TestUpdateWaitsForItsMigration(t *testing.T) {
	w := newWorld(t)
	w.create(nil)
	w.settle()
	oldConfig := w.deployment(workload.RoleGateway).Spec.Template.Annotations[workload.AnnotationConfig]

	w.change(func(cc *v1alpha1.ChatCluster) {
		cc.Spec.Image = "example.com/chatd:2"
		cc.Spec.Gateway.MaxConnections = ptr.To[int32](77)
		cc.Spec.Gateway.Replicas = ptr.To[int32](3)
	})
	w.pass()
	d := w.deployment(workload.RoleGateway)
	if image, config := serving(d); image != "example.com/chatd:1" || config != oldConfig {
		t.Errorf("before its migration the new image rolls: %s with %s", image, config)
	}
	if *d.Spec.Replicas != 3 {
		t.Error("scaling waits for the migration, too")
	}
	if err := admin.Delete(t.Context(), w.deployment(workload.RoleChat)); err != nil {
		t.Fatal(err)
	}
	w.pass()
	if image, _ := serving(w.deployment(workload.RoleChat)); image != "example.com/chatd:1" {
		t.Errorf("a Deployment that was deleted meanwhile came back with %s", image)
	}
	if got := w.get().Status.Image; got != "example.com/chatd:1" {
		t.Errorf("status.image is %s", got)
	}

	w.settle()
	image, config := serving(w.deployment(workload.RoleGateway))
	if image != "example.com/chatd:2" || config == oldConfig {
		t.Errorf("after its migration the new image does not serve: %s with %s", image, config)
	}
	var configMaps corev1.ConfigMapList
	if err := admin.List(t.Context(), &configMaps, client.InNamespace(w.namespace), client.MatchingLabels{workload.LabelInstance: "demo"}); err != nil {
		t.Fatal(err)
	}
	var jobs batchv1.JobList
	if err := admin.List(t.Context(), &jobs, client.InNamespace(w.namespace)); err != nil {
		t.Fatal(err)
	}
	if len(configMaps.Items) != 2 || len(jobs.Items) != 1 {
		t.Errorf("%d ConfigMaps and %d Jobs are left, want those of the new image alone", len(configMaps.Items), len(jobs.Items))
	}
}

func TestFailedMigrationIsSeenAtOnce(t *testing.T) {
	w := newWorld(t)
	w.create(nil)
	w.settle()
	w.change(func(cc *v1alpha1.ChatCluster) { cc.Spec.Image = "example.com/chatd:2" })
	w.pass()

	w.endAttempt(w.migration(), `{"current":3,"target":4,"error":"00004_x.sql: relation \"messages\" does not exist (SQLSTATE 42P01)"}`, false)
	w.pass()
	cc := w.get()
	if !strings.Contains(cc.Status.Schema.LastError, "42P01") || ptr.Deref(cc.Status.Schema.Target, 0) != 4 {
		t.Errorf("one pass after a failed attempt the status has %+v", cc.Status.Schema)
	}
	if c := w.condition(v1alpha1.ConditionSchemaReady); c.Reason != v1alpha1.ReasonMigrating || !strings.Contains(c.Message, "42P01") {
		t.Errorf("SchemaReady while it is tried again: %+v", c)
	}

	w.endMigration(`{"current":3,"target":4,"error":"00004_x.sql: relation \"messages\" does not exist (SQLSTATE 42P01)"}`, false)
	w.pass()
	if c := w.condition(v1alpha1.ConditionSchemaReady); c.Reason != v1alpha1.ReasonMigrationFailed || !strings.Contains(c.Message, "42P01") {
		t.Errorf("SchemaReady one pass after the failure: %+v", c)
	}
	if c := w.condition(v1alpha1.ConditionStalled); c.Status != metav1.ConditionTrue {
		t.Errorf("a failed migration needs a person: %+v", c)
	}
	if c := w.condition(v1alpha1.ConditionReconciling); c.Type != "" {
		t.Errorf("Reconciling beside Stalled hides it from kstatus: %+v", c)
	}
	if image, _ := serving(w.deployment(workload.RoleGateway)); image != "example.com/chatd:1" {
		t.Errorf("the image without its schema rolls: %s", image)
	}
	if got := w.event(v1alpha1.ReasonMigrationFailed); !strings.Contains(got, "42P01") {
		t.Errorf("no event tells of it: %q", w.events)
	}

	w.change(func(cc *v1alpha1.ChatCluster) { cc.Spec.Image = "example.com/chatd:1" })
	w.settle()
	if c := w.condition(v1alpha1.ConditionStalled); c.Type != "" {
		t.Errorf("after going back to the old image: %+v", c)
	}
}

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
	if c := w.condition(v1alpha1.ConditionTablesReady); c.Reason != v1alpha1.ReasonNotOwned || !strings.Contains(c.Message, v1alpha1.AnnotationAdopt) {
		t.Errorf("tables that nobody owns are taken unasked, or nobody says how to: %+v", c)
	}
	w.change(func(cc *v1alpha1.ChatCluster) { cc.Annotations = map[string]string{v1alpha1.AnnotationAdopt: "true"} })
	w.settle()
}

// deleteChildren does as the garbage collector does, which the suite has not.
func (w *world) deleteChildren() {
	w.t.Helper()
	for _, o := range []client.Object{&corev1.ConfigMap{}, &corev1.ServiceAccount{}, &policyv1.PodDisruptionBudget{}, &batchv1.Job{}, &corev1.Pod{}} {
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

func TestPaused(t *testing.T) {
	w := newWorld(t)
	w.create(func(s *v1alpha1.ChatClusterSpec) { s.Paused = true })
	w.pass()
	if len(w.dynamo.Names())+len(w.kafka.names())+len(w.pinpoint.Apps()) != 0 {
		t.Error("a paused ChatCluster changed something outside")
	}
	if c := w.condition(v1alpha1.ConditionPaused); c.Status != metav1.ConditionTrue {
		t.Errorf("it does not say that it is paused: %s", explainConditions(w.get()))
	}
	w.change(func(cc *v1alpha1.ChatCluster) { cc.Spec.Paused = false })
	w.settle()
	if c := w.condition(v1alpha1.ConditionPaused); c.Type != "" {
		t.Errorf("still paused: %+v", c)
	}
}

func TestOutages(t *testing.T) {
	cases := map[string]struct {
		reason    string
		spec      func(*v1alpha1.ChatClusterSpec)
		arrange   func(*world)
		condition string
		want      string
		stalled   bool
		rollsOut  bool
	}{
		"KafkaDown": {
			reason:    "a service that is down may come back",
			arrange:   func(w *world) { w.kafka.err = fault.Transient(v1alpha1.ReasonUnreachable, "Kafka did not answer") },
			condition: v1alpha1.ConditionTopicsReady, want: v1alpha1.ReasonUnreachable,
		},
		"CacheDown": {
			reason:    "without a cache the chat is slower, never wrong: it is rolled out",
			arrange:   func(w *world) { w.ping = func() error { return fault.Transient(v1alpha1.ReasonUnreachable, "down") } },
			condition: v1alpha1.ConditionCacheReady, want: v1alpha1.ReasonUnreachable, rollsOut: true,
		},
		"PinpointDenied": {
			reason: "permissions are granted by a person; the chat runs without pushes meanwhile",
			arrange: func(w *world) {
				w.pinpoint.Before = func(string) error { return fault.Terminal(v1alpha1.ReasonAccessDenied, "no") }
			},
			condition: v1alpha1.ConditionPushReady, want: v1alpha1.ReasonAccessDenied, stalled: true, rollsOut: true,
		},
		"NoSecret": {
			reason:    "a Secret may be on its way",
			spec:      func(s *v1alpha1.ChatClusterSpec) { s.Aurora.PasswordSecret.Name = "later" },
			condition: v1alpha1.ConditionSchemaReady, want: v1alpha1.ReasonPending,
		},
		"Endpoints": {
			reason:    "another endpoint gets the operator's requests: its own configuration must allow it",
			spec:      func(s *v1alpha1.ChatClusterSpec) { s.AWS.Endpoints.DynamoDB = "http://169.254.169.254" },
			condition: v1alpha1.ConditionTablesReady, want: v1alpha1.ReasonNotAllowed, stalled: true,
		},
		"Issuer": {
			reason:    "keys over plain HTTP can be anyone's",
			spec:      func(s *v1alpha1.ChatClusterSpec) { s.Auth.Issuers[0].JWKSURL = "http://id.example/jwks" },
			condition: v1alpha1.ConditionGatewayReady, want: v1alpha1.ReasonNotAllowed, stalled: true,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			if tc.arrange != nil {
				tc.arrange(w)
			}
			w.create(tc.spec)
			for range 6 {
				// The error only tells the queue to come back: the status tells people.
				_, _ = w.reconcile()
				w.dynamo.Settle()
				w.endMigration(`{"current":3,"target":3}`, true)
			}
			cc := w.get()
			if c := w.condition(tc.condition); c.Status != metav1.ConditionFalse || c.Reason != tc.want {
				t.Errorf("%s: %s", tc.reason, explainConditions(cc))
			}
			if got := meta.IsStatusConditionTrue(cc.Status.Conditions, v1alpha1.ConditionStalled); got != tc.stalled {
				t.Errorf("%s: stalled %v", tc.reason, got)
			}
			err := admin.Get(t.Context(), w.key("demo-gateway"), &corev1.ServiceAccount{})
			if err != nil {
				t.Errorf("%s: phases after the failure did not run: %v", tc.reason, err)
			}
			for _, role := range cc.Status.Workloads {
				if role.Role == workload.RoleGateway && (w.gatewayExists()) != tc.rollsOut {
					t.Errorf("%s: rolled out %v", tc.reason, !tc.rollsOut)
				}
			}
		})
	}
}

func (w *world) gatewayExists() bool {
	w.t.Helper()
	list := w.deployments()
	return slices.Contains(list, "demo-gateway")
}

func TestNotOurs(t *testing.T) {
	t.Run("Service", func(t *testing.T) {
		w := newWorld(t)
		theirs := &corev1.Service{
			ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "demo-gateway"},
			Spec:       corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 1234}}},
		}
		if err := admin.Create(t.Context(), theirs); err != nil {
			t.Fatal(err)
		}
		w.create(nil)
		w.pass()
		if c := w.condition(v1alpha1.ConditionStalled); c.Reason != v1alpha1.ReasonNotOwned || !strings.Contains(c.Message, "Service demo-gateway exists") {
			t.Errorf("nobody says that the name is taken: %s", explainConditions(w.get()))
		}
		var live corev1.Service
		if err := admin.Get(t.Context(), w.key("demo-gateway"), &live); err != nil || live.Spec.Ports[0].Port != 1234 {
			t.Errorf("somebody else's Service was changed: %+v, %v", live.Spec.Ports, err)
		}
	})
	t.Run("Claims", func(t *testing.T) {
		first, second := newWorld(t), newWorld(t)
		shared := func(s *v1alpha1.ChatClusterSpec) {
			s.MSK.BootstrapServers = []string{"shared." + first.namespace + ":9092"}
			s.MSK.TopicPrefix = "same."
		}
		first.create(shared)
		first.settle()
		second.create(shared)
		second.pass()
		older := first.get().CreationTimestamp
		if younger := second.get().CreationTimestamp; older.Equal(&younger) && first.get().UID > second.get().UID {
			first, second = second, first
			second.pass()
		}
		if c := second.condition(v1alpha1.ConditionTopicsReady); c.Reason != v1alpha1.ReasonClaimed || !strings.Contains(c.Message, first.namespace+"/demo") {
			t.Errorf("two ChatClusters share topics: %+v", c)
		}
	})
}
