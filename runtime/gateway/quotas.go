package gateway

import (
	"sync"

	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
	"github.com/chatcluster/chatcluster/runtime/tenants"
)

// tenant returns the tenant's record as far as it is known.
func (g *Gateway) tenant(t store.Tenant) (store.TenantRecord, bool) {
	if g.o.Tenants == nil {
		return store.TenantRecord{}, false
	}
	return g.o.Tenants.Peek(t)
}

// tenantsChanged closes the connections of tenants that are not served any more.
func (g *Gateway) tenantsChanged(news []store.TenantRecord) {
	for _, r := range news {
		if r.Served() {
			continue
		}
		for _, c := range g.hub.tenantConns(r.Tenant) {
			c.suspend()
		}
	}
}

// suspend closes the connection because its tenant is not served.
func (c *conn) suspend() {
	c.refuse(protocol.CodeSuspended, "", protocol.CloseSuspended)
}

// quotas counts the connections of tenants, and bounds those of tenants with a quota.
type quotas struct {
	g      *Gateway
	shares *tenants.Shares

	mu   sync.Mutex
	open map[store.Tenant]int
}

func newQuotas(g *Gateway) (*quotas, error) {
	q := &quotas{g: g, open: map[store.Tenant]int{}}
	var err error
	q.shares, err = tenants.NewShares(tenants.SharesOptions{
		Board: g.o.Use, Pod: g.o.Name, What: "connections", Mine: q.mine, Every: g.o.Limits.ShareEvery, Log: g.log,
	})
	return q, err
}

// mine is this gateway's connections of tenants with a quota. Asking for their records keeps them known.
func (q *quotas) mine() map[store.Tenant]int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	use := map[store.Tenant]int64{}
	for t, n := range q.open {
		if r, known := q.g.tenant(t); known && r.MaxConnections > 0 {
			use[t] = int64(n)
		}
	}
	return use
}

// admit gives the connection a place, or says that there is none. Whoever takes the place of a connection of the same device needs none.
func (q *quotas) admit(c *conn, u store.User, device string) bool {
	t := u.Tenant()
	left := -1
	if r, known := q.g.tenant(t); known && r.MaxConnections > 0 {
		left = q.shares.Left(t, r.MaxConnections)
		for _, old := range q.g.hub.userConns(u) {
			if old.device == device {
				left++
			}
		}
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if left >= 0 && q.open[t] >= left {
		return false
	}
	q.open[t]++
	c.counted, c.tenant = true, t
	return true
}

// release gives the place back.
func (q *quotas) release(c *conn) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !c.counted {
		return
	}
	c.counted = false
	if q.open[c.tenant]--; q.open[c.tenant] == 0 {
		delete(q.open, c.tenant)
	}
}
