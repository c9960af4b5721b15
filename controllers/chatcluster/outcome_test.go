package chatcluster

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/controllers/external/awsclient"
	"github.com/chatcluster/chatcluster/controllers/external/dynamodb"
	"github.com/chatcluster/chatcluster/controllers/external/dynamodb/dynamodbtest"
	"github.com/chatcluster/chatcluster/controllers/external/fault"
)

func TestOutcome(t *testing.T) {
	terminal, transient := fault.Terminal(v1alpha1.ReasonInvalid, "bad"), errors.New("flaky")
	cases := map[string]struct {
		reason   string
		facts    facts
		failed   bool
		min, max time.Duration
	}{
		"Fine":     {"drift outside is looked for now and then", facts{}, false, time.Minute, 2 * time.Minute},
		"Step":     {"the soonest wins", facts{tables: fact{reason: "x", after: time.Second}, topics: fact{reason: "x", after: time.Hour}}, false, time.Second, time.Second},
		"Flaky":    {"what may pass is retried with a growing delay", facts{topics: failed(transient)}, true, 0, 0},
		"Terminal": {"what needs a person is retried slowly", facts{topics: failed(terminal)}, false, retryTerminal, 2 * retryTerminal},
		"FlakyBesideStep": {"a step that is due soon takes the retry with it",
			facts{topics: failed(transient), tables: fact{reason: "x", after: afterWait}}, false, afterWait, afterWait},
		"FlakyBesideLongWait": {"a failed migration's ten minutes must not hold up Kafka's retry",
			facts{topics: failed(transient), schema: fact{err: terminal, after: 9 * time.Minute}}, true, 0, 0},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			s := &scope{Reconciler: &Reconciler{Options: Options{ObserveEvery: 5 * time.Minute}}, facts: tc.facts}
			result, err := s.outcome()
			if (err != nil) != tc.failed || result.RequeueAfter < tc.min || result.RequeueAfter > tc.max {
				t.Errorf("%s: after %s, error %v", tc.reason, result.RequeueAfter, err)
			}
		})
	}
}

// The API server refuses an event with a longer note, and nobody would hear of it.
func TestLongNoteIsCut(t *testing.T) {
	w := &world{t: t}
	s := &scope{Reconciler: &Reconciler{Recorder: w}, cc: &v1alpha1.ChatCluster{}}
	s.warning("Long", "Test", "%s", strings.Repeat("ö", 3000))
	note := strings.TrimPrefix(w.event("Long"), "Warning Long: ")
	if len(note) > 1024 || len(note) < 1000 || !strings.HasSuffix(note, "ö…") {
		t.Errorf("the note has %d bytes", len(note))
	}
}

// A manager that stops interrupts its own calls: that is no news about the ChatCluster.
func TestStoppingManagerReportsNothing(t *testing.T) {
	w := newWorld(t)
	w.create(nil)
	w.settle()
	before := w.get().ResourceVersion
	ctx, stop := context.WithCancel(t.Context())
	w.dynamo.Before = func(string) error { stop(); return ctx.Err() }
	_, _ = w.r.Reconcile(ctx, requestFor(w.key("demo")))
	if c := w.condition(v1alpha1.ConditionReady); c.Status != metav1.ConditionTrue || w.get().ResourceVersion != before {
		t.Errorf("the stopping manager wrote %s", explainConditions(w.get()))
	}
}

// What was found at one endpoint says nothing of another.
func TestMovedEndpointIsObserved(t *testing.T) {
	w := newWorld(t)
	w.r.Options.AllowAWSEndpoints = true
	w.r.Options.ObserveEvery = time.Hour
	there := &dynamodbtest.Fake{}
	w.r.External.DynamoDB = func(a awsclient.Access) (dynamodb.API, error) {
		if a.Endpoint == "http://there:8000" {
			return there, nil
		}
		return w.dynamo, nil
	}
	w.create(func(s *v1alpha1.ChatClusterSpec) { s.AWS.Endpoints.DynamoDB = "http://here:8000" })
	w.settle()
	w.change(func(cc *v1alpha1.ChatCluster) { cc.Spec.AWS.Endpoints.DynamoDB = "http://there:8000" })
	w.pass()
	if len(there.Names()) == 0 {
		t.Error("the tables at the new endpoint were not looked at, yet pods roll to it")
	}
}

// An engine that accepts a change and keeps its own value must not be asked every second for ever.
func TestChangeThatDoesNotStick(t *testing.T) {
	s := &scope{Reconciler: &Reconciler{memo: newMemo()}, cc: &v1alpha1.ChatCluster{}}
	var waits []time.Duration
	for range 12 {
		waits = append(waits, s.waitFor("log", dynamodb.SetBackups))
	}
	if waits[0] != afterStep || waits[1] != 2*afterStep || waits[11] != retryTerminal {
		t.Errorf("waits %v", waits)
	}
	if got := s.waitFor("log", dynamodb.EnableTTL); got != afterStep {
		t.Errorf("another step waits %s", got)
	}
	if got := s.waitFor("log", dynamodb.Wait); got != afterWait {
		t.Errorf("a busy table is looked at after %s", got)
	}
}

// Who asks for a reconcile now does not want to hear what was found minutes ago.
func TestReconcileNow(t *testing.T) {
	w := newWorld(t)
	w.r.Options.ObserveEvery = time.Hour
	w.create(nil)
	w.settle()
	w.pass()
	ask := func(when string) (looked bool) {
		w.change(func(cc *v1alpha1.ChatCluster) { cc.Annotations = map[string]string{v1alpha1.AnnotationReconcile: when} })
		reads := w.dynamo.Reads()
		w.pass()
		return w.dynamo.Reads() > reads
	}
	if !ask("1") {
		t.Error("a request was answered from memory")
	}
	if ask("1") {
		t.Error("an old request is obeyed again and again")
	}
	if !ask("2") {
		t.Error("a second request was answered from memory")
	}
}
