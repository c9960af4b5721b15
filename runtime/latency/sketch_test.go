package latency

import (
	"bytes"
	"errors"
	"math"
	"testing"
	"time"

	"github.com/DataDog/sketches-go/ddsketch"
)

func sketchOf(t testing.TB, latencies ...time.Duration) *Sketch {
	t.Helper()
	s, err := New()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range latencies {
		if err := s.Add(d); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func TestWhatManyMeasuredIsOneFigure(t *testing.T) {
	var odd, even []time.Duration
	for i := 1; i <= 1000; i += 2 {
		odd, even = append(odd, time.Duration(i)*time.Millisecond), append(even, time.Duration(i+1)*time.Millisecond)
	}
	all := sketchOf(t)
	for _, s := range []*Sketch{sketchOf(t, odd...), sketchOf(t, even...), sketchOf(t)} {
		read, err := Decode(s.Encode())
		if err != nil {
			t.Fatal(err)
		}
		if err := all.Merge(read); err != nil {
			t.Fatal(err)
		}
	}
	got, err := all.Quantiles(0.5, 0.99)
	if err != nil || len(got) != 2 {
		t.Fatal(got, err)
	}
	for i, want := range []float64{500, 990} {
		if math.Abs(got[i]-want) > want*0.011 {
			t.Errorf("%v, want %v within 1 %%", got[i], want)
		}
	}
	if all.Count() != 1000 {
		t.Errorf("%d latencies, want 1000", all.Count())
	}
}

func TestClocksThatDifferMakeNoNegativeLatency(t *testing.T) {
	got, err := sketchOf(t, -time.Second).Quantiles(0.5)
	if err != nil || len(got) != 1 || got[0] != 0 {
		t.Errorf("%v, %v, want 0", got, err)
	}
}

func TestAnEmptySketchHasNoQuantiles(t *testing.T) {
	if got, err := sketchOf(t).Quantiles(0.5); err != nil || got != nil {
		t.Errorf("%v, %v", got, err)
	}
}

func TestOtherSketchesAreRefused(t *testing.T) {
	coarse, err := ddsketch.NewDefaultDDSketch(0.05)
	if err != nil {
		t.Fatal(err)
	}
	if err := coarse.Add(3); err != nil {
		t.Fatal(err)
	}
	var other []byte
	coarse.Encode(&other, false)
	for reason, b := range map[string][]byte{
		"it could not be merged": other,
		"it is none":             []byte("none"),
	} {
		if _, err := Decode(b); !errors.Is(err, ErrNoSketch) {
			t.Errorf("%s: %v", reason, err)
		}
	}
}

func TestMeasuringAllocatesNothing(t *testing.T) {
	s := sketchOf(t, time.Millisecond, time.Hour)
	d := time.Duration(0)
	if n := testing.AllocsPerRun(1000, func() {
		d = (d + 7*time.Second) % time.Hour
		_ = s.Add(time.Millisecond + d)
	}); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}

func TestBinsAreTheSketch(t *testing.T) {
	want := sketchOf(t, 0, -1, 1, time.Millisecond, 3*time.Second, 3*time.Second, time.Hour, 1<<62)
	got, err := FromBins(want.Bins())
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Encode(), want.Encode()) {
		zeros, list := got.Bins()
		t.Errorf("%d zeros and %v", zeros, list)
	}
}

// Whatever bins come from elsewhere, they are a sketch that can be merged or they are refused.
func FuzzFromBins(f *testing.F) {
	f.Add(uint64(1), int32(3), uint64(7), int32(1000), uint64(1))
	f.Add(uint64(1)<<60, int32(3), uint64(7), int32(3), uint64(1))
	f.Add(uint64(1), int32(1<<30), uint64(7), int32(-1<<30), uint64(0))
	f.Fuzz(func(t *testing.T, zeros uint64, i int32, n uint64, j int32, m uint64) {
		s, err := FromBins(zeros, []Bin{{i, n}, {j, m}})
		if err != nil {
			return
		}
		all := sketchOf(t, time.Second)
		if err := all.Merge(s); err != nil {
			t.Fatal(err)
		}
		if got := all.Count(); got != int64(1+zeros+n+m) {
			t.Errorf("%d latencies, want %d", got, 1+zeros+n+m)
		}
		values, err := all.Quantiles(0, 0.5, 1)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range values {
			if !(v >= 0 && v < 1.1*millis(longest)) {
				t.Errorf("a latency of %v ms", v)
			}
		}
	})
}
