package chatcluster

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/controllers/external/awsclient"
	"github.com/chatcluster/chatcluster/controllers/external/dynamodb"
	"github.com/chatcluster/chatcluster/controllers/external/fault"
)

// An empty table in place of one that held messages would hide that they are gone.
func TestLostTableIsNotMadeAnew(t *testing.T) {
	w := newWorld(t)
	w.create(nil)
	w.settle()
	table := w.namespace + ".demo.log"
	w.dynamo.Remove(table)
	for range 2 {
		w.pass()
	}
	if c := w.condition(v1alpha1.ConditionTablesReady); c.Reason != v1alpha1.ReasonReplaced || !strings.Contains(c.Message, v1alpha1.AdoptionRecreate) {
		t.Errorf("nobody says what to do: %+v", c)
	}
	if slices.Contains(w.dynamo.Names(), table) {
		t.Fatal("an empty table was made")
	}
	w.change(annotate(v1alpha1.AnnotationAdoptionPolicy, v1alpha1.AdoptionRecreate))
	w.settle()
	if !slices.Contains(w.dynamo.Names(), table) {
		t.Error("the user's word was not taken")
	}
}

// What a backup comes back as is another table, which carries no tags.
func TestRestoredTableIsAdopted(t *testing.T) {
	w, other := newWorld(t), newWorld(t)
	w.create(nil)
	w.settle()
	table := w.namespace + ".demo.log"
	w.dynamo.Remove(table)
	// Another operator's ChatCluster makes a table of that name: it has another id.
	other.dynamo = w.dynamo
	other.r.External.DynamoDB = func(awsclient.Access) (dynamodb.API, error) { return w.dynamo, nil }
	cc := other.cluster(func(s *v1alpha1.ChatClusterSpec) {
		s.DynamoDB.TablePrefix, s.AWS.Region = w.namespace+".demo.", "eu-west-1"
	})
	cc.UID = "restorer"
	s := other.r.scope(cc)
	s.tables(t.Context())
	w.dynamo.Settle()
	w.dynamo.SetTags(table, nil)
	w.pass()
	if c := w.condition(v1alpha1.ConditionTablesReady); c.Reason != v1alpha1.ReasonReplaced {
		t.Errorf("another table was taken for the one that was there: %+v", c)
	}
	w.change(annotate(v1alpha1.AnnotationAdoptionPolicy, v1alpha1.AdoptionAdopt))
	w.settle()
}

// A namespace that names another's prefix gets nothing of it, even when the tags that say whose it is are lost.
func TestAnothersTablesAreNotAdopted(t *testing.T) {
	first, second := newWorld(t), newWorld(t)
	second.dynamo = first.dynamo
	second.r.External = second.external()
	first.create(nil)
	first.settle()
	table := first.namespace + ".demo.log"
	first.dynamo.SetTags(table, nil)
	thief := second.cluster(func(s *v1alpha1.ChatClusterSpec) { s.DynamoDB.TablePrefix = first.namespace + ".demo." })
	annotate(v1alpha1.AnnotationAdoptionPolicy, v1alpha1.AdoptionAdopt)(thief)
	// Names decide between two of the same second.
	second.wait(first.get().CreationTimestamp.Add(time.Second))
	if err := admin.Create(t.Context(), thief); err != nil {
		t.Fatal(err)
	}
	second.pass()
	if c := second.condition(v1alpha1.ConditionTablesReady); c.Reason != v1alpha1.ReasonClaimed || !strings.Contains(c.Message, first.namespace+"/demo") {
		t.Errorf("tables of a ChatCluster that is alive were taken: %+v", c)
	}
	if tags := first.dynamo.Tags(table); len(tags) > 0 {
		t.Errorf("its tags are %v", tags)
	}
	if err := admin.Delete(t.Context(), second.get()); err != nil {
		t.Fatal(err)
	}
	second.pass()
	if !slices.Contains(first.dynamo.Names(), table) {
		t.Error("its tables are gone")
	}
}

