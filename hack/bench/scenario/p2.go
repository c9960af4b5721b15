package scenario

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/chatcluster/chatcluster/hack/bench/paired"
	"github.com/chatcluster/chatcluster/hack/bench/process"
	"github.com/chatcluster/chatcluster/hack/bench/progress"
	"github.com/chatcluster/chatcluster/hack/bench/server"
	"github.com/chatcluster/chatcluster/runtime/config"
	"github.com/chatcluster/chatcluster/runtime/eventlog"
)

// condition is what the processors are made to do.
type condition string

const (
	off     condition = "off"
	running condition = "running"
	stuck   condition = "stuck"
)

// roles are the processors; each is its consumer group, too.
var roles = []string{eventlog.SpamGroup, eventlog.ProfanityGroup, eventlog.FraudGroup, eventlog.AnalyticsGroup, eventlog.AuditGroup}

const (
	// behindFor bounds how long the processors take to have read everything: a group that lost its members waits for a rebalance first.
	behindFor = 2 * time.Minute
	// mostBusy is the part of its core that the load generator may take: it is a few hundredths at this rate.
	mostBusy = 0.5
	// slower is by how many milliseconds the median may be: it is stable enough to be held to that.
	slower = 1
)

// withoutProcessors: what those who send notice when every processor is off, or stuck.
func withoutProcessors(ctx context.Context, b *bench) error {
	b.Bar = "D2: the time to the acknowledgment is no longer when every processor is off or stuck than when all run, nor when stuck than when off: " +
		"of the differences in turn the interval of p50 ends at 1 ms at most, and that of p99 does not lie above 0"
	s, err := b.stage(ctx, "D2", server.Same(short(b, 20, 200), 2))
	if err != nil {
		return err
	}
	err = b.inTurn(ctx, s)
	return errors.Join(err, s.end())
}

func (b *bench) inTurn(ctx context.Context, s *stage) (err error) {
	const rate = 100
	p, err := s.processorSet()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.end()) }()
	if err := s.fleet.Connect(s.fleet.Members, 2*time.Minute); err != nil {
		return err
	}
	if err := p.to(ctx, running); err != nil {
		return err
	}
	// Engines on JVMs are slow for their first minute.
	if err := s.fleet.Send(rate, 3*b.warmUp()); err != nil {
		return err
	}
	if err := p.meanwhile(func() error { return p.caughtUp(ctx) }); err != nil {
		return err
	}
	p50, p99 := map[condition][]float64{}, map[condition][]float64{}
	for block := range short(b, 1, b.o.Repeats) {
		for _, c := range paired.Order([]condition{off, running, stuck}, block) {
			ack, err := p.turn(ctx, c, rate, short(b, 3*time.Second, 15*time.Second))
			if err != nil {
				return fmt.Errorf("processors are %s: %w", c, err)
			}
			p50[c], p99[c] = append(p50[c], ack.P50), append(p99[c], ack.P99)
		}
	}
	// What was stuck last goes on.
	if err := p.to(ctx, running); err != nil {
		return err
	}
	b.Figures["rate_per_second"] = rate
	for _, c := range []condition{off, running, stuck} {
		b.Figures[string(c)+"_ack_p50_ms"], b.Figures[string(c)+"_ack_p99_ms"] = spreadOf(p50[c]), spreadOf(p99[c])
	}
	if err := b.compare(p50, p99); err != nil {
		return err
	}
	b.fail(s.audit())
	return nil
}

// compare tells by how much each condition is above another, turn by turn, and judges that.
func (b *bench) compare(p50, p99 map[condition][]float64) error {
	b.Met = true
	for _, pair := range [][2]condition{{off, running}, {stuck, running}, {stuck, off}} {
		for _, f := range []struct {
			name string
			of   map[condition][]float64
			fits func(paired.Difference) bool
		}{
			{"p50", p50, func(d paired.Difference) bool { return d.Within(slower) }},
			{"p99", p99, func(d paired.Difference) bool { return !d.Above() }},
		} {
			d, err := paired.Between(f.of[pair[0]], f.of[pair[1]])
			if err != nil {
				return err
			}
			b.Met = b.Met && f.fits(d)
			d.Median, d.Low, d.High, d.Confidence = round(d.Median), round(d.Low), round(d.High), round(d.Confidence)
			b.Figures[fmt.Sprintf("%s_above_%s_%s_ms", pair[0], pair[1], f.name)] = d
			b.logf("%s above %s, %s: %.2f ms (%.2f to %.2f, sure to %.3g, %d pairs)", pair[0], pair[1], f.name, d.Median, d.Low, d.High, d.Confidence, d.Pairs)
		}
	}
	return nil
}

