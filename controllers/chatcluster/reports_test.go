package chatcluster

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
)

func TestOnlyProgress(t *testing.T) {
	condition := func(kind string, status metav1.ConditionStatus, reason, message string) metav1.Condition {
		return metav1.Condition{Type: kind, Status: status, Reason: reason, Message: message}
	}
	no, yes := metav1.ConditionFalse, metav1.ConditionTrue
	status := func(generation int64, conditions ...metav1.Condition) *v1alpha1.ChatCluster {
		return &v1alpha1.ChatCluster{Status: v1alpha1.ChatClusterStatus{ObservedGeneration: generation, Conditions: conditions}}
	}
	creating := condition(v1alpha1.ConditionTablesReady, no, v1alpha1.ReasonProgressing, "log (CREATING)")
	notReady := condition(v1alpha1.ConditionReady, no, v1alpha1.ReasonProgressing, "TablesReady: log (CREATING)")
	denied := condition(v1alpha1.ConditionTablesReady, no, v1alpha1.ReasonAccessDenied, "not authorized")
	unreachable := condition(v1alpha1.ConditionTopicsReady, no, v1alpha1.ReasonUnreachable, "no broker answers")
	leaving := status(1, creating)
	leaving.DeletionTimestamp = &metav1.Time{Time: time.Unix(1, 0)}
	failedMigration := status(1, notReady)
	failedMigration.Status.Schema.LastError = "boom"

	cases := map[string]struct {
		reason        string
		before, after *v1alpha1.ChatCluster
		want          bool
	}{
		"New":        {"a new object says that it was not observed yet", status(-1), status(1, creating, notReady), true},
		"Step":       {"a step is progress", status(1, creating), status(1, condition(v1alpha1.ConditionTablesReady, yes, v1alpha1.ReasonReady, "6 tables")), true},
		"Edited":     {"who edits waits for the generation to be observed", status(1, creating), status(2, creating), false},
		"Ready":      {"Ready is what people wait for", status(1, notReady), status(1, condition(v1alpha1.ConditionReady, yes, v1alpha1.ReasonReady, "Serving")), false},
		"NotReady":   {"what ceases to be Ready is an alarm", status(1, condition(v1alpha1.ConditionReady, yes, v1alpha1.ReasonReady, "Serving")), status(1, notReady), false},
		"Trouble":    {"a trouble is told at once", status(1, creating), status(1, denied), false},
		"OtherWords": {"so is another of the same kind", status(1, unreachable), status(1, condition(v1alpha1.ConditionTopicsReady, no, v1alpha1.ReasonUnreachable, "connection refused")), false},
		"Mended":     {"who mends something wants to see it", status(1, denied), status(1, creating), false},
		"Stalled":    {"Stalled calls a person", status(1, notReady), status(1, notReady, condition(v1alpha1.ConditionStalled, yes, v1alpha1.ReasonInvalid, "x")), false},
		"Known":      {"a trouble that stays is no news", status(1, denied), status(1, denied, creating), true},
		"Paused":     {"who pauses wants to see it", status(1), status(1, condition(v1alpha1.ConditionPaused, yes, v1alpha1.ReasonPaused, "")), false},
		"Deleting":   {"nobody looks at what is gone", status(1), leaving, false},
		"Migration":  {"a failed migration shows at once", status(1, notReady), failedMigration, false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := onlyProgress(tc.before, tc.after); got != tc.want {
				t.Errorf("%s: got %v", tc.reason, got)
			}
		})
	}
}

