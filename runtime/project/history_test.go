package project

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatcluster/chatcluster/runtime/readmodel"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// directory has tenants' records.
type directory func(ids []store.Tenant) ([]store.TenantRecord, error)

func (d directory) Tenants(_ context.Context, ids ...store.Tenant) ([]store.TenantRecord, error) {
	return d(ids)
}

// Who has a retention of its own is cut at that, page by page; who has none, no record, or a hold, is not; one that fails is no
// reason for the others to wait.
func TestTenantsOldMessagesAreForgotten(t *testing.T) {
	const day = 24 * time.Hour
	var did []string
	model := fakeModel{
		tenants: func(after store.Tenant) ([]store.Tenant, error) {
			if after != "" {
				return nil, nil
			}
			return []store.Tenant{"broken", "cluster", "held", "mine", "unknown"}, nil
		},
		forget: func(tenant store.Tenant, before time.Time, after string) (readmodel.Forgotten, error) {
			if age := time.Since(before) - historySlack; age < 9*day || age > 9*day+time.Hour {
				t.Errorf("cut at %v, want nine days and the slack", age)
			}
			did = append(did, fmt.Sprint(tenant, after))
			switch {
			case tenant == "broken":
				return readmodel.Forgotten{}, errors.New("boom")
			case tenant == "held":
				return readmodel.Forgotten{Held: true, Next: "never"}, nil
			case after == "":
				return readmodel.Forgotten{Entries: 5, Next: "c7"}, nil
			}
			return readmodel.Forgotten{Entries: 2}, nil
		},
	}
	p := projector(t, model, newFakeCache(), nil)
	p.o.Tenants = directory(func(ids []store.Tenant) (out []store.TenantRecord, err error) {
		for _, id := range ids {
			r := store.TenantRecord{Tenant: id, History: 9 * day}
			if id == "cluster" {
				r.History = 0
			}
			if id != "unknown" {
				out = append(out, r)
			}
		}
		return out, nil
	})
	for range 2 { // a round that has come to the end begins again
		p.forgetHistory(t.Context())
	}
	once := []string{"broken", "held", "mine", "minec7"}
	if diff := cmp.Diff(append(once, once...), did); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
