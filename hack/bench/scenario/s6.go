package scenario

import (
	"context"
	"errors"
	"time"

	"github.com/chatcluster/chatcluster/hack/bench/load"
	"github.com/chatcluster/chatcluster/hack/bench/server"
)

// slowReaders: 1 % of the readers stall, and the others should not notice. Two busy groups, so that a stalled connection's buffers
// overflow while it is measured: everybody gets 100 messages a second.
func slowReaders(ctx context.Context, b *bench) error {
	b.Bar = "none: what the other 99 % notice is reported"
	s, err := b.stage(ctx, "D0", server.Same(2, 100))
	if err != nil {
		return err
	}
	s.loop.ReceiveBuffer = 4096
	err = b.stall(s)
	return errors.Join(err, s.end())
}

func (b *bench) stall(s *stage) error {
	const rate = 200
	f := s.fleet
	if err := f.Connect(f.Members, time.Minute); err != nil {
		return err
	}
	if err := f.Send(rate, b.warmUp()/2); err != nil {
		return err
	}
	var calm, stalled []float64
	slow := []*load.Member{f.Convs[0].Members[50], f.Convs[1].Members[50]}
	for _, part := range []string{"all_read", "one_percent_stalls"} {
		if _, err := f.Settle(10 * time.Second); err != nil {
			return err
		}
		if part == "one_percent_stalls" {
			for _, m := range slow {
				m.Stall()
			}
		}
		var last latencies
		for range short(b, 1, 3) {
			ph := f.Begin()
			cpu, st, err := used(s.server, func() error { return f.Send(rate, 10*time.Second) })
			if err != nil {
				return err
			}
			last = millis(ph.Deliveries())
			if part == "all_read" {
				calm = append(calm, last.P99)
			} else {
				stalled = append(stalled, last.P99)
			}
			b.logf("%s: delivery p50 %.2f ms, p99 %.2f ms, max %.2f ms, %.2f us CPU per delivery, RSS %.1f MB, stalled ones closed with %d, %d",
				part, last.P50, last.P99, last.Max, cpu*1e6/float64(ph.Delivered), float64(st.RSSBytes)/1e6, slow[0].Code, slow[1].Code)
			b.Figures[part+"_rss_mb"] = round(float64(st.RSSBytes) / 1e6)
		}
		b.Figures[part] = last
	}
	b.Figures["all_read_p99_ms"], b.Figures["one_percent_stalls_p99_ms"] = spreadOf(calm), spreadOf(stalled)
	b.Figures["stalled_closed_with"] = []int{slow[0].Code, slow[1].Code}
	b.Met = true
	b.fail(s.audit())
	return nil
}
