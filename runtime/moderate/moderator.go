package moderate

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/chatcluster/chatcluster/runtime/eventlog"
	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/store"
)

const (
	// DefaultBatch is how many messages a detector is given at most.
	DefaultBatch = 512
	// DefaultJudgeTimeout bounds a detector's call.
	DefaultJudgeTimeout = 30 * time.Second
)

// Publisher takes verdicts to Kafka. PublishVerdict never blocks and calls done exactly once: with nil when Kafka has the verdict.
type Publisher interface {
	PublishVerdict(traceParent string, v eventlog.VerdictRecord, done func(error))
}

// Options of a Moderator. Detector, Publisher and Policy are required.
type Options struct {
	Detector  Detector
	Publisher Publisher
	// Policy is the cluster's.
	Policy Policy
	// Tenants may be nil: then the policy is everybody's.
	Tenants Tenants
	// Batch and JudgeTimeout: zero values mean the defaults.
	Batch        int
	JudgeTimeout time.Duration
	// Log takes what a person should know; nil discards it.
	Log *slog.Logger
	// Registerer takes the metrics; nil keeps them unseen.
	Registerer prometheus.Registerer
}

// Moderator is the frame of one detector. It is safe for concurrent use.
type Moderator struct {
	o       Options
	metrics *metrics
}

// New returns a moderator.
func New(o Options) (*Moderator, error) {
	if o.Detector == nil || o.Detector.Name() == "" || o.Publisher == nil {
		return nil, errors.New("moderate: a detector with a name and a publisher are required")
	}
	mode, err := ParseMode(string(o.Policy.Mode))
	if err == nil {
		err = o.Policy.check()
	}
	if err != nil {
		return nil, err
	}
	o.Policy.Mode = mode
	if o.Batch <= 0 {
		o.Batch = DefaultBatch
	}
	if o.JudgeTimeout <= 0 {
		o.JudgeTimeout = DefaultJudgeTimeout
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	m := &Moderator{o: o}
	if m.metrics, err = newMetrics(o.Registerer, o.Detector.Name()); err != nil {
		return nil, err
	}
	return m, nil
}

// Consumer is what the consumer of the log must be for the moderator.
func (m *Moderator) Consumer() eventlog.ConsumerOptions {
	return eventlog.ConsumerOptions{Group: m.o.Detector.Name(), Topics: []string{eventlog.LogTopic}, Handler: m.Handle}
}

// task is a message that is to be judged.
type task struct {
	message Message
	record  eventlog.Record
	policy  Policy
}

// Handle judges what was written, and returns when Kafka has the verdicts. It is an eventlog.Handler.
func (m *Moderator) Handle(ctx context.Context, records []eventlog.Record) error {
	tasks, err := m.tasks(ctx, records)
	if err != nil {
		return err
	}
	var found []finding
	for len(tasks) > 0 {
		n := min(len(tasks), m.o.Batch)
		some, err := m.judge(ctx, tasks[:n])
		if err != nil {
			return err
		}
		found, tasks = append(found, some...), tasks[n:]
		m.metrics.judged.Add(float64(n))
	}
	return m.say(ctx, found)
}

// tasks are what was written in the records, by whom it concerns.
func (m *Moderator) tasks(ctx context.Context, records []eventlog.Record) ([]task, error) {
	var out []task
	policies := map[store.Tenant]Policy{}
	for _, r := range records {
		if r.Batch == nil {
			continue
		}
		t := r.Batch.Conv.Tenant()
		p, ok := policies[t]
		if !ok {
			var err error
			if p, err = m.policyOf(ctx, t); err != nil {
				return nil, err
			}
			policies[t] = p
		}
		if p.Mode == Off {
			continue
		}
		for _, e := range r.Batch.Batch.GetEntries() {
			if w, ok := written(e); ok {
				w.Conv, w.Direct = r.Batch.Conv, r.Batch.Kind == store.Direct
				out = append(out, task{message: w, record: r, policy: p})
			}
		}
	}
	return out, nil
}

// written returns the body that the entry brought, if it did and that is still there. A batch that is published late has its later edits
// folded in.
func written(e *logpb.Entry) (Message, bool) {
	w := Message{Seq: e.GetSeq(), Sender: e.GetSender(), At: time.UnixMilli(e.GetAtMs())}
	switch k := e.GetKind().(type) {
	case *logpb.Entry_Message:
		w.Body, w.BodyAt = k.Message.GetBody(), max(k.Message.GetEditedSeq(), k.Message.GetBodyAt())
	case *logpb.Entry_Edited:
		w.Body, w.Seq, w.BodyAt = k.Edited.GetBody(), k.Edited.GetTarget(), e.GetSeq()
	}
	return w, w.Body != ""
}

// finding is one that counts.
type finding struct {
	task
	Finding
}

// say publishes verdicts and waits until Kafka has all of them. After an error it may have some.
func (m *Moderator) say(ctx context.Context, found []finding) error {
	name := m.o.Detector.Name()
	waiting := make(chan error, len(found))
	said := 0
	for _, f := range found {
		if f.policy.Mode == DryRun {
			continue
		}
		v := eventlog.VerdictRecord{
			Conv: f.message.Conv, ID: eventlog.VerdictID(f.message.Seq, f.message.BodyAt),
			// It is said of when the message was written, however late: so a replay mutes nobody anew, and what was lifted since stays so.
			Verdict: f.policy.verdict(name, f.message, f.Finding), At: f.message.At,
		}
		if f.policy.Mode == Enforce {
			v.MuteSender = f.policy.MuteSenderFor
		}
		m.o.Publisher.PublishVerdict(f.record.TraceParent, v, func(err error) { waiting <- err })
		said++
	}
	for range said {
		select {
		case err := <-waiting:
			if err != nil {
				return fmt.Errorf("moderate: publish verdicts: %w", err)
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for _, f := range found {
		m.metrics.count(f)
		if f.policy.Mode != DryRun {
			m.metrics.delay.Observe(max(time.Since(f.message.At), 0).Seconds())
		}
	}
	return nil
}
