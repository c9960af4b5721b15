package classifier

import (
	"strings"
	"unicode"

	"github.com/cespare/xxhash/v2"

	"github.com/chatcluster/chatcluster/runtime/moderate/links"
	"github.com/chatcluster/chatcluster/runtime/moderate/skeleton"
)

// Text is a body as it is compared and classified.
type Text struct {
	// Words are its words (package skeleton) without its links; a number is Number.
	Words []string
	// Shapes are what else is seen of it.
	Shapes []string
}

// Number stands for every number.
const Number = "<number>"

// Read reads a body and its links.
func Read(body string, found []links.Link) Text {
	prose := without(body, found)
	t := Text{Words: strings.Fields(skeleton.Text(prose))}
	for i, w := range t.Words {
		if strings.IndexFunc(w, unicode.IsLetter) < 0 {
			t.Words[i] = Number
		}
	}
	shape := func(is bool, name string) {
		if is {
			t.Shapes = append(t.Shapes, name)
		}
	}
	shape(len(found) > 0, "<link>")
	shape(strings.Count(prose, "!") > 1, "<exclaims>")
	shape(strings.ContainsAny(prose, "$€£") || strings.Contains(prose, "%"), "<money>")
	shape(shouts(prose), "<shouts>")
	shape(digitsInRow(prose) >= 9, "<phone>")
	return t
}

// without returns a body without its links.
func without(body string, found []links.Link) string {
	if len(found) == 0 {
		return body
	}
	var b strings.Builder
	at, next := uint32(0), 0
	for _, r := range body {
		for next < len(found) && at >= found[next].Start+found[next].Length {
			next++
		}
		if next == len(found) || at < found[next].Start {
			b.WriteRune(r)
		} else if at == found[next].Start {
			b.WriteByte(' ')
		}
		at++
	}
	return b.String()
}

// shouts says that several words are in capitals.
func shouts(s string) bool {
	words, run := 0, 0
	for i := range len(s) {
		if c := s[i]; c >= 'A' && c <= 'Z' {
			if run++; run == 4 {
				words++
			}
			continue
		}
		run = 0
	}
	return words >= 2
}

// digitsInRow returns the most digits that nothing but spaces and hyphens separates.
func digitsInRow(s string) int {
	most, run := 0, 0
	for i := range len(s) {
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			run++
			most = max(most, run)
		case c != ' ' && c != '-':
			run = 0
		}
	}
	return most
}

// pairMix makes the order of a pair's words matter.
const pairMix = 0x9e3779b97f4a7c15

// key is a feature's: a word, a shape, or two words with a space between.
func key(feature string) uint64 {
	if first, second, ok := strings.Cut(feature, " "); ok {
		return pairKey(xxhash.Sum64String(first), xxhash.Sum64String(second))
	}
	return xxhash.Sum64String(feature)
}

func pairKey(first, second uint64) uint64 { return first*pairMix ^ second }

// keys calls f with the key of each feature of a text; some more than once.
func (t Text) keys(f func(uint64)) {
	last := uint64(0)
	for i, w := range t.Words {
		k := xxhash.Sum64String(w)
		f(k)
		if i > 0 {
			f(pairKey(last, k))
		}
		last = k
	}
	for _, s := range t.Shapes {
		f(xxhash.Sum64String(s))
	}
}

// features returns the features of a text, each once.
func (t Text) features() map[string]bool {
	out := map[string]bool{}
	for i, w := range t.Words {
		out[w] = true
		if i > 0 {
			out[t.Words[i-1]+" "+w] = true
		}
	}
	for _, s := range t.Shapes {
		out[s] = true
	}
	return out
}