// wait is until the API server's clock, which counts in seconds, is past a moment.
func (w *world) wait(until time.Time) {
	w.t.Helper()
	w.awaitThat("the next second", func() bool { return time.Now().After(until) })
}

func TestRoleMustBeAllowed(t *testing.T) {
	const role = "arn:aws:iam::111122223333:role/chat"
	w := newWorld(t)
	var got awsclient.Access
	w.r.External.DynamoDB = func(a awsclient.Access) (dynamodb.API, error) { got = a; return w.dynamo, nil }
	w.create(func(s *v1alpha1.ChatClusterSpec) { s.AWS.AssumeRoleARN = role })
	w.r.Options.AssumableRoles = Roles{"another": {role}}
	w.pass()
	if c := w.condition(v1alpha1.ConditionTablesReady); c.Reason != v1alpha1.ReasonNotAllowed || len(w.dynamo.Names()) > 0 {
		t.Errorf("a namespace uses another's role: %+v", c)
	}
	w.r.Options.AssumableRoles = Roles{w.namespace: {"arn:aws:iam::111122223333:role/*"}}
	w.settle()
	if want := (awsclient.Access{Region: "eu-central-1", Role: role, ExternalID: "suite/" + w.namespace}); got != want {
		t.Errorf("AWS was reached as %+v, want %+v", got, want)
	}
}

func TestParseRoles(t *testing.T) {
	const chat, deep = "arn:aws:iam::1:role/chat", "arn:aws:iam::1:role/a/chat"
	cases := map[string]struct {
		reason, flag, namespace, role string
		allowed, invalid              bool
	}{
		"Exact":     {reason: "as it stands there", flag: "chat=" + chat, namespace: "chat", role: chat, allowed: true},
		"Other":     {reason: "what is one namespace's is not another's", flag: "chat=" + chat, namespace: "x", role: chat},
		"Any":       {reason: "* is any namespace", flag: " *=" + chat + " ,", namespace: "x", role: chat, allowed: true},
		"Pattern":   {reason: "* is any name", flag: "chat=arn:aws:iam::1:role/*", namespace: "chat", role: chat, allowed: true},
		"Path":      {reason: "but no path", flag: "chat=arn:aws:iam::1:role/*", namespace: "chat", role: deep},
		"None":      {reason: "nothing is allowed unasked", namespace: "chat", role: chat},
		"NoRole":    {reason: "a mistake must not go unseen", flag: "chat", invalid: true},
		"NoARN":     {reason: "nor this one", flag: "chat=role", invalid: true},
		"BadBraces": {reason: "nor this one", flag: "chat=arn:[", invalid: true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			roles, err := ParseRoles(tc.flag)
			if (err != nil) != tc.invalid || roles.allow(tc.namespace, tc.role) != tc.allowed {
				t.Errorf("%s: %v, %v", tc.reason, roles, err)
			}
		})
	}
}

// What AWS refuses for a day keeps nothing else from being repaired, and is no failure.
func TestDailyLimitHoldsNothingElse(t *testing.T) {
	w := newWorld(t)
	w.create(nil)
	w.settle()
	table := w.namespace + ".demo.log"
	for range 4 {
		w.dynamo.SetBilling(table, 5, 5)
		w.settle()
	}
	w.dynamo.SetBilling(table, 5, 5)
	w.change(func(cc *v1alpha1.ChatCluster) { cc.Spec.DynamoDB.PointInTimeRecovery.Days = ptr.To[int32](3) })
	for range 8 {
		w.pass()
		w.dynamo.Settle()
	}
	c := w.condition(v1alpha1.ConditionTablesReady)
	if c.Reason != v1alpha1.ReasonLimited || !strings.Contains(c.Message, "4 times in 24 hours") {
		t.Errorf("TablesReady: %+v", c)
	}
	if stalled := w.condition(v1alpha1.ConditionStalled); stalled.Type != "" {
		t.Errorf("it asks for a person: %+v", stalled)
	}
	writes := w.dynamo.Writes()
	w.pass()
	if after := w.dynamo.Writes(); len(after) != len(writes) {
		t.Errorf("it is tried at each pass: %v", after[len(writes):])
	}
	if w.dynamo.BackupDays(table) != 3 {
		t.Error("the backups were not changed meanwhile")
	}
}

