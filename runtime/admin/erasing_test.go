package admin_test

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatcluster/chatcluster/runtime/admin"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// jobs are erasures that several processes see.
type jobs struct {
	mu   sync.Mutex
	open []store.User
	busy map[store.User]bool
}

func (j *jobs) Begin(_ context.Context, u store.User) (admin.Erasure, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if !slices.Contains(j.open, u) {
		j.open = append(j.open, u)
	}
	return admin.Erasure{ID: u.ID(), Report: json.RawMessage("{}")}, nil
}

func (j *jobs) Erasures(context.Context, store.User) ([]admin.Erasure, error) { return nil, nil }

func (j *jobs) Unfinished(context.Context, int) ([]store.User, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.open), nil
}

func (j *jobs) Alone(ctx context.Context, u store.User, f func(context.Context) error) (bool, error) {
	j.mu.Lock()
	if j.busy[u] {
		j.mu.Unlock()
		return false, nil
	}
	j.busy[u] = true
	j.mu.Unlock()
	err := f(ctx)
	j.mu.Lock()
	defer j.mu.Unlock()
	delete(j.busy, u)
	if err == nil {
		j.open = slices.DeleteFunc(j.open, func(o store.User) bool { return o == u })
	}
	return true, err
}

// Whatever process begins an erasure, and whichever are cut off, one finishes it, and never two at a time.
func TestErasuresAreFinished(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &jobs{busy: map[store.User]bool{}}
		var mu sync.Mutex
		at, tries := map[string]int{}, map[string]int{}
		erase := func(ctx context.Context, u store.User) error {
			mu.Lock()
			at[u.ID()]++
			tries[u.ID()]++
			n, first := at[u.ID()], tries[u.ID()] == 1
			mu.Unlock()
			if n > 1 {
				t.Errorf("two processes erase %s", u.ID())
			}
			defer func() { mu.Lock(); at[u.ID()]--; mu.Unlock() }()
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(time.Minute):
			}
			switch {
			case u.ID() == "held" && first:
				return admin.ErrHeld
			case u.ID() == "odd" && first:
				return errBroken
			}
			return nil
		}
		run := func() (*admin.Eraser, context.CancelFunc, *sync.WaitGroup) {
			e, err := admin.NewEraser(admin.EraserOptions{Jobs: j, Erase: erase})
			if err != nil {
				t.Fatal(err)
			}
			ctx, stop := context.WithCancel(t.Context())
			var ended sync.WaitGroup
			ended.Go(func() { _ = e.Run(ctx) })
			return e, stop, &ended
		}
		one, stopOne, endedOne := run()
		_, stopTwo, endedTwo := run()
		for _, id := range []string{"bob", "odd", "held"} {
			u, err := store.NewUser("acme", id)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := one.Begin(t.Context(), u); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(10 * time.Second)
		stopOne() // in the middle of one
		endedOne.Wait()
		time.Sleep(20 * time.Minute)
		stopTwo()
		endedTwo.Wait()
		if left, err := j.Unfinished(t.Context(), 9); err != nil || len(left) > 0 {
			t.Errorf("%v are not erased, %v", left, err)
		}
		mu.Lock()
		defer mu.Unlock()
		if d := cmp.Diff(map[string]int{"bob": 0, "odd": 0, "held": 0}, at); d != "" {
			t.Error(d)
		}
	})
}
