package chatcluster

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/controllers/pki"
	"github.com/chatcluster/chatcluster/controllers/workload"
)

func (w *world) secret(name string) *corev1.Secret {
	w.t.Helper()
	var s corev1.Secret
	if err := admin.Get(w.t.Context(), w.key(name), &s); err != nil {
		w.t.Fatal(err)
	}
	return &s
}

// certificatesOf counts the CAs in a bundle.
func certificatesOf(bundle []byte) int { return bytes.Count(bundle, []byte("BEGIN CERTIFICATE")) }

func TestOwnCertificates(t *testing.T) {
	w := newWorld(t)
	now := time.Now()
	w.r.memo.now = func() time.Time { return now }
	w.create(nil)
	w.pass()
	// They are there before any pod mounts them.
	ca, chat, gateway := w.secret("demo-internal-ca"), w.secret("demo-chat-tls"), w.secret("demo-gateway-tls")
	w.settle()
	for _, s := range []*corev1.Secret{ca, chat, gateway} {
		if !metav1.IsControlledBy(s, w.get()) {
			t.Errorf("Secret %s outlives its ChatCluster", s.Name)
		}
	}
	for _, role := range []string{workload.RoleChat, workload.RoleGateway} {
		mounts := ""
		for _, v := range w.deployment(role).Spec.Template.Spec.Volumes {
			if v.Secret != nil {
				mounts += v.Secret.SecretName
			}
		}
		if mounts != "demo-"+role+"-tls" {
			t.Errorf("pods of %s mount %q, want their own certificate and no more", role, mounts)
		}
	}
	generation := w.deployment(workload.RoleChat).Generation

	w.takeOwnWrites()
	now = now.Add(19 * 24 * time.Hour)
	w.pass()
	if got := w.takeOwnWrites(); len(got) > 0 {
		t.Errorf("certificates that are good are written: %v", got)
	}
	now = now.Add(2 * 24 * time.Hour)
	w.pass()
	if bytes.Equal(w.secret("demo-chat-tls").Data["tls.crt"], chat.Data["tls.crt"]) {
		t.Error("with a third of its life left the certificate is not renewed")
	}

	// A new CA: trusted at once, signing later, and then alone.
	renewed := ca
	for end := now.Add(pki.AuthorityLife); bytes.Equal(renewed.Data["ca.crt"], ca.Data["ca.crt"]); now = now.Add(5 * 24 * time.Hour) {
		if now.After(end) {
			t.Fatal("the CA is not renewed")
		}
		w.pass()
		renewed = w.secret("demo-internal-ca")
	}
	now = now.Add(-5 * 24 * time.Hour)
	leaf := w.secret("demo-chat-tls")
	if got := certificatesOf(leaf.Data["ca.crt"]); got != 2 {
		t.Errorf("while a new CA goes round %d are trusted, want the old one, too", got)
	}
	now = now.Add(pki.Overlap + time.Minute)
	w.pass()
	resigned := w.secret("demo-chat-tls")
	if bytes.Equal(resigned.Data["tls.crt"], leaf.Data["tls.crt"]) || certificatesOf(resigned.Data["ca.crt"]) != 2 {
		t.Error("once every pod trusts it the new CA does not sign, or the old one is forgotten too soon")
	}
	now = now.Add(pki.Overlap + time.Minute)
	w.pass()
	if got := w.secret("demo-chat-tls").Data["ca.crt"]; !bytes.Equal(got, renewed.Data["ca.crt"]) {
		t.Errorf("in the end %d CAs are trusted, want the new one alone", certificatesOf(got))
	}
	if got := w.deployment(workload.RoleChat).Generation; got != generation {
		t.Error("pods were replaced for certificates, which they read again by themselves")
	}

	// Nothing secret goes where people look.
	status, err := json.Marshal(w.get())
	if err != nil {
		t.Fatal(err)
	}
	said := string(status) + strings.Join(w.events, "\n") + strings.Join(w.takeOwnWrites(), "\n")
	if strings.Contains(said, "PRIVATE KEY") || strings.Contains(said, "BEGIN CERTIFICATE") {
		t.Error("a key or certificate is in the status, or in an event")
	}
}

