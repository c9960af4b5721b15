package judge

import (
	"context"
	"fmt"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/chatcluster/chatcluster/runtime/moderate"
)

// workers judge at the same time, as partitions do.
const workers = 4

// Measured is what a run found.
type Measured struct {
	// Messages were judged in Took, with CPU of this process.
	Messages  int
	Took, CPU time.Duration
	// Missed are bad messages that were not found, False others that were, Unequal those judged otherwise when they came again.
	Missed, False, Unequal int
}

// PerCore is how many messages a second one core judges.
func (m Measured) PerCore() float64 { return float64(m.Messages) / m.CPU.Seconds() }

// PerSecond is how many messages a second were judged.
func (m Measured) PerSecond() float64 { return float64(m.Messages) / m.Took.Seconds() }

// Bench judges traffic for a while. From is the score from which a message counts as found. What is measured are the calls of Judge alone: traffic is made before.
func Bench(ctx context.Context, d moderate.Detector, bad string, from int, warmUp, during time.Duration) (Measured, error) {
	traffic := make([]*Traffic, workers)
	for i := range traffic {
		traffic[i] = NewTraffic(i, bad)
	}
	if _, err := rounds(ctx, d, traffic, from, warmUp); err != nil {
		return Measured{}, err
	}
	return rounds(ctx, d, traffic, from, during)
}

// prepared is how many batches each worker has before a round.
const prepared = 20

// rounds makes batches, and then judges them all, again and again until judging alone has taken as long.
func rounds(ctx context.Context, d moderate.Detector, traffic []*Traffic, from int, during time.Duration) (m Measured, err error) {
	for m.Took < during {
		one, err := round(ctx, d, traffic, from)
		if err != nil {
			return m, err
		}
		m.Messages, m.Took, m.CPU = m.Messages+one.Messages, m.Took+one.Took, m.CPU+one.CPU
		m.Missed, m.False, m.Unequal = m.Missed+one.Missed, m.False+one.False, m.Unequal+one.Unequal
	}
	return m, nil
}

type judged struct {
	messages []moderate.Message
	bad      []bool
	findings []moderate.Finding
}

func round(ctx context.Context, d moderate.Detector, traffic []*Traffic, from int) (m Measured, err error) {
	work := make([][]judged, len(traffic))
	for w, t := range traffic {
		for range prepared {
			messages, bad, err := t.Next()
			if err != nil {
				return m, err
			}
			work[w] = append(work[w], judged{messages: messages, bad: bad})
		}
	}
	before, start := cpu(), time.Now()
	group, gctx := errgroup.WithContext(ctx)
	for w := range work {
		group.Go(func() (err error) {
			for i := range work[w] {
				if work[w][i].findings, err = d.Judge(gctx, work[w][i].messages); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return m, fmt.Errorf("judge: %w", err)
	}
	m.Took, m.CPU = time.Since(start), cpu()-before
	for w := range work {
		for _, j := range work[w] {
			m.Messages += len(j.messages)
			m.audit(j, from)
		}
		// A rebalance: the last batch comes again.
		last := work[w][len(work[w])-1]
		again, err := d.Judge(ctx, last.messages)
		if err != nil {
			return m, err
		}
		for i := range again {
			if again[i].Score != last.findings[i].Score || again[i].Reason != last.findings[i].Reason || !slices.Equal(again[i].Spans, last.findings[i].Spans) {
				m.Unequal++
			}
		}
	}
	return m, nil
}

func (m *Measured) audit(j judged, from int) {
	for i, f := range j.findings {
		switch found := f.Score >= from; {
		case j.bad[i] && !found:
			m.Missed++
		case !j.bad[i] && found:
			m.False++
		}
	}
}

// cpu is what this process has used.
func cpu() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
