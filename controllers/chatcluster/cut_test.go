package chatcluster

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/controllers/external/dynamodb/dynamodbtest"
	"github.com/chatcluster/chatcluster/controllers/external/ownership"
	"github.com/chatcluster/chatcluster/controllers/external/pinpoint"
	"github.com/chatcluster/chatcluster/controllers/external/pinpoint/pinpointtest"
	"github.com/chatcluster/chatcluster/runtime/eventlog"
	"github.com/chatcluster/chatcluster/runtime/store/dynamo"
)

var errCut = errors.New("cut")

// reads are the calls that change nothing.
var reads = []string{
	"DescribeTable", "ListTagsOfResource", "DescribeTimeToLive", "DescribeContinuousBackups", "GetApp", "GetApps", "GetChannel", "Topics", "Allowed",
}

// life is a ChatCluster from its creation to its deletion, seen from outside Kubernetes, whose operator dies at one of the
// calls that it makes: before the service has seen it, or after the service has done it and before the answer came.
type life struct {
	t *testing.T
	w *world
	// cutAt is the call at which the operator dies, counted over the whole life; 0 never.
	cutAt int
	after bool

	calls int
	// writes are the calls that changed something: only there does it matter that the answer alone was lost.
	writes []int
	died   bool
	cc     *v1alpha1.ChatCluster
}

func newLife(t *testing.T, cutAt int, after bool) *life {
	t.Helper()
	l := &life{t: t, cutAt: cutAt, after: after}
	l.w = &world{t: t, namespace: "cut", dynamo: &dynamodbtest.Fake{}, pinpoint: &pinpointtest.Fake{}, kafka: &memoryKafka{}, ping: func() error { return nil }}
	before := func(string) error {
		l.calls++
		if l.calls == l.cutAt && !l.after {
			l.died = true
		}
		if l.died {
			return errCut
		}
		return nil
	}
	afterwards := func(operation string) error {
		if !slices.Contains(reads, operation) {
			l.writes = append(l.writes, l.calls)
		}
		if l.calls == l.cutAt && l.after {
			l.died = true
			return errCut
		}
		return nil
	}
	l.w.dynamo.Before, l.w.dynamo.After = before, afterwards
	l.w.pinpoint.Before, l.w.pinpoint.After = before, afterwards
	l.w.kafka.before, l.w.kafka.after = before, afterwards

	l.cc = l.w.cluster(func(s *v1alpha1.ChatClusterSpec) {
		s.DeletionPolicy = v1alpha1.DeletionDelete
		s.MSK.Authentication = v1alpha1.KafkaAuthentication{
			Type: v1alpha1.AuthenticationSCRAM, SCRAM: &v1alpha1.KafkaSCRAM{Username: "chatd", PasswordSecret: v1alpha1.SecretKey{Name: "kafka"}},
		}
		s.MSK.ACLPrincipals = []string{"User:chatd"}
		s.Pinpoint.Channels.FCM = &v1alpha1.FCMChannel{ServiceAccountSecret: v1alpha1.SecretKey{Name: "fcm"}}
	})
	l.cc.UID, l.cc.Generation, l.cc.CreationTimestamp = "uid", 1, metav1.Now()
	l.restart()
	return l
}

// restart is a new operator, which remembers nothing.
func (l *life) restart() {
	kubernetes := fake.NewClientBuilder().WithScheme(scheme).WithIndex(&v1alpha1.ChatCluster{}, indexClaims, claimsIndexer).WithObjects(
		l.cc.DeepCopy(),
		&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "cut", Name: "kafka"}, Data: map[string][]byte{"password": []byte("x")}},
		&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "cut", Name: "fcm"}, Data: map[string][]byte{"service-account.json": []byte("{}")}},
	).Build()
	l.w.r = New(kubernetes, kubernetes, silence{}, l.w.external(), Options{Operator: "suite"})
	l.died = false
}

// pass is one of the operator's. What it found is written down, unless it died.
func (l *life) pass() (ready bool) {
	s := l.w.r.scope(l.cc.DeepCopy())
	for _, phase := range []func(*scope){
		func(s *scope) { s.tables(l.t.Context()) }, func(s *scope) { s.topics(l.t.Context()) }, func(s *scope) { s.push(l.t.Context()) },
	} {
		phase(s)
		if l.died {
			l.restart()
			return false
		}
	}
	setStatus(s.cc, &s.facts)
	l.cc.Status = s.cc.Status
	l.w.dynamo.Settle()
	return s.facts.tables.ready() && s.facts.topics.ready() && s.facts.push.ready()
}

