package project

import (
	"context"
	"time"

	"github.com/chatcluster/chatcluster/runtime/eventlog"
	"github.com/chatcluster/chatcluster/runtime/readmodel"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// Handle applies records of one partition. It may be repeated. The records are done once the cache knows.
func (p *Projector) Handle(ctx context.Context, records []eventlog.Record) error {
	if len(records) == 0 {
		return nil
	}
	var batches []readmodel.Record
	var marks []readmodel.Mark
	var readers []store.User
	for _, r := range records {
		switch {
		case r.Batch != nil:
			batches = append(batches, readmodel.Record{Conv: r.Batch.Conv, Kind: r.Batch.Kind, Batch: r.Batch.Batch})
		case r.Mark != nil:
			marks = append(marks, readmodel.Mark{User: r.Mark.User, Conv: r.Mark.Conv, Read: r.Mark.Read})
			readers = append(readers, r.Mark.User)
		}
	}
	applied, err := p.o.Model.Apply(ctx, batches)
	if err != nil {
		return err
	}
	if err := p.o.Model.ApplyMarks(ctx, marks); err != nil {
		return err
	}
	p.report(applied)
	p.raiseFloors(ctx, applied.Parked)
	p.reportLag(records[0])
	p.metrics.marks.Add(float64(len(marks)))
	p.refresh.add(applied.Summaries, append(applied.Users, readers...), func() {
		for _, r := range records {
			r.Done()
		}
	})
	return nil
}

// report counts what was applied, and says which conversations need a person.
func (p *Projector) report(a readmodel.Applied) {
	p.metrics.entries.Add(float64(a.Entries))
	p.metrics.repaired.Add(float64(a.Repaired))
	p.metrics.waiting.Add(float64(a.Waiting))
	p.metrics.parkings.Add(float64(len(a.Parked)))
	for _, c := range a.Parked {
		p.log.Error("conversation parked: its records wait in the read model", "conversation", c.Conv.String(), "reason", c.Reason)
	}
	for _, c := range a.Freed {
		p.log.Info("parked conversation goes on", "conversation", c.String())
	}
}

// reportLag goes by when a record was published: a batch may be published again long after its commit.
func (p *Projector) reportLag(oldest eventlog.Record) {
	if oldest.Timestamp.IsZero() {
		return
	}
	lag := time.Since(oldest.Timestamp)
	p.metrics.lag.WithLabelValues(oldest.Topic, partitionLabel(oldest.Partition)).Set(max(0, lag.Seconds()))
	if lag > p.o.HotRetention/2 && p.warned.may(time.Now()) {
		p.log.Error("the read model is far behind: beyond the hot retention the store no longer has what is missing",
			"lag", lag.Round(time.Second), "hot_retention", p.o.HotRetention)
	}
}
