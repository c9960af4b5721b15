package tenants_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chatcluster/chatcluster/runtime/store"
	"github.com/chatcluster/chatcluster/runtime/tenants"
)

var errBoom = errors.New("boom")

// table is a store of records that counts what it is asked.
type table struct {
	mu      sync.Mutex
	records map[store.Tenant]store.TenantRecord
	down    bool
	reads   int // of records
	lookups int // of issuers
	most    int // records asked for in one read
	slow    time.Duration
	broken  store.Tenant // cannot be read, and each read that asks for it tells
}

func (s *table) Tenants(ctx context.Context, ids ...store.Tenant) ([]store.TenantRecord, error) {
	s.mu.Lock()
	slow := s.slow
	s.mu.Unlock()
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(slow):
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads++
	s.most = max(s.most, len(ids))
	if s.down {
		return nil, errBoom
	}
	var out []store.TenantRecord
	var err error
	for _, id := range ids {
		r, ok := s.records[id]
		switch {
		case id == s.broken && ok:
			err = errBoom
		case ok:
			out = append(out, r)
		}
	}
	return out, err
}

func (s *table) TenantOf(_ context.Context, issuer, audience string) (store.Tenant, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lookups++
	if s.down {
		return "", errBoom
	}
	for id, r := range s.records {
		if r.Issuer.URL == issuer && r.Issuer.Audience == audience {
			return id, nil
		}
	}
	return "", store.ErrNotFound
}

func (s *table) put(id store.Tenant, change func(*store.TenantRecord)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.records == nil {
		s.records = map[store.Tenant]store.TenantRecord{}
	}
	r, ok := s.records[id]
	if !ok {
		r = store.TenantRecord{Tenant: id, State: store.TenantActive, Issuer: store.TenantIssuer{URL: "https://" + string(id), Audience: "chat"}}
	}
	if change != nil {
		change(&r)
	}
	r.Revision++
	s.records[id] = r
}

func (s *table) change(f func(*table)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(s)
}

func start(t *testing.T, s *table, own ...store.Tenant) (d *tenants.Directory, told *[]string) {
	t.Helper()
	d, err := tenants.New(tenants.Options{Store: s, Own: own})
	if err != nil {
		t.Fatal(err)
	}
	told = new([]string)
	d.Subscribe(func(news []store.TenantRecord) {
		for _, r := range news {
			*told = append(*told, fmt.Sprintf("%s %s", r.Tenant, r.State))
		}
	})
	ctx, cancel := context.WithCancel(t.Context())
	var run sync.WaitGroup
	run.Go(func() { _ = d.Run(ctx) })
	t.Cleanup(func() { cancel(); run.Wait() })
	return d, told
}

// A suspension is known within 15 seconds wherever somebody of the tenant is, and nobody who asks waits for it.
func TestAChangeIsKnownSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &table{}
		s.put("a", nil)
		d, told := start(t, s)
		r, err := d.Tenant(t.Context(), "a")
		if err != nil || !r.Served() {
			t.Fatalf("%+v, %v", r, err)
		}
		for range 100 {
			if _, err := d.ByIssuer(t.Context(), "https://a", "chat"); err != nil {
				t.Fatal(err)
			}
		}
		if s.reads != 1 || s.lookups != 1 {
			t.Errorf("%d reads and %d look-ups for a hundred tokens, want 1 and 1", s.reads, s.lookups)
		}
		s.put("a", func(r *store.TenantRecord) { r.State = store.TenantSuspended })
		time.Sleep(tenants.DefaultRefreshEvery + time.Second)
		synctest.Wait()
		if r, _ := d.Peek("a"); r.Served() {
			t.Error("the suspension is not known")
		}
		if len(*told) != 2 || (*told)[1] != "a suspended" {
			t.Errorf("told of %q", *told)
		}
		// Gone: whoever asks learns it.
		s.change(func(s *table) { delete(s.records, "a") })
		time.Sleep(tenants.DefaultRefreshEvery + time.Second)
		if _, err := d.Tenant(t.Context(), "a"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("a tenant that is gone: %v", err)
		}
	})
}

// Thousands of tenants are refreshed in pages, so a change is known as soon as with one, however long all of them take together.
func TestThousandsOfTenantsAreRefreshedInPages(t *testing.T) {
	const many = 10_000
	synctest.Test(t, func(t *testing.T) {
		s := &table{}
		d, _ := start(t, s)
		id := func(i int) store.Tenant { return store.Tenant(fmt.Sprint("t", i)) }
		for i := range many {
			s.put(id(i), nil)
			d.Peek(id(i))
		}
		// A page takes 150 ms, so all of them one after the other take 15 seconds, and more than one read may take.
		s.change(func(s *table) { s.slow = 150 * time.Millisecond })
		time.Sleep(2 * tenants.DefaultRefreshEvery)
		for i := range many {
			if _, known := d.Peek(id(i)); !known {
				t.Fatalf("tenant %d is not known", i)
			}
		}
		s.change(func(s *table) {
			if s.most > 100 {
				t.Errorf("one read asked for %d records", s.most)
			}
			s.reads = 0
		})
		for i := range many {
			s.put(id(i), func(r *store.TenantRecord) { r.State = store.TenantSuspended })
		}
		time.Sleep(2 * tenants.DefaultRefreshEvery)
		for i := range many {
			if r, _ := d.Peek(id(i)); r.Served() {
				t.Fatalf("the suspension of tenant %d is not known", i)
			}
		}
		s.change(func(s *table) {
			if s.reads > 3*many/100 {
				t.Errorf("%d reads in two rounds", s.reads)
			}
		})
	})
}

