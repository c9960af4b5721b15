package report

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// lines collects output and lets a test wait for a line.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
	seen chan struct{}
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if strings.Contains(string(b), "…") {
		select {
		case l.seen <- struct{}{}:
		default:
		}
	}
	return l.text.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func testReporter() (*Reporter, *lines) {
	out := &lines{seen: make(chan struct{}, 1)}
	r := New(out)
	r.every = time.Millisecond
	return r, out
}

func TestStepShowsHowFarItIs(t *testing.T) {
	r, out := testReporter()
	err := r.Step(t.Context(), "Building", "", time.Minute, func(_ context.Context, s *Status) error {
		s.Set("3 of 7")
		<-out.seen // a progress line came while it ran
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"→ Building\n", "  … 3 of 7 (", "  ✓ 3 of 7 ("} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in:\n%s", want, out)
		}
	}
}

func TestAFailedStepShowsTheEndOfItsLog(t *testing.T) {
	log := filepath.Join(t.TempDir(), "build.log")
	if err := os.WriteFile(log, []byte("1\n2\n3\n4\n5\n6\n7\n8\nmain.go:3: undefined: x\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	r, out := testReporter()
	if err := r.Step(t.Context(), "Building", log, time.Minute, func(context.Context, *Status) error { return errors.New("exit status 1") }); err == nil {
		t.Fatal("want the error")
	}
	if got := out.String(); !strings.Contains(got, "│ main.go:3: undefined: x") || strings.Contains(got, "│ 1\n") {
		t.Errorf("want the last lines of the log, and not all of it:\n%s", got)
	}
}

func TestStepSaysWhatFailedAndHowToGoOn(t *testing.T) {
	boom := errors.New("boom")
	for name, tc := range map[string]struct {
		reason string
		within time.Duration
		work   func(ctx context.Context, s *Status) error
		is     error
		want   []string
	}{
		"Failure": {
			reason: "A failed step names itself, its cause, its log and the way on.", within: time.Minute,
			work: func(context.Context, *Status) error { return boom },
			is:   boom, want: []string{"Building: boom", "its log: /x/build.log", "run the same command again"},
		},
		"Deadline": {
			reason: "A step that hangs ends, and says that it was too slow and what it last saw.", within: time.Millisecond,
			work: func(ctx context.Context, _ *Status) error { <-ctx.Done(); return boom },
			is:   boom, want: []string{"not done after 1ms", "boom"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			r, out := testReporter()
			err := r.Step(t.Context(), "Building", "/x/build.log", tc.within, tc.work)
			if !errors.Is(err, tc.is) {
				t.Fatalf("%s: got %v", tc.reason, err)
			}
			for _, w := range tc.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%s: no %q in %q", tc.reason, w, err)
				}
			}
			if !strings.Contains(out.String(), "✗ failed") {
				t.Errorf("no word of the failure in:\n%s", out)
			}
		})
	}
}
