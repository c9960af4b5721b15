package chattenant

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/controllers/external/ownership"
	"github.com/chatcluster/chatcluster/controllers/external/pinpoint"
)

// fcm has the tenant push to Android's devices with an account of its own.
func fcm(s *v1alpha1.ChatTenantSpec) {
	s.Push = &v1alpha1.TenantPush{Channels: v1alpha1.ChannelsSpec{
		FCM: &v1alpha1.FCMChannel{ServiceAccountSecret: v1alpha1.SecretKey{Name: "firebase"}},
	}}
}

func (w *world) allowOwnPush() {
	w.t.Helper()
	w.changeCluster(func(cc *v1alpha1.ChatCluster) { cc.Spec.Tenants.OwnPush = true })
}

// account makes the tenant's Secret, or changes it.
func (w *world) account(text string) {
	w.t.Helper()
	s := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: w.team, Name: "firebase"}, StringData: map[string]string{"service-account.json": text}}
	err := admin.Create(w.t.Context(), s)
	if err != nil {
		err = admin.Update(w.t.Context(), s)
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// given is the account that the application's channel was given.
func (w *world) given(id string) string {
	w.t.Helper()
	c, ok := w.pinpoint.Given(id, pinpoint.FCM)
	if !ok {
		w.t.Fatalf("application %s has no channel to Android's devices", id)
	}
	return c.ServiceJSON
}

// pushing makes a tenant with an application of its own, and returns the application's id.
func (w *world) pushing(change func(*v1alpha1.ChatTenantSpec)) string {
	w.t.Helper()
	w.cluster(nil)
	w.allowOwnPush()
	w.account(`{"project_id":"initech"}`)
	w.create(w.team, "initech", func(s *v1alpha1.ChatTenantSpec) {
		fcm(s)
		if change != nil {
			change(s)
		}
	})
	w.pass(w.team, "initech")
	w.pass(w.team, "initech")
	w.wantReady(w.team, "initech")
	status := w.get(w.team, "initech").Status
	id := status.Push.ApplicationID
	if r := w.record(status.ID); id == "" || r == nil || r.PushApplication != id {
		w.t.Fatalf("the application is %q, and the record has %+v", id, r)
	}
	return id
}

func TestATenantsOwnPushApplication(t *testing.T) {
	w := newWorld(t)
	id := w.pushing(nil)
	owner := w.pinpoint.Apps()[id]
	if owner[ownership.TagNamespace] != w.team || owner[ownership.TagName] != "tenant/initech" || owner[ownership.TagOperator] != "suite" {
		t.Errorf("the application's tags are %v", owner)
	}
	if got := w.given(id); got != `{"project_id":"initech"}` {
		t.Errorf("the channel was given %q", got)
	}
	ct := w.get(w.team, "initech")
	if diff := cmp.Diff([]v1alpha1.ChannelStatus{{Platform: "GCM", Enabled: true}}, ct.Status.Push.Channels); diff != "" {
		t.Errorf("channels in the status, -want +got:\n%s", diff)
	}
	if !meta.IsStatusConditionTrue(ct.Status.Conditions, v1alpha1.ConditionPushReady) {
		t.Errorf("PushReady: %+v", w.condition(w.team, "initech", v1alpha1.ConditionPushReady))
	}

	w.takeWrites()
	before := w.pinpoint.Writes()
	w.pass(w.team, "initech")
	if writes := w.takeWrites(); len(writes) > 0 || len(w.pinpoint.Writes()) > len(before) {
		t.Errorf("an unchanged tenant causes writes: %v, %v", writes, w.pinpoint.Writes()[len(before):])
	}

	w.account(`{"project_id":"rotated"}`)
	w.pass(w.team, "initech")
	if got := w.given(id); got != `{"project_id":"rotated"}` {
		t.Errorf("after a rotation the channel has %q", got)
	}
}

// A crash after CreateApp, before the status was written, leaves no second application.
func TestOnePushApplicationAfterACrash(t *testing.T) {
	w := newWorld(t)
	id := w.pushing(nil)
	w.changeStatus(w.team, "initech", func(ct *v1alpha1.ChatTenant) { ct.Status.Push = v1alpha1.PushStatus{} })
	w.pass(w.team, "initech")
	w.pass(w.team, "initech")
	if got := w.get(w.team, "initech").Status.Push.ApplicationID; got != id || len(w.pinpoint.Apps()) != 1 {
		t.Errorf("the application is %q, was %q, of %d", got, id, len(w.pinpoint.Apps()))
	}
}

func TestPushThatIsNotThereYet(t *testing.T) {
	w := newWorld(t)
	w.cluster(nil)
	w.create(w.team, "initech", fcm)
	w.pass(w.team, "initech")
	if m := w.wantStalled(w.team, "initech", v1alpha1.ReasonNotAllowed); !strings.Contains(m, "ownPush") {
		t.Errorf("the message does not say what to ask for: %s", m)
	}
	if r := w.record(w.team + ".initech"); r == nil || !r.Served() {
		t.Errorf("without its pushes the tenant is not served: %+v", r)
	}
	if !meta.IsStatusConditionTrue(w.get(w.team, "initech").Status.Conditions, v1alpha1.ConditionClaimsHeld) {
		t.Error("without its pushes the tenant does not know that it holds its claims")
	}

	w.allowOwnPush()
	if result := w.pass(w.team, "initech"); result.RequeueAfter != retrySecret {
		t.Errorf("looks again after %v for the Secret, want %v", result.RequeueAfter, retrySecret)
	}
	if c := w.condition(w.team, "initech", v1alpha1.ConditionPushReady); c.Reason != v1alpha1.ReasonPending || !strings.Contains(c.Message, w.team+"/firebase") {
		t.Errorf("PushReady without the Secret: %+v", c)
	}
	if n := len(w.pinpoint.Apps()); n > 0 {
		t.Errorf("%d applications were made without credentials", n)
	}
}

// A tenant that is refused costs no application: an account has few.
func TestNoPushApplicationWithoutClaims(t *testing.T) {
	w := newWorld(t)
	id := w.pushing(func(s *v1alpha1.ChatTenantSpec) { s.ID = "initech" })
	w.create(w.team, "copycat", func(s *v1alpha1.ChatTenantSpec) { fcm(s); s.ID = "initech" })
	w.pass(w.team, "copycat")
	w.wantStalled(w.team, "copycat", v1alpha1.ReasonClaimed)
	if apps := w.pinpoint.Apps(); len(apps) != 1 || apps[id] == nil {
		t.Errorf("applications: %v", apps)
	}
}

func TestPushApplicationGoes(t *testing.T) {
	for name, tc := range map[string]struct {
		reason string
		act    func(*world)
		left   int
	}{
		"WithoutPush": {"the tenant is content with the cluster's", func(w *world) {
			w.change(w.team, "initech", func(ct *v1alpha1.ChatTenant) { ct.Spec.Push = nil })
			w.pass(w.team, "initech")
			if r := w.record(w.team + ".initech"); r.PushApplication != "" {
				w.t.Errorf("the record still has %q", r.PushApplication)
			}
			w.wantReady(w.team, "initech")
		}, 0},
		"Delete": {"with all else of the tenant", func(w *world) {
			w.change(w.team, "initech", func(ct *v1alpha1.ChatTenant) { ct.Spec.DeletionPolicy = v1alpha1.DeletionDelete })
			w.remove(w.team, "initech")
			w.pass(w.team, "initech")
			w.pass(w.team, "initech")
			w.endJob(batchv1.JobComplete, time.Now())
			w.pass(w.team, "initech")
		}, 0},
		"Retain": {"it is left, without an owner", func(w *world) {
			w.remove(w.team, "initech")
			w.pass(w.team, "initech")
		}, 1},
		"WithTheCluster": {"nobody else would ever delete it", func(w *world) {
			w.changeCluster(func(cc *v1alpha1.ChatCluster) {
				cc.Spec.DeletionPolicy, cc.Finalizers = v1alpha1.DeletionDelete, []string{v1alpha1.Finalizer}
			})
			if err := admin.Delete(w.t.Context(), w.getCluster()); err != nil {
				w.t.Fatal(err)
			}
			w.remove(w.team, "initech")
			w.pass(w.team, "initech")
		}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			id := w.pushing(nil)
			tc.act(w)
			apps := w.pinpoint.Apps()
			if len(apps) != tc.left || apps[id][ownership.TagUID] != "" {
				t.Errorf("%s: applications are %v", tc.reason, apps)
			}
		})
	}
}