// A record that cannot be read keeps no others from being read, those of its page included.
func TestARecordThatCannotBeReadKeepsOthersFresh(t *testing.T) {
	const many = 1000
	synctest.Test(t, func(t *testing.T) {
		s := &table{}
		d, _ := start(t, s)
		id := func(i int) store.Tenant { return store.Tenant(fmt.Sprint("t", i)) }
		for i := range many {
			s.put(id(i), nil)
			d.Peek(id(i))
		}
		time.Sleep(tenants.DefaultRefreshEvery + time.Second)
		synctest.Wait()
		s.change(func(s *table) { s.broken = id(0) })
		unknown := 0
		for range 20 {
			time.Sleep(tenants.DefaultRefreshEvery)
			synctest.Wait()
			s.change(func(s *table) { s.down = true }) // whoever is not known is not read now
			for i := 1; i < many; i++ {
				if _, err := d.Tenant(t.Context(), id(i)); err != nil {
					unknown++
				}
			}
			s.change(func(s *table) { s.down = false })
		}
		if unknown > 0 {
			t.Errorf("of %d looks at others %d found nothing", 20*many, unknown)
		}
		if _, err := d.Tenant(t.Context(), id(0)); !errors.Is(err, tenants.ErrUnknown) {
			t.Errorf("the record that cannot be read: %v", err)
		}
	})
}

// When the records cannot be read, nothing new is accepted after a while, and what is known still stands for what is open.
func TestWhatCannotBeReadIsUnknown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &table{}
		s.put("a", nil)
		d, _ := start(t, s)
		if _, err := d.ByIssuer(t.Context(), "https://a", "chat"); err != nil {
			t.Fatal(err)
		}
		s.change(func(s *table) { s.down = true })
		time.Sleep(tenants.DefaultStaleAfter - 2*time.Second)
		if _, err := d.ByIssuer(t.Context(), "https://a", "chat"); err != nil {
			t.Errorf("%v: a moment without the store is survived", err)
		}
		time.Sleep(5 * time.Second)
		if _, err := d.ByIssuer(t.Context(), "https://a", "chat"); !errors.Is(err, tenants.ErrUnknown) {
			t.Errorf("%v, want ErrUnknown", err)
		}
		if r, known := d.Peek("a"); !known || !r.Served() {
			t.Errorf("what was read last: %+v, %v", r, known)
		}
		if _, err := d.ByIssuer(t.Context(), "https://b", "chat"); !errors.Is(err, tenants.ErrUnknown) {
			t.Errorf("an issuer that cannot be looked up: %v, want ErrUnknown", err)
		}
		s.change(func(s *table) { s.down = false })
		if _, err := d.ByIssuer(t.Context(), "https://a", "chat"); err != nil {
			t.Errorf("%v: the store is back", err)
		}
	})
}

// Whoever invents issuers costs the store little, and locks out nobody whose issuer is known.
func TestInventedIssuersAreCheap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &table{}
		s.put("a", nil)
		d, _ := start(t, s)
		if _, err := d.ByIssuer(t.Context(), "https://a", "chat"); err != nil {
			t.Fatal(err)
		}
		for i := range 1000 {
			if _, err := d.ByIssuer(t.Context(), fmt.Sprint("https://invented/", i), "chat"); err == nil {
				t.Fatal("an issuer of nobody's was found")
			}
		}
		if s.lookups > 110 {
			t.Errorf("%d look-ups in a moment", s.lookups)
		}
		if _, err := d.ByIssuer(t.Context(), "https://a", "chat"); err != nil {
			t.Errorf("%v: its issuer is known", err)
		}
	})
}

// A claim that changed hands speaks for the new owner, and not for the old one any more.
func TestAClaimThatChangedHands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &table{}
		s.put("a", nil)
		d, _ := start(t, s)
		if r, err := d.ByIssuer(t.Context(), "https://a", "chat"); err != nil || r.Tenant != "a" {
			t.Fatalf("%+v, %v", r, err)
		}
		s.put("a", func(r *store.TenantRecord) { r.Issuer.URL = "https://a2" })
		s.put("b", func(r *store.TenantRecord) { r.Issuer.URL = "https://a" })
		time.Sleep(tenants.DefaultRefreshEvery + time.Second)
		if r, err := d.ByIssuer(t.Context(), "https://a", "chat"); err != nil || r.Tenant != "b" {
			t.Errorf("the issuer is %q's, %v; want b's", r.Tenant, err)
		}
		if r, err := d.ByIssuer(t.Context(), "https://a2", "chat"); err != nil || r.Tenant != "a" {
			t.Errorf("the new issuer is %q's, %v; want a's", r.Tenant, err)
		}
	})
}

// Tenants of the configuration's have no record, whatever the table says, and are never looked up.
func TestTheConfigurationsTenantsHaveNoRecord(t *testing.T) {
	s := &table{}
	s.put("acme", func(r *store.TenantRecord) { r.MaxConnections = 1 })
	d, err := tenants.New(tenants.Options{Store: s, Own: []store.Tenant{"acme"}})
	if err != nil {
		t.Fatal(err)
	}
	if r, known := d.Peek("acme"); known || r.MaxConnections != 0 {
		t.Errorf("%+v, %v", r, known)
	}
	if _, err := d.Tenant(t.Context(), "acme"); !errors.Is(err, store.ErrNotFound) || s.reads != 0 {
		t.Errorf("%v after %d reads", err, s.reads)
	}
}
