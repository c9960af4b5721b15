package eventlog

import (
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/protobuf/proto"

	"github.com/chatcluster/chatcluster/runtime/eventlog/eventpb"
	"github.com/chatcluster/chatcluster/runtime/latency"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// Bounds of a record of figures.
const (
	maxSourceBytes = 64
	maxPushCounts  = 64
	maxPushWord    = 32
	maxPushCount   = 1 << 50
)

// FiguresRecord is a record of the figures topic: what one process measured of a tenant, in one minute or a part of it.
type FiguresRecord struct {
	Tenant store.Tenant
	// Source is the process, a name that no other ever has, and N counts its records of the tenant, from 1: a record that is published again
	// has the same.
	Source string
	N      uint64
	// At is when the minute began.
	At time.Time
	// Deliveries are the times from a message's commit to a device's word that it has it; nil where there are none.
	Deliveries *latency.Sketch
	Pushes     []PushCount
}

// PushCount is how often a platform answered pushes in one way; words of small, fixed sets.
type PushCount struct {
	Channel, Outcome string
	Count            uint64
}

// check says what is wrong with the record.
func (r FiguresRecord) check() error {
	if _, err := store.NewUser(r.Tenant, "nobody"); err != nil {
		return err
	}
	if !word(r.Source, maxSourceBytes) || r.N == 0 || r.N > 1<<62 {
		return fmt.Errorf("a record of figures needs a source of up to %d printable ASCII bytes and a number from 1", maxSourceBytes)
	}
	if len(r.Pushes) > maxPushCounts {
		return fmt.Errorf("a record of figures has more than %d counts of pushes", maxPushCounts)
	}
	for _, p := range r.Pushes {
		if !word(p.Channel, maxPushWord) || !word(p.Outcome, maxPushWord) || p.Count > maxPushCount {
			return errors.New("a count of pushes needs a channel and an outcome that are words")
		}
	}
	return nil
}

// PublishFigures publishes a record to the figures topic, on the same terms as PublishBatch. One that is out of bounds is an error at once.
func (p *Producer) PublishFigures(r FiguresRecord, done func(error)) {
	if done == nil {
		done = func(error) {}
	}
	if err := r.check(); err != nil {
		done(err)
		return
	}
	m := &eventpb.FiguresRecord{Tenant: string(r.Tenant), Source: r.Source, N: r.N, AtMs: r.At.UnixMilli()}
	if r.Deliveries != nil {
		m.Deliveries = &eventpb.Latencies{}
		zeros, bins := r.Deliveries.Bins()
		m.Deliveries.Zeros = zeros
		for _, b := range bins {
			m.Deliveries.Index, m.Deliveries.Count = append(m.Deliveries.Index, b.Index), append(m.Deliveries.Count, b.Count)
		}
	}
	for _, c := range r.Pushes {
		m.Pushes = append(m.Pushes, &eventpb.PushCount{Channel: c.Channel, Outcome: c.Outcome, Count: c.Count})
	}
	p.publish(p.figuresTopic, []byte(r.Tenant), []kgo.RecordHeader{{Key: HeaderTenant, Value: []byte(r.Tenant)}}, m, done)
}

func decodeFigures(value []byte) (*FiguresRecord, error) {
	var m eventpb.FiguresRecord
	if proto.Unmarshal(value, &m) != nil {
		return nil, fmt.Errorf("%w: not a FiguresRecord", errPoison)
	}
	r := &FiguresRecord{Tenant: store.Tenant(m.GetTenant()), Source: m.GetSource(), N: m.GetN(), At: time.UnixMilli(m.GetAtMs()).UTC()}
	if d := m.GetDeliveries(); d != nil {
		if len(d.GetIndex()) != len(d.GetCount()) {
			return nil, fmt.Errorf("%w: %w", errPoison, latency.ErrNoSketch)
		}
		bins := make([]latency.Bin, len(d.GetIndex()))
		for i, index := range d.GetIndex() {
			bins[i] = latency.Bin{Index: index, Count: d.GetCount()[i]}
		}
		var err error
		if r.Deliveries, err = latency.FromBins(d.GetZeros(), bins); err != nil {
			return nil, fmt.Errorf("%w: %w", errPoison, err)
		}
	}
	for _, c := range m.GetPushes() {
		r.Pushes = append(r.Pushes, PushCount{Channel: c.GetChannel(), Outcome: c.GetOutcome(), Count: c.GetCount()})
	}
	if err := r.check(); err != nil {
		return nil, fmt.Errorf("%w: %w", errPoison, err)
	}
	return r, nil
}
