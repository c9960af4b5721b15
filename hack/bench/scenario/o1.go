package scenario

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// provision: many ChatClusters at once, from applied to Ready.
func provision(ctx context.Context, b *bench) error {
	b.Bar = "1,000 ChatClusters: all children written in at most 30 s; at most 1 write per child and 2 for the object itself"
	b.Met = true
	for _, n := range short(b, []int{20}, []int{100, 500, 1000}) {
		s, err := b.fleetStage(ctx)
		if err != nil {
			return err
		}
		if err := errors.Join(b.provisioned(ctx, s, n), s.end()); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) provisioned(ctx context.Context, s *fleetStage, n int) error {
	before, err := s.asked()
	if err != nil {
		return err
	}
	peak := s.peak(ctx)
	start := time.Now()
	cpu, _, err := used(s.operator, func() error {
		if err := s.apply(ctx, "chat", n, nil); err != nil {
			return err
		}
		return s.ready(ctx, "chat", n)
	})
	took := time.Since(start)
	top, perr := peak()
	if err := errors.Join(err, perr); err != nil {
		return err
	}
	after, err := s.asked()
	if err != nil {
		return err
	}
	asked := after.Minus(before)
	children, err := s.children(ctx)
	if err != nil {
		return err
	}
	settled, err := s.settledRSS()
	if err != nil {
		return err
	}
	beyond := float64(asked.Writes()-children) / float64(n)
	b.Figures[fmt.Sprintf("chatclusters_%d", n)] = map[string]any{
		"seconds_to_ready": round(took.Seconds()), "children_each": round(float64(children) / float64(n)),
		"writes_each": round(float64(asked.Writes()) / float64(n)), "writes_each_beyond_children": round(beyond),
		"requests_each": round(float64(asked.Total()) / float64(n)), "cloud_writes_each": round(float64(asked.CloudWrites) / float64(n)),
		"operator_cpu_seconds": round(cpu), "rss_mb_peak": top, "rss_mb_settled": settled, "requests": asked.Kubernetes,
	}
	b.logf("%d ChatClusters: Ready after %.1f s; each %.1f children, %.1f writes (%.1f beyond children), %.1f requests; operator %.1f CPU-seconds, RSS %.0f MB at most, %.0f MB settled",
		n, took.Seconds(), float64(children)/float64(n), float64(asked.Writes())/float64(n), beyond, float64(asked.Total())/float64(n), cpu, top, settled)
	b.Met = b.Met && beyond <= 2 && took <= 30*time.Second
	return nil
}