func (l *life) converge(what string) {
	l.t.Helper()
	for range 60 {
		if l.pass() {
			return
		}
	}
	l.t.Fatalf("%s: no end: %s", what, explainConditions(l.cc))
}

// check finds what is doubled, missing or another than it should be.
func (l *life) check(what string) {
	l.t.Helper()
	if got, want := len(l.w.dynamo.Names()), len(dynamo.Tables()); got != want {
		l.t.Errorf("%s: %d tables, want %d", what, got, want)
	}
	for _, name := range l.w.dynamo.Names() {
		if l.w.dynamo.Tags(name)[ownership.TagUID] != "uid" {
			l.t.Errorf("%s: table %s is not marked", what, name)
		}
	}
	if got, want := len(l.w.kafka.names()), len(eventlog.Topics()); got != want {
		l.t.Errorf("%s: %d topics, want %d", what, got, want)
	}
	if apps := l.w.pinpoint.Apps(); len(apps) != 1 {
		l.t.Errorf("%s: push applications %v, want one", what, apps)
	}
	if _, given := l.w.pinpoint.Given(l.cc.Status.Push.ApplicationID, pinpoint.FCM); !given {
		l.t.Errorf("%s: the channel was not set", what)
	}
	if !slices.Equal(keysOf(l.w.kafka.rights), []string{"User:chatd"}) {
		l.t.Errorf("%s: rights %v", what, l.w.kafka.rights)
	}
}

func keysOf(m map[string]int) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	return keys
}

// run lives it all: made, changed in everything that can be changed, deleted.
func (l *life) run() {
	l.t.Helper()
	l.converge("creation")
	l.check("creation")
	l.cc.Spec.DynamoDB = v1alpha1.DynamoDBSpec{
		Billing:             v1alpha1.BillingSpec{Mode: v1alpha1.BillingProvisioned, Provisioned: &v1alpha1.ProvisionedCapacity{ReadUnits: 5, WriteUnits: 6}},
		KMSKeyARN:           "arn:aws:kms:eu-central-1:111122223333:key/k",
		PointInTimeRecovery: v1alpha1.PointInTimeRecovery{Days: new(int32(7))},
	}
	l.cc.Spec.AWS.Tags = []v1alpha1.Tag{{Key: "team", Value: "chat"}}
	l.cc.Spec.MSK.Partitions = new(int32(24))
	l.cc.Generation++
	l.converge("change")
	l.check("change")
	for _, name := range l.w.dynamo.Names() {
		if d := l.w.dynamo.Describe(name); d.BillingModeSummary != nil || *d.ProvisionedThroughput.ReadCapacityUnits != 5 || d.SSEDescription == nil || l.w.dynamo.Tags(name)["team"] != "chat" {
			l.t.Errorf("table %s was not changed: %+v", name, d)
		}
	}
	for range 60 {
		f := l.w.r.scope(l.cc.DeepCopy()).deletion(l.t.Context())
		if l.died {
			l.restart()
			continue
		}
		if f.ready() {
			break
		}
		l.w.dynamo.Settle()
	}
	if left := fmt.Sprint(l.w.dynamo.Names(), l.w.kafka.names(), l.w.pinpoint.Apps(), ", rights: ", l.w.kafka.rights); left != "[] [] map[], rights: map[]" {
		l.t.Errorf("left after the deletion: %s", left)
	}
}

// Wherever the operator dies, the next one goes on: nothing is made twice, nothing is left.
func TestDiesAtEveryCall(t *testing.T) {
	t.Parallel()
	whole := newLife(t, 0, false)
	whole.run()
	if whole.calls < 100 || len(whole.writes) < 30 {
		t.Fatalf("only %d calls, of which %d write: nothing is proven", whole.calls, len(whole.writes))
	}
	live := func(at int, after bool) {
		l := newLife(t, at, after)
		l.run()
		if t.Failed() {
			t.Fatalf("died at call %d, after it was done: %t", at, after)
		}
	}
	for at := 1; at <= whole.calls; at++ {
		live(at, false)
	}
	for _, at := range whole.writes {
		live(at, true)
	}
	t.Logf("%d calls, of which %d write", whole.calls, len(whole.writes))
}
