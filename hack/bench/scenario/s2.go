package scenario

import (
	"context"
	"errors"
	"fmt"
	"math"
	"syscall"
	"time"

	"github.com/chatcluster/chatcluster/hack/bench/server"
)

const pairs = 500

// Bounds of saturation.
const (
	saturatedP99    = 200 * time.Millisecond
	saturatedErrors = 0.001
)

// direct: 500 pairs that chat, flushed to disk; the rate goes up until the server is saturated.
func direct(ctx context.Context, b *bench) error {
	b.Bar = "D1: p99 at most 10 ms at half of saturation, and at least 10,000 acknowledged messages/s per server core"
	s, err := b.stage(ctx, "D1", server.Same(pairs, 2))
	if err != nil {
		return err
	}
	err = b.saturate(s)
	return errors.Join(err, s.end())
}

func (b *bench) saturate(s *stage) error {
	if err := s.fleet.Connect(s.fleet.Members, time.Minute); err != nil {
		return err
	}
	if err := s.fleet.Send(1000, b.warmUp()); err != nil {
		return err
	}
	best, next := direction{}, 1000.0
	for step := short(b, 1.6, 1.25); next >= 100; {
		d, err := b.directAt(s, next, short(b, 2*time.Second, 5*time.Second))
		if err != nil {
			return err
		}
		switch {
		case !d.saturated():
			best = d
			next *= step
			continue
		case best.acked == 0:
			next /= 2 // it begins too high for this machine
			continue
		}
		b.Figures["saturated_at_per_second"] = round(next)
		b.Figures["acknowledged_per_second_when_saturated"] = round(d.acked)
		// The last step was a large one: once more, between what held and what did not.
		if d, err = b.directAt(s, math.Sqrt(best.rate*next), short(b, 2*time.Second, 5*time.Second)); err != nil {
			return err
		}
		if !d.saturated() {
			best = d
		}
		break
	}
	if best.acked == 0 {
		return errors.New("saturated at any rate")
	}
	b.Figures["acknowledged_per_second"] = round(best.acked)
	b.Figures["deliveries_per_second"] = round(best.delivered)
	b.Figures["server_cpu_us_per_message_at_saturation"] = round(best.cpuUS)
	b.Figures["generator_core_busy_at_saturation"] = round(best.generator)

	var p99s []float64
	var half direction
	for range short(b, 1, b.o.Repeats) {
		var err error
		if half, err = b.directAt(s, best.rate/2, short(b, 3*time.Second, 15*time.Second)); err != nil {
			return err
		}
		p99s = append(p99s, half.ack.P99)
	}
	b.Figures["half_of_saturation"] = map[string]any{
		"rate_per_second": round(half.rate), "ack": half.ack, "ack_p99_ms": spreadOf(p99s), "delivery": half.delivery,
		"server_cpu_us_per_message": round(half.cpuUS), "cpu_seconds_per_million_deliveries": round(half.cpuUS * half.acked / half.delivered),
	}
	b.Met = best.acked >= 10_000 && spreadOf(p99s).Median <= 10
	b.fail(s.audit())
	return nil
}

// direction is one measurement of S2.
type direction struct {
	rate, acked, delivered, errors, cpuUS, generator float64
	ack, delivery                                    latencies
}

func (d direction) saturated() bool {
	return d.ack.P99 > float64(saturatedP99.Milliseconds()) || d.errors > saturatedErrors || d.acked < 0.97*d.rate
}

func (b *bench) directAt(s *stage, rate float64, d time.Duration) (direction, error) {
	defer b.profile(s.server, fmt.Sprintf("s2-%.0f", rate), d)()
	ph := s.fleet.Begin()
	var acked, delivered int
	busy := cpuTime()
	cpu, _, err := used(s.server, func() error {
		if err := s.fleet.Send(rate, d); err != nil {
			return err
		}
		acked, delivered, busy = ph.Acked, ph.Delivered, cpuTime()-busy
		_, err := s.fleet.Settle(30 * time.Second)
		return err
	})
	if err != nil {
		return direction{}, err
	}
	r := direction{
		rate: rate, acked: float64(acked) / d.Seconds(), delivered: float64(delivered) / d.Seconds(),
		errors: float64(ph.Refused+ph.Sent-ph.Acked) / float64(ph.Sent), cpuUS: cpu * 1e6 / float64(ph.Sent), generator: busy.Seconds() / d.Seconds(),
		ack: millis(ph.Acks()), delivery: millis(ph.Deliveries()),
	}
	b.logf("%.0f/s: %.0f acknowledged/s, p50 %.2f ms, p99 %.2f ms, errors %.4f, %.1f us CPU each, generator %.0f %% busy",
		rate, r.acked, r.ack.P50, r.ack.P99, r.errors, r.cpuUS, 100*r.generator)
	return r, nil
}

// cpuTime is what this process has used.
func cpuTime() time.Duration {
	var ru syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &ru) != nil {
		return 0
	}
	return time.Duration(ru.Utime.Nano() + ru.Stime.Nano())
}
