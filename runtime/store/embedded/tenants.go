package embedded

import (
	"context"
	"errors"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"github.com/chatcluster/chatcluster/runtime/store"
)

// tenantsSubject is whose lock all writes of tenants and their issuers share: there are few.
const tenantsSubject = "\x00tenants"

// tenantRecord is a tenant with what its own document leaves out.
type tenantRecord struct {
	Record   store.TenantRecord  `json:"record"`
	Revision uint64              `json:"revision"`
	Purge    store.PurgeProgress `json:"purge,omitzero"`
}

type issuerRecord struct {
	Tenant store.Tenant `json:"tenant"`
}

func tenantKey(t store.Tenant) []byte          { return key(kindTenant, string(t)) }
func issuerKey(issuer, audience string) []byte { return key(kindIssuer, issuer, audience) }

// Tenants implements store.Tenants.
func (s *Store) Tenants(ctx context.Context, ids ...store.Tenant) ([]store.TenantRecord, error) {
	unlock, err := s.lock(ctx, tenantsSubject, 1)
	if err != nil {
		return nil, err
	}
	defer unlock()
	var found []store.TenantRecord
	for _, id := range slices.Compact(slices.Sorted(slices.Values(ids))) {
		r, err := s.tenant(id)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		found = append(found, r)
	}
	return found, nil
}

// tenant reads one. The caller holds the lock.
func (s *Store) tenant(id store.Tenant) (store.TenantRecord, error) {
	rec, err := load[tenantRecord](s.db, tenantKey(id))
	rec.Record.Tenant, rec.Record.Revision, rec.Record.Purge = id, rec.Revision, rec.Purge
	return rec.Record, err
}

// TenantOf implements store.Tenants.
func (s *Store) TenantOf(ctx context.Context, issuer, audience string) (store.Tenant, error) {
	unlock, err := s.lock(ctx, tenantsSubject, 1)
	if err != nil {
		return "", err
	}
	defer unlock()
	rec, err := load[issuerRecord](s.db, issuerKey(issuer, audience))
	return rec.Tenant, err
}

// PutTenant implements store.Tenants.
func (s *Store) PutTenant(ctx context.Context, r store.TenantRecord, from store.Tenant) (store.TenantRecord, error) {
	if err := r.Check(); err != nil {
		return r, err
	}
	unlock, err := s.lock(ctx, tenantsSubject, exclusive)
	if err != nil {
		return r, err
	}
	defer unlock()
	before, err := s.atRevision(r)
	if err != nil {
		return r, err
	}
	claim, err := load[issuerRecord](s.db, issuerKey(r.Issuer.URL, r.Issuer.Audience))
	switch {
	case errors.Is(err, store.ErrNotFound):
	case err != nil:
		return r, err
	case claim.Tenant != r.Tenant && (from == "" || claim.Tenant != from):
		return r, store.ErrClaimed
	}
	err = s.commit(func(w *pebble.Batch) error {
		if before != nil && !before.Issuer.Claims(r.Issuer) {
			if err := s.releaseIssuer(w, *before); err != nil {
				return err
			}
		}
		return errors.Join(
			save(w, tenantKey(r.Tenant), tenantRecord{Record: r, Revision: r.Revision + 1}),
			save(w, issuerKey(r.Issuer.URL, r.Issuer.Audience), issuerRecord{Tenant: r.Tenant}),
		)
	})
	if err != nil {
		return r, err
	}
	r.Revision++
	r.Purge = store.PurgeProgress{}
	return r, nil
}

// RemoveTenant implements store.Tenants.
func (s *Store) RemoveTenant(ctx context.Context, r store.TenantRecord) error {
	unlock, err := s.lock(ctx, tenantsSubject, exclusive)
	if err != nil {
		return err
	}
	defer unlock()
	before, err := s.atRevision(r)
	if err != nil {
		return err
	}
	if before == nil {
		return store.ErrChanged
	}
	return s.commit(func(w *pebble.Batch) error {
		return errors.Join(s.releaseIssuer(w, *before), w.Delete(tenantKey(r.Tenant), nil))
	})
}

// NotePurge implements store.Tenants.
func (s *Store) NotePurge(ctx context.Context, t store.Tenant, p store.PurgeProgress) error {
	unlock, err := s.lock(ctx, tenantsSubject, exclusive)
	if err != nil {
		return err
	}
	defer unlock()
	r, err := s.tenant(t)
	if err != nil {
		return err
	}
	if r.State != store.TenantDeleting {
		return store.ErrNotFound
	}
	return s.commit(func(w *pebble.Batch) error {
		return save(w, tenantKey(t), tenantRecord{Record: r, Revision: r.Revision, Purge: p})
	})
}

// atRevision returns the record as it is, nil when there is none, or ErrChanged when it is not of r's revision. The caller holds the lock.
func (s *Store) atRevision(r store.TenantRecord) (*store.TenantRecord, error) {
	before, err := s.tenant(r.Tenant)
	switch {
	case errors.Is(err, store.ErrNotFound) && r.Revision == 0:
		return nil, nil
	case errors.Is(err, store.ErrNotFound), err == nil && before.Revision != r.Revision:
		return nil, store.ErrChanged
	case err != nil:
		return nil, err
	}
	return &before, nil
}

// releaseIssuer gives the record's issuer back, if it still is the record's.
func (s *Store) releaseIssuer(w *pebble.Batch, r store.TenantRecord) error {
	k := issuerKey(r.Issuer.URL, r.Issuer.Audience)
	claim, err := load[issuerRecord](s.db, k)
	if errors.Is(err, store.ErrNotFound) || err == nil && claim.Tenant != r.Tenant {
		return nil
	}
	return errors.Join(err, w.Delete(k, nil))
}
