package notify

import (
	"context"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/chatcluster/chatcluster/runtime/eventlog"
	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// Notifier is the role. Make it with New, give its ConsumerOptions to a consumer, and Run it.
type Notifier struct {
	o       Options
	metrics *metrics
	members *semaphore.Weighted // what is looked at side by side, over all windows
	later   *later
	rota    *rota
	roster  *roster
	texts   *texts
	wake    chan struct{}

	mu      sync.Mutex
	windows map[windowKey]*window
	agenda  agenda
	// owned ends for a partition when it moves away.
	owned map[partition]*ownership
}

// partition is one of the log topic's.
type partition struct {
	topic string
	id    int32
}

// ownership is the time for which a partition is ours.
type ownership struct {
	ctx context.Context
	end context.CancelFunc
}

// New returns a notifier.
func New(o Options) (*Notifier, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	n := &Notifier{
		o: o, members: semaphore.NewWeighted(int64(o.Members)), later: newLater(), rota: newRota(o.Sweep, time.Now()), roster: newRoster(), wake: make(chan struct{}, 1),
		windows: map[windowKey]*window{}, owned: map[partition]*ownership{},
	}
	if n.texts, err = readTexts(textsFile); err != nil {
		return nil, err
	}
	if n.metrics, err = newMetrics(o.Registerer); err != nil {
		return nil, err
	}
	return n, nil
}

// ConsumerOptions are what the consumer of the log must be for the notifier.
func (n *Notifier) ConsumerOptions() eventlog.ConsumerOptions {
	pending := min(max(int(n.o.Delay.Seconds()*pendingPerSecond), minPending), maxPending)
	return eventlog.ConsumerOptions{
		Group: eventlog.NotifyGroup, Topics: []string{eventlog.LogTopic},
		Handler: n.Handle, Deferred: true, Revoked: n.Revoked, MaxPending: pending,
		Log: n.o.Log, Registerer: n.o.Registerer,
	}
}

// Handle files records in their windows. It is an eventlog.Handler for a deferred consumer.
func (n *Notifier) Handle(_ context.Context, records []eventlog.Record) error {
	for _, r := range records {
		if r.Batch == nil {
			r.Done()
			continue
		}
		held := r
		held.Batch = nil // what waits must not keep the batch in memory
		n.add(partition{r.Topic, r.Partition}, r.Batch.Conv, r.Batch.Kind, r.Batch.Batch, held.Done)
	}
	return nil
}

// Revoked forgets a partition that has moved away: its next owner will be given what is not done.
func (n *Notifier) Revoked(topic string, id int32) {
	p := partition{topic, id}
	n.mu.Lock()
	defer n.mu.Unlock()
	if o, ok := n.owned[p]; ok {
		o.end()
		delete(n.owned, p)
	}
	for k := range n.windows {
		if k.p == p {
			delete(n.windows, k)
		}
	}
	n.agenda.drop(p)
	n.metrics.windows.Set(float64(len(n.windows)))
}

// add files a batch. done is called once its messages are decided.
func (n *Notifier) add(p partition, c store.Conv, kind string, b *logpb.Batch, done func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	k := windowKey{p, c}
	w, ok := n.windows[k]
	if !ok {
		if !slices.ContainsFunc(b.GetEntries(), func(e *logpb.Entry) bool { return e.GetMessage() != nil }) {
			done()
			return
		}
		w = &window{key: k, kind: kind, owner: n.owner(p)}
		w.task = &task{p: p, run: func(ctx context.Context) { n.decide(ctx, w) }, at: notOnAgenda}
		n.windows[k] = w
		n.metrics.windows.Set(float64(len(n.windows)))
	}
	if !w.add(b, time.Now(), done) {
		done() // whoever starts over is given it again after the messages that it is about
		return
	}
	if m, ok := w.open(); ok {
		n.schedule(w.task, m.at.Add(n.o.Delay))
	}
}

// owner is called with mu held.
func (n *Notifier) owner(p partition) *ownership {
	o, ok := n.owned[p]
	if !ok {
		// It ends with the partition's assignment, which no context stands for.
		ctx, end := context.WithCancel(context.Background())
		o = &ownership{ctx, end}
		n.owned[p] = o
	}
	return o
}

// Run decides windows and looks after deferred pushes until ctx ends. It returns when nothing of that is running any more.
// Call it once.
func (n *Notifier) Run(ctx context.Context) error {
	slots := make(chan struct{}, n.o.Windows)
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { n.sweeps(ctx) })
	for {
		t, wait := n.next()
		if t == nil {
			timer := time.NewTimer(wait)
			select {
			case <-ctx.Done():
			case <-n.wake:
			case <-timer.C:
			}
			timer.Stop()
			if ctx.Err() != nil {
				return nil
			}
			continue
		}
		select {
		case <-ctx.Done():
			return nil
		case slots <- struct{}{}:
		}
		wg.Go(func() {
			defer func() { <-slots }()
			t.run(ctx)
		})
	}
}
