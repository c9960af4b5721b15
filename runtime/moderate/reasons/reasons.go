// Package reasons adds up why a detector finds a message: each reason counts once, a score is the sum of their weights, and what is said of it names
// each with its weight: "look-alike:90,credentials:35".
package reasons

import (
	"strconv"
	"strings"
)

// MaxScore is where a score ends, in percent.
const MaxScore = 100

// Reason is why, by a machine's word, and how much it weighs, in percent.
type Reason struct {
	Name   string
	Weight int
}

// Tally is reasons in the order in which they were found. The zero Tally has none.
type Tally struct {
	reasons []Reason
	score   int
}

// Add adds a reason unless one of its name is there.
func (t *Tally) Add(r Reason) {
	for _, known := range t.reasons {
		if known.Name == r.Name {
			return
		}
	}
	t.reasons = append(t.reasons, r)
	t.score = min(t.score+r.Weight, MaxScore)
}

// AddAll adds another's reasons.
func (t *Tally) AddAll(other *Tally) {
	for _, r := range other.reasons {
		t.Add(r)
	}
}

// Score is the sum of the weights, MaxScore at most.
func (t *Tally) Score() int { return t.score }

// String names each reason with its weight; nothing where there is none.
func (t *Tally) String() string {
	var b strings.Builder
	for i, r := range t.reasons {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(r.Name)
		b.WriteByte(':')
		b.WriteString(strconv.Itoa(r.Weight))
	}
	return b.String()
}
