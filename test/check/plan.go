package check

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

// Fault is a way to break something.
type Fault struct {
	Name string
	// Weight is how often it is chosen, next to the others'. 0: never by chance.
	Weight int
	// At is the part of the run, from 0 to 1, after which it is done in any case. 0: only by chance.
	At float64
	// Do breaks it, and returns when it is whole again. What is random about it is drawn from rng. It says what it did.
	Do func(ctx context.Context, rng *rand.Rand) string
}

// breakThings injects one fault after the other, sometimes two at a time, and beside them those that have their time.
func (r *run) breakThings(ctx context.Context) {
	rng := r.rng(streamFaults)
	var wg sync.WaitGroup
	defer wg.Wait()
	total := 0
	for _, f := range r.s.Faults {
		total += f.Weight
		if f.At == 0 {
			continue
		}
		seed := rng.Uint64()
		wg.Go(func() {
			if pause(ctx, time.Duration(f.At*float64(r.o.Duration))) == nil {
				r.inject(ctx, f, seed)
			}
		})
	}
	slots := make(chan struct{}, 2)
	for total > 0 {
		// Everything is drawn before anything is waited for: the order is the seed's alone.
		wait := r.o.FaultEvery/2 + time.Duration(rng.Int64N(int64(r.o.FaultEvery)))
		pick, seed := rng.IntN(total), rng.Uint64()
		var fault Fault
		for _, fault = range r.s.Faults {
			if pick -= fault.Weight; pick < 0 {
				break
			}
		}
		if pause(ctx, wait) != nil {
			return
		}
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		wg.Go(func() {
			defer func() { <-slots }()
			r.inject(ctx, fault, seed)
		})
	}
}

func (r *run) inject(ctx context.Context, f Fault, seed uint64) {
	from := time.Now()
	did := f.Do(ctx, rand.New(rand.NewPCG(seed, streamFaults)))
	r.note(from, time.Now(), f.Name+": "+did)
}

// event is something that was done to the system.
type event struct {
	from, to time.Time
	what     string
}

func (r *run) note(from, to time.Time, what string) {
	r.mu.Lock()
	r.events = append(r.events, event{from, to, what})
	r.mu.Unlock()
	r.say("  fault, %.1fs: %s", to.Sub(from).Seconds(), what)
}
