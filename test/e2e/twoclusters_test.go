//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"testing"

	"k8s.io/utils/ptr"
	"sigs.k8s.io/yaml"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
)

// fleeting is a second ChatCluster in the sample's namespace, on the same engines.
const fleeting = "fleeting"

// twoAtOnce upgrades two ChatClusters of a namespace at once, to different images, while people of one talk.
func twoAtOnce(t *testing.T, w *world) {
	w.makeFleeting(t, w.Images["chatd-next"])
	tr := w.talkers(t, "two")
	tr.moves(t, 20)
	w.change(t, cluster, fmt.Sprintf(`{"spec":{"image":%q}}`, w.Images["chatd-next"]))
	w.change(t, fleeting, fmt.Sprintf(`{"spec":{"image":%q}}`, w.Images["chatd"]))
	w.awaitImage(t, cluster, w.Images["chatd-next"])
	w.awaitImage(t, fleeting, w.Images["chatd"])
	tr.moves(t, 20)
	tr.verify(t)
}

// makeFleeting makes the second ChatCluster after the sample's model, with data of its own, to be deleted with it.
func (w *world) makeFleeting(t *testing.T, image string) {
	t.Helper()
	data, err := os.ReadFile("../../config/samples/chatcluster.yaml")
	if err != nil {
		t.Fatal(err)
	}
	c := &v1alpha1.ChatCluster{}
	if err := yaml.UnmarshalStrict(data, c); err != nil {
		t.Fatal(err)
	}
	execute(t, w.postgres(t, w.Postgres.Database), "CREATE DATABASE "+fleeting)
	c.Name, c.Namespace = fleeting, namespace
	c.Spec.Image = image
	c.Spec.Auth.Issuers[0].Issuer = w.Issuer.ID
	c.Spec.DeletionPolicy = v1alpha1.DeletionDelete
	c.Spec.Chat.Replicas = ptr.To[int32](1)
	c.Spec.DynamoDB.TablePrefix, c.Spec.MSK.TopicPrefix, c.Spec.Aurora.Database = "chat.fleeting.", "chat.fleeting.", fleeting
	if err := w.kube.Create(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	w.awaitReady(t, fleeting)
}
