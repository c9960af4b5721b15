package scenario

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/chatcluster/chatcluster/hack/bench/server"
)

// storm: the server restarts, and 5,000 clients come at once, each of which has missed 20 messages.
func storm(ctx context.Context, b *bench) error {
	b.Bar = "none: the time to 99 % resynced and the reads of the store per client are reported"
	seed := server.Same(short(b, 250, 2500), 2)
	seed.Missed = 20
	s, err := b.stage(ctx, "D1", seed)
	if err != nil {
		return err
	}
	begun := time.Now()
	if err := s.server.Kill(); err != nil {
		return err
	}
	if err := s.start(ctx, s.server.Addr.String()); err != nil {
		return err
	}
	b.Figures["restart_seconds"] = round(time.Since(begun).Seconds())
	err = b.resync(s)
	return errors.Join(err, s.end())
}

func (b *bench) resync(s *stage) error {
	var took []time.Duration
	cpu, after, err := used(s.server, func() (err error) {
		took, err = s.fleet.Storm(server.Head(2)+uint64(s.seed.Missed), time.Minute)
		return err
	})
	if err != nil {
		return err
	}
	n := len(s.fleet.Members)
	if len(took) < n {
		return fmt.Errorf("only %d of %d clients were resynced", len(took), n)
	}
	at := func(q float64) float64 { return round(took[int(q*float64(n-1))].Seconds()) }
	per := func(reads int64) float64 { return round(float64(reads) / float64(n)) }
	r := after.Reads
	b.Figures["clients"] = n
	b.Figures["resynced_seconds"] = map[string]any{"p50": at(0.5), "p99": at(0.99), "all": at(1)}
	b.Figures["server_cpu_ms_per_client"] = round(cpu * 1000 / float64(n))
	b.Figures["reads_per_client"] = map[string]any{
		"all": per(r.Log + r.Conversation + r.Memberships + r.Membership + r.Devices),
		"log": per(r.Log), "conversation": per(r.Conversation), "memberships": per(r.Memberships + r.Membership), "devices": per(r.Devices),
	}
	b.logf("%d clients: 99 %% resynced after %.2f s, all after %.2f s, %.2f ms CPU and %v reads each", n, at(0.99), at(1), cpu*1000/float64(n), b.Figures["reads_per_client"])
	b.Met = true
	b.fail(s.audit())
	return nil
}
