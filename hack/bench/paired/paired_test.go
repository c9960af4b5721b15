package paired

import (
	"math"
	"slices"
	"testing"
)

func TestABlockGoesThereAndBackAndTheNextBeginsWithTheNextState(t *testing.T) {
	states := []string{"off", "running", "stuck"}
	for block, want := range [][]string{
		{"off", "running", "stuck", "stuck", "running", "off"},
		{"running", "stuck", "off", "off", "stuck", "running"},
		{"stuck", "off", "running", "running", "off", "stuck"},
		{"off", "running", "stuck", "stuck", "running", "off"},
	} {
		if got := Order(states, block); !slices.Equal(got, want) {
			t.Errorf("block %d: %v, want %v", block, got, want)
		}
	}
	if !slices.Equal(states, []string{"off", "running", "stuck"}) {
		t.Errorf("the states themselves are %v now", states)
	}
}

func TestADifferenceHasAnInterval(t *testing.T) {
	cases := map[string]struct {
		reason string
		each   []float64
		want   Difference
	}{
		"One":   {"one pair says nothing of how sure it is", []float64{3}, Difference{Median: 3, Low: 3, High: 3, Confidence: 0, Pairs: 1}},
		"Two":   {"the median lies between two in half of all cases", []float64{4, 2}, Difference{Median: 3, Low: 2, High: 4, Confidence: 0.5, Pairs: 2}},
		"Six":   {"the first number whose range is sure enough: 1 - 2/64", []float64{5, -1, 2, 3, 1, 4}, Difference{Median: 2.5, Low: -1, High: 5, Confidence: 0.96875, Pairs: 6}},
		"Eight": {"without the outermost it would be 1 - 18/256: not enough", []float64{8, 1, 2, 3, 4, 5, 6, 7}, Difference{Median: 4.5, Low: 1, High: 8, Confidence: 1 - 2.0/256, Pairs: 8}},
		"Nine":  {"without the outermost 1 - 20/512: an outlier is not in it", []float64{900, 1, 2, 3, 4, 5, 6, 7, 8}, Difference{Median: 5, Low: 2, High: 8, Confidence: 1 - 20.0/512, Pairs: 9}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			// What both states share, however much, is in no difference.
			a, b := make([]float64, len(tc.each)), make([]float64, len(tc.each))
			for i, d := range tc.each {
				b[i] = float64(64 * i)
				a[i] = b[i] + d
			}
			got, err := Between(a, b)
			if err != nil {
				t.Fatal(err)
			}
			if math.Abs(got.Confidence-tc.want.Confidence) < 1e-12 {
				got.Confidence = tc.want.Confidence
			}
			if got != tc.want {
				t.Errorf("%s: %+v, want %+v", tc.reason, got, tc.want)
			}
		})
	}
}

func TestWhatIsNotPairedHasNoDifference(t *testing.T) {
	for _, b := range [][]float64{nil, {1}, {1, 2, 3}} {
		if _, err := Between([]float64{1, 2}, b); err == nil {
			t.Errorf("%d values were compared with 2", len(b))
		}
	}
	if _, err := Between(nil, nil); err == nil {
		t.Error("nothing was compared with nothing")
	}
}

func TestADifferenceIsJudgedByItsWholeInterval(t *testing.T) {
	cases := map[string]struct {
		d             Difference
		above, within bool
	}{
		"AroundZero": {Difference{Low: -1, High: 1}, false, true},
		"Above":      {Difference{Low: 0.5, High: 1}, true, true},
		"TooWide":    {Difference{Low: -9, High: 9}, false, false},
		"FarAbove":   {Difference{Low: 2, High: 9}, true, false},
		"Below":      {Difference{Low: -9, High: -2}, false, true},
	}
	for name, tc := range cases {
		if tc.d.Above() != tc.above || tc.d.Within(1) != tc.within {
			t.Errorf("%s: above %v, within 1 %v", name, tc.d.Above(), tc.d.Within(1))
		}
	}
}
