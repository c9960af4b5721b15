package figures

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/chatcluster/chatcluster/runtime/eventlog"
	"github.com/chatcluster/chatcluster/runtime/latency"
	"github.com/chatcluster/chatcluster/runtime/store"
)

const (
	// publishEvery is how often what was measured is published, and so how much of it a process that is killed takes with it. A purge waits for
	// longer (purge.DefaultSettle): nothing of the tenant's comes behind it.
	publishEvery = 15 * time.Second
	// waiting bounds the records that Kafka does not have yet.
	waiting = 20_000
)

// Publisher takes records to Kafka. It never blocks and calls done exactly once: with nil when Kafka has the record.
type Publisher interface {
	PublishFigures(r eventlog.FiguresRecord, done func(error))
}

// Options of a Book. Publisher is required.
type Options struct {
	Publisher  Publisher
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Book is what was measured and is not published.
type Book struct {
	o      Options
	source string
	lost   prometheus.Counter

	mu    sync.Mutex
	pages map[place]*page
	// last is the number of a tenant's last record.
	last map[store.Tenant]uint64
	// records are numbered and not in Kafka, the oldest first.
	records []eventlog.FiguresRecord
}

// place is a tenant's minute, since 1970.
type place struct {
	tenant store.Tenant
	minute int64
}

// page is what was measured of it.
type page struct {
	deliveries *latency.Sketch
	pushes     map[answer]uint64
}

// answer is how a platform answered a push.
type answer struct{ channel, outcome string }

// New returns an empty book.
func New(o Options) (*Book, error) {
	if o.Publisher == nil {
		return nil, errors.New("figures: a publisher is required")
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	b := &Book{o: o, source: uuid.NewString(), pages: map[place]*page{}, last: map[store.Tenant]uint64{}, lost: prometheus.NewCounter(prometheus.CounterOpts{
		Name: "chatcluster_figures_lost_total", Help: "Records of what was measured for analytics that were dropped, as Kafka took none for long.",
	})}
	if o.Registerer != nil {
		if err := o.Registerer.Register(b.lost); err != nil {
			return nil, fmt.Errorf("figures: register metrics: %w", err)
		}
	}
	return b, nil
}

// Delivered notes that a device has a message since at, so long after it was committed.
func (b *Book) Delivered(t store.Tenant, at time.Time, after time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p := b.page(t, at)
	if p.deliveries == nil {
		var err error
		if p.deliveries, err = latency.New(); err != nil {
			return // the mapping is a constant: it cannot fail
		}
	}
	_ = p.deliveries.Add(after) // any duration can be added
}

// Pushed notes how a platform answered a push.
func (b *Book) Pushed(t store.Tenant, at time.Time, channel, outcome string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p := b.page(t, at)
	if p.pushes == nil {
		p.pushes = map[answer]uint64{}
	}
	p.pushes[answer{channel, outcome}]++
}

// page is where to note what happened then. b.mu is held.
func (b *Book) page(t store.Tenant, at time.Time) *page {
	k := place{t, at.Unix() / 60}
	p := b.pages[k]
	if p == nil {
		p = &page{}
		b.pages[k] = p
	}
	return p
}

// Run publishes what was measured, from time to time, until ctx ends.
func (b *Book) Run(ctx context.Context) error {
	t := time.NewTicker(publishEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
			b.turn()
			b.publish()
		}
	}
}

// Close publishes all there is and waits for Kafka, until ctx ends. Nothing may be measured any more.
func (b *Book) Close(ctx context.Context) error {
	b.turn()
	done := b.publish()
	select {
	case <-done:
	case <-ctx.Done():
		return fmt.Errorf("figures: Kafka has not answered: %w", ctx.Err())
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if n := len(b.records); n > 0 {
		return fmt.Errorf("figures: Kafka has not taken %d records", n)
	}
	return nil
}

// turn makes records of what was measured.
func (b *Book) turn() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for k, p := range b.pages {
		delete(b.pages, k)
		b.last[k.tenant]++
		r := eventlog.FiguresRecord{
			Tenant: k.tenant, Source: b.source, N: b.last[k.tenant], At: time.Unix(60*k.minute, 0).UTC(), Deliveries: p.deliveries,
		}
		for a, n := range p.pushes {
			r.Pushes = append(r.Pushes, eventlog.PushCount{Channel: a.channel, Outcome: a.outcome, Count: n})
		}
		b.records = append(b.records, r)
	}
	if over := len(b.records) - waiting; over > 0 {
		b.records = b.records[over:]
		b.lost.Add(float64(over))
		b.o.Logger.Warn("figures are dropped, as Kafka took none for long", "records", over)
	}
}

// publish hands all records to Kafka; done is closed when it has answered for each. What it does not take stays for the next time.
func (b *Book) publish() (done <-chan struct{}) {
	b.mu.Lock()
	records := b.records
	b.records = nil
	b.mu.Unlock()
	answered := make(chan struct{})
	if len(records) == 0 {
		close(answered)
		return answered
	}
	var wg sync.WaitGroup
	wg.Add(len(records))
	for _, r := range records {
		b.o.Publisher.PublishFigures(r, func(err error) {
			if err != nil {
				b.mu.Lock()
				b.records = append(b.records, r)
				b.mu.Unlock()
			}
			wg.Done()
		})
	}
	go func() {
		wg.Wait()
		close(answered)
	}()
	return answered
}
