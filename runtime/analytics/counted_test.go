package analytics

import (
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCountedRemembersAsRanges(t *testing.T) {
	for name, tc := range map[string]struct {
		reason string
		add    []uint64
		head   uint64
		beyond []int64
	}{
		"InOrder":  {"a log as it comes", []uint64{1, 2, 3}, 3, nil},
		"Gap":      {"a batch is late", []uint64{1, 2, 5, 6}, 2, []int64{5, 6}},
		"Filled":   {"and comes", []uint64{1, 2, 5, 6, 4, 3}, 6, nil},
		"Joined":   {"two ranges become one", []uint64{3, 5, 4}, 0, []int64{3, 5}},
		"Apart":    {"ranges stay in order", []uint64{9, 5, 7}, 0, []int64{5, 5, 7, 7, 9, 9}},
		"Repeated": {"what comes again changes nothing", []uint64{1, 1, 4, 4, 1}, 1, []int64{4, 4}},
	} {
		t.Run(name, func(t *testing.T) {
			var c counted
			for _, seq := range tc.add {
				c.add(seq)
			}
			if d := cmp.Diff(tc.beyond, c.pairs(), cmp.Transformer("nil", func(s []int64) []int64 { return append([]int64{}, s...) })); d != "" || c.head != tc.head {
				t.Errorf("%s: head %d, want %d (-want +got):\n%s", tc.reason, c.head, tc.head, d)
			}
		})
	}
}

// In whatever order and however often entries come, and whenever it is stored in between, each counts once.
func TestCountedCountsOnce(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var c counted
		seen := map[uint64]bool{}
		for range 100 {
			seq := 1 + rnd.Uint64N(40)
			if got := c.add(seq); got == seen[seq] {
				t.Fatalf("%d: counted %v, seen before %v", seq, got, seen[seq])
			}
			seen[seq] = true
			c = countedOf(int64(c.head), c.pairs())
		}
		for seq := range uint64(45) {
			if seq > 0 && c.has(seq) != seen[seq] {
				t.Fatalf("%d: has %v, want %v", seq, c.has(seq), seen[seq])
			}
		}
	}
}
