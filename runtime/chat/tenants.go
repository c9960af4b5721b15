package chat

import (
	"context"
	"sync"
	"time"

	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
	"github.com/chatcluster/chatcluster/runtime/tenants"
)

// maxPaced is how many tenants with a quota are remembered.
const maxPaced = 10_000

// tenantPaces bounds what a tenant's users append together, through all pods.
type tenantPaces struct {
	s      *Service
	shares *tenants.Shares

	mu    sync.Mutex
	of    map[store.Tenant]*tenantPace
	since time.Time // of the counts
}

// tenantPace is one tenant's.
type tenantPace struct {
	bucket bucket
	count  int64 // entries since the last exchange
}

func newTenantPaces(s *Service) (*tenantPaces, error) {
	p := &tenantPaces{s: s, of: map[store.Tenant]*tenantPace{}, since: s.now()}
	var err error
	p.shares, err = tenants.NewShares(tenants.SharesOptions{
		Board: s.o.Use, Pod: s.o.Pod, What: "messages", Mine: p.mine, Every: s.o.ShareEvery, Log: s.o.Log,
	})
	return p, err
}

// tenant returns the tenant's record as far as it is known.
func (s *Service) tenant(t store.Tenant) (store.TenantRecord, bool) {
	if s.o.Tenants == nil {
		return store.TenantRecord{}, false
	}
	return s.o.Tenants.Peek(t)
}

// knowTenant has the tenant's record known, if it can be. It asks the store only where it was not asked lately.
func (s *Service) knowTenant(ctx context.Context, t store.Tenant) {
	if s.o.Tenants != nil {
		_, _ = s.o.Tenants.Tenant(ctx, t) // whoever needs it goes by what is known
	}
}

// take takes one entry of the tenant's, or says why not and how long there will be none.
func (p *tenantPaces) take(t store.Tenant, now time.Time) (code protocol.Code, detail string, wait time.Duration) {
	r, known := p.s.tenant(t)
	switch {
	case known && !r.Served():
		return protocol.CodeSuspended, "", 0
	case !known || r.MessagesPerSecond <= 0:
		return "", "", 0
	}
	pace := paceOf(p.shares.Left(t, r.MessagesPerSecond))
	p.mu.Lock()
	defer p.mu.Unlock()
	of := p.of[t]
	if of == nil {
		p.makeRoom(now)
		of = &tenantPace{}
		p.of[t] = of
	}
	if of.bucket, wait = pace.after(of.bucket, now); wait > 0 {
		return protocol.CodeQuota, "the tenant's messages a second are used up", wait
	}
	of.count++
	return "", "", 0
}

// makeRoom forgets tenants that have sent nothing lately, or any. mu is held.
func (p *tenantPaces) makeRoom(now time.Time) {
	if len(p.of) < maxPaced {
		return
	}
	for t, of := range p.of {
		if int64(of.bucket) <= now.UnixNano() || len(p.of) >= maxPaced {
			delete(p.of, t)
		}
	}
}

// mine is what was appended here a second since it was last asked.
func (p *tenantPaces) mine() map[store.Tenant]int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.s.now()
	seconds := max(now.Sub(p.since).Seconds(), 0.001)
	p.since = now
	use := map[store.Tenant]int64{}
	for t, of := range p.of {
		if of.count > 0 {
			use[t] = max(int64(float64(of.count)/seconds+0.5), 1)
		}
		of.count = 0
	}
	return use
}

// retention is how long the tenant's batches stay in the store; 0 is for ever.
func (s *Service) retention(t store.Tenant) time.Duration {
	keep := s.o.HotRetention
	if r, known := s.tenant(t); known {
		for _, d := range []time.Duration{r.Retention, r.History} {
			if d > 0 && (keep <= 0 || d < keep) {
				keep = d
			}
		}
	}
	return keep
}

// expiry is when a batch of the tenant's that is committed now may leave the store.
func (s *Service) expiry(t store.Tenant) time.Time {
	keep := s.retention(t)
	if keep <= 0 {
		return time.Time{}
	}
	return s.now().Add(keep + expirySlack)
}

// retained is how long the conversation's batches stay in the store; 0 is for ever.
func (l *lane) retained() time.Duration { return l.s.retention(l.conv.Tenant()) }
