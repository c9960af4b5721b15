//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	ctrlclient "sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
)

// tenantPurged waits for the end of what tenantDeleted began, looks for anything of the tenant's, and makes it anew: empty.
func tenantPurged(t *testing.T, w *world) {
	eventually(t, patience, "the ChatTenant is gone", func(ctx context.Context) error {
		ct := &v1alpha1.ChatTenant{}
		err := w.kube.Get(ctx, ctrlclient.ObjectKey{Namespace: tenant, Name: tenant}, ct)
		if apierrors.IsNotFound(err) {
			return nil
		}
		return errors.Join(err, fmt.Errorf("its purge: %+v", ct.Status.Purge))
	})
	c, err := w.chatCluster(t.Context(), cluster)
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range w.tables(t, c.Spec.DynamoDB.TablePrefix) {
		if n := w.itemsOf(t, table); n > 0 {
			t.Errorf("table %s has %d items of the tenant", table, n)
		}
	}
	db := w.postgres(t, w.Postgres.Database)
	for _, table := range query[string](t, db, "SELECT DISTINCT table_name FROM information_schema.columns WHERE column_name = 'tenant' AND table_schema = 'public'") {
		if strings.HasPrefix(table, "audit_") && table != "audit_keys" {
			continue // it is to outlive its tenant: with the keys gone, its pseudonyms are nobody
		}
		if n := query[int](t, db, "SELECT count(*) FROM "+table+" WHERE tenant = $1", tenant)[0]; n > 0 {
			t.Errorf("table %s of the read model has %d rows of the tenant", table, n)
		}
	}

	if err := w.kube.Create(t.Context(), w.tenantObject(tenant)); err != nil {
		t.Fatal(err)
	}
	w.awaitTenant(t, tenant, v1alpha1.ReasonReady)
	alice := w.personOf(w.TenantIssuer, "alice")
	alice.awaitServed(t)
	page, err := alice.client.Inbox(t.Context(), 10, "")
	if err != nil {
		t.Fatal(err)
	}
	if len(page.Items) > 0 {
		t.Errorf("the inbox of a tenant that was purged and made anew has %d conversations", len(page.Items))
	}
}

// itemsOf counts the items of a table that have the tenant in their key.
func (w *world) itemsOf(t *testing.T, table string) int {
	t.Helper()
	n := 0
	pages := dynamodb.NewScanPaginator(w.dynamoDB(t), &dynamodb.ScanInput{TableName: &table})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, item := range page.Items {
			if key, ok := item["pk"].(*types.AttributeValueMemberS); ok && strings.Contains(key.Value, tenant) {
				n++
			}
		}
	}
	return n
}
