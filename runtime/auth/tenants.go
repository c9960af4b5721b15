package auth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/chatcluster/chatcluster/runtime/store"
)

const (
	// Admin is no tenant: whoever tends the platform is nobody's user, and no tenant's issuer speaks for it.
	Admin = store.Tenant("admin")
	// maxAudiences bounds the look-ups for one token.
	maxAudiences = 8
	// maxTenantKeys bounds the key sets of tenants that are kept.
	maxTenantKeys = 5000
)

// Tenants are the tenants that the configuration does not name: package tenants has them.
type Tenants interface {
	// ByIssuer returns the record of the tenant for which the issuer speaks to the audience. store.ErrNotFound when there is none; any
	// other error: it cannot be told now.
	ByIssuer(ctx context.Context, issuer, audience string) (store.TenantRecord, error)
}

// trust returns with what the origin is trusted: the configuration comes first, and what it names is nobody else's.
func (v *Verifier) trust(ctx context.Context, c claimant) (trust, error) {
	if t, ok := v.trusted[c]; ok {
		return t, nil
	}
	if v.tenants == nil || (store.TenantIssuer{URL: c.issuer, Audience: c.audience}).Check() != nil {
		return trust{}, ErrUnknownIssuer
	}
	r, err := v.tenants.ByIssuer(ctx, c.issuer, c.audience)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return trust{}, ErrUnknownIssuer
	case err != nil:
		return trust{}, fmt.Errorf("%w: %w", ErrTenantUnknown, err)
	case v.own[r.Tenant] || r.Tenant == Admin:
		return trust{}, ErrUnknownIssuer
	}
	return trust{tenant: r.Tenant, keys: v.pool.of(r.Issuer), closed: !r.Served()}, nil
}

// keyPool has the key sets of tenants that are in use.
type keyPool struct {
	o      Options
	client *http.Client

	mu   sync.Mutex
	sets map[keysOf]*pooled
}

// keysOf says where keys are.
type keysOf struct{ url, discover string }

type pooled struct {
	*keySet
	used time.Time
}

func newKeyPool(o Options) *keyPool {
	return &keyPool{o: o, client: newClient(o.TenantTransport), sets: map[keysOf]*pooled{}}
}

// of returns the issuer's key set. What its URL may not be shows when it is fetched.
func (p *keyPool) of(i store.TenantIssuer) *keySet {
	at := keysOf{url: i.JWKSURL}
	if at.url == "" {
		at.discover = i.URL
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.sets[at]
	if s == nil {
		p.makeRoom()
		s = &pooled{keySet: &keySet{
			url: at.url, discover: at.discover, plain: p.o.TenantHTTP, maxAge: p.o.RefreshInterval, client: p.client, timeout: p.o.FetchTimeout,
			log: p.o.Log, turn: make(chan struct{}, 1), pause: p.o.MinRefetch,
		}}
		p.sets[at] = s
	}
	s.used = time.Now()
	return s.keySet
}

// makeRoom forgets the sets that were not used for longest, of a few. mu is held.
func (p *keyPool) makeRoom() {
	const looks = 16
	for len(p.sets) >= maxTenantKeys {
		var oldest keysOf
		n := 0
		for at, s := range p.sets {
			if n == 0 || s.used.Before(p.sets[oldest].used) {
				oldest = at
			}
			if n++; n == looks {
				break
			}
		}
		delete(p.sets, oldest)
	}
}