func TestSomebodyElsesSecretStays(t *testing.T) {
	w := newWorld(t)
	theirs := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "demo-chat-tls"}, Data: map[string][]byte{"mine": []byte("x")}}
	if err := admin.Create(t.Context(), theirs); err != nil {
		t.Fatal(err)
	}
	w.create(nil)
	w.pass()
	if c := w.condition(v1alpha1.ConditionInternalTLSReady); c.Reason != v1alpha1.ReasonNotOwned || !strings.Contains(c.Message, "Secret demo-chat-tls") {
		t.Errorf("InternalTLSReady: %+v", c)
	}
	if got := w.secret("demo-chat-tls"); string(got.Data["mine"]) != "x" || len(got.Data) != 1 {
		t.Error("somebody else's Secret was written")
	}
}

func TestInternalTLSOff(t *testing.T) {
	w := newWorld(t)
	w.create(func(s *v1alpha1.ChatClusterSpec) { s.InternalTLS.Enabled = ptr.To(false) })
	w.settle()
	var list corev1.SecretList
	if err := admin.List(t.Context(), &list, client.InNamespace(w.namespace), client.MatchingLabels{workload.LabelInstance: "demo"}); err != nil || len(list.Items) > 0 {
		t.Errorf("%d Secrets were made, %v", len(list.Items), err)
	}
	for _, v := range w.deployment(workload.RoleChat).Spec.Template.Spec.Volumes {
		if v.Name == "certificate" {
			t.Error("chat pods wait for a certificate that nobody makes")
		}
	}
}

func TestCertificatesOfCertManager(t *testing.T) {
	w := newQuietWorld(t)
	w.create(func(s *v1alpha1.ChatClusterSpec) {
		s.InternalTLS.IssuerRef = &v1alpha1.IssuerReference{Name: "internal"}
	})
	w.pass()
	if c := w.condition(v1alpha1.ConditionInternalTLSReady); c.Reason != v1alpha1.ReasonNotInstalled || !strings.Contains(c.Message, "install cert-manager") {
		t.Errorf("without cert-manager: %+v", c)
	}
	w.install(workload.CertificateKind, "certificates")
	w.pass()
	items, err := w.list(workload.CertificateKind)
	if err != nil || len(items) != 2 {
		t.Fatalf("%d Certificates, %v; want one of chat and one of the gateways", len(items), err)
	}
	if c := w.condition(v1alpha1.ConditionInternalTLSReady); c.Reason != v1alpha1.ReasonPending || !strings.Contains(c.Message, "demo-chat-tls") {
		t.Errorf("before cert-manager made them: %+v", c)
	}
	made := func(role string, data map[string][]byte) {
		t.Helper()
		secret := &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "demo-" + role + "-tls", Annotations: map[string]string{annotationCertManager: "demo-" + role}},
			Type:       corev1.SecretTypeTLS, Data: data,
		}
		if err := admin.Create(t.Context(), secret); err != nil {
			t.Fatal(err)
		}
	}
	made(workload.RoleGateway, map[string][]byte{"tls.crt": []byte("x"), "tls.key": []byte("x"), "ca.crt": []byte("x")})
	made(workload.RoleChat, map[string][]byte{"tls.crt": []byte("x"), "tls.key": []byte("x")})
	w.pass()
	if c := w.condition(v1alpha1.ConditionInternalTLSReady); !strings.Contains(c.Message, `"ca.crt", which the issuer must give`) {
		t.Errorf("of an issuer without a CA: %+v", c)
	}
	chat := w.secret("demo-chat-tls")
	chat.Data["ca.crt"] = []byte("x")
	if err := admin.Update(t.Context(), chat); err != nil {
		t.Fatal(err)
	}
	w.settle()

	// Back to the operator's own, without a Secret in the way.
	w.change(func(cc *v1alpha1.ChatCluster) { cc.Spec.InternalTLS.IssuerRef = nil })
	w.settle()
	if items, err := w.list(workload.CertificateKind); err != nil || len(items) > 0 {
		t.Errorf("%d Certificates are left, %v", len(items), err)
	}
	if got := w.secret("demo-chat-tls"); certificatesOf(got.Data["tls.crt"]) != 1 || !metav1.IsControlledBy(got, w.get()) {
		t.Errorf("the Secret that cert-manager made was not taken over: %v", got.ObjectMeta)
	}
}