// Progress costs no write of its own before its time; from one pass to the next nothing of it is lost.
func TestProgressIsToldNowAndThen(t *testing.T) {
	w := newQuietWorld(t)
	w.r.Options.ReportEvery = 10 * time.Second
	now := time.Now()
	w.r.reports.now = func() time.Time { return now }
	w.create(nil)
	w.pass()
	if got := w.get().Status.ObservedGeneration; got != -1 {
		t.Fatalf("a new ChatCluster's first progress was told at once: observedGeneration %d", got)
	}
	result, err := w.reconcile()
	if err != nil || result.RequeueAfter == 0 || result.RequeueAfter > 10*time.Second {
		t.Fatalf("nobody comes back to tell: %v, %v", result, err)
	}
	// The tables are being created, and nothing else can be done.
	told, waited := w.get(), time.Duration(0)
	for told.Status.ObservedGeneration < 0 && waited < time.Minute {
		now, waited = now.Add(result.RequeueAfter), waited+result.RequeueAfter
		if result, err = w.reconcile(); err != nil {
			t.Fatal(err)
		}
		told = w.get()
	}
	if waited > 11*time.Second {
		t.Errorf("progress was told after %s, want 10s", waited)
	}
	if told.Status.ObservedGeneration != told.Generation || len(told.Status.Tables) == 0 {
		t.Fatalf("progress was not told in time: %+v", told.Status)
	}
	w.takeWrites()
	w.settle()
	patches := slices.DeleteFunc(w.takeWrites(), func(s string) bool { return !strings.HasPrefix(s, "patch status") })
	if len(patches) != 1 || len(w.r.reports.held) != 0 {
		t.Errorf("from there to Ready the status was written %d times, want once; %d are held back", len(patches), len(w.r.reports.held))
	}
	w.change(func(cc *v1alpha1.ChatCluster) { cc.Spec.Image = image2 })
	w.pass()
	if cc := w.get(); cc.Status.ObservedGeneration != cc.Generation || meta.IsStatusConditionTrue(cc.Status.Conditions, v1alpha1.ConditionReady) {
		t.Error("an edit was not observed at once")
	}
}

// A fleet that is more than the operator can do at once is not told more of for that: bench O1 allows no write for it.
func TestWhatIsHeldBackWaitsForOthersAlone(t *testing.T) {
	const every = 15 * time.Second
	type step struct {
		// after the last pass, which asked for one after asked.
		after, asked time.Duration
		wrote        bool
	}
	cases := map[string]struct {
		reason string
		passes []step
		want   bool
	}{
		"Fresh":    {"the first pass is not long ago", []step{{0, time.Second, true}}, true},
		"Waits":    {"it waits for what does not come", []step{{0, 0, true}, {every, 0, false}}, false},
		"Polls":    {"it looks again and again, in time", []step{{0, 5 * time.Second, true}, {5 * time.Second, 5 * time.Second, false}, {5 * time.Second, 5 * time.Second, false}, {5 * time.Second, 0, false}}, false},
		"Queued":   {"a pass that came late waited for its turn", []step{{0, time.Second, true}, {every, time.Second, false}, {every, time.Second, false}}, true},
		"Events":   {"passes for what happens count as they come", []step{{0, 0, true}, {every / 2, 0, false}, {every/2 + 1, 0, false}}, false},
		"Advances": {"its children tell of what is written", []step{{0, 0, true}, {every - 1, 0, true}, {every - 1, 0, false}}, true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			r, now := newReports(), time.Now()
			r.now = func() time.Time { return now }
			before := &v1alpha1.ChatCluster{ObjectMeta: metav1.ObjectMeta{UID: "a"}}
			after := before.DeepCopy()
			after.Status.Gateway = "1/2"
			held := false
			for _, p := range tc.passes {
				now = now.Add(p.after)
				_, held = r.hold(before, after, pass{wrote: p.wrote, asked: p.asked}, every)
			}
			if held != tc.want {
				t.Errorf("%s: held back %t", tc.reason, held)
			}
		})
	}
}

