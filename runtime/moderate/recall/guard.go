package recall

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// askAgain is how long a Redis that failed is left alone.
const askAgain = 5 * time.Second

// Guard is what a detector asks through: while Redis is away, it asks only now and then, and counts what is judged without.
type Guard struct {
	log      *slog.Logger
	detector string
	without  prometheus.Counter
	// until is when to ask again, in Unix nanoseconds; 0: Redis answers.
	until atomic.Int64
}

// NewGuard returns a guard. Log and registerer may be nil.
func NewGuard(detector string, log *slog.Logger, r prometheus.Registerer) (*Guard, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	g := &Guard{log: log, detector: detector, without: prometheus.NewCounter(prometheus.CounterOpts{
		Name: "chatcluster_moderation_stateless_total", Help: "Messages judged without what is remembered of senders, because Redis did not answer.",
		ConstLabels: prometheus.Labels{"detector": detector},
	})}
	if r != nil {
		if err := r.Register(g.without); err != nil {
			return nil, fmt.Errorf("metrics of %s: %w", detector, err)
		}
	}
	return g, nil
}

// Ask asks for the sake of so many messages and says whether there is an answer. An error: the context has ended.
func (g *Guard) Ask(ctx context.Context, messages int, ask func(context.Context) error) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	until := g.until.Load()
	if time.Now().UnixNano() < until {
		g.without.Add(float64(messages))
		return false, nil
	}
	err := ask(ctx)
	switch {
	case err == nil:
		if until != 0 && g.until.CompareAndSwap(until, 0) {
			g.log.InfoContext(ctx, "What is remembered of senders is there again", "detector", g.detector)
		}
		return true, nil
	case ctx.Err() != nil:
		return false, ctx.Err()
	}
	g.without.Add(float64(messages))
	if g.until.Swap(time.Now().Add(askAgain).UnixNano()) == 0 {
		g.log.WarnContext(ctx, "What is remembered of senders is not there: messages are judged without", "detector", g.detector, "error", err)
	}
	return false, nil
}
