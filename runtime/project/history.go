package project

import (
	"context"
	"time"

	"github.com/chatcluster/chatcluster/runtime/store"
)

const (
	// historyEvery is how often the tenants' own retention is looked at.
	historyEvery = time.Hour
	// historyRound bounds a round. One that is cut off is not gone on with: the next begins at another tenant, whose turn it is.
	historyRound = 30 * time.Minute
	// historySlack is how much longer the read model keeps entries than the tenant says: longer than the store does, so that what the store
	// still has, the read model has.
	historySlack = 2 * time.Hour
	tenantsPage  = 200
)

// Tenants has the records of tenants.
type Tenants interface {
	Tenants(ctx context.Context, ids ...store.Tenant) ([]store.TenantRecord, error)
}

// forgetHistory deletes what tenants keep for less time than the cluster does.
func (p *Projector) forgetHistory(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, historyRound)
	defer cancel()
	for ctx.Err() == nil {
		ids, err := p.o.Model.TenantsAfter(ctx, p.reached, tenantsPage)
		if err != nil {
			p.warn(ctx, "tenants were not listed", err)
			return
		}
		if len(ids) == 0 {
			p.reached = ""
			return
		}
		records, err := p.o.Tenants.Tenants(ctx, ids...)
		if err != nil {
			p.warn(ctx, "tenants' records were not read", err)
			return
		}
		for _, r := range records {
			if r.History <= 0 {
				continue
			}
			if err := p.forgetTenantHistory(ctx, r); err != nil {
				p.metrics.upkeepFailures.Inc()
				p.warn(ctx, "a tenant's old messages were not deleted", err, "tenant", string(r.Tenant))
			}
		}
		p.reached = ids[len(ids)-1]
	}
}

func (p *Projector) forgetTenantHistory(ctx context.Context, r store.TenantRecord) error {
	before := time.Now().Add(-r.History - historySlack)
	for after := ""; ; {
		done, err := p.o.Model.ForgetBefore(ctx, r.Tenant, before, after)
		if err != nil {
			return err
		}
		if done.Held {
			p.log.Info("a legal hold keeps a tenant's old messages", "tenant", string(r.Tenant))
			return nil
		}
		p.metrics.expired.Add(float64(done.Entries))
		p.refresh.add(done.Summaries, nil, nil)
		if after = done.Next; after == "" {
			return nil
		}
	}
}
