package latency

import (
	"errors"
	"fmt"
	"time"

	"github.com/DataDog/sketches-go/ddsketch"
	"github.com/DataDog/sketches-go/ddsketch/mapping"
	"github.com/DataDog/sketches-go/ddsketch/store"
)

const (
	// accuracy is relative to the value; maxBins bounds a sketch. The smallest values lose theirs first.
	accuracy = 0.01
	maxBins  = 2048
)

// longest is the longest latency that is told from longer ones.
const longest = 365 * 24 * time.Hour

// ErrNoSketch says that bytes, or bins, are no sketch of this package's.
var ErrNoSketch = errors.New("no sketch of latencies")

// Sketch is a set of latencies.
type Sketch struct{ s *ddsketch.DDSketch }

// New returns an empty one.
func New() (*Sketch, error) {
	m, err := mapping.NewLogarithmicMapping(accuracy)
	if err != nil {
		return nil, fmt.Errorf("sketch latencies: %w", err)
	}
	return &Sketch{ddsketch.NewDDSketchFromStoreProvider(m, bins)}, nil
}

func bins() store.Store { return store.NewCollapsingLowestDenseStore(maxBins) }

// Decode reads what Encode wrote. It is for bytes that this package wrote: damaged ones may panic. It wraps ErrNoSketch.
func Decode(b []byte) (*Sketch, error) {
	like, err := New()
	if err != nil {
		return nil, err
	}
	s, err := ddsketch.DecodeDDSketch(b, bins, nil)
	if err != nil || s.IndexMapping == nil || !s.Equals(like.s.IndexMapping) {
		return nil, ErrNoSketch
	}
	return &Sketch{s}, nil
}

// Bin is how many latencies are about as long as each other. Index says how long.
type Bin struct {
	Index int32
	Count uint64
}

// maxCount bounds what a bin may hold: far more than there are, and exact as a float.
const maxCount = 1 << 50

// FromBins returns the sketch whose Bins these are, from wherever they come. It wraps ErrNoSketch.
func FromBins(zeros uint64, list []Bin) (*Sketch, error) {
	s, err := New()
	if err != nil {
		return nil, err
	}
	if len(list) > maxBins || zeros > maxCount {
		return nil, ErrNoSketch
	}
	if zeros > 0 {
		if err := s.s.AddWithCount(0, float64(zeros)); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrNoSketch, err)
		}
	}
	lowest, highest := s.s.Index(millis(1)), s.s.Index(millis(longest))
	for _, b := range list {
		if int(b.Index) < lowest || int(b.Index) > highest || b.Count == 0 || b.Count > maxCount {
			return nil, ErrNoSketch
		}
		s.s.GetPositiveValueStore().AddWithCount(int(b.Index), float64(b.Count))
	}
	return s, nil
}

// Bins returns what the sketch holds: how many latencies were 0, and the others.
func (s *Sketch) Bins() (zeros uint64, list []Bin) {
	s.s.GetPositiveValueStore().ForEach(func(index int, count float64) bool {
		list = append(list, Bin{Index: int32(index), Count: uint64(count)})
		return false
	})
	return uint64(s.s.GetZeroCount()), list
}

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// Add adds a latency; one of less than nothing, as clocks differ, is 0.
func (s *Sketch) Add(d time.Duration) error {
	if err := s.s.Add(millis(min(max(d, 0), longest))); err != nil {
		return fmt.Errorf("sketch a latency: %w", err)
	}
	return nil
}

// Merge adds another's.
func (s *Sketch) Merge(o *Sketch) error {
	if err := s.s.MergeWith(o.s); err != nil {
		return fmt.Errorf("merge latencies: %w", err)
	}
	return nil
}

// Count is how many there are.
func (s *Sketch) Count() int64 { return int64(s.s.GetCount()) }

// Quantiles returns the latencies, in milliseconds, that as large a share of all does not exceed; nil where there are none.
func (s *Sketch) Quantiles(shares ...float64) ([]float64, error) {
	if s.s.IsEmpty() {
		return nil, nil
	}
	values, err := s.s.GetValuesAtQuantiles(shares)
	if err != nil {
		return nil, fmt.Errorf("read latencies: %w", err)
	}
	return values, nil
}

// Encode returns the sketch as bytes.
func (s *Sketch) Encode() (b []byte) {
	s.s.Encode(&b, false)
	return b
}