// What this process wrote over is not worked on: its write would be refused, and cost one more.
func TestWhatWasReplacedIsStale(t *testing.T) {
	r := newReports()
	r.wrote("a", "1", "2")
	r.wrote("a", "2", "3")
	r.wrote("b", "7", "7") // changed nothing
	if !r.stale("a", "1") || !r.stale("a", "2") || r.stale("b", "7") {
		t.Error("what the cache has not seen is not told from what it has")
	}
	if r.stale("a", "3") || len(r.replaced) != 0 {
		t.Errorf("the cache has caught up, and %v is remembered", r.replaced)
	}
	r.wrote("a", "3", "4")
	if r.forget("a"); len(r.replaced) != 0 {
		t.Error("what is gone is remembered")
	}
}

// behind is a cache that has not caught up with what was written of a ChatCluster.
type behind struct {
	client.Client
	old *v1alpha1.ChatCluster
}

func (b behind) Get(ctx context.Context, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
	if cc, ok := o.(*v1alpha1.ChatCluster); ok {
		b.old.DeepCopyInto(cc)
		return nil
	}
	return b.Client.Get(ctx, key, o, opts...)
}

// A pass that comes before the cache has caught up writes nothing, not even in vain, and comes again soon.
func TestACacheThatIsBehindCostsNoWrite(t *testing.T) {
	w := newWorld(t)
	w.create(nil)
	w.settle()
	w.change(func(cc *v1alpha1.ChatCluster) { cc.Spec.Image = image2 })
	old := w.get()
	w.pass()
	w.takeOwnWrites()
	upToDate := w.r.Client
	w.r.Client = behind{upToDate, old}
	if result, err := w.reconcile(); err != nil || result.RequeueAfter != catchUp {
		t.Errorf("it comes again after %s, error %v", result.RequeueAfter, err)
	}
	if writes := w.takeOwnWrites(); len(writes) > 0 {
		t.Errorf("it wrote %v", writes)
	}
	w.r.Client = upToDate
	if result, err := w.reconcile(); err != nil || result.RequeueAfter == catchUp {
		t.Errorf("the cache has caught up, and it is still waited for: %v", err)
	}
}

func TestReportsAreVoidOnceAnotherStatusStands(t *testing.T) {
	r := newReports()
	before := &v1alpha1.ChatCluster{ObjectMeta: metav1.ObjectMeta{UID: types.UID("a")}}
	after := before.DeepCopy()
	after.Status.Gateway = "1/2"
	if _, ok := r.hold(before, after, pass{}, time.Minute); !ok {
		t.Fatal("progress was not held back")
	}
	same := before.DeepCopy()
	if r.recall(same); same.Status.Gateway != "1/2" {
		t.Error("what was held back is lost")
	}
	other := before.DeepCopy()
	other.Status.Image = image2
	if r.recall(other); other.Status.Gateway != "" || len(r.held) != 0 {
		t.Error("what was held back covers what somebody else has written since")
	}
}

// What has begun goes first, then what is new, then what the operator finds when it starts.
func TestNewcomersWaitForWhatHasBegun(t *testing.T) {
	q := priorityqueue.New[reconcile.Request]("test")
	defer q.ShutDown()
	named := func(name string) *v1alpha1.ChatCluster {
		return &v1alpha1.ChatCluster{ObjectMeta: metav1.ObjectMeta{Name: name}}
	}
	var n newcomers
	n.Create(t.Context(), event.CreateEvent{Object: named("there"), IsInInitialList: true}, q)
	n.Create(t.Context(), event.CreateEvent{Object: named("new")}, q)
	q.Add(requestFor(types.NamespacedName{Name: "begun"}))
	var order []string
	for range 3 {
		item, _ := q.Get()
		order = append(order, item.Name)
		q.Done(item)
	}
	if want := []string{"begun", "new", "there"}; !slices.Equal(order, want) {
		t.Errorf("the order is %v, want %v", order, want)
	}
	plain := workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[reconcile.Request]())
	defer plain.ShutDown()
	if n.Create(t.Context(), event.CreateEvent{Object: named("new")}, plain); plain.Len() != 1 {
		t.Error("a queue without priorities got nothing")
	}
}
