package lanes

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

func named(name string) reconcile.Request {
	return reconcile.Request{NamespacedName: types.NamespacedName{Name: name}}
}

func byName(_ context.Context, r reconcile.Request) string { return r.Name }

// hanging answers at once, but for those whose passes hang for so long or until they are cut short.
type hanging struct {
	mu    sync.Mutex
	hangs map[string]time.Duration
}

func (h *hanging) set(name string, d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.hangs[name] = d
}

func (h *hanging) Reconcile(ctx context.Context, req reconcile.Request) (reconcile.Result, error) {
	h.mu.Lock()
	d := h.hangs[req.Name]
	h.mu.Unlock()
	select {
	case <-time.After(d):
		return reconcile.Result{}, nil
	case <-ctx.Done():
		return reconcile.Result{}, context.Cause(ctx)
	}
}

// However many hang, one that works waits for one patience, and not at all once they are known.
func TestOneThatWorksDoesNotWaitForThoseThatHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hanging{hangs: map[string]time.Duration{}}
		l := New(h, 2, time.Second, byName)
		var passes sync.WaitGroup
		for _, name := range []string{"a", "b"} {
			h.set(name, time.Minute)
			passes.Go(func() { _, _ = l.Reconcile(t.Context(), named(name)) })
		}
		synctest.Wait()
		start := time.Now()
		if _, err := l.Reconcile(t.Context(), named("good")); err != nil || time.Since(start) > time.Second {
			t.Errorf("the one that works waited for %s, error %v", time.Since(start), err)
		}
		passes.Wait()
		for _, name := range []string{"a", "b"} {
			passes.Go(func() { _, _ = l.Reconcile(t.Context(), named(name)) })
		}
		synctest.Wait()
		start = time.Now()
		if _, err := l.Reconcile(t.Context(), named("good")); err != nil || time.Since(start) > 0 {
			t.Errorf("beside those known to be slow it waited for %s, error %v", time.Since(start), err)
		}
		passes.Wait()
		if len(l.quick) != 0 || len(l.slow) != 0 {
			t.Errorf("%d and %d places were not given back", len(l.quick), len(l.slow))
		}
	})
}

// When the slow lane is full, too, a pass is cut short, which is not the manager's end; and the next time it does not even begin.
func TestFullSlowLane(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hanging{hangs: map[string]time.Duration{}}
		l := New(h, 1, time.Second, byName)
		var passes sync.WaitGroup
		for _, name := range []string{"a", "b", "c", "d"} {
			h.set(name, time.Hour)
			passes.Go(func() { _, _ = l.Reconcile(t.Context(), named(name)) })
		}
		time.Sleep(10 * time.Second)
		h.set("e", time.Hour)
		start := time.Now()
		_, err := l.Reconcile(t.Context(), named("e"))
		if !errors.Is(err, errCut) || errors.Is(err, context.Canceled) || time.Since(start) != 2*time.Second {
			t.Errorf("it ended after %s with %v", time.Since(start), err)
		}
		start = time.Now()
		result, err := l.Reconcile(t.Context(), named("e"))
		if err != nil || result.RequeueAfter < time.Second || time.Since(start) > 0 {
			t.Errorf("known to be slow, it ended after %s with %v, %v", time.Since(start), result, err)
		}
		// Kept out for two seconds, it may try again: it may have been one that works, on a bad day.
		h.set("e", 0)
		time.Sleep(2 * time.Second)
		if result, err = l.Reconcile(t.Context(), named("e")); err != nil || result.RequeueAfter != 0 {
			t.Errorf("after that it ended with %v, %v", result, err)
		}
		passes.Wait()
	})
}

// One that works hard is not taken for one that hangs, and one that hangs is kept out for longer each time, up to ten minutes.
func TestKeptOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hanging{hangs: map[string]time.Duration{"hard": 1500 * time.Millisecond, "deaf": 20 * time.Second}}
		l := New(h, 1, time.Second, byName)
		pass := func(name string) time.Duration {
			if _, err := l.Reconcile(t.Context(), named(name)); err != nil {
				t.Error(err)
			}
			return l.keptOut(name)
		}
		if got := pass("hard"); got != 0 {
			t.Errorf("one that works hard is kept out for %s", got)
		}
		for i, want := range []time.Duration{2 * time.Second, 4 * time.Second, 8 * time.Second} {
			if got := pass("deaf"); got != want {
				t.Errorf("after %d passes that hang it is kept out for %s, want %s", i+1, got, want)
			}
		}
		for range 10 {
			pass("deaf")
		}
		if got := l.keptOut("deaf"); got != longest {
			t.Errorf("at last it is kept out for %s", got)
		}
	})
}

// Who was slow once and answers again is quick again.
func TestQuickAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hanging{hangs: map[string]time.Duration{"a": time.Minute}}
		l := New(h, 1, 0, byName)
		pass := func() {
			if _, err := l.Reconcile(t.Context(), named("a")); err != nil {
				t.Error(err)
			}
		}
		if pass(); l.keptOut("a") <= 0 {
			t.Error("a pass of a minute is not taken for slow")
		}
		h.set("a", 0)
		if pass(); l.keptOut("a") > 0 {
			t.Error("a quick pass is taken for slow")
		}
	})
}

func TestWorkersStopWithTheManager(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(&hanging{hangs: map[string]time.Duration{"a": time.Hour}}, 1, time.Minute, byName)
		ctx, cancel := context.WithCancel(t.Context())
		var passes sync.WaitGroup
		for _, name := range []string{"a", "b"} {
			passes.Go(func() {
				if _, err := l.Reconcile(ctx, named(name)); name == "a" && !errors.Is(err, context.Canceled) {
					t.Errorf("the pass ended with %v", err)
				}
			})
			synctest.Wait()
		}
		cancel()
		passes.Wait()
		if l.Workers() != 1+slowPlaces {
			t.Errorf("%d workers", l.Workers())
		}
	})
}
