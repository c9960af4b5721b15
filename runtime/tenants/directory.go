package tenants

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"

	"github.com/chatcluster/chatcluster/runtime/store"
)

// ErrUnknown says that a tenant's record could not be read lately: try again.
var ErrUnknown = errors.New("the tenant's record is not known")

// Defaults of a Directory.
const (
	DefaultRefreshEvery = 5 * time.Second
	DefaultStaleAfter   = 15 * time.Second
	// readTimeout lets one read fail and the next one still come within DefaultStaleAfter.
	readTimeout = 4 * time.Second
	// pageSize is how many records one read asks for: what DynamoDB answers in one request.
	pageSize = 100
	// pagesAtOnce are read at the same time when records are refreshed.
	pagesAtOnce = 4
	// keepFor is how long a record is read again after somebody last asked for it.
	keepFor = 10 * time.Minute
	// maxKept bounds the records, and the claims, that are kept.
	maxKept = 20_000
	// claimLife is how long a claim is believed: the record that it leads to is asked all the same.
	claimLife = 5 * time.Minute
	// missLife is how long it is believed that there is no such claim or record.
	missLife = 5 * time.Second
	// lookups is how many look-ups a second are made for issuers that are not known.
	lookups = 100
)

// Store is where the records are.
type Store interface {
	Tenants(ctx context.Context, ids ...store.Tenant) ([]store.TenantRecord, error)
	TenantOf(ctx context.Context, issuer, audience string) (store.Tenant, error)
}

// Options of a Directory. Store is required; zero values mean the defaults.
type Options struct {
	Store Store
	// Own are the tenants that the cluster's configuration names.
	Own          []store.Tenant
	RefreshEvery time.Duration
	StaleAfter   time.Duration
	// Log takes failed reads; nil discards them.
	Log *slog.Logger
}

// Directory knows tenants' records. Make it with New, start it with Run.
type Directory struct {
	o   Options
	own map[store.Tenant]bool
	ask *rate.Limiter
	now func() time.Time

	// telling is held while subscribers are told, and taken before mu.
	telling sync.Mutex
	told    []func([]store.TenantRecord)

	mu      sync.Mutex
	records map[store.Tenant]*entry
	claims  map[claim]claimed
}

// entry is a record as it was read last.
type entry struct {
	record store.TenantRecord
	found  bool
	read   time.Time // when the last good read began, zero for never
	tried  time.Time // when the last read began, good or not
	used   time.Time
}

type claim struct{ issuer, audience string }

type claimed struct {
	tenant store.Tenant // empty: nobody's
	until  time.Time
}

