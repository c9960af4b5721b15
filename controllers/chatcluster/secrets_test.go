package chatcluster

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/google/go-cmp/cmp"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/controllers/external/pinpoint"
)

// A rotated Secret is acted on at once, long before anybody would look by himself; so is one that comes late.
func TestRotatedSecretsReconcileAtOnce(t *testing.T) {
	w := newWorld(t)
	w.manage(ctrl.Options{}, w.external(), Options{Operator: "suite", ObserveEvery: 24 * time.Hour})
	w.create(func(s *v1alpha1.ChatClusterSpec) {
		s.Pinpoint.Channels.FCM = &v1alpha1.FCMChannel{ServiceAccountSecret: v1alpha1.SecretKey{Name: "fcm"}}
	})
	w.await("the missing Secret to be told", func(*v1alpha1.ChatCluster) bool {
		return w.condition(v1alpha1.ConditionPushReady).Reason == v1alpha1.ReasonPending
	})
	account := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "fcm"}, Data: map[string][]byte{"service-account.json": []byte(`{"key":"old"}`)},
	}
	if err := admin.Create(t.Context(), account); err != nil {
		t.Fatal(err)
	}
	given := func() string {
		found, _ := w.pinpoint.Given(w.get().Status.Push.ApplicationID, pinpoint.FCM)
		return found.ServiceJSON
	}
	w.await("Ready with the Secret", func(cc *v1alpha1.ChatCluster) bool {
		w.play()
		return meta.IsStatusConditionTrue(cc.Status.Conditions, v1alpha1.ConditionReady) && given() == `{"key":"old"}`
	})
	account.Data["service-account.json"] = []byte(`{"key":"new"}`)
	if err := admin.Update(t.Context(), account); err != nil {
		t.Fatal(err)
	}
	w.awaitThat("the rotated credentials to be set", func() bool { return given() == `{"key":"new"}` })
}

// counted counts the Secrets that are read past the cache.
type counted struct {
	client.Reader
	secrets int
}

func (c *counted) Get(ctx context.Context, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
	if _, ok := o.(*corev1.Secret); ok {
		c.secrets++
	}
	return c.Reader.Get(ctx, key, o, opts...)
}

// A Secret is read once a version, however often its ChatCluster is looked at; one that changed, or is gone, is noticed.
func TestSecretsAreReadOnceAVersion(t *testing.T) {
	w := newWorld(t)
	w.create(nil)
	w.settle()
	w.pass()
	reads := &counted{Reader: w.r.APIReader}
	w.r.APIReader = reads
	now := time.Now()
	w.r.memo.now = func() time.Time { return now }
	for range 5 {
		now = now.Add(8 * time.Minute)
		w.pass()
	}
	if reads.secrets > 0 {
		t.Errorf("Secrets that did not change were read %d times", reads.secrets)
	}
	password := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "pg"}}
	if err := admin.Get(t.Context(), client.ObjectKeyFromObject(password), password); err != nil {
		t.Fatal(err)
	}
	was := password.Data
	password.Data = map[string][]byte{"something": []byte("else")}
	if err := admin.Update(t.Context(), password); err != nil {
		t.Fatal(err)
	}
	w.pass()
	if c := w.condition(v1alpha1.ConditionReady); c.Status != metav1.ConditionFalse || !strings.Contains(c.Message, "pg") {
		t.Errorf("a Secret without its key: Ready is %s, %s", c.Status, c.Message)
	}
	password.Data = was
	if err := admin.Update(t.Context(), password); err != nil {
		t.Fatal(err)
	}
	certificate := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "demo-gateway-tls"}}
	if err := admin.Delete(t.Context(), certificate); err != nil {
		t.Fatal(err)
	}
	w.pass()
	if err := admin.Get(t.Context(), client.ObjectKeyFromObject(certificate), certificate); err != nil {
		t.Errorf("a certificate that was deleted is not made again: %v", err)
	}
}

func TestSecretNames(t *testing.T) {
	w := &world{t: t, namespace: "chat"}
	cases := map[string]struct {
		reason string
		change func(*v1alpha1.ChatClusterSpec)
		want   []string
	}{
		"Least": {"its own certificates tell it nothing", nil, []string{"pg"}},
		"Shared": {"a Secret with two values is one", func(s *v1alpha1.ChatClusterSpec) {
			s.ElastiCache.PasswordSecret = &v1alpha1.SecretKey{Name: "pg", Key: "redis"}
		}, []string{"pg"}},
		"Channels": {"each platform has its own", func(s *v1alpha1.ChatClusterSpec) {
			s.Pinpoint.Channels = v1alpha1.ChannelsSpec{
				APNS:        &v1alpha1.APNSChannel{Token: &v1alpha1.APNSToken{KeySecret: v1alpha1.SecretKey{Name: "apple"}}},
				APNSSandbox: &v1alpha1.APNSChannel{Certificate: &v1alpha1.APNSCertificate{SecretName: "apple-tls"}},
				FCM:         &v1alpha1.FCMChannel{ServiceAccountSecret: v1alpha1.SecretKey{Name: "fcm"}}, ADM: &v1alpha1.ADMChannel{SecretName: "adm"},
			}
		}, []string{"adm", "apple", "apple-tls", "fcm", "pg"}},
		"Issuer": {"who waits for cert-manager wants to know", func(s *v1alpha1.ChatClusterSpec) {
			s.InternalTLS.IssuerRef = &v1alpha1.IssuerReference{Name: "ca"}
		}, []string{"demo-chat-tls", "demo-gateway-tls", "pg"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, secretNames(w.cluster(tc.change))); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

// What kubectl apply notes on a Secret are its values.
func TestSlimSecretKeepsNoValues(t *testing.T) {
	o, err := slimSecret(&metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{
		Namespace: "chat", Name: "pg", ResourceVersion: "7", Labels: map[string]string{"a": "b"},
		Annotations: map[string]string{corev1.LastAppliedConfigAnnotation: `{"data":{"password":"aHVudGVyMg=="}}`},
	}})
	want := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Namespace: "chat", Name: "pg", ResourceVersion: "7"}}
	if diff := cmp.Diff(want, o); err != nil || diff != "" {
		t.Errorf("error %v, (-want +got):\n%s", err, diff)
	}
}

// A request stands in the annotations for ever, and is obeyed once: doubt about what was found makes it no new one.
func TestDoubtKeepsTheRequest(t *testing.T) {
	m := newMemo()
	m.obey("a", "now")
	m.put("a", "tables", 1, 2, time.Hour)
	m.put("b", "tables", 1, 2, time.Hour)
	m.doubt("a")
	_, tables := m.get("a", "tables", 1)
	_, others := m.get("b", "tables", 1)
	m.put(everybody, "unserved X", nil, nil, time.Hour)
	m.obey("a", "now")
	_, kept := m.get(everybody, "unserved X", nil)
	if got := []bool{tables, others, kept}; !slices.Equal(got, []bool{false, true, true}) {
		t.Errorf("tables, another's tables, what all share are remembered: %v", got)
	}
}
