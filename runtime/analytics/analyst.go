package analytics

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/chatcluster/chatcluster/runtime/eventlog"
)

const (
	// writeEvery is how often what was gathered is written: rows that many records change are written once for all of them.
	writeEvery = time.Second
	// writeAtOnce bounds what one transaction counts.
	writeAtOnce = 5000
	// maxPending bounds what is gathered of a partition.
	maxPending = 20_000
	// settleMin and settleMax are how often it is looked for reads that need not wait any more; rarely, while there are none.
	settleMin = time.Second
	settleMax = time.Minute
	// forgetEvery is how often old minutes are dropped.
	forgetEvery = 10 * time.Minute
)

// Tables are what counts: Rollups.
type Tables interface {
	Apply(ctx context.Context, records []eventlog.Record) (Applied, error)
	Settle(ctx context.Context) (Settled, error)
	Forget(ctx context.Context) (int, error)
}

// Options are what an Analyst needs. Tables are required.
type Options struct {
	Tables     Tables
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Analyst is the role.
type Analyst struct {
	o       Options
	log     *slog.Logger
	metrics *metrics

	mu       sync.Mutex
	gathered []eventlog.Record
}

// New returns an analyst; start Run, and give Consumer's options to a consumer.
func New(o Options) (*Analyst, error) {
	if o.Tables == nil {
		return nil, errors.New("analytics: the tables are required")
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	m, err := newMetrics(o.Registerer)
	if err != nil {
		return nil, err
	}
	return &Analyst{o: o, log: o.Logger, metrics: m}, nil
}

// Consumer returns how the analyst's records are consumed; the caller adds client id, log and registerer.
func (a *Analyst) Consumer() eventlog.ConsumerOptions {
	return eventlog.ConsumerOptions{
		Group: eventlog.AnalyticsGroup, Topics: []string{eventlog.LogTopic, eventlog.MarksTopic, eventlog.FiguresTopic}, Handler: a.Handle,
		Deferred: true, MaxPending: maxPending, Revoked: a.revoked,
	}
}

// Handle gathers records: they are done when Run has written them.
func (a *Analyst) Handle(_ context.Context, records []eventlog.Record) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.gathered = append(a.gathered, records...)
	return nil
}

// revoked lets go of what another process is given now.
func (a *Analyst) revoked(topic string, partition int32) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.gathered = slices.DeleteFunc(a.gathered, func(r eventlog.Record) bool { return r.Topic == topic && r.Partition == partition })
}

// Run writes what was gathered, settles reads and drops old minutes, until ctx ends. What is not written by then is delivered again.
func (a *Analyst) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	wg.Go(func() { a.settle(ctx) })
	wg.Go(func() { a.forget(ctx) })
	defer wg.Wait()
	t := time.NewTicker(writeEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
			a.write(ctx)
		}
	}
}

// write counts all that is gathered. What fails stays, and is tried again.
func (a *Analyst) write(ctx context.Context) {
	for {
		batch := a.take()
		if len(batch) == 0 {
			return
		}
		done, err := a.o.Tables.Apply(ctx, batch)
		if err != nil {
			a.putBack(batch)
			if ctx.Err() == nil {
				a.metrics.failures.Inc()
				a.log.ErrorContext(ctx, "records are not counted: they will be tried again", "records", len(batch), "error", err)
			}
			return
		}
		a.metrics.entries.Add(float64(done.Entries))
		a.metrics.marks.Add(float64(done.Marks))
		a.metrics.figures.Add(float64(done.Figures))
		a.metrics.late.Add(float64(done.Late))
		a.metrics.repeated.Add(float64(done.Repeated))
		for _, r := range batch {
			r.Done()
		}
	}
}

func (a *Analyst) take() []eventlog.Record {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := min(len(a.gathered), writeAtOnce)
	batch := slices.Clone(a.gathered[:n])
	a.gathered = slices.Delete(a.gathered, 0, n)
	return batch
}

func (a *Analyst) putBack(batch []eventlog.Record) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.gathered = append(batch, a.gathered...)
}

func (a *Analyst) settle(ctx context.Context) {
	wait := settleMin
	t := time.NewTimer(wait)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		done, err := a.o.Tables.Settle(ctx)
		a.metrics.reads.Add(float64(done.Read))
		a.metrics.dropped.Add(float64(done.Dropped))
		switch {
		case err != nil:
			if ctx.Err() == nil {
				a.metrics.failures.Inc()
				a.log.ErrorContext(ctx, "reads are not counted: they will be tried again", "error", err)
			}
			wait = min(max(2*wait, settleMin), settleMax)
		case done.More:
			wait = 0
		case done.Read > 0:
			wait = settleMin
		default:
			wait = min(max(2*wait, settleMin), settleMax)
		}
		t.Reset(wait)
	}
}

func (a *Analyst) forget(ctx context.Context) {
	t := time.NewTicker(forgetEvery)
	defer t.Stop()
	for {
		n, err := a.o.Tables.Forget(ctx)
		a.metrics.forgotten.Add(float64(n))
		if err != nil && ctx.Err() == nil {
			a.metrics.failures.Inc()
			a.log.WarnContext(ctx, "old minutes are not dropped: they will be the next time", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}