// New returns a directory that knows nothing yet.
func New(o Options) (*Directory, error) {
	if o.Store == nil {
		return nil, errors.New("tenants: a store is required")
	}
	if o.RefreshEvery <= 0 {
		o.RefreshEvery = DefaultRefreshEvery
	}
	if o.StaleAfter <= 0 {
		o.StaleAfter = DefaultStaleAfter
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	d := &Directory{
		o: o, own: map[store.Tenant]bool{}, ask: rate.NewLimiter(lookups, lookups), now: time.Now,
		records: map[store.Tenant]*entry{}, claims: map[claim]claimed{},
	}
	for _, t := range o.Own {
		d.own[t] = true
	}
	return d, nil
}

// Subscribe has f told of every record that is new or changed, from now on. f must return soon.
func (d *Directory) Subscribe(f func([]store.TenantRecord)) {
	d.telling.Lock()
	defer d.telling.Unlock()
	d.told = append(d.told, f)
}

// Run reads the records that are in use again and again until ctx ends, and returns nil.
func (d *Directory) Run(ctx context.Context) error {
	tick := time.NewTicker(d.o.RefreshEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := d.refresh(ctx); err != nil && ctx.Err() == nil {
			d.o.Log.WarnContext(ctx, "tenants' records not read", "error", err)
		}
	}
}

// Peek returns the record as far as it is known, without waiting, and has it read soon if it is not. Tenants of the configuration's have
// none.
func (d *Directory) Peek(t store.Tenant) (store.TenantRecord, bool) {
	if d.own[t] {
		return store.TenantRecord{}, false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	e := d.entry(t)
	return e.record, e.found
}

// Tenant returns the record. It waits for a read where none is known. ErrUnknown when that fails, store.ErrNotFound when there is no such
// tenant, or the configuration has it.
func (d *Directory) Tenant(ctx context.Context, t store.Tenant) (store.TenantRecord, error) {
	if d.own[t] {
		return store.TenantRecord{}, store.ErrNotFound
	}
	d.mu.Lock()
	r, err := d.known(t)
	d.mu.Unlock()
	if !errors.Is(err, ErrUnknown) {
		return r, err
	}
	if err := d.read(ctx, t); err != nil {
		return store.TenantRecord{}, fmt.Errorf("%w: %w", ErrUnknown, err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.known(t)
}

// ByIssuer returns the record of the tenant for whose users the issuer signs tokens for the audience. store.ErrNotFound when there is
// none, ErrUnknown when that cannot be told now.
func (d *Directory) ByIssuer(ctx context.Context, issuer, audience string) (store.TenantRecord, error) {
	for fresh := range 2 {
		t, err := d.owner(ctx, claim{issuer, audience}, fresh > 0)
		if err != nil {
			return store.TenantRecord{}, err
		}
		r, err := d.Tenant(ctx, t)
		switch {
		case errors.Is(err, store.ErrNotFound):
		case err != nil:
			return store.TenantRecord{}, err
		case r.Issuer.Claims(store.TenantIssuer{URL: issuer, Audience: audience}):
			return r, nil
		}
		// The claim has changed hands since it was read: once more, from the store.
	}
	return store.TenantRecord{}, store.ErrNotFound
}

// owner returns whose the claim is.
func (d *Directory) owner(ctx context.Context, c claim, fresh bool) (store.Tenant, error) {
	d.mu.Lock()
	have, ok := d.claims[c]
	d.mu.Unlock()
	if ok && d.now().Before(have.until) && (!fresh || have.tenant == "") {
		if have.tenant == "" {
			return "", store.ErrNotFound
		}
		return have.tenant, nil
	}
	if !d.ask.Allow() {
		return "", fmt.Errorf("%w: too many ask for issuers that are not known", ErrUnknown)
	}
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	t, err := d.o.Store.TenantOf(ctx, c.issuer, c.audience)
	life := claimLife
	switch {
	case errors.Is(err, store.ErrNotFound):
		life = missLife
	case err != nil:
		return "", fmt.Errorf("%w: %w", ErrUnknown, err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.sweepClaims()
	d.claims[c] = claimed{tenant: t, until: d.now().Add(life)}
	return t, err
}

// sweepClaims makes room. mu is held.
func (d *Directory) sweepClaims() {
	if len(d.claims) < maxKept {
		return
	}
	now := d.now()
	maps.DeleteFunc(d.claims, func(_ claim, c claimed) bool { return !now.Before(c.until) })
	for c := range d.claims {
		if len(d.claims) < maxKept*3/4 {
			return
		}
		delete(d.claims, c)
	}
}

// known returns the record, or ErrUnknown when it has to be read. mu is held.
func (d *Directory) known(t store.Tenant) (store.TenantRecord, error) {
	e := d.entry(t)
	age := d.now().Sub(e.read)
	switch {
	case e.read.IsZero(), age > d.o.StaleAfter, !e.found && age > missLife:
		return store.TenantRecord{}, ErrUnknown
	case !e.found:
		return store.TenantRecord{}, store.ErrNotFound
	}
	return e.record, nil
}

// entry returns the tenant's, and notes that it is used. mu is held.
func (d *Directory) entry(t store.Tenant) *entry {
	e := d.records[t]
	if e == nil {
		d.makeRoom()
		e = &entry{}
		d.records[t] = e
	}
	e.used = d.now()
	return e
}

// makeRoom forgets those that were not asked for longest. mu is held.
func (d *Directory) makeRoom() {
	if len(d.records) < maxKept {
		return
	}
	byUse := slices.SortedFunc(maps.Keys(d.records), func(a, b store.Tenant) int { return d.records[a].used.Compare(d.records[b].used) })
	for _, t := range byUse[:len(byUse)/4] {
		delete(d.records, t)
	}
}

// refresh reads what is in use, and forgets the rest. Records are read page by page: one that fails leaves those of the others fresh. A round
// ends in time for the next one, which begins with what was not tried longest.
func (d *Directory) refresh(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, max(d.o.StaleAfter-d.o.RefreshEvery, d.o.RefreshEvery))
	defer cancel()
	// The pages do not end each other: each error is one page's.
	var pages errgroup.Group
	pages.SetLimit(pagesAtOnce)
	var mu sync.Mutex
	var errs []error
	for page := range slices.Chunk(d.inUse(), pageSize) {
		if ctx.Err() != nil {
			break
		}
		pages.Go(func() error {
			if err := d.read(ctx, page...); err != nil {
				mu.Lock()
				defer mu.Unlock()
				errs = append(errs, err)
			}
			return nil
		})
	}
	_ = pages.Wait() // none returns an error
	if len(errs) > 1 {
		return fmt.Errorf("%d pages of records: %w", len(errs), errs[0])
	}
	return errors.Join(errs...)
}

// inUse are the records to refresh, those that were not tried longest first.
func (d *Directory) inUse() []store.Tenant {
	now := d.now()
	d.mu.Lock()
	defer d.mu.Unlock()
	maps.DeleteFunc(d.records, func(_ store.Tenant, e *entry) bool { return now.Sub(e.used) > keepFor })
	// Those of one page are together by chance, because a map's order is: what fails does not keep the same ones from being read each time.
	return slices.SortedStableFunc(maps.Keys(d.records), func(a, b store.Tenant) int { return d.records[a].tried.Compare(d.records[b].tried) })
}

// read reads records, and tells of those that changed.
func (d *Directory) read(ctx context.Context, ids ...store.Tenant) error {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	began := d.now()
	d.note(began, ids)
	list, err := d.o.Store.Tenants(ctx, ids...)
	found := map[store.Tenant]store.TenantRecord{}
	for _, r := range list {
		found[r.Tenant] = r
	}
	d.telling.Lock()
	defer d.telling.Unlock()
	var news []store.TenantRecord
	d.mu.Lock()
	for _, t := range ids {
		e := d.records[t]
		if e == nil || e.read.After(began) {
			continue
		}
		r, ok := found[t]
		if !ok && err != nil {
			continue // it may be there
		}
		if ok && (!e.found || e.record.Revision != r.Revision) {
			news = append(news, r)
		}
		e.record, e.found, e.read = r, ok, began
	}
	d.mu.Unlock()
	if len(news) > 0 {
		for _, f := range d.told {
			f(news)
		}
	}
	return err
}

// note says that records are being read.
func (d *Directory) note(now time.Time, ids []store.Tenant) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, t := range ids {
		if e := d.records[t]; e != nil {
			e.tried = now
		}
	}
}
