package scenario

import (
	"context"
	"errors"
	"time"

	"github.com/chatcluster/chatcluster/hack/bench/operator"
)

// spent is what something took of the operator and of its control plane.
type spent struct {
	took  time.Duration
	asked operator.Asked
	// cpu is in seconds, by process.
	cpu map[string]float64
	// peak is the operator's memory at most, in MB.
	peak float64
}

func (s spent) figures() map[string]any {
	return map[string]any{
		"seconds_to_ready": round(s.took.Seconds()), "cpu_seconds": s.cpu, "passes": s.asked.Passes, "rss_mb_peak": s.peak,
	}
}

// spend measures what f takes.
func (s *fleetStage) spend(ctx context.Context, f func() error) (r spent, err error) {
	before, err := s.asked()
	if err != nil {
		return r, err
	}
	idle, err := s.plane.CPU()
	if err != nil {
		return r, err
	}
	peak := s.peak(ctx)
	start := time.Now()
	cpu, _, err := used(s.operator, f)
	r.took = time.Since(start)
	top, perr := peak()
	if err := errors.Join(err, perr); err != nil {
		return r, err
	}
	if r.cpu, err = s.plane.CPU(); err != nil {
		return r, err
	}
	for who := range r.cpu {
		r.cpu[who] = round(r.cpu[who] - idle[who])
	}
	r.cpu["operator"], r.peak = round(cpu), top
	after, err := s.asked()
	if err != nil {
		return r, err
	}
	r.asked = after.Minus(before)
	return r, nil
}
