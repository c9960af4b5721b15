// Package detectortest is what the tests of detectors share: how a corpus is read, and how fast a detector is by the CPU that it takes.
package detectortest

import (
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Lines returns the lines of a corpus without those that begin with #.
func Lines(t testing.TB, path string) []string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	return slices.DeleteFunc(lines, func(s string) bool { return strings.HasPrefix(s, "#") })
}

// Rate runs f, which judges so many messages, and reports how many a second of the process' CPU judges: who else uses the machine matters less.
func Rate(b *testing.B, messages int, f func() error) {
	b.Helper()
	before := cpu(b)
	for b.Loop() {
		if err := f(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N*messages)/(cpu(b)-before).Seconds(), "messages/cpu-s")
}

func cpu(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// Score is precision and recall.
type Score struct {
	// Hits are what was found and should be, Missed what was not, False what was found and should not be.
	Hits, Missed, False int
}

// Count counts one.
func (s *Score) Count(should, is bool) {
	switch {
	case should && is:
		s.Hits++
	case should:
		s.Missed++
	case is:
		s.False++
	}
}

// Precision is how much of what was found should be, from 0 to 1.
func (s Score) Precision() float64 { return float64(s.Hits) / float64(max(s.Hits+s.False, 1)) }

// Recall is how much of what should be found was, from 0 to 1.
func (s Score) Recall() float64 { return float64(s.Hits) / float64(max(s.Hits+s.Missed, 1)) }
