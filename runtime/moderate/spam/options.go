package spam

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/chatcluster/chatcluster/runtime/moderate/recall"
)

// Name is the detector's.
const Name = "spam"

// Window is how long before a message others count with it: what a State is to be made with.
const Window = time.Hour

const (
	minute  = time.Minute
	fanTime = 10 * time.Minute
)

// State remembers senders and texts. recall.Redis is one.
type State interface {
	Note(ctx context.Context, notes []recall.Note) ([]recall.Known, error)
	Spread(ctx context.Context, texts []recall.Text) ([]int, error)
}

// Limits are what people do who are no spammers; beyond one, it is a reason. Zero is the default.
type Limits struct {
	// Velocity is messages a minute, 30 by default. Three times as many weigh twice as much.
	Velocity int
	// FanOut is conversations in ten minutes, 15 by default.
	FanOut int
	// Duplicates is in how many other conversations a sender may have about the same text within an hour, 2 by default.
	Duplicates int
	// Spread is in how many conversations the same text may be within an hour, whoever sends it, 8 by default; at most recall.MaxSpread.
	Spread int
	// NewContacts is how many conversations a sender may begin within an hour, 8 by default, where those are four of five that it wrote to.
	NewContacts int
	// NewFor is how long a sender is new, 24 hours by default.
	NewFor time.Duration
}

func (l Limits) orDefaults() Limits {
	for _, v := range []struct {
		limit *int
		value int
	}{{&l.Velocity, 30}, {&l.FanOut, 15}, {&l.Duplicates, 2}, {&l.Spread, 8}, {&l.NewContacts, 8}} {
		if *v.limit <= 0 {
			*v.limit = v.value
		}
	}
	l.Spread = min(l.Spread, recall.MaxSpread-1)
	if l.NewFor <= 0 {
		l.NewFor = 24 * time.Hour
	}
	return l
}

// Options of a Detector. All may be empty.
type Options struct {
	// State remembers senders; nil: texts alone are judged.
	State      State
	Limits     Limits
	Log        *slog.Logger
	Registerer prometheus.Registerer
}
