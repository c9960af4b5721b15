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
	// late are the batches that Kafka got after a newer one of the conversation: the outbox brought them.
	late int
	// pushes are how many there were; muted and asleep how many messages it was that a phone must not be pushed about, or not yet.
	pushes, muted, asleep int
	// verdicts are how many the processors have said, by their names.
	verdicts   map[string]int
	violations []Violation
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
	if len(r.s.Processors) > 0 || r.s.Books {
		v.finally(ctx, "verdicts", "that everything was judged", v.awaitProcessors)
		if err := v.awaitLogs(ctx); err != nil { // verdicts are entries
			return nil, err
		}
	}
	r.say("the logs have ended; checking the store")
	v.checkLogs()
	v.finally(ctx, "P1", "Kafka", v.checkKafka)
	if len(r.s.Processors) > 0 {
		v.finally(ctx, "verdicts", "the verdicts", v.checkVerdicts)
	}
	v.finallyAt(ctx, v.morning(), "P6", "the phones that are away", v.checkPushes)
	r.say("the phones come back")
	v.comeBack(ctx)
	v.finally(ctx, "P4", "every device", v.checkDevices)
	v.finally(ctx, "P5", "the read model", v.checkModel)
	v.finally(ctx, "P5", "what people read: histories and inboxes", v.checkReads)
	if r.s.Books {
		v.finally(ctx, "audit", "the audit log", v.checkAudit)
		v.finally(ctx, "figures", "the figures", v.checkFigures)
	}
	r.closeAll()
	v.finally(ctx, "P4", "the marks", v.checkMarks)
	return v, ctx.Err()
}

func (v *verification) add(vs ...Violation) { v.violations = append(v.violations, vs...) }

// finally keeps what is still wrong when the patience has ended. What cannot even be looked at by then is wrong as well.
func (v *verification) finally(ctx context.Context, promise, what string, look func(context.Context) ([]Violation, error)) {
	v.finallyAt(ctx, time.Now(), promise, what, look)
}

// finallyAt is finally for what has time until then.
func (v *verification) finallyAt(ctx context.Context, at time.Time, promise, what string, look func(context.Context) ([]Violation, error)) {
	v.r.say("checking %s", what)
	left, err := eventually(ctx, max(time.Until(at), 0)+v.r.o.Patience, look)
	v.add(left...)
	if err != nil {
		v.add(Violation{Promise: promise, What: fmt.Sprintf("%s cannot be looked at: %v", what, err)})
	}
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
