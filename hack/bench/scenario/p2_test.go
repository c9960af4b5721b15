package scenario

import (
	"io"
	"testing"

	"github.com/chatcluster/chatcluster/hack/bench/paired"
)

func TestWhatIsSlowerWithoutProcessorsMissesTheBar(t *testing.T) {
	same := []float64{4, 4.1, 3.9, 4, 4.2, 4}
	tail := []float64{16, 30, 12, 19, 15, 22}
	plus := func(values []float64, d float64) []float64 {
		out := make([]float64, len(values))
		for i := range values {
			out[i] = values[i] + d
		}
		return out
	}
	cases := map[string]struct {
		reason   string
		p50, p99 map[condition][]float64
		met      bool
	}{
		"NoDifference": {"all the same", values(same, same, same), values(tail, tail, tail), true},
		"RunningCosts": {"processors share the cores: that those who send are faster without them is no fault", values(same, plus(same, 3), same), values(tail, plus(tail, 9), tail), true},
		"OffSlower":    {"a send waits for who is not there", values(plus(same, 1.5), same, same), values(tail, tail, tail), false},
		"StuckSlower":  {"a send waits for who does not answer, a little longer than it costs that they run", values(same, plus(same, 1), plus(same, 1.5)), values(tail, tail, tail), false},
		"StuckTail":    {"one of a hundred sends waits", values(same, same, same), values(tail, tail, plus(tail, 0.5)), false},
		"NoisyTail":    {"the tail of one turn is long, of another short", values(same, same, same), values(tail, tail, []float64{30, 16, 19, 12, 22, 15}), true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			b := &bench{o: Options{Log: io.Discard}, Result: Result{Figures: map[string]any{}}}
			if err := b.compare(tc.p50, tc.p99); err != nil {
				t.Fatal(err)
			}
			if b.Met != tc.met {
				t.Errorf("%s: met %v, want %v", tc.reason, b.Met, tc.met)
			}
			if d, ok := b.Figures["stuck_above_off_p99_ms"].(paired.Difference); !ok || d.Pairs != len(tail) || d.Confidence < 0.95 {
				t.Errorf("the interval is not told: %+v", b.Figures["stuck_above_off_p99_ms"])
			}
		})
	}
}

func values(forOff, forRunning, forStuck []float64) map[condition][]float64 {
	return map[condition][]float64{off: forOff, running: forRunning, stuck: forStuck}
}

func TestABusyGeneratorMeasuresNothing(t *testing.T) {
	for reason, tc := range map[string]struct {
		busy float64
		good bool
	}{
		"it waits for messages' times, as it should": {0.03, true},
		"it is busy with itself":                     {0.98, false},
	} {
		if err := idleEnough(tc.busy); (err == nil) != tc.good {
			t.Errorf("%s: %v", reason, err)
		}
	}
}
