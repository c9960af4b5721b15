package scenario

import (
	"context"
	"math"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/chatcluster/chatcluster/hack/bench/load"
)

// Result is what a scenario found: the one JSON object of its last line.
type Result struct {
	Scenario string         `json:"scenario"`
	Figures  map[string]any `json:"figures"`
	Bar      string         `json:"bar"`
	Met      bool           `json:"met"`
	// Audit is passed, or what is wrong.
	Audit   string  `json:"audit"`
	Quick   bool    `json:"quick,omitempty"`
	Commit  string  `json:"commit"`
	Machine Machine `json:"machine"`
}

// Machine is where it was measured.
type Machine struct {
	CPU    string `json:"cpu"`
	Cores  int    `json:"cores"`
	Kernel string `json:"kernel"`
	Go     string `json:"go"`
	// Load is the load average when the scenario began: above about 0.5, somebody else was at work.
	Load string `json:"load"`
}

func machine() Machine {
	m := Machine{Cores: runtime.NumCPU(), Go: runtime.Version()}
	if data, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(data)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				m.CPU = strings.TrimSpace(value)
			}
		}
		m.Cores = strings.Count(string(data), "processor\t:")
	}
	if data, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		m.Kernel = strings.TrimSpace(string(data))
	}
	if data, err := os.ReadFile("/proc/loadavg"); err == nil {
		m.Load, _, _ = strings.Cut(string(data), " ")
	}
	return m
}

func commit(ctx context.Context) string {
	out, err := exec.CommandContext(ctx, "git", "rev-parse", "--short", "HEAD").Output()
	if err != nil {
		return "unknown"
	}
	name := strings.TrimSpace(string(out))
	if changed, err := exec.CommandContext(ctx, "git", "status", "--porcelain").Output(); err == nil && len(changed) > 0 {
		name += "+changes"
	}
	return name
}

// spread is a figure of several runs.
type spread struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
}

func spreadOf(runs []float64) spread {
	if len(runs) == 0 {
		return spread{}
	}
	s := slices.Sorted(slices.Values(runs))
	return spread{Median: round(s[len(s)/2]), Min: round(s[0]), Max: round(s[len(s)-1])}
}

// latencies are a distribution in milliseconds.
type latencies struct {
	P50  float64 `json:"p50_ms"`
	P99  float64 `json:"p99_ms"`
	P999 float64 `json:"p999_ms"`
	Max  float64 `json:"max_ms"`
}

func millis(l load.Latency) latencies {
	ms := func(d time.Duration) float64 { return round(float64(d) / float64(time.Millisecond)) }
	return latencies{P50: ms(l.P50), P99: ms(l.P99), P999: ms(l.P999), Max: ms(l.Max)}
}

// round keeps three digits.
func round(v float64) float64 {
	if v == 0 || math.IsInf(v, 0) || math.IsNaN(v) {
		return 0
	}
	scale := math.Pow(10, 2-math.Floor(math.Log10(math.Abs(v))))
	if scale < 1 {
		return math.Round(v)
	}
	return math.Round(v*scale) / scale
}
