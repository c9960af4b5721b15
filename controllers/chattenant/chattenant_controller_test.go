package chattenant

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/runtime/store"
)

func TestATenantIsProvisioned(t *testing.T) {
	w := newWorld(t)
	w.cluster(nil)
	w.create(w.team, "globex", func(s *v1alpha1.ChatTenantSpec) {
		s.Issuer.JWKSURL = "https://id.globex.example/keys"
		s.Quotas = v1alpha1.TenantQuotas{Connections: ptr.To[int32](10), MessagesPerSecond: ptr.To[int32](20)}
		s.Retention.Messages = &metav1.Duration{Duration: 48 * time.Hour}
		s.Retention.History = &metav1.Duration{Duration: 72 * time.Hour}
		s.Moderation = []v1alpha1.TenantDetector{{Detector: "spam", Mode: v1alpha1.DetectorFlag, Threshold: ptr.To[int32](70)}, {Detector: "fraud", Mode: v1alpha1.DetectorOff}}
	})
	if got := w.get(w.team, "globex").Status.ObservedGeneration; got != -1 {
		t.Errorf("a ChatTenant that nobody has seen has observedGeneration %d, which kstatus takes for done", got)
	}
	w.pass(w.team, "globex")
	w.wantReady(w.team, "globex")
	ct := w.get(w.team, "globex")
	if want := w.team + ".globex"; ct.Status.ID != want {
		t.Errorf("id %q, want %q", ct.Status.ID, want)
	}
	want := &store.TenantRecord{
		Tenant: store.Tenant(ct.Status.ID), State: store.TenantActive,
		Owner:          store.TenantOwner{Namespace: w.team, Name: "globex", UID: string(ct.UID)},
		Issuer:         store.TenantIssuer{URL: "https://id.globex.example", Audience: "chat", JWKSURL: "https://id.globex.example/keys"},
		MaxConnections: 10, MessagesPerSecond: 20, Retention: 48 * time.Hour, History: 72 * time.Hour,
		Detectors: map[string]store.Detector{"spam": {Mode: "flag", Threshold: 70}, "fraud": {Mode: "off"}},
		Revision:  1,
	}
	if diff := cmp.Diff(want, w.record(ct.Status.ID)); diff != "" {
		t.Errorf("record (-want +got):\n%s", diff)
	}

	w.takeWrites()
	w.pass(w.team, "globex")
	if got := w.takeWrites(); len(got) != 0 {
		t.Errorf("a pass over an unchanged ChatTenant wrote %q", got)
	}

	// Drift is repaired.
	r := *w.record(ct.Status.ID)
	r.MaxConnections = 9999
	if _, err := w.db.PutTenant(t.Context(), r, ""); err != nil {
		t.Fatal(err)
	}
	w.pass(w.team, "globex")
	if got := w.record(ct.Status.ID); got.MaxConnections != 10 {
		t.Errorf("drift stays: %+v", got)
	}

	w.change(w.team, "globex", func(ct *v1alpha1.ChatTenant) { ct.Spec.Suspended = true })
	w.pass(w.team, "globex")
	w.wantReady(w.team, "globex")
	if c := w.condition(w.team, "globex", v1alpha1.ConditionReady); c.Reason != v1alpha1.ReasonSuspended || w.record(ct.Status.ID).State != store.TenantSuspended {
		t.Errorf("suspended: %+v, %+v", c, w.record(ct.Status.ID))
	}
	w.change(w.team, "globex", func(ct *v1alpha1.ChatTenant) {
		ct.Spec.Suspended = false
		ct.Spec.Issuer.URL = "https://new.globex.example"
	})
	w.pass(w.team, "globex")
	if got := w.record(ct.Status.ID); got.State != store.TenantActive || got.Issuer.URL != "https://new.globex.example" {
		t.Errorf("after the change: %+v", got)
	}
	if _, err := w.db.TenantOf(t.Context(), "https://id.globex.example", "chat"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the old issuer is still claimed: %v", err)
	}
}

