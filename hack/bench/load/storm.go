package load

import (
	"slices"
	"time"
)

// Storm has all members connect at once, each waiting for its conversation up to target, and returns how long after the beginning
// each was there, sorted.
func (f *Fleet) Storm(target uint64, within time.Duration) ([]time.Duration, error) {
	for _, m := range f.Members {
		m.target, m.synced = target, 0
	}
	start := f.Loop.Now()
	if err := f.connect(f.Members, len(f.Members), within); err != nil {
		return nil, err
	}
	end := start + int64(within)
	err := f.Loop.Run(func(now int64) (int64, bool) {
		for _, m := range f.Members {
			if m.synced == 0 {
				return now + int64(time.Millisecond), now >= end
			}
		}
		return now, true
	})
	var took []time.Duration
	for _, m := range f.Members {
		if m.synced > 0 {
			took = append(took, time.Duration(m.synced-start))
		}
	}
	slices.Sort(took)
	return took, err
}