// What a deleted ChatTenant retained is the next one's of its name, once that holds the claims.
func TestRetainedPushApplicationIsTakenOver(t *testing.T) {
	w := newWorld(t)
	id := w.pushing(func(s *v1alpha1.ChatTenantSpec) { s.ID = "initech" })
	w.remove(w.team, "initech")
	w.pass(w.team, "initech")
	w.changeCluster(func(cc *v1alpha1.ChatCluster) {
		cc.Annotations = map[string]string{v1alpha1.AnnotationReleaseTenants: w.team + "/initech"}
	})
	w.create(w.team, "initech", func(s *v1alpha1.ChatTenantSpec) { fcm(s); s.ID = "initech" })
	w.pass(w.team, "initech")
	w.pass(w.team, "initech")
	w.wantReady(w.team, "initech")
	ct := w.get(w.team, "initech")
	if ct.Status.Push.ApplicationID != id || w.pinpoint.Apps()[id][ownership.TagUID] != string(ct.UID) {
		t.Errorf("the application is %q, was %q, with tags %v", ct.Status.Push.ApplicationID, id, w.pinpoint.Apps()[id])
	}
}

// changeStatus edits the status as nobody should.
func (w *world) changeStatus(namespace, name string, edit func(*v1alpha1.ChatTenant)) {
	w.t.Helper()
	ct := w.get(namespace, name)
	edit(ct)
	if err := admin.Status().Update(w.t.Context(), ct); err != nil {
		w.t.Fatal(err)
	}
}