// A second claimant is Stalled, is told what to do, and learns nothing of the first. It changes nothing of the first's.
func TestASecondClaimantIsStalled(t *testing.T) {
	cases := map[string]struct {
		reason string
		change func(*v1alpha1.ChatTenantSpec)
		says   string
	}{
		"ID":     {"the data is the first's", func(s *v1alpha1.ChatTenantSpec) { s.ID = "globex" }, "choose another spec.id"},
		"Issuer": {"a token would have two tenants", func(s *v1alpha1.ChatTenantSpec) { s.Issuer.URL = "https://id.first.example" }, "spec.issuer.audience"},
		"ClusterID": {
			"the cluster's own tenants are nobody else's", func(s *v1alpha1.ChatTenantSpec) { s.ID = "acme" }, "choose another spec.id",
		},
		"ClusterIssuer": {
			"the cluster's own issuers are nobody else's", func(s *v1alpha1.ChatTenantSpec) { s.Issuer.URL = "https://id.acme.example" }, "spec.issuer.audience",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.cluster(nil)
			w.create(w.namespace, "first", func(s *v1alpha1.ChatTenantSpec) { s.ID = "globex" })
			w.pass(w.namespace, "first")
			w.wantReady(w.namespace, "first")
			before := *w.record("globex")

			w.create(w.team, "second", tc.change)
			w.takeWrites()
			w.pass(w.team, "second")
			message := w.wantStalled(w.team, "second", v1alpha1.ReasonClaimed)
			if !strings.Contains(message, tc.says) {
				t.Errorf("%s: the message does not say %q: %s", tc.reason, tc.says, message)
			}
			if strings.Contains(message, w.namespace) || strings.Contains(message, "first") {
				t.Errorf("the message tells of the first: %s", message)
			}
			for _, what := range w.takeWrites() {
				if strings.HasPrefix(what, "table") {
					t.Errorf("it wrote: %s", what)
				}
			}
			if diff := cmp.Diff(before, *w.record("globex")); diff != "" {
				t.Errorf("the first's record changed:\n%s", diff)
			}
			w.pass(w.team, "second")
			if got := w.takeWrites(); len(got) != 0 {
				t.Errorf("a pass over one who is Stalled wrote %q", got)
			}
			// It goes without touching anything.
			w.change(w.team, "second", func(ct *v1alpha1.ChatTenant) { ct.Spec.DeletionPolicy = v1alpha1.DeletionDelete })
			w.remove(w.team, "second")
			w.pass(w.team, "second")
			if !w.gone(w.team, "second") || w.job() != nil {
				t.Error("the second does not go, or purges what is the first's")
			}
			if diff := cmp.Diff(before, *w.record("globex")); diff != "" {
				t.Errorf("the first's record changed:\n%s", diff)
			}
		})
	}
}

// Which namespaces may name a cluster is the cluster's to say, and no answer tells whether there is one.
func TestNamespacesAreAllowedByTheCluster(t *testing.T) {
	w := newWorld(t)
	stranger := w.newNamespace("stranger-", nil)
	w.create(stranger, "nosy", nil)
	w.pass(stranger, "nosy")
	absent := w.wantStalled(stranger, "nosy", v1alpha1.ReasonNotAllowed)
	w.cluster(nil)
	w.pass(stranger, "nosy")
	if there := w.wantStalled(stranger, "nosy", v1alpha1.ReasonNotAllowed); there != absent {
		t.Errorf("whether there is a cluster can be told:\n%s\n%s", absent, there)
	}
	w.create(w.namespace, "home", func(s *v1alpha1.ChatTenantSpec) { s.ClusterRef.Namespace = "" })
	w.pass(w.namespace, "home")
	w.wantReady(w.namespace, "home")
	w.create(w.team, "globex", nil)
	w.pass(w.team, "globex")
	w.wantReady(w.team, "globex")

	// A namespace that is not allowed any more is not served any more, and nothing of it is lost.
	w.changeCluster(func(cc *v1alpha1.ChatCluster) { cc.Spec.Tenants.AllowedNamespaces = nil })
	w.pass(w.team, "globex")
	w.wantStalled(w.team, "globex", v1alpha1.ReasonNotAllowed)
	if r := w.record(w.team + ".globex"); r == nil || r.State != store.TenantSuspended {
		t.Errorf("record: %+v", r)
	}
	w.changeCluster(func(cc *v1alpha1.ChatCluster) {
		cc.Spec.Tenants.AllowedNamespaces = &v1alpha1.AllowedNamespaces{From: v1alpha1.NamespacesAll}
	})
	for _, key := range [][2]string{{w.team, "globex"}, {stranger, "nosy"}} {
		w.pass(key[0], key[1])
		w.wantReady(key[0], key[1])
	}
}

