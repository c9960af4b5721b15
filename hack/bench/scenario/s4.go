package scenario

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/chatcluster/chatcluster/hack/bench/server"
)

// oneGroup: a group of 5,000 members online, and how long a message takes to the last of them.
func oneGroup(ctx context.Context, b *bench) error {
	b.Bar = "none: the time to the last receiver is reported"
	s, err := b.stage(ctx, "D0", server.Same(1, short(b, 1000, 5000)))
	if err != nil {
		return err
	}
	err = b.toTheLast(s)
	return errors.Join(err, s.end())
}

func (b *bench) toTheLast(s *stage) error {
	if err := s.fleet.Connect(s.fleet.Members, time.Minute); err != nil {
		return err
	}
	if err := s.fleet.Send(2, b.warmUp()/2); err != nil {
		return err
	}
	for _, rate := range []float64{1, 5} {
		if _, err := s.fleet.Settle(10 * time.Second); err != nil {
			return err
		}
		ph := s.fleet.Begin()
		cpu, _, err := used(s.server, func() error {
			if err := s.fleet.Send(rate, short(b, 5*time.Second, 20*time.Second)); err != nil {
				return err
			}
			_, err := s.fleet.Settle(10 * time.Second)
			return err
		})
		if err != nil || ph.Delivered == 0 {
			return errors.Join(err, errors.New("nothing was delivered"))
		}
		b.Figures[fmt.Sprintf("at_%.0f_per_second", rate)] = map[string]any{
			"last_receiver": millis(ph.Lasts()), "delivery": millis(ph.Deliveries()), "ack": millis(ph.Acks()),
			"server_cpu_us_per_delivery": round(cpu * 1e6 / float64(ph.Delivered)), "messages": ph.Sent,
		}
		b.logf("%.0f messages/s to %d members: last receiver %v, %.2f us CPU per delivery", rate, len(s.fleet.Members), millis(ph.Lasts()), cpu*1e6/float64(ph.Delivered))
	}
	b.Met = true
	b.fail(s.audit())
	return nil
}
