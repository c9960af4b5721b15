package chatcluster

import (
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
)

// reports holds back for a while what a status would say of progress alone: a fleet that is rolled out would be a write for
// every step of every ChatCluster. The next pass goes on from what is held. It may be lost at any moment: then it is found
// out again.
type reports struct {
	now func() time.Time

	mu   sync.Mutex
	held map[types.UID]report
}

// report is a status that is not written yet.
type report struct {
	// told is the status that stands in its place. Once another does, the report is void.
	told, status v1alpha1.ChatClusterStatus
	since        time.Time
}

func newReports() *reports {
	return &reports{now: time.Now, held: map[types.UID]report{}}
}

// recall gives cc the status that is held back for it.
func (r *reports) recall(cc *v1alpha1.ChatCluster) {
	r.mu.Lock()
	defer r.mu.Unlock()
	held, ok := r.held[cc.UID]
	switch {
	case !ok:
	case equality.Semantic.DeepEqual(held.told, cc.Status):
		cc.Status = *held.status.DeepCopy()
	default:
		delete(r.held, cc.UID)
	}
}

// hold keeps back what cc's status says beyond before's, if that is progress alone and has waited less than every. after is how
// long it may still wait.
func (r *reports) hold(before, cc *v1alpha1.ChatCluster, every time.Duration) (after time.Duration, ok bool) {
	if every <= 0 || !onlyProgress(before, cc) {
		return 0, false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	since := now
	if held, ok := r.held[cc.UID]; ok {
		since = held.since
	}
	if after = every - now.Sub(since); after <= 0 {
		return 0, false
	}
	r.held[cc.UID] = report{told: *before.Status.DeepCopy(), status: *cc.Status.DeepCopy(), since: since}
	return after, true
}

// drop forgets what is held back.
func (r *reports) drop(uid types.UID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.held, uid)
}

// goingWell are the reasons of what gets on by itself.
var goingWell = []string{
	v1alpha1.ReasonReady, v1alpha1.ReasonPending, v1alpha1.ReasonProgressing, v1alpha1.ReasonMigrating, v1alpha1.ReasonRollingOut,
}

// onlyProgress tells whether nobody has to know at once what changed in a status: it speaks of the same generation, nothing
// became Ready or ceased to be, and no trouble came, changed or went. That a new object has not been seen yet is what its
// status says from the beginning. It is pure.
func onlyProgress(before, after *v1alpha1.ChatCluster) bool {
	was, is := before.Status, after.Status
	if !after.DeletionTimestamp.IsZero() || was.ObservedGeneration > 0 && was.ObservedGeneration != is.ObservedGeneration {
		return false
	}
	if was.Schema.LastError != is.Schema.LastError || !equality.Semantic.DeepEqual(was.Plan, is.Plan) {
		return false
	}
	if meta.IsStatusConditionTrue(was.Conditions, v1alpha1.ConditionReady) != meta.IsStatusConditionTrue(is.Conditions, v1alpha1.ConditionReady) {
		return false
	}
	return !changedTrouble(was.Conditions, is.Conditions) && !changedTrouble(is.Conditions, was.Conditions)
}

// changedTrouble tells whether a trouble in one is not the same in other.
func changedTrouble(one, other []metav1.Condition) bool {
	return slices.ContainsFunc(one, func(c metav1.Condition) bool {
		o := meta.FindStatusCondition(other, c.Type)
		same := o != nil && o.Status == c.Status && o.Reason == c.Reason && o.Message == c.Message
		return !same && !slices.Contains(goingWell, c.Reason)
	})
}
