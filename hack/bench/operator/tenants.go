package operator

import (
	"context"
	"sync"

	"github.com/chatcluster/chatcluster/runtime/store"
)

// tenants are the records in all tenants tables, in memory, under the table's rules.
type tenants struct {
	mu            sync.Mutex
	tables        map[string]*table
	reads, writes int
}

func (t *tenants) count(writes bool) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	if writes {
		return t.writes
	}
	return t.reads
}

// of is the table with a prefix.
func (t *tenants) of(prefix string) *table {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.tables == nil {
		t.tables = map[string]*table{}
	}
	if t.tables[prefix] == nil {
		t.tables[prefix] = &table{all: t, records: map[store.Tenant]store.TenantRecord{}, issuers: map[issuer]store.Tenant{}}
	}
	return t.tables[prefix]
}

type issuer struct{ url, audience string }

type table struct {
	all     *tenants
	records map[store.Tenant]store.TenantRecord
	issuers map[issuer]store.Tenant
}

// Tenants implements store.Tenants.
func (t *table) Tenants(_ context.Context, ids ...store.Tenant) ([]store.TenantRecord, error) {
	t.all.mu.Lock()
	defer t.all.mu.Unlock()
	t.all.reads++
	var found []store.TenantRecord
	for _, id := range ids {
		if r, ok := t.records[id]; ok {
			found = append(found, r)
		}
	}
	return found, nil
}

// TenantOf implements store.Tenants.
func (t *table) TenantOf(_ context.Context, url, audience string) (store.Tenant, error) {
	t.all.mu.Lock()
	defer t.all.mu.Unlock()
	t.all.reads++
	owner, ok := t.issuers[issuer{url, audience}]
	if !ok {
		return "", store.ErrNotFound
	}
	return owner, nil
}

// PutTenant implements store.Tenants.
func (t *table) PutTenant(_ context.Context, r store.TenantRecord, from store.Tenant) (store.TenantRecord, error) {
	t.all.mu.Lock()
	defer t.all.mu.Unlock()
	old, is := t.records[r.Tenant]
	if old.Revision != r.Revision {
		return r, store.ErrChanged
	}
	claim := issuer{r.Issuer.URL, r.Issuer.Audience}
	if owner, taken := t.issuers[claim]; taken && owner != r.Tenant && owner != from {
		return r, store.ErrClaimed
	}
	if is {
		delete(t.issuers, issuer{old.Issuer.URL, old.Issuer.Audience})
	}
	t.all.writes++
	r.Revision++
	t.records[r.Tenant], t.issuers[claim] = r, r.Tenant
	return r, nil
}

// RemoveTenant implements store.Tenants.
func (t *table) RemoveTenant(_ context.Context, r store.TenantRecord) error {
	t.all.mu.Lock()
	defer t.all.mu.Unlock()
	if t.records[r.Tenant].Revision != r.Revision {
		return store.ErrChanged
	}
	t.all.writes++
	delete(t.issuers, issuer{r.Issuer.URL, r.Issuer.Audience})
	delete(t.records, r.Tenant)
	return nil
}

// NotePurge implements store.Tenants.
func (t *table) NotePurge(_ context.Context, id store.Tenant, p store.PurgeProgress) error {
	t.all.mu.Lock()
	defer t.all.mu.Unlock()
	r, ok := t.records[id]
	if !ok {
		return store.ErrNotFound
	}
	t.all.writes++
	r.Purge = p
	t.records[id] = r
	return nil
}