// processorSet are the processors of a stage, all in the same condition.
type processorSet struct {
	s          *stage
	watch      *progress.Watch
	configFile string
	now        condition
	roles      []*process.Role
}

// processorSet has them ready to be started, with the configuration that the server tells.
func (s *stage) processorSet() (*processorSet, error) {
	data, err := s.server.Get("/config")
	if err != nil {
		return nil, err
	}
	var c config.Config
	if err := json.Unmarshal(data, &c); err != nil {
		return nil, fmt.Errorf("the server's configuration for roles: %w", err)
	}
	p := &processorSet{s: s, now: off, configFile: filepath.Join(s.dir, "config.yaml")}
	if err := os.WriteFile(p.configFile, data, 0o600); err != nil {
		return nil, err
	}
	p.watch, err = progress.New(c.Kafka, eventlog.LogTopic, roles...)
	return p, err
}

// turn measures one condition. The audit: while they ran every processor has read and come to the end of the log, and otherwise none has read anything.
func (p *processorSet) turn(ctx context.Context, c condition, rate float64, d time.Duration) (latencies, error) {
	b := p.s.b
	if err := p.to(ctx, c); err != nil {
		return latencies{}, err
	}
	// They are in that condition while messages come, before it counts.
	if err := p.s.fleet.Send(rate, 2*time.Second); err != nil {
		return latencies{}, err
	}
	before, err := p.watch.Now(ctx)
	if err != nil {
		return latencies{}, err
	}
	b.logf("processors are %s", c)
	m, err := b.directAt(p.s, rate, d)
	if err != nil {
		return latencies{}, err
	}
	if err := idleEnough(m.generator); err != nil {
		return latencies{}, err
	}
	if c == running {
		if err := p.meanwhile(func() error { return p.caughtUp(ctx) }); err != nil {
			return latencies{}, err
		}
	}
	after, err := p.watch.Now(ctx)
	if err != nil {
		return latencies{}, err
	}
	did := progress.Stood
	if c == running {
		did = progress.Moved
	}
	if err := did(before, after); err != nil {
		b.fail(fmt.Errorf("audit: processors are %s: %w", c, err))
	}
	return m.ack, nil
}

// idleEnough says whether the load generator, which took that part of its core, can have measured anything but itself.
func idleEnough(generator float64) error {
	if generator > mostBusy {
		return fmt.Errorf("the load generator took %.0f %% of its core: nothing is measured", 100*generator)
	}
	return nil
}

// to brings every processor into a condition, by way of running with nothing left to read.
func (p *processorSet) to(ctx context.Context, c condition) error {
	if c == p.now {
		return nil
	}
	return p.meanwhile(func() error {
		if p.now != running {
			if err := p.run(ctx); err != nil {
				return err
			}
		}
		switch c {
		case off:
			return p.stop()
		case stuck:
			return p.freeze(ctx)
		}
		return nil
	})
}

// meanwhile serves the connections while f runs.
func (p *processorSet) meanwhile(f func() error) error {
	done := make(chan error, 1)
	go func() { done <- f() }()
	var errs []error
	for {
		select {
		case err := <-done:
			return errors.Join(append(errs, err)...)
		default:
			if err := p.s.fleet.Idle(50 * time.Millisecond); err != nil && len(errs) == 0 {
				errs = append(errs, err)
			}
		}
	}
}

func (p *processorSet) run(ctx context.Context) error {
	switch p.now {
	case off:
		for _, name := range roles {
			r, err := process.StartRole(ctx, name, p.configFile, server.RoleEnvironment()...)
			if err != nil {
				return errors.Join(err, p.stop())
			}
			p.roles = append(p.roles, r)
		}
	case stuck:
		for _, r := range p.roles {
			if err := r.Thaw(); err != nil {
				return err
			}
		}
	}
	p.now = running
	return p.caughtUp(ctx)
}

func (p *processorSet) freeze(ctx context.Context) error {
	p.now = stuck
	for _, r := range p.roles {
		if err := r.Freeze(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (p *processorSet) stop() error {
	var group errgroup.Group
	for _, r := range p.roles {
		group.Go(r.Stop)
	}
	p.now, p.roles = off, nil
	return group.Wait()
}

// end stops what runs and leaves Kafka.
func (p *processorSet) end() error {
	p.watch.Close()
	return p.stop()
}

// caughtUp waits until every processor has read everything.
func (p *processorSet) caughtUp(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, behindFor)
	defer cancel()
	for {
		now, err := p.watch.Now(ctx)
		if err != nil {
			return err
		}
		behind := now.Behind()
		if len(behind) == 0 {
			return nil
		}
		for _, r := range p.roles {
			if err := r.Running(); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%v have not read everything: %d records, %v: %w", behind, now.Records, now.Read, ctx.Err())
		case <-time.After(100 * time.Millisecond):
		}
	}
}
