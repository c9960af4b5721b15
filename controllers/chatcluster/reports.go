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
	// replaced are the versions that this process has written over since the cache last showed another.
	replaced map[types.UID][]string
}

// report is a status that is not written yet.
type report struct {
	// told is the status that stands in its place. Once another does, the report is void.
	told, status v1alpha1.ChatClusterStatus
	// waited is for how long the ChatCluster has waited for others since a pass last wrote something of it. What it waited for
	// its turn does not count: of a fleet that is more than the operator can do at once nothing more is told, but less.
	waited time.Duration
	// held is when it was held back last, and asked after what time the next pass was to come.
	held  time.Time
	asked time.Duration
}

func newReports() *reports {
	return &reports{now: time.Now, held: map[types.UID]report{}, replaced: map[types.UID][]string{}}
}

// wrote notes that the version was of a ChatCluster was replaced by is, which the cache may not know yet.
func (r *reports) wrote(uid types.UID, was, is string) {
	if was == is {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.replaced[uid] = append(r.replaced[uid], was)
}

// stale tells whether a version was read that this process has replaced since: what a pass would write of it is refused.
func (r *reports) stale(uid types.UID, version string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if slices.Contains(r.replaced[uid], version) {
		return true
	}
	delete(r.replaced, uid)
	return false
}

// forget forgets all of a ChatCluster that is gone.
func (r *reports) forget(uid types.UID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.held, uid)
	delete(r.replaced, uid)
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

// pass is what a pass did that a report goes by.
type pass struct {
	// wrote is true when it wrote a child: that tells of progress by itself.
	wrote bool
	// asked is after what time it wants another one, zero for not before something happens.
	asked time.Duration
}

// hold keeps back what cc's status says beyond before's, if that is progress alone and has waited less than every. after is how
// long it may still wait.
func (r *reports) hold(before, cc *v1alpha1.ChatCluster, p pass, every time.Duration) (after time.Duration, ok bool) {
	if every <= 0 || !onlyProgress(before, cc) {
		return 0, false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	next := report{told: *before.Status.DeepCopy(), status: *cc.Status.DeepCopy(), held: r.now()}
	if last, ok := r.held[cc.UID]; ok && !p.wrote {
		next.waited = last.waited + min(next.held.Sub(last.held), last.asked)
	}
	if after = every - next.waited; after <= 0 {
		return 0, false
	}
	next.asked = sooner(p.asked, after)
	r.held[cc.UID] = next
	return next.asked, true
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
