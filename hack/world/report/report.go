package report

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
)

// Every is how often a running step says that it is still running.
const Every = 5 * time.Second

// Reporter writes progress lines.
type Reporter struct {
	out   io.Writer
	every time.Duration
	now   func() time.Time
	mu    sync.Mutex
}

// New returns a Reporter that repeats a running step's line each Every.
func New(out io.Writer) *Reporter { return &Reporter{out: out, every: Every, now: time.Now} }

// Printf writes one line.
func (r *Reporter) Printf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	fmt.Fprintf(r.out, format+"\n", args...)
}

// Status is how far a step is; the step sets it, the reporter shows it.
type Status struct {
	mu   sync.Mutex
	text string
}

// Set replaces what is shown.
func (s *Status) Set(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text = fmt.Sprintf(format, args...)
}

func (s *Status) get() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text
}

// Step runs one long piece of work under a deadline. While it runs, a line with its status and the time so far
// appears each interval; then one that says how it ended. The error names the step, and the log when there is one.
func (r *Reporter) Step(ctx context.Context, title, log string, within time.Duration, work func(ctx context.Context, s *Status) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, within, fmt.Errorf("not done after %s", within))
	defer cancel()
	start, status := r.now(), &Status{}
	r.Printf("→ %s", title)

	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(r.every)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				r.Printf("  … %s", line(status.get(), r.now().Sub(start)))
			}
		}
	}()
	err := work(ctx, status)
	close(stop)
	<-stopped

	took := r.now().Sub(start)
	if err == nil {
		r.Printf("  ✓ %s", line(status.get(), took))
		return nil
	}
	if cause := context.Cause(ctx); cause != nil && ctx.Err() != nil {
		err = fmt.Errorf("%w (%w)", cause, err)
	}
	r.Printf("  ✗ failed after %s", round(took))
	for _, l := range lastLines(log, 8) {
		r.Printf("  │ %s", l)
	}
	if log != "" {
		return fmt.Errorf("%s: %w\n  its log: %s\n  then run the same command again: what is done stays done", title, err, log)
	}
	return fmt.Errorf("%s: %w", title, err)
}

// lastLines are the last n lines of a file, for the person who would open it next. A folder or a missing file has none.
func lastLines(file string, n int) []string {
	const enough = 4096
	b, err := os.ReadFile(file)
	if err != nil {
		return nil
	}
	lines := strings.Split(strings.TrimSpace(string(b[max(0, len(b)-enough):])), "\n")
	return lines[max(0, len(lines)-n):]
}

func line(status string, took time.Duration) string {
	if status == "" {
		return round(took).String()
	}
	return fmt.Sprintf("%s (%s)", status, round(took))
}

func round(d time.Duration) time.Duration {
	if d < 10*time.Second {
		return d.Round(100 * time.Millisecond)
	}
	return d.Round(time.Second)
}
