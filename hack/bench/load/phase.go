package load

import (
	"slices"
	"time"
)

// Phase counts what happened to the messages that were sent in it.
type Phase struct {
	first int // id of its first message

	Sent, Acked, Refused, Delivered int
	// Bytes are those of the frames with deliveries.
	Bytes  int64
	Frames int

	acks, deliveries, lasts []int64
}

// Begin starts a new phase: what is still on its way from before does not count.
func (f *Fleet) Begin() *Phase {
	f.Phase = &Phase{first: len(f.msgs)}
	return f.Phase
}

func (p *Phase) acked(id int, after int64) {
	if id >= p.first {
		p.Acked++
		p.acks = append(p.acks, after)
	}
}

func (p *Phase) delivered(id int, after int64, last bool) {
	if id < p.first {
		return
	}
	p.Delivered++
	p.deliveries = append(p.deliveries, after)
	if last {
		p.lasts = append(p.lasts, after)
	}
}

// Latency is a distribution.
type Latency struct {
	P50, P99, P999, Max time.Duration
}

// Acks is the time from when a message was to be sent to its acknowledgment.
func (p *Phase) Acks() Latency { return latency(p.acks) }

// Deliveries is the time from when a message was to be sent to each receiver.
func (p *Phase) Deliveries() Latency { return latency(p.deliveries) }

// Lasts is the time from when a message was to be sent to its last receiver.
func (p *Phase) Lasts() Latency { return latency(p.lasts) }

func latency(ns []int64) Latency {
	if len(ns) == 0 {
		return Latency{}
	}
	slices.Sort(ns)
	at := func(q float64) time.Duration { return time.Duration(ns[min(int(q*float64(len(ns))), len(ns)-1)]) }
	return Latency{P50: at(0.5), P99: at(0.99), P999: at(0.999), Max: time.Duration(ns[len(ns)-1])}
}