// What is on its way is Reconciling, not Stalled; what fails for a while is tried again.
func TestWhatATenantWaitsFor(t *testing.T) {
	w := newWorld(t)
	w.create(w.namespace, "globex", nil)
	waits := func(says string) {
		t.Helper()
		c := w.condition(w.namespace, "globex", v1alpha1.ConditionReconciling)
		if c.Status != metav1.ConditionTrue || !strings.Contains(c.Message, says) {
			t.Fatalf("Reconciling is %+v, want it to say %q", c, says)
		}
	}
	w.pass(w.namespace, "globex")
	waits("waits for ChatCluster")
	w.cluster(nil)
	w.tablesReady(metav1.ConditionFalse)
	w.pass(w.namespace, "globex")
	waits("tables")
	w.tablesReady(metav1.ConditionTrue)
	w.changeCluster(func(cc *v1alpha1.ChatCluster) { cc.Spec.Paused = true })
	w.pass(w.namespace, "globex")
	waits("paused")
	w.changeCluster(func(cc *v1alpha1.ChatCluster) { cc.Spec.Paused = false })
	w.failWith(errors.New("throttled"))
	if _, err := w.r.Reconcile(t.Context(), requestFor(w.namespace, "globex")); err == nil {
		t.Error("a failure that may pass is not tried again soon")
	}
	waits("throttled")
	w.failWith(store.ErrChanged) // somebody was faster
	if got := w.pass(w.namespace, "globex"); got.RequeueAfter != afterStep {
		t.Errorf("after a lost race it looks again after %s", got.RequeueAfter)
	}
	w.failWith(nil)
	w.pass(w.namespace, "globex")
	w.wantReady(w.namespace, "globex")

	w.create(w.namespace, "plain", func(s *v1alpha1.ChatTenantSpec) { s.Issuer.JWKSURL = "http://id.example/keys" })
	w.pass(w.namespace, "plain")
	if m := w.wantStalled(w.namespace, "plain", v1alpha1.ReasonNotAllowed); !strings.Contains(m, "--allow-insecure-issuers") {
		t.Errorf("the message does not say what to do: %s", m)
	}
}

func TestInvalidIsRefused(t *testing.T) {
	w := newWorld(t)
	cases := map[string]struct {
		reason string
		change func(*v1alpha1.ChatTenant)
		want   string
	}{
		"LongName":  {"the id is made of it", func(ct *v1alpha1.ChatTenant) { ct.Name = strings.Repeat("a", 64) }, "at most 63"},
		"Admin":     {"who tends the platform is no tenant", func(ct *v1alpha1.ChatTenant) { ct.Spec.ID = "admin" }, "admin is not"},
		"DottedID":  {"that is how an id is made of namespace and name", func(ct *v1alpha1.ChatTenant) { ct.Spec.ID = "team.acme" }, "spec.id"},
		"Retention": {"lanes rely on a day", func(ct *v1alpha1.ChatTenant) { ct.Spec.Retention.Messages = &metav1.Duration{Duration: time.Hour} }, "at least 24h"},
		"History": {"nothing is kept for less time at all than in the tables", func(ct *v1alpha1.ChatTenant) {
			ct.Spec.Retention = v1alpha1.TenantRetention{Messages: &metav1.Duration{Duration: 48 * time.Hour}, History: &metav1.Duration{Duration: 24 * time.Hour}}
		}, "at least retention.messages"},
		"NoIssuer": {"nobody could connect", func(ct *v1alpha1.ChatTenant) { ct.Spec.Issuer.URL = "" }, "issuer.url"},
		"NotAURL":  {"nothing can be discovered there", func(ct *v1alpha1.ChatTenant) { ct.Spec.Issuer.URL = "acme" }, "must be a URL"},
		"Quota":    {"zero would be nobody", func(ct *v1alpha1.ChatTenant) { ct.Spec.Quotas.Connections = ptr.To[int32](0) }, "connections"},
		"Detector": {"there is no such one", func(ct *v1alpha1.ChatTenant) {
			ct.Spec.Moderation = []v1alpha1.TenantDetector{{Detector: "mood", Mode: v1alpha1.DetectorFlag}}
		}, "Unsupported value"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			ct := w.tenant(w.team, "globex")
			tc.change(ct)
			if err := admin.Create(t.Context(), ct); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%s: %v, want a refusal that says %q", tc.reason, err, tc.want)
			}
		})
	}
	w.create(w.team, "globex", nil)
	for name, change := range map[string]func(*v1alpha1.ChatTenant){
		"id":        func(ct *v1alpha1.ChatTenant) { ct.Spec.ID = "other" },
		"cluster":   func(ct *v1alpha1.ChatTenant) { ct.Spec.ClusterRef.Name = "other" },
		"namespace": func(ct *v1alpha1.ChatTenant) { ct.Spec.ClusterRef.Namespace = "" },
	} {
		ct := w.get(w.team, "globex")
		change(ct)
		if err := admin.Update(t.Context(), ct); err == nil || !strings.Contains(err.Error(), "cannot be changed") {
			t.Errorf("%s was changed: %v", name, err)
		}
	}
}
