//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrlclient "sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
)

// rotated gives the database's user and the cache new passwords under people who talk, and cuts every connection that was made with
// the old ones.
func rotated(t *testing.T, w *world) {
	before := w.pods(t, cluster)
	tr := w.talkers(t, "rotation")
	tr.moves(t, 20)
	db, cache := w.postgres(t, w.Postgres.Database), w.redis(t)

	password := uuid.NewString()
	execute(t, db, fmt.Sprintf("ALTER ROLE %s PASSWORD '%s'", w.Postgres.User, password))
	w.setPassword(t, "postgres-credentials", w.Postgres.PasswordFile, password)
	execute(t, db, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = current_user AND pid <> pg_backend_pid()")

	token := uuid.NewString()
	if err := cache.ConfigSet(t.Context(), "requirepass", token).Err(); err != nil {
		t.Fatal(err)
	}
	w.setPassword(t, "redis-credentials", w.Redis.PasswordFile, token)
	if err := cache.ClientKillByFilter(t.Context(), "TYPE", "normal", "SKIPME", "yes").Err(); err != nil {
		t.Fatal(err)
	}
	cut := query[time.Time](t, db, "SELECT now()")[0]

	// Somebody whose inbox nobody has read yet, so that it comes from the database, with what was said after the cut, so that it went there.
	late := w.person("larry")
	late.connect(t)
	conv := direct(t, late, tr.people[0])
	late.send(t, conv, "after the cut")
	eventually(t, patience, "an inbox shows what was said since", func(ctx context.Context) error {
		page, err := late.client.Inbox(ctx, 10, "")
		if err != nil {
			return err
		}
		for _, item := range page.Items {
			if item.Conversation == conv && item.LastPreview == "after the cut" {
				return nil
			}
		}
		return errors.New("the conversation is not in the inbox")
	})
	since := query[string](t, db, "SELECT DISTINCT application_name FROM pg_stat_activity WHERE usename = current_user AND backend_start > $1 ORDER BY 1", cut)
	t.Logf("logged in with the new password: %q", since)
	w.change(t, cluster, fmt.Sprintf(`{"metadata":{"annotations":{%q:%q}}}`, v1alpha1.AnnotationReconcile, "rotated"))
	eventually(t, patience, "the operator reaches the cache", func(ctx context.Context) error {
		c, err := w.chatCluster(ctx, cluster)
		if err != nil {
			return err
		}
		if r := meta.FindStatusCondition(c.Status.Conditions, v1alpha1.ConditionCacheReady); r == nil || r.Status != metav1.ConditionTrue {
			return fmt.Errorf("CacheReady: %+v", r)
		}
		return nil
	})
	tr.moves(t, 20)
	tr.verify(t)
	if diff := cmp.Diff(before, w.pods(t, cluster)); diff != "" {
		t.Errorf("pods were replaced or started again, -before +after:\n%s", diff)
	}
}

// setPassword puts a password into the Secret that the sample names, and into the file that the world keeps it in.
func (w *world) setPassword(t *testing.T, name, file, password string) {
	t.Helper()
	s := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	patch := fmt.Sprintf(`{"stringData":{"password":%q}}`, password)
	if err := w.kube.Patch(t.Context(), s, ctrlclient.RawPatch(types.MergePatchType, []byte(patch))); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(password), 0o600); err != nil {
		t.Fatal(err)
	}
}