// An account takes so many changes at once. Who comes too late comes again.
func TestConcurrentOperationsAreBounded(t *testing.T) {
	w := newWorld(t)
	w.dynamo.Concurrent = 2
	w.create(nil)
	for range 20 {
		_, _ = w.reconcile()
		w.dynamo.Settle()
		w.endMigration(`{"current":3,"target":3}`, true)
		w.startPods()
	}
	if c := w.condition(v1alpha1.ConditionTablesReady); c.Status != metav1.ConditionTrue {
		t.Errorf("six tables, two at a time, are not made: %+v", c)
	}
}

// Access that is gone for good must not keep a ChatCluster for ever, and must not be taken for a reason to leave things behind.
func TestAbandon(t *testing.T) {
	cases := map[string]struct {
		reason string
		spec   func(*v1alpha1.ChatClusterSpec)
		lose   func(*world)
		says   string
	}{
		"Kafka": {
			reason: "a Kafka cluster that was deleted takes no deletions",
			spec:   func(s *v1alpha1.ChatClusterSpec) { s.DeletionPolicy = v1alpha1.DeletionDelete },
			lose: func(w *world) {
				w.kafka.err = fault.Transient(v1alpha1.ReasonUnreachable, "Kafka cannot be reached")
			},
			says: "Kafka cannot be reached",
		},
		"Denied": {
			reason: "a role may be gone",
			lose: func(w *world) {
				w.dynamo.Before = func(string) error { return fault.Terminal(v1alpha1.ReasonAccessDenied, "no such role") }
			},
			says: "no such role",
		},
		"Secret": {
			reason: "credentials may be gone",
			spec:   func(s *v1alpha1.ChatClusterSpec) { s.AWS.Credentials.SecretName = "aws" },
			lose: func(w *world) {
				secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "aws"}}
				if err := admin.Delete(w.t.Context(), secret); err != nil {
					w.t.Fatal(err)
				}
			},
			says: "waits for Secret",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.create(tc.spec)
			w.settle()
			tc.lose(w)
			if err := errors.Join(admin.Delete(t.Context(), w.get()), w.stopPods()); err != nil {
				t.Fatal(err)
			}
			for range 3 {
				_, _ = w.reconcile()
			}
			c := w.condition(v1alpha1.ConditionReady)
			if !strings.Contains(c.Message, tc.says) || !strings.Contains(c.Message, v1alpha1.AnnotationAbandon) {
				t.Errorf("%s: nobody says what it waits for and what to do: %+v", tc.reason, c)
			}
			w.change(annotate(v1alpha1.AnnotationAbandon, "true"))
			w.pass()
			if err := admin.Get(t.Context(), w.key("demo"), &v1alpha1.ChatCluster{}); !apierrors.IsNotFound(err) {
				t.Errorf("%s: it is still there: %v", tc.reason, err)
			}
			if got := w.event("Abandoned"); !strings.Contains(got, tc.says) || !strings.Contains(got, w.namespace+".demo.") {
				t.Errorf("%s: no event says what may be left: %q", tc.reason, got)
			}
		})
	}
}

// stopPods does as the kubelet and the garbage collector do when what runs is deleted.
func (w *world) stopPods() error {
	_, _ = w.reconcile()
	return admin.DeleteAllOf(w.t.Context(), &corev1.Pod{}, inNamespace(w.namespace), atOnce)
}
