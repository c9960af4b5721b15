package chat

import (
	"sync"
	"sync/atomic"
	"testing"
)

func TestTasksRunEverythingTheyTake(t *testing.T) {
	const askers, each = 8, 2000
	var ts tasks
	var ran, taken atomic.Int64
	var wg sync.WaitGroup
	for range askers {
		wg.Go(func() {
			for range each {
				if ts.Go(func() { ran.Add(1) }) {
					taken.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if taken.Load() != askers*each {
		t.Errorf("%d tasks were taken before anybody waits, want all %d", taken.Load(), askers*each)
	}
	ts.Wait()
	if ran.Load() != taken.Load() {
		t.Errorf("%d of %d tasks ran before Wait returned", ran.Load(), taken.Load())
	}
	if ts.Go(func() { ran.Add(1) }) {
		t.Error("a task was taken after Wait")
	}
}

func TestTasksThatAskForTasksDoNotWaitForThem(t *testing.T) {
	var ts tasks
	done := make(chan struct{})
	var nest func(n int) func()
	nest = func(n int) func() {
		return func() {
			if n == 0 {
				close(done)
				return
			}
			ts.Go(nest(n - 1))
		}
	}
	ts.Go(nest(1000))
	<-done
	ts.Wait()
}
