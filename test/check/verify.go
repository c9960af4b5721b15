package check

import (
	"context"
	"fmt"
	"time"

	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

const (
	// logPage is how many batches are read at a time.
	logPage = 500
	// quiet is for how long no log may grow before it counts as ended: longer than a write may be late.
	quiet = 8 * time.Second
)

// verification is what was found at the end.
type verification struct {
	r     *run
	logs  map[string]*log
	kafka map[string][]kafkaBatch
	named map[name]*op
	// pushes are how many there were; muted and asleep how many messages it was that a phone must not be pushed about, or not yet.
	pushes, muted, asleep int
	violations            []Violation
}

// name is what makes an operation idempotent.
type name struct{ conv, user, id string }

// log is a conversation's log as the store holds it.
type log struct {
	conv    store.Conv
	stored  []store.Stored
	entries []*logpb.Entry // by seq−1
}

func (l *log) batchOf(seq uint64) uint64 {
	for _, s := range l.stored {
		if store.First(s.Batch) <= seq && seq <= store.Last(s.Batch) {
			return store.First(s.Batch)
		}
	}
	return 0
}

// verify compares everything with everything.
func (r *run) verify(ctx context.Context) (*verification, error) {
	v := &verification{r: r, named: map[name]*op{}}
	r.mu.Lock()
	for _, o := range r.ops {
		v.named[name{o.conv.id, o.want.Sender, o.want.ClientMsgID}] = o
	}
	r.mu.Unlock()
	if err := v.awaitLogs(ctx); err != nil {
		return nil, err
	}
	r.say("the logs have ended; checking the store")
	v.checkLogs()
	r.say("checking Kafka")
	if err := v.finally(ctx, v.checkKafka); err != nil {
		return nil, fmt.Errorf("kafka: %w", err)
	}
	r.say("checking the phones that are away")
	if err := v.finallyAt(ctx, v.morning(), v.checkPushes); err != nil {
		return nil, fmt.Errorf("push sink: %w", err)
	}
	r.say("the phones come back; checking every device")
	v.comeBack(ctx)
	if err := v.finally(ctx, func(context.Context) ([]Violation, error) { return v.checkDevices(), nil }); err != nil {
		return nil, err
	}
	r.say("checking the read model")
	if err := v.finally(ctx, v.checkModel); err != nil {
		return nil, fmt.Errorf("read model: %w", err)
	}
	r.say("checking what people read: history and inbox")
	if err := v.finally(ctx, v.checkReads); err != nil {
		return nil, fmt.Errorf("gateway: %w", err)
	}
	r.closeAll()
	if err := v.finally(ctx, v.checkMarks); err != nil {
		return nil, fmt.Errorf("marks: %w", err)
	}
	return v, nil
}

func (v *verification) add(vs ...Violation) { v.violations = append(v.violations, vs...) }

// finally keeps what is still wrong when the patience has ended.
func (v *verification) finally(ctx context.Context, look func(context.Context) ([]Violation, error)) error {
	return v.finallyAt(ctx, time.Now(), look)
}

// finallyAt is finally for what has time until then.
func (v *verification) finallyAt(ctx context.Context, at time.Time, look func(context.Context) ([]Violation, error)) error {
	left, err := eventually(ctx, max(time.Until(at), 0)+v.r.o.Patience, look)
	v.add(left...)
	return err
}

// awaitLogs reads all logs until they no longer grow.
func (v *verification) awaitLogs(ctx context.Context) error {
	last, since := -1, time.Now()
	for {
		n, err := v.readLogs(ctx)
		if err != nil {
			return err
		}
		if n != last {
			last, since = n, time.Now()
		}
		if time.Since(since) >= quiet {
			return nil
		}
		if err := pause(ctx, time.Second); err != nil {
			return err
		}
	}
}

// readLogs reads everything and returns how many entries there are.
func (v *verification) readLogs(ctx context.Context) (int, error) {
	logs, n := map[string]*log{}, 0
	for _, c := range v.r.conversations {
		conv, err := store.NewConv(v.r.s.Tenant, c.id)
		if err != nil {
			return 0, err
		}
		l := &log{conv: conv}
		for from := uint64(1); ; {
			page, err := v.r.s.Store.Read(ctx, conv, from, logPage)
			if err != nil {
				return 0, fmt.Errorf("read the log of %s: %w", conv, err)
			}
			if len(page) == 0 {
				break
			}
			for _, s := range page {
				l.stored = append(l.stored, s)
				l.entries = append(l.entries, s.Batch.GetEntries()...)
			}
			from = store.Last(page[len(page)-1].Batch) + 1
		}
		logs[c.id] = l
		n += len(l.entries)
	}
	v.logs = logs
	return n, nil
}

// opOf returns the operation behind an entry, nil when nobody asked for it.
func (v *verification) opOf(c store.Conv, e *logpb.Entry) *op {
	return v.named[name{c.ID(), e.GetSender(), e.GetClientMsgId()}]
}

func kindOf(e *logpb.Entry) string { return protocol.EntryOf(e).Kind }

func said(e *logpb.Entry) time.Time { return time.UnixMilli(e.GetAtMs()) }

func at(l *log, seq uint64) string { return fmt.Sprintf("%s, seq %d", l.conv, seq) }
