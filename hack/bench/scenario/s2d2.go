package scenario

import (
	"context"
	"errors"
	"time"

	"github.com/chatcluster/chatcluster/hack/bench/baseline"
	"github.com/chatcluster/chatcluster/hack/bench/server"
)

// directOnEngines: pairs that chat, over the real engines, beside what the engines take by themselves for the same writes.
func directOnEngines(ctx context.Context, b *bench) error {
	b.Bar = "D2: p99 at most the p99 of a bare PutItem and then a bare acks=all produce, at the same rate, plus 5 ms"
	s, err := b.stage(ctx, "D2", server.Same(short(b, 20, 200), 2))
	if err != nil {
		return err
	}
	err = b.besideEngines(ctx, s)
	return errors.Join(err, s.end())
}

func (b *bench) besideEngines(ctx context.Context, s *stage) error {
	const rate = 100
	bare, err := baseline.NewBare(ctx, "bare")
	if err != nil {
		return err
	}
	defer bare.Close()
	if err := s.fleet.Connect(s.fleet.Members, 2*time.Minute); err != nil {
		return err
	}
	if err := s.fleet.Send(rate, b.warmUp()); err != nil {
		return err
	}
	if _, err := bare.Run(ctx, rate, b.warmUp()/2); err != nil {
		return err
	}
	d := short(b, 4*time.Second, 15*time.Second)
	var ours, theirs, more []float64
	var last latencies
	for range short(b, 1, b.o.Repeats) {
		m, err := b.directAt(s, rate, d)
		if err != nil {
			return err
		}
		took, err := bare.Run(ctx, rate, d)
		if err != nil {
			return err
		}
		engines := float64(took[len(took)*99/100]) / float64(time.Millisecond)
		b.logf("bare engines: p50 %.2f ms, p99 %.2f ms", float64(took[len(took)/2])/float64(time.Millisecond), engines)
		ours, theirs, more, last = append(ours, m.ack.P99), append(theirs, engines), append(more, m.ack.P99-engines), m.ack
		b.Figures["engines_p50_ms"] = round(float64(took[len(took)/2]) / float64(time.Millisecond))
	}
	b.Figures["rate_per_second"] = rate
	b.Figures["ack"], b.Figures["ack_p99_ms"], b.Figures["engines_p99_ms"], b.Figures["difference_ms"] = last, spreadOf(ours), spreadOf(theirs), spreadOf(more)
	b.Met = spreadOf(more).Median <= 5
	b.fail(s.audit())
	return nil
}
