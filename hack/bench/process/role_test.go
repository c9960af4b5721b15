package process

import (
	"context"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// sleeps names the file that this program writes when it is to sleep, in the place of tests, until it is told to end.
const sleeps = "BENCH_TEST_SLEEPS"

func TestMain(m *testing.M) {
	ready := os.Getenv(sleeps)
	if ready == "" {
		os.Exit(m.Run())
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if err := os.WriteFile(ready, nil, 0o600); err != nil {
		panic(err)
	}
	<-ctx.Done()
}

// sleeper starts a role that does nothing until it is told to end, and ends well then.
func sleeper(ctx context.Context, t *testing.T) *Role {
	t.Helper()
	ready := filepath.Join(t.TempDir(), "ready")
	ctx, cancel := context.WithCancel(ctx)
	r, err := startRole(ctx, "sleeper", []string{sleeps + "=" + ready}, os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); <-r.done })
	until(t, "it is ready", func() bool { _, err := os.Stat(ready); return err == nil })
	return r
}

func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-ctx.Done():
			t.Fatalf("not within 30 s: %s", what)
		case <-tick.C:
		}
	}
}

func isFrozen(t *testing.T, r *Role) bool {
	t.Helper()
	frozen, err := r.frozen()
	if err != nil {
		t.Fatal(err)
	}
	return frozen
}

func TestARoleIsFrozenAndGoesOn(t *testing.T) {
	r := sleeper(t.Context(), t)
	if isFrozen(t, r) {
		t.Error("it is frozen before anybody froze it")
	}
	if err := r.Freeze(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !isFrozen(t, r) {
		t.Error("it is not frozen")
	}
	if err := r.Running(); err != nil {
		t.Errorf("a frozen role has not ended: %v", err)
	}
	if err := r.Thaw(); err != nil {
		t.Fatal(err)
	}
	until(t, "it goes on", func() bool { return !isFrozen(t, r) })
	if err := r.Stop(); err != nil {
		t.Errorf("it was stopped: %v", err)
	}
}

func TestAFrozenRoleStops(t *testing.T) {
	r := sleeper(t.Context(), t)
	if err := r.Freeze(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := r.Stop(); err != nil {
		t.Errorf("it was stopped: %v", err)
	}
	if err := r.Running(); err == nil || !strings.Contains(err.Error(), "sleeper has ended") {
		t.Errorf("it runs: %v", err)
	}
	if err := r.Freeze(t.Context()); err == nil {
		t.Error("what has ended was frozen")
	}
}

func TestAFrozenRoleEndsWithItsRun(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r := sleeper(ctx, t)
	if err := r.Freeze(ctx); err != nil {
		t.Fatal(err)
	}
	cancel()
	until(t, "it has ended", func() bool { return r.Running() != nil })
}
