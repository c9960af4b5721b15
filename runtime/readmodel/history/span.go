package history

import (
	"cmp"
	"math"
	"slices"

	"github.com/chatcluster/chatcluster/runtime/store"
)

// span is seqs from lo to hi, both included.
type span struct{ lo, hi uint64 }

func (s span) len() uint64 { return s.hi - s.lo + 1 }

// open is the end of a stay that goes on.
const open = math.MaxUint64 - 1

// visible returns what the member may see, in order and without overlaps.
func visible(m store.Membership) []span {
	stays := []span{{m.Joined, cmp.Or(m.Left, open)}}
	for _, e := range m.Earlier {
		stays = append(stays, span{e.Joined, e.Left})
	}
	slices.SortFunc(stays, func(a, b span) int { return cmp.Compare(a.lo, b.lo) })
	var out []span
	for _, s := range stays {
		s.lo = max(s.lo, 1)
		switch n := len(out); {
		case s.hi < s.lo:
		case n > 0 && s.lo <= out[n-1].hi+1:
			out[n-1].hi = max(out[n-1].hi, s.hi)
		default:
			out = append(out, s)
		}
	}
	return out
}

// within returns the parts of spans from lo to hi.
func within(spans []span, lo, hi uint64) []span {
	var out []span
	for _, s := range spans {
		if s.lo, s.hi = max(s.lo, lo), min(s.hi, hi); s.lo <= s.hi {
			out = append(out, s)
		}
	}
	return out
}

// oldest returns the first n seqs of spans.
func oldest(spans []span, n uint64) []span {
	var out []span
	for _, s := range spans {
		if n == 0 {
			break
		}
		if s.len() > n {
			s.hi = s.lo + n - 1
		}
		n -= s.len()
		out = append(out, s)
	}
	return out
}

// newest returns the last n seqs of spans.
func newest(spans []span, n uint64) []span {
	var out []span
	for _, s := range slices.Backward(spans) {
		if n == 0 {
			break
		}
		if s.len() > n {
			s.lo = s.hi - n + 1
		}
		n -= s.len()
		out = append(out, s)
	}
	slices.Reverse(out)
	return out
}
