package analytics

import "slices"

// counted is which entries of a conversation's log are counted. The zero value is none.
type counted struct {
	// head: every entry up to it is.
	head uint64
	// beyond are ranges beyond a gap, in order and apart from each other.
	beyond []span
}

// span is a range of seqs, both included.
type span struct{ first, last uint64 }

// has says whether the entry is counted.
func (c *counted) has(seq uint64) bool {
	return seq <= c.head || slices.ContainsFunc(c.beyond, func(s span) bool { return s.first <= seq && seq <= s.last })
}

// add counts an entry, and says whether it was not before.
func (c *counted) add(seq uint64) bool {
	if c.has(seq) {
		return false
	}
	at, _ := slices.BinarySearchFunc(c.beyond, seq, func(s span, seq uint64) int {
		if s.first < seq {
			return -1
		}
		return 1
	})
	c.beyond = slices.Insert(c.beyond, at, span{seq, seq})
	if at+1 < len(c.beyond) && c.beyond[at+1].first == seq+1 {
		c.beyond[at].last = c.beyond[at+1].last
		c.beyond = slices.Delete(c.beyond, at+1, at+2)
	}
	if at > 0 && c.beyond[at-1].last+1 == seq {
		c.beyond[at-1].last = c.beyond[at].last
		c.beyond = slices.Delete(c.beyond, at, at+1)
	}
	if c.beyond[0].first == c.head+1 {
		c.head = c.beyond[0].last
		c.beyond = slices.Delete(c.beyond, 0, 1)
	}
	return true
}

// pairs are the ranges beyond as the database has them.
func (c *counted) pairs() []int64 {
	out := make([]int64, 0, 2*len(c.beyond))
	for _, s := range c.beyond {
		out = append(out, int64(s.first), int64(s.last))
	}
	return out
}

func countedOf(head int64, pairs []int64) counted {
	c := counted{head: uint64(max(head, 0))}
	for p := range slices.Chunk(pairs, 2) {
		if len(p) == 2 {
			c.beyond = append(c.beyond, span{uint64(max(p[0], 0)), uint64(max(p[1], 0))})
		}
	}
	return c
}
