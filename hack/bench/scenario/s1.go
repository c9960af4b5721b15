package scenario

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/chatcluster/chatcluster/hack/bench/server"
)

// idle: authenticated connections, each in one direct conversation, that say nothing but answer pings.
func idle(ctx context.Context, b *bench) error {
	b.Bar = "at most 10 KB RSS per connection at the highest step"
	steps := short(b, []int{1000, 5000}, []int{1000, 5000, 10_000, 19_000})
	s, err := b.stage(ctx, "D0", server.Same(steps[len(steps)-1]/2, 2))
	if err != nil {
		return err
	}
	err = b.idleSteps(s, steps)
	return errors.Join(err, s.end())
}

func (b *bench) idleSteps(s *stage, steps []int) error {
	if err := s.server.Settle(); err != nil {
		return err
	}
	base, err := s.server.Stats()
	if err != nil {
		return err
	}
	b.Figures["rss_without_connections_mb"] = round(float64(base.RSSBytes) / 1e6)
	// A round of pings is in it.
	watch := short(b, 5*time.Second, 40*time.Second)
	online := 0
	for _, n := range steps {
		if err := s.fleet.Connect(s.fleet.Members[online:n], 2*time.Minute); err != nil {
			return err
		}
		online = n
		if err := s.fleet.Idle(short(b, time.Second, 5*time.Second)); err != nil {
			return err
		}
		asIs, err := s.server.Stats()
		if err != nil {
			return err
		}
		if err := s.server.Settle(); err != nil {
			return err
		}
		last := n == steps[len(steps)-1]
		d := watch
		if !last && !b.o.Quick {
			d = watch / 2
		}
		cpu, st, err := used(s.server, func() error { return s.fleet.Idle(d) })
		if err != nil {
			return err
		}
		per := float64(st.RSSBytes-base.RSSBytes) / float64(n) / 1000
		b.Figures[fmt.Sprint("connections_", n)] = map[string]any{
			"rss_kb_per_connection": round(per), "rss_kb_per_connection_just_after_connecting": round(float64(asIs.RSSBytes-base.RSSBytes) / float64(n) / 1000),
			"heap_kb_per_connection": round(float64(st.HeapBytes) / float64(n) / 1000), "goroutines_per_connection": round(float64(st.Goroutines) / float64(n)),
			"cpu_us_per_connection_and_minute": round(cpu * 1e6 / float64(n) / d.Minutes()),
		}
		b.logf("%d connections: %.1f KB RSS each (%.1f before it settled), %d goroutines, %.3f CPU-seconds in %v", n, per,
			float64(asIs.RSSBytes-base.RSSBytes)/float64(n)/1000, st.Goroutines, cpu, d)
		b.Met = per <= 10
	}
	b.fail(s.audit())
	return nil
}
