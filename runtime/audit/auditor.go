package audit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/chatcluster/chatcluster/runtime/eventlog"
)

// DefaultExportEvery is how often what is new is exported.
const DefaultExportEvery = time.Hour

// Options are what an Auditor needs. Log is required.
type Options struct {
	Log *Log
	// Destination is where the log is exported to; nil: nowhere. ExportEvery is how often, DefaultExportEvery when it is 0.
	Destination Destination
	// Sign returns what exports are signed with, read anew for each export; nil: nothing is signed.
	Sign        func() (*Signer, error)
	ExportEvery time.Duration
	Logger      *slog.Logger
	Registerer  prometheus.Registerer
}

// Auditor is the role.
type Auditor struct {
	o       Options
	log     *slog.Logger
	metrics *metrics
}

// New returns an auditor; start Run, and give Consumer's options to a consumer.
func New(o Options) (*Auditor, error) {
	if o.Log == nil {
		return nil, errors.New("audit: the log is required")
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.ExportEvery <= 0 {
		o.ExportEvery = DefaultExportEvery
	}
	m, err := newMetrics(o.Registerer)
	if err != nil {
		return nil, err
	}
	return &Auditor{o: o, log: o.Logger, metrics: m}, nil
}

// Consumer returns how the auditor's records are consumed; the caller adds client id, log and registerer.
func (a *Auditor) Consumer() eventlog.ConsumerOptions {
	return eventlog.ConsumerOptions{
		Group: eventlog.AuditGroup, Topics: []string{eventlog.LogTopic, eventlog.AuditTopic}, Handler: a.Handle,
	}
}

// Handle appends what is to be audited of records of one partition. It may be repeated.
func (a *Auditor) Handle(ctx context.Context, records []eventlog.Record) error {
	byTenant := map[string][]Event{}
	for _, r := range records {
		if tenant, events := eventsOf(r); len(events) > 0 {
			byTenant[string(tenant)] = append(byTenant[string(tenant)], events...)
		}
	}
	for _, tenant := range slices.Sorted(maps.Keys(byTenant)) {
		events := byTenant[tenant]
		added, err := a.o.Log.Append(ctx, tenant, events)
		a.metrics.entries.Add(float64(added))
		if err != nil {
			return err
		}
		a.metrics.repeated.Add(float64(len(events) - added))
	}
	return nil
}

// Run exports what is new, now and then, until ctx ends.
func (a *Auditor) Run(ctx context.Context) error {
	if a.o.Destination == nil {
		<-ctx.Done()
		return nil
	}
	t := time.NewTicker(a.o.ExportEvery)
	defer t.Stop()
	for {
		if err := a.export(ctx); err != nil && ctx.Err() == nil {
			a.metrics.exportFailures.Inc()
			a.log.ErrorContext(ctx, "the audit log is not exported: it will be tried again", "error", err, "in", a.o.ExportEvery)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
	}
}

// export exports all tenants'. What fails for one keeps no other back.
func (a *Auditor) export(ctx context.Context) error {
	tenants, err := a.o.Log.Tenants(ctx)
	if err != nil {
		return err
	}
	var sign *Signer
	if a.o.Sign != nil {
		// Without the key nothing is exported: what is not signed now would never be.
		if sign, err = a.o.Sign(); err != nil {
			return err
		}
	}
	var errs []error
	for _, tenant := range tenants {
		done, err := Export(ctx, a.o.Log, a.o.Destination, tenant, sign)
		a.metrics.exported.Add(float64(done.Entries))
		if err != nil {
			errs = append(errs, fmt.Errorf("tenant %s: %w", tenant, err))
		}
		if ctx.Err() != nil {
			break
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	a.metrics.exportedAt.SetToCurrentTime()
	return nil
}
