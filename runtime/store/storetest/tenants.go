package storetest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/chatcluster/chatcluster/runtime/store"
)

// record is a tenant of that name, whose issuer is nobody else's.
func (w *world) record(name string) store.TenantRecord {
	id := string(w.tenant) + name
	return store.TenantRecord{
		Tenant: store.Tenant(id), State: store.TenantActive,
		Owner:          store.TenantOwner{Namespace: "team", Name: name, UID: "uid-" + name},
		Issuer:         store.TenantIssuer{URL: "https://id.example/" + id, Audience: "chat#1", JWKSURL: "https://id.example/keys"},
		MaxConnections: 3, MessagesPerSecond: 5, Retention: 48 * time.Hour, History: 96 * time.Hour,
		Detectors: map[string]store.Detector{"spam": {Mode: "flag", Threshold: 70}},
	}
}

func (w *world) put(r store.TenantRecord) store.TenantRecord {
	w.Helper()
	r, err := w.PutTenant(w.Context(), r, "")
	w.must(err)
	return r
}

func (w *world) tenants(ids ...store.Tenant) []store.TenantRecord {
	w.Helper()
	found, err := w.Tenants(w.Context(), ids...)
	w.must(err)
	return found
}

func (w *world) owns(r store.TenantRecord, want store.Tenant) {
	w.Helper()
	got, err := w.TenantOf(w.Context(), r.Issuer.URL, r.Issuer.Audience)
	if want == "" && errors.Is(err, store.ErrNotFound) {
		return
	}
	if err != nil || got != want {
		w.Errorf("the issuer of %q is %q's, %v; want %q", r.Tenant, got, err, want)
	}
}

func tenantRecords(t *testing.T, w *world) {
	ctx := w.Context()
	a := w.put(w.record("#a"))
	w.same([]store.TenantRecord{a}, w.tenants(a.Tenant, a.Tenant, w.tenant+"nobody"))
	w.owns(a, a.Tenant)
	if a.Revision == 0 {
		t.Error("a stored record has no revision")
	}

	stale := a
	a.State, a.MaxConnections = store.TenantSuspended, 0
	a = w.put(a)
	w.same([]store.TenantRecord{a}, w.tenants(a.Tenant))
	if _, err := w.PutTenant(ctx, stale, ""); !errors.Is(err, store.ErrChanged) {
		t.Errorf("a record that was changed since it was read: %v, want ErrChanged", err)
	}
	if _, err := w.PutTenant(ctx, w.record("#a"), ""); !errors.Is(err, store.ErrChanged) {
		t.Errorf("an id that is taken: %v, want ErrChanged", err)
	}
	if err := w.RemoveTenant(ctx, stale); !errors.Is(err, store.ErrChanged) {
		t.Errorf("removing what was changed: %v, want ErrChanged", err)
	}
	w.must(w.RemoveTenant(ctx, a))
	w.same(0, len(w.tenants(a.Tenant)))
	w.owns(a, "")
	if err := w.RemoveTenant(ctx, a); !errors.Is(err, store.ErrChanged) {
		t.Errorf("removing what is gone: %v, want ErrChanged", err)
	}
	for reason, change := range map[string]func(*store.TenantRecord){
		"nobody's":         func(r *store.TenantRecord) { r.Owner.UID = "" },
		"in no state":      func(r *store.TenantRecord) { r.State = "" },
		"without issuer":   func(r *store.TenantRecord) { r.Issuer.URL = "" },
		"without audience": func(r *store.TenantRecord) { r.Issuer.Audience = "a\x00b" },
		"below zero":       func(r *store.TenantRecord) { r.MaxConnections = -1 },
	} {
		r := w.record("#bad")
		change(&r)
		if _, err := w.PutTenant(ctx, r, ""); !errors.Is(err, store.ErrInvalid) {
			t.Errorf("a record %s: %v, want ErrInvalid", reason, err)
		}
	}
}

