package eventlog

import (
	"context"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.opentelemetry.io/otel/trace"

	"github.com/chatcluster/chatcluster/runtime/telemetry"
)

// Delays between retries of a handler or of a dead letter.
const (
	retryInitial = 100 * time.Millisecond
	retryMax     = 10 * time.Second
	// abandonAfter is how long stop waits for a call whose context has ended.
	abandonAfter = 2 * time.Second
)

// worker processes one partition for as long as it is assigned.
type worker struct {
	c       *Consumer
	p       partition
	name    string // the topic before the prefix
	offsets *offsets

	ctx     context.Context
	cancel  context.CancelFunc
	wake    chan struct{}
	leaving chan struct{}
	done    chan struct{}

	mu     sync.Mutex
	queue  []ticketed
	paused bool
	high   int64 // the partition's end as of the last fetch
	upTo   int64 // the offset after the last record that was handled, or of the first one that came
}

type ticketed struct {
	record *kgo.Record
	ticket uint64
}

func newWorker(ctx context.Context, c *Consumer, p partition, name string) *worker {
	w := &worker{
		c: c, p: p, name: name,
		wake:    make(chan struct{}, 1),
		leaving: make(chan struct{}),
		done:    make(chan struct{}),
	}
	w.ctx, w.cancel = context.WithCancel(ctx)
	w.offsets = &offsets{mark: func(next int64, epoch int32) {
		c.client.MarkCommitOffsets(map[string]map[int32]kgo.EpochOffset{p.topic: {p.id: {Epoch: epoch, Offset: next}}})
	}}
	return w
}

// give queues records; it never blocks. Too many pause the partition.
func (w *worker) give(records []*kgo.Record, high int64) {
	w.mu.Lock()
	for _, r := range records {
		w.queue = append(w.queue, ticketed{r, w.offsets.add(r.Offset, r.LeaderEpoch)})
	}
	if w.upTo == 0 && len(records) > 0 {
		w.upTo = records[0].Offset
	}
	w.high = high
	w.reportLag()
	if w.offsets.len() >= w.c.o.MaxPending && !w.paused {
		w.paused = true
		w.c.client.PauseFetchPartitions(map[string][]int32{w.p.topic: {w.p.id}})
	}
	w.mu.Unlock()
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// complete marks a record as complete and lets a paused partition go on when half of what was pending is.
func (w *worker) complete(ticket uint64) {
	if w.offsets.complete(ticket) > w.c.o.MaxPending/2 {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.resume()
}

// resume is called with mu held.
func (w *worker) resume() {
	if w.paused && w.offsets.len() <= w.c.o.MaxPending/2 {
		w.paused = false
		w.c.client.ResumeFetchPartitions(map[string][]int32{w.p.topic: {w.p.id}})
	}
}

func (w *worker) run() {
	defer close(w.done)
	for {
		batch := w.next()
		if len(batch) == 0 {
			select {
			case <-w.leaving:
				return
			case <-w.wake:
			}
			continue
		}
		if !w.process(batch) {
			return
		}
	}
}

// next takes up to BatchSize records; none once the partition is leaving.
func (w *worker) next() []ticketed {
	select {
	case <-w.leaving:
		return nil
	default:
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	n := min(len(w.queue), w.c.o.BatchSize)
	batch := w.queue[:n:n]
	w.queue = w.queue[n:]
	return batch
}

// process sees the batch through. It returns false when the partition left before that.
func (w *worker) process(batch []ticketed) bool {
	records := make([]Record, 0, len(batch))
	for _, t := range batch {
		r, err := decode(w.name, t.record)
		if err != nil {
			if !w.retry("dead letter", func() error { return w.bury(w.ctx, t.record, err.Error()) }) {
				return false
			}
			w.complete(t.ticket)
			continue
		}
		ticket := t.ticket // alone: a handler that finishes later must not keep the record's bytes in memory
		r.complete = func() { w.complete(ticket) }
		if !w.c.o.Deferred { // or what waits would keep the record's bytes, too
			r.reject = func(ctx context.Context, reason string) error { return w.bury(ctx, t.record, reason) }
		}
		if w.c.o.Tracer != nil && r.TraceParent != "" {
			r.complete = w.traced(r.TraceParent, r.complete)
		}
		records = append(records, r)
	}
	if len(records) == 0 {
		return true
	}
	start := time.Now()
	if !w.retry("handler", func() error { return w.c.o.Handler(w.ctx, records) }) {
		return false
	}
	w.c.metrics.handled(w.name, len(records), time.Since(start))
	if !w.c.o.Deferred {
		for _, r := range records {
			r.Done()
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.upTo = records[len(records)-1].Offset + 1
	w.reportLag()
	return true
}

// bury sends the record to the dead-letter topic.
func (w *worker) bury(ctx context.Context, r *kgo.Record, reason string) error {
	if err := w.c.deadLetter(ctx, r, reason); err != nil {
		return err
	}
	w.c.metrics.deadLetters.Inc()
	w.c.o.Log.Error("record sent to the dead-letter topic", "topic", w.name, "partition", w.p.id, "offset", r.Offset, "reason", reason)
	return nil
}

// traced returns complete with a span around it: from now until the record is complete.
func (w *worker) traced(parent string, complete func()) func() {
	_, span := w.c.o.Tracer.Start(telemetry.Under(w.ctx, parent), w.c.o.Group, trace.WithSpanKind(trace.SpanKindConsumer))
	return func() {
		span.End()
		complete()
	}
}

// reportLag is called with mu held.
func (w *worker) reportLag() {
	w.c.metrics.lag.WithLabelValues(w.name, partitionLabel(w.p.id)).Set(float64(max(0, w.high-w.upTo)))
}

// retry repeats f until it returns nil. It returns false when the partition left first.
func (w *worker) retry(what string, f func() error) bool {
	b := backoff.NewExponentialBackOff()
	b.InitialInterval, b.MaxInterval = retryInitial, retryMax
	for {
		err := f()
		if err == nil {
			return true
		}
		delay := b.NextBackOff()
		if w.ctx.Err() == nil {
			w.c.metrics.retries.Inc()
			w.c.o.Log.Warn("will be retried", "what", what, "topic", w.name, "partition", w.p.id, "in", delay, "error", err)
		}
		t := time.NewTimer(delay)
		select {
		case <-w.leaving:
			t.Stop()
			return false
		case <-t.C:
		}
	}
}

// stop lets the call in progress finish within grace, then ends its context. After it, completions are ignored.
func (w *worker) stop(grace time.Duration) {
	close(w.leaving)
	if !w.stopped(grace) {
		w.cancel()
		if !w.stopped(abandonAfter) {
			w.c.o.Log.Error("a handler ignores the end of its context", "topic", w.name, "partition", w.p.id)
		}
	}
	w.offsets.close()
	w.cancel()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.queue = nil
	if w.paused {
		w.paused = false
		w.c.client.ResumeFetchPartitions(map[string][]int32{w.p.topic: {w.p.id}})
	}
	w.c.metrics.lag.DeleteLabelValues(w.name, partitionLabel(w.p.id))
}

func (w *worker) stopped(within time.Duration) bool {
	t := time.NewTimer(within)
	defer t.Stop()
	select {
	case <-w.done:
		return true
	case <-t.C:
		return false
	}
}
