package chatcluster

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/controllers/external/pinpoint"
)

// put creates a Secret or replaces its data.
func (w *world) put(name string, data map[string]string) {
	w.t.Helper()
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: name}, StringData: data}
	err := admin.Create(w.t.Context(), secret)
	if err != nil {
		err = admin.Update(w.t.Context(), secret)
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

func TestChannels(t *testing.T) {
	w := newWorld(t)
	token := &v1alpha1.APNSChannel{Token: &v1alpha1.APNSToken{KeySecret: v1alpha1.SecretKey{Name: "apns"}, KeyID: "ABCDE12345", TeamID: "TEAM123456", BundleID: "com.example.chat"}}
	w.create(func(s *v1alpha1.ChatClusterSpec) {
		s.Pinpoint.Channels = v1alpha1.ChannelsSpec{
			APNS: token, APNSVoIPSandbox: &v1alpha1.APNSChannel{Certificate: &v1alpha1.APNSCertificate{SecretName: "cert"}},
			FCM: &v1alpha1.FCMChannel{ServiceAccountSecret: v1alpha1.SecretKey{Name: "fcm"}},
			ADM: &v1alpha1.ADMChannel{SecretName: "adm"},
		}
	})
	w.put("cert", map[string]string{"tls.crt": "C", "tls.key": "K"})
	w.put("fcm", map[string]string{"service-account.json": `{"project_id":"x"}`})
	w.put("adm", map[string]string{"clientID": "id", "clientSecret": "hunter2"})
	w.pass()
	if c := w.condition(v1alpha1.ConditionPushReady); c.Reason != v1alpha1.ReasonPending || !strings.Contains(c.Message, `apns with key "key.p8"`) {
		t.Errorf("nobody says which Secret is missing: %+v", c)
	}
	if w.get().Status.Push.ApplicationID == "" {
		t.Error("the application waits for a channel's Secret")
	}
	w.put("apns", map[string]string{"key.p8": "P8"})
	w.settle()
	const app = "app001"
	want := map[pinpoint.Platform]pinpoint.Credentials{
		pinpoint.APNS:            {TokenKey: "P8", TokenKeyID: "ABCDE12345", TeamID: "TEAM123456", BundleID: "com.example.chat"},
		pinpoint.APNSVoIPSandbox: {Certificate: "C", PrivateKey: "K"},
		pinpoint.FCM:             {ServiceJSON: `{"project_id":"x"}`},
		pinpoint.ADM:             {ClientID: "id", ClientSecret: "hunter2"},
	}
	given := func() map[pinpoint.Platform]pinpoint.Credentials {
		found := map[pinpoint.Platform]pinpoint.Credentials{}
		for _, p := range pinpoint.Platforms() {
			if c, ok := w.pinpoint.Given(app, p); ok {
				found[p] = c
			}
		}
		return found
	}
	if diff := cmp.Diff(want, given()); diff != "" {
		t.Errorf("credentials (-want +got):\n%s", diff)
	}
	if got := w.get().Status.Push.Channels; len(got) != 4 || !got[0].Enabled {
		t.Errorf("status: %+v", got)
	}
	for _, tag := range w.pinpoint.Apps()[app] {
		if strings.Contains(tag, "hunter2") {
			t.Error("a tag holds a secret")
		}
	}

	writes := len(w.pinpoint.Writes())
	w.pass()
	if got := w.pinpoint.Writes(); len(got) != writes {
		t.Errorf("unchanged channels are written: %v", got[writes:])
	}

	w.put("adm", map[string]string{"clientID": "id", "clientSecret": "other"})
	w.settle2()
	if got, _ := w.pinpoint.Given(app, pinpoint.ADM); got.ClientSecret != "other" {
		t.Error("a renewed credential was not noticed, although Pinpoint tells none")
	}
	w.pinpoint.Change(app, pinpoint.FCM, true)
	writes = len(w.pinpoint.Writes())
	w.settle2()
	if got := w.pinpoint.Writes()[writes:]; len(got) != 2 {
		t.Errorf("a channel that somebody changed was not set again: %v", got)
	}

	w.pinpoint.Change(app, pinpoint.APNS, false)
	w.pass()
	if c := w.condition(v1alpha1.ConditionPushReady); c.Reason != v1alpha1.ReasonChannelDisabled || !strings.Contains(c.Message, "APNS") {
		t.Errorf("a disabled channel goes unseen: %+v", c)
	}
	w.put("apns", map[string]string{"key.p8": "new"})
	w.settle2()
	if c := w.condition(v1alpha1.ConditionPushReady); c.Status != metav1.ConditionTrue {
		t.Errorf("renewed credentials did not enable it: %+v", c)
	}

	w.change(func(cc *v1alpha1.ChatCluster) { cc.Spec.Pinpoint.Channels.ADM = nil })
	w.settle2()
	if _, left := w.pinpoint.Given(app, pinpoint.ADM); left {
		t.Error("a channel that is not wanted any more is left")
	}
}

// settle2 is two passes: one that acts, one that finds it done.
func (w *world) settle2() {
	w.t.Helper()
	w.pass()
	w.pass()
}

// Clusters may share an application: who did not make it changes nothing of it.
func TestSharedApplication(t *testing.T) {
	first, second := newWorld(t), newWorld(t)
	first.create(nil)
	first.settle()
	second.pinpoint = first.pinpoint
	second.r.External = second.external()
	second.create(func(s *v1alpha1.ChatClusterSpec) {
		s.Pinpoint.ApplicationID, s.DeletionPolicy = "app001", v1alpha1.DeletionDelete
	})
	writes := len(first.pinpoint.Writes())
	second.settle()
	if got := second.get().Status.Push.ApplicationID; got != "app001" {
		t.Errorf("pushes go through %q", got)
	}
	if err := admin.Delete(t.Context(), second.get()); err != nil {
		t.Fatal(err)
	}
	if err := second.stopPods(); err != nil {
		t.Fatal(err)
	}
	for range 8 {
		second.pass()
		second.dynamo.Settle()
	}
	if got := first.pinpoint.Writes(); len(got) != writes || len(first.pinpoint.Apps()) != 1 {
		t.Errorf("somebody else's application was changed: %v", got[writes:])
	}
	third := newWorld(t)
	third.create(func(s *v1alpha1.ChatClusterSpec) { s.Pinpoint.ApplicationID = "nosuch" })
	third.pass()
	if c := third.condition(v1alpha1.ConditionPushReady); c.Reason != v1alpha1.ReasonInvalid {
		t.Errorf("an application that is not there: %+v", c)
	}
}
