package chattenant

import (
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/controllers/external/fault"
)

// finding is what a pass found. The zero finding says that everything is as wanted.
type finding struct {
	// reason and message say what is still on its way.
	reason, message string
	// err says what failed.
	err error
	// after is when it is worth looking again, zero for no particular time.
	after time.Duration
	// suspended says that nobody is served, as wanted.
	suspended bool
	// push is what was found of the tenant's own push application, nil where that was not looked at.
	push *finding
}

// worst is what the tenant waits for: without its pushes it is not Ready, and is served all the same.
func (f finding) worst() finding {
	if f.ready() && f.push != nil && !f.push.ready() {
		return *f.push
	}
	return f
}

func (f finding) ready() bool { return f.err == nil && f.reason == "" }

func (f finding) explain() (reason, message string) {
	if f.err != nil {
		return fault.Reason(f.err), fault.Message(f.err)
	}
	return f.reason, f.message
}

func failed(err error) finding { return finding{err: err} }

func pending(reason, message string, after time.Duration) finding {
	return finding{reason: reason, message: message, after: after}
}

// setStatus turns a finding into the status. It is pure.
func setStatus(ct *v1alpha1.ChatTenant, f finding) {
	ct.Status.ObservedGeneration = ct.Generation
	ct.Status.Purge = nil
	switch reason, message := f.explain(); {
	case f.ready() && f.suspended:
		set(ct, v1alpha1.ConditionClaimsHeld, metav1.ConditionTrue, v1alpha1.ReasonReady, "the id and the issuer are this tenant's")
		set(ct, v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonSuspended, "Suspended: nobody is served")
	case f.ready():
		set(ct, v1alpha1.ConditionClaimsHeld, metav1.ConditionTrue, v1alpha1.ReasonReady, "the id and the issuer are this tenant's")
		set(ct, v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady, "Serving")
	default:
		// What was held stays held unless somebody else has it.
		if ct.Status.ID == "" || reason == v1alpha1.ReasonClaimed {
			set(ct, v1alpha1.ConditionClaimsHeld, metav1.ConditionFalse, reason, message)
		}
		set(ct, v1alpha1.ConditionReady, metav1.ConditionFalse, reason, message)
	}
	setPush(ct, f.push)
	worst := f.worst()
	if f.ready() && !worst.ready() {
		reason, message := worst.explain()
		set(ct, v1alpha1.ConditionReady, metav1.ConditionFalse, reason, v1alpha1.ConditionPushReady+": "+message)
	}
	setProgress(ct, worst)
}

// setPush shows how the tenant's own push application is. A tenant without one has no such condition.
func setPush(ct *v1alpha1.ChatTenant, f *finding) {
	switch {
	case ct.Spec.Push == nil && ct.Status.Push.ApplicationID == "":
		meta.RemoveStatusCondition(&ct.Status.Conditions, v1alpha1.ConditionPushReady)
	case f == nil:
	case f.ready():
		set(ct, v1alpha1.ConditionPushReady, metav1.ConditionTrue, v1alpha1.ReasonReady, "the tenant's own push application is there, with its channels")
	default:
		reason, message := f.explain()
		set(ct, v1alpha1.ConditionPushReady, metav1.ConditionFalse, reason, message)
	}
}

// setDeleting shows how far the deletion is.
func setDeleting(ct *v1alpha1.ChatTenant, f finding) {
	ct.Status.ObservedGeneration = ct.Generation
	_, message := f.explain()
	set(ct, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonDeleting, message)
	setProgress(ct, f)
}

// setProgress sets Reconciling or Stalled, or neither: kstatus takes the first of the two that is true, so there must never be both.
func setProgress(ct *v1alpha1.ChatTenant, f finding) {
	reason, message := f.explain()
	is, other := v1alpha1.ConditionReconciling, v1alpha1.ConditionStalled
	if fault.IsTerminal(f.err) {
		is, other = other, is
	}
	meta.RemoveStatusCondition(&ct.Status.Conditions, other)
	if f.ready() {
		meta.RemoveStatusCondition(&ct.Status.Conditions, is)
		return
	}
	set(ct, is, metav1.ConditionTrue, reason, message)
}

func set(ct *v1alpha1.ChatTenant, kind string, status metav1.ConditionStatus, reason, message string) {
	meta.SetStatusCondition(&ct.Status.Conditions, metav1.Condition{
		Type: kind, Status: status, Reason: reason, Message: strings.ToValidUTF8(message, ""), ObservedGeneration: ct.Generation,
	})
}

// announce tells users of what changed for them.
func (s *scope) announce(before *v1alpha1.ChatTenant) {
	was := meta.FindStatusCondition(before.Status.Conditions, v1alpha1.ConditionStalled)
	if is := meta.FindStatusCondition(s.ct.Status.Conditions, v1alpha1.ConditionStalled); is != nil && (was == nil || was.Message != is.Message) {
		s.warning(is.Reason, "Reconcile", "%s", is.Message)
	}
	ready := meta.FindStatusCondition(s.ct.Status.Conditions, v1alpha1.ConditionReady)
	had := meta.FindStatusCondition(before.Status.Conditions, v1alpha1.ConditionReady)
	if ready.Status == metav1.ConditionTrue && (had == nil || had.Status != ready.Status || had.Reason != ready.Reason) {
		s.event(ready.Reason, "Reconcile", "%s", ready.Message)
	}
}