// An issuer is one tenant's: it changes hands only where that is said.
func tenantIssuers(t *testing.T, w *world) {
	ctx := w.Context()
	a := w.put(w.record("a"))
	b := w.record("b")
	b.Issuer = a.Issuer
	b.Issuer.JWKSURL = "https://elsewhere.example/keys"
	if _, err := w.PutTenant(ctx, b, ""); !errors.Is(err, store.ErrClaimed) {
		t.Errorf("an issuer that is taken: %v, want ErrClaimed", err)
	}
	w.same(0, len(w.tenants(b.Tenant)))
	if _, err := w.PutTenant(ctx, b, w.tenant+"c"); !errors.Is(err, store.ErrClaimed) {
		t.Errorf("an issuer that is taken by another than is said: %v, want ErrClaimed", err)
	}

	// A new issuer takes the place of the old one, which is free then.
	old := a
	a.Issuer.URL += "/v2"
	a = w.put(a)
	w.owns(a, a.Tenant)
	w.owns(old, "")
	b = w.put(b)
	w.owns(b, b.Tenant)

	// What is taken over stays so when who had it changes or goes.
	c := w.record("c")
	c.Issuer = a.Issuer
	c, err := w.PutTenant(ctx, c, a.Tenant)
	w.must(err)
	w.owns(c, c.Tenant)
	a.Issuer.URL += "/v3"
	a = w.put(a)
	w.owns(c, c.Tenant)
	w.must(w.RemoveTenant(ctx, a))
	w.owns(c, c.Tenant)
	w.owns(a, "")
}

// Of many who want an id, or an issuer, one gets it.
func tenantsConcurrent(t *testing.T, w *world) {
	const claimants = 8
	for what, record := range map[string]func(i int) store.TenantRecord{
		"id": func(i int) store.TenantRecord {
			r := w.record("same")
			r.Issuer.Audience = string(rune('a' + i))
			return r
		},
		"issuer": func(i int) store.TenantRecord {
			r := w.record("other" + string(rune('a'+i)))
			r.Issuer = w.record("shared").Issuer
			return r
		},
	} {
		var wg sync.WaitGroup
		errs := make([]error, claimants)
		for i := range claimants {
			wg.Go(func() {
				// Who is only in another's way tries again, as whoever claims does.
				for range 20 {
					if _, errs[i] = w.PutTenant(w.Context(), record(i), ""); definite(errs[i]) {
						return
					}
				}
			})
		}
		wg.Wait()
		won := 0
		for _, err := range errs {
			if err == nil {
				won++
			} else if !definite(err) {
				t.Errorf("claiming the same %s: %v", what, err)
			}
		}
		if won != 1 {
			t.Errorf("%d of %d got the same %s", won, claimants, what)
		}
	}
}

func definite(err error) bool {
	return err == nil || errors.Is(err, store.ErrChanged) || errors.Is(err, store.ErrClaimed)
}

func purgeNotes(t *testing.T, w *world) {
	ctx := w.Context()
	a := w.put(w.record("a"))
	p := store.PurgeProgress{Phase: "conversations", Conversations: 3, Left: 4, Users: 5}
	if err := w.NotePurge(ctx, a.Tenant, p); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("progress of a tenant that nobody deletes: %v, want ErrNotFound", err)
	}
	if err := w.NotePurge(ctx, a.Tenant+"x", p); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("progress of nobody: %v, want ErrNotFound", err)
	}
	a.State = store.TenantDeleting
	a = w.put(a)
	w.must(w.NotePurge(ctx, a.Tenant, p))
	a.Purge = p
	w.same([]store.TenantRecord{a}, w.tenants(a.Tenant))
	w.must(w.RemoveTenant(ctx, a)) // the progress is no change of the record
}

// tenantCalls are the calls that must not outlive their context.
func tenantCalls(ctx context.Context, w *world) map[string]error {
	r := w.record("ended")
	_, put := w.PutTenant(ctx, r, "")
	_, of := w.TenantOf(ctx, "i", "a")
	_, read := w.Tenants(ctx, r.Tenant)
	return map[string]error{
		"PutTenant": put, "TenantOf": of, "Tenants": read, "RemoveTenant": w.RemoveTenant(ctx, r),
		"NotePurge": w.NotePurge(ctx, r.Tenant, store.PurgeProgress{}),
	}
}
