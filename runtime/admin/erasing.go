package admin

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/chatcluster/chatcluster/runtime/store"
)

const (
	// DefaultEraseEvery is how often an Eraser looks for erasures that nobody is at.
	DefaultEraseEvery = 30 * time.Second
	// erasuresAtATime is how many it looks at in a round.
	erasuresAtATime = 16
)

// ErasureJobs are the erasures that were begun, wherever that was.
type ErasureJobs interface {
	Erasures
	// Unfinished returns some users whose erasure is begun and not done, others the next time: what cannot be finished keeps none back.
	Unfinished(ctx context.Context, limit int) ([]store.User, error)
	// Alone runs f while no other process does for the user, and says whether it did: another's end, in whatever way, lets the next one in.
	Alone(ctx context.Context, u store.User, f func(context.Context) error) (bool, error)
}

// EraserOptions are what an Eraser needs. Jobs and Erase are required.
type EraserOptions struct {
	Jobs ErasureJobs
	// Erase removes what is kept of a user, and goes on where it was cut off. It wraps ErrHeld while a legal hold covers the user.
	Erase func(ctx context.Context, u store.User) error
	// Every is DefaultEraseEvery when zero.
	Every  time.Duration
	Logger *slog.Logger
}

// Eraser is the Erasures of a process that erases as well: what is begun anywhere is finished by any of them. Run it beside the role.
type Eraser struct {
	ErasureJobs
	o    EraserOptions
	wake chan struct{}
}

// NewEraser returns one; start its Run.
func NewEraser(o EraserOptions) (*Eraser, error) {
	if o.Jobs == nil || o.Erase == nil {
		return nil, errors.New("admin: an eraser needs jobs and what erases")
	}
	if o.Every <= 0 {
		o.Every = DefaultEraseEvery
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Eraser{ErasureJobs: o.Jobs, o: o, wake: make(chan struct{}, 1)}, nil
}

// Begin implements Erasures, and has the work begin soon.
func (e *Eraser) Begin(ctx context.Context, u store.User) (Erasure, error) {
	begun, err := e.ErasureJobs.Begin(ctx, u)
	if err == nil {
		select {
		case e.wake <- struct{}{}:
		default:
		}
	}
	return begun, err
}

// Run erases one user after the other until ctx ends. What fails keeps no other back, and is tried again in the next round.
func (e *Eraser) Run(ctx context.Context) error {
	for {
		if err := e.round(ctx); err != nil && ctx.Err() == nil {
			e.o.Logger.WarnContext(ctx, "erasures are not known: they will be looked for again", "error", err)
		}
		// Processes that begin together do not ask together for long.
		next := time.NewTimer(e.o.Every/2 + rand.N(e.o.Every))
		select {
		case <-ctx.Done():
			next.Stop()
			return nil
		case <-e.wake:
			next.Stop()
		case <-next.C:
		}
	}
}

func (e *Eraser) round(ctx context.Context) error {
	users, err := e.o.Jobs.Unfinished(ctx, erasuresAtATime)
	if err != nil {
		return err
	}
	for _, u := range users {
		e.erase(ctx, u)
	}
	return nil
}

// erase erases one user, unless another process is at it or ctx has ended.
func (e *Eraser) erase(ctx context.Context, u store.User) {
	if ctx.Err() != nil {
		return
	}
	_, err := e.o.Jobs.Alone(ctx, u, func(ctx context.Context) error { return e.o.Erase(ctx, u) })
	switch {
	case err == nil || ctx.Err() != nil:
	case errors.Is(err, ErrHeld):
		e.o.Logger.WarnContext(ctx, "an erasure waits for a legal hold to end", "tenant", u.Tenant())
	default:
		e.o.Logger.ErrorContext(ctx, "an erasure was cut off: it goes on later", "tenant", u.Tenant(), "error", err)
	}
}
