//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrlclient "sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
)

// tellWithin is how soon a failure of a migration stands in the status.
const tellWithin = 5 * time.Second

// upgraded changes the image under people who talk. Its migration fails at first: the image before goes on serving, the status says
// why in the database's words, and when that is mended the upgrade goes on.
func upgraded(t *testing.T, w *world) {
	before, err := w.chatCluster(t.Context(), cluster)
	if err != nil {
		t.Fatal(err)
	}
	tr := w.talkers(t, "upgrade")
	tr.moves(t, 20)

	mend := spoilSchema(t, w.postgres(t, w.Postgres.Database))
	w.change(t, cluster, fmt.Sprintf(`{"spec":{"image":%q,"aurora":{"migrations":{"backoffLimit":0}}}}`, w.Images["chatd-next"]))
	w.awaitFailedMigration(t, "SQLSTATE 42P07")
	tr.moves(t, 20)
	if c, err := w.chatCluster(t.Context(), cluster); err != nil || c.Status.Image != before.Status.Image {
		t.Errorf("without its migration %s serves (%v), want %s", c.Status.Image, err, before.Status.Image)
	}

	mend()
	w.deleteMigration(t)
	w.awaitImage(t, cluster, w.Images["chatd-next"])
	tr.moves(t, 20)
	tr.verify(t)
}

// rolledBack changes the image back, and no more.
func rolledBack(t *testing.T, w *world) {
	before, err := w.chatCluster(t.Context(), cluster)
	if err != nil {
		t.Fatal(err)
	}
	tr := w.talkers(t, "rollback")
	tr.moves(t, 20)
	w.change(t, cluster, fmt.Sprintf(`{"spec":{"image":%q}}`, w.Images["chatd"]))
	c := w.awaitImage(t, cluster, w.Images["chatd"])
	tr.moves(t, 20)
	tr.verify(t)
	if *c.Status.Schema.Current != *before.Status.Schema.Current {
		t.Errorf("the schema went from %d to %d with the image", *before.Status.Schema.Current, *c.Status.Schema.Current)
	}
}

// talkers are two people in a group of their own, who talk from now on.
func (w *world) talkers(t *testing.T, name string) *traffic {
	t.Helper()
	people := []*person{w.person("tom-" + name), w.person("tina-" + name)}
	for _, p := range people {
		p.connect(t)
	}
	return startTraffic(t, group(t, people...), people...)
}

// awaitImage waits until a ChatCluster is Ready and every pod of it runs the image.
func (w *world) awaitImage(t *testing.T, name, image string) *v1alpha1.ChatCluster {
	t.Helper()
	c := w.awaitReady(t, name)
	if c.Status.Image != image {
		t.Errorf("%s is Ready and %s serves, want %s", name, c.Status.Image, image)
	}
	eventually(t, patience, "only pods of "+image+" are left", func(ctx context.Context) error {
		var pods corev1.PodList
		if err := w.kube.List(ctx, &pods, ctrlclient.InNamespace(namespace), ctrlclient.MatchingLabels{"app.kubernetes.io/instance": name}); err != nil {
			return err
		}
		for _, p := range pods.Items {
			if p.Status.Phase == corev1.PodRunning && p.Spec.Containers[0].Image != image {
				return fmt.Errorf("%s runs %s", p.Name, p.Spec.Containers[0].Image)
			}
		}
		return nil
	})
	return c
}

// spoilSchema makes the database forget that it has had its last migration, as a hand at the wrong table would: the migration meets what
// it made. The returned function mends that.
func spoilSchema(t *testing.T, conn *pgx.Conn) (mend func()) {
	t.Helper()
	last := query[int64](t, conn, "DELETE FROM chatcluster_schema WHERE version_id = (SELECT max(version_id) FROM chatcluster_schema) RETURNING version_id")
	return func() {
		t.Helper()
		execute(t, conn, fmt.Sprintf("INSERT INTO chatcluster_schema (version_id, is_applied) VALUES (%d, true)", last[0]))
	}
}

// awaitFailedMigration waits until a migration has failed, and checks that the status tells of it soon and in these words.
func (w *world) awaitFailedMigration(t *testing.T, words string) {
	t.Helper()
	var failed time.Time
	eventually(t, patience, "the failed migration stands in the status", func(ctx context.Context) error {
		c, err := w.chatCluster(ctx, cluster)
		if err != nil {
			return err
		}
		ready := meta.FindStatusCondition(c.Status.Conditions, v1alpha1.ConditionSchemaReady)
		told := strings.Contains(c.Status.Schema.LastError, words) && ready.Reason == v1alpha1.ReasonMigrationFailed &&
			strings.Contains(ready.Message, words) && meta.IsStatusConditionTrue(c.Status.Conditions, v1alpha1.ConditionStalled)
		if failed.IsZero() {
			if failed, err = w.migrationFailed(ctx); err != nil {
				return err
			}
		}
		switch {
		case told:
			return nil
		case failed.IsZero():
			return errors.New("the migration has not failed")
		}
		return fmt.Errorf("SchemaReady is %s: %s; last error %q", ready.Reason, ready.Message, c.Status.Schema.LastError)
	})
	if took := time.Since(failed); !failed.IsZero() && took > tellWithin {
		t.Errorf("the status told of the failed migration after %v, want at most %v", took, tellWithin)
	} else {
		t.Logf("the status told of the failed migration after %v", took.Round(100*time.Millisecond))
	}
}

// migrationFailed returns now when a migration's pod has failed, and the zero time before.
func (w *world) migrationFailed(ctx context.Context) (time.Time, error) {
	var pods corev1.PodList
	err := w.kube.List(ctx, &pods, ctrlclient.InNamespace(namespace), ctrlclient.MatchingLabels{
		"app.kubernetes.io/instance": cluster, "app.kubernetes.io/component": "migrate",
	})
	for _, p := range pods.Items {
		for _, c := range p.Status.ContainerStatuses {
			if c.State.Terminated != nil && c.State.Terminated.ExitCode != 0 {
				return time.Now(), err
			}
		}
	}
	return time.Time{}, err
}

// deleteMigration deletes the migration Job that the status names: it is made anew at once.
func (w *world) deleteMigration(t *testing.T) {
	t.Helper()
	c, err := w.chatCluster(t.Context(), cluster)
	if err != nil {
		t.Fatal(err)
	}
	job := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: c.Status.Schema.Job}}
	if err := w.kube.Delete(t.Context(), job, ctrlclient.PropagationPolicy(metav1.DeletePropagationBackground)); err != nil {
		t.Fatal(err)
	}
}
