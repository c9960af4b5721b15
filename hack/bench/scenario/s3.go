package scenario

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/chatcluster/chatcluster/hack/bench/load"
	"github.com/chatcluster/chatcluster/hack/bench/process"
	"github.com/chatcluster/chatcluster/hack/bench/server"
)

const (
	groupCount = 50
	groupSize  = 100
)

// fanOut is one measurement of S3.
type fanOut struct {
	cpuUS, perSecond, bytes float64
	deliveries              load.Latency
}

// groups: 50 groups of 100 members online, beside a server on the centrifuge library that sends frames of the same size.
func groups(ctx context.Context, b *bench) error {
	b.Bar = "D0: at most 1.0 x the CPU per delivery of centrifuge v0.40.1, median of pairs"
	figures := map[string]any{}
	met := true
	for _, rate := range []float64{200} {
		var ours, theirs, ratios []float64
		var mine, their fanOut
		for range short(b, 1, b.o.Repeats) {
			var err error
			if mine, err = b.productGroups(ctx, rate); err != nil {
				return err
			}
			if their, err = b.centrifugeGroups(ctx, rate, mine.bytes); err != nil {
				return err
			}
			b.logf("%.0f messages/s: product %.2f us, centrifuge %.2f us per delivery; frames of %.0f and %.0f bytes", rate, mine.cpuUS, their.cpuUS, mine.bytes, their.bytes)
			ours, theirs, ratios = append(ours, mine.cpuUS), append(theirs, their.cpuUS), append(ratios, mine.cpuUS/their.cpuUS)
		}
		figures[fmt.Sprintf("at_%.0f_deliveries_per_second", rate*groupSize)] = map[string]any{
			"product_cpu_us_per_delivery": spreadOf(ours), "centrifuge_cpu_us_per_delivery": spreadOf(theirs), "ratio": spreadOf(ratios),
			"product_delivery": millis(mine.deliveries), "centrifuge_delivery": millis(their.deliveries),
			"product_bytes_per_delivery": round(mine.bytes), "centrifuge_bytes_per_delivery": round(their.bytes),
		}
		met = met && spreadOf(ratios).Median <= 1
	}
	b.Figures, b.Met = figures, met
	return nil
}

func (b *bench) groupTime() time.Duration { return short(b, 5*time.Second, 10*time.Second) }

func (b *bench) productGroups(ctx context.Context, rate float64) (fanOut, error) {
	s, err := b.stage(ctx, "D0", server.Same(groupCount, groupSize))
	if err != nil {
		return fanOut{}, err
	}
	r, err := b.fanOut(s.fleet, s.server, rate, "s3-product")
	if err == nil {
		b.fail(s.audit())
	}
	return r, errors.Join(err, s.end())
}

func (b *bench) centrifugeGroups(ctx context.Context, rate, bytesPerDelivery float64) (fanOut, error) {
	p, err := process.Start(ctx, "centrifuge", "--listen", "127.0.0.1:0")
	if err != nil {
		return fanOut{}, err
	}
	loop, err := load.NewLoop()
	if err != nil {
		return fanOut{}, errors.Join(err, p.Kill())
	}
	defer loop.Close()
	// What centrifuge puts around a body of 128 bytes takes 53 in a channel with a name of two.
	pad := max(int(bytesPerDelivery)-load.BodyBytes-53, 0)
	seed := server.Same(groupCount, groupSize)
	f := load.NewFleet(loop, p.Addr, &load.Centrifuge{Pad: bytes.Repeat([]byte{'x'}, pad)}, seed.Sizes, func(int) uint64 { return 0 })
	r, err := b.fanOut(f, p, rate, "s3-centrifuge")
	if err == nil {
		ok, serr := f.Settle(30 * time.Second)
		if serr == nil && !ok {
			serr = errors.New("audit: centrifuge lost deliveries")
		}
		b.fail(serr)
	}
	return r, errors.Join(err, p.Kill())
}

// fanOut measures what deliveries cost at a rate of messages.
func (b *bench) fanOut(f *load.Fleet, p *process.Server, rate float64, name string) (fanOut, error) {
	if err := f.Connect(f.Members, time.Minute); err != nil {
		return fanOut{}, err
	}
	if err := f.Send(rate, b.warmUp()); err != nil {
		return fanOut{}, err
	}
	if _, err := f.Settle(10 * time.Second); err != nil {
		return fanOut{}, err
	}
	defer b.profile(p, name, b.groupTime())()
	ph := f.Begin()
	cpu, _, err := used(p, func() error {
		if err := f.Send(rate, b.groupTime()); err != nil {
			return err
		}
		_, err := f.Settle(10 * time.Second)
		return err
	})
	if err != nil || ph.Delivered == 0 {
		return fanOut{}, errors.Join(err, errors.New("nothing was delivered"))
	}
	return fanOut{
		cpuUS: cpu * 1e6 / float64(ph.Delivered), perSecond: float64(ph.Delivered) / b.groupTime().Seconds(),
		bytes: float64(ph.Bytes) / float64(ph.Delivered), deliveries: ph.Deliveries(),
	}, nil
}
