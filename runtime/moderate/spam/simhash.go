package spam

import (
	"math/bits"
	"strings"
	"unicode/utf8"

	"github.com/cespare/xxhash/v2"

	"github.com/chatcluster/chatcluster/runtime/moderate/spam/classifier"
)

const (
	// minWords is how many words a text needs to be compared: people say short ones again and again.
	minWords = 5
	// minSpread is how many words a text of several senders needs: "happy new year to all of you" is none's.
	minSpread = 8
	// minLetters is how many letters a text needs that has no words that are apart.
	minLetters = 24
	// nearBits is of how many bits texts differ at most that are about the same. Of unrelated ones 32 do, and 12 or less of one in a million.
	nearBits = 12
)

// simhash returns the bits of a text by its words and pairs of words; 0 where there are too few.
func simhash(t classifier.Text) uint64 {
	features := t.Words
	if len(features) < minWords {
		if features = pieces(t.Words); len(features) == 0 {
			return 0
		}
	}
	var sums [64]int
	count := func(h uint64, weight int) {
		for i := range sums {
			sums[i] += weight * (int(h>>i&1)*2 - 1)
		}
	}
	last := uint64(0)
	for i, w := range features {
		h := xxhash.Sum64String(w)
		count(h, 2)
		if i > 0 {
			count(last*0x9e3779b97f4a7c15^h, 1)
		}
		last = h
	}
	out := uint64(0)
	for i, sum := range sums {
		if sum > 0 {
			out |= 1 << i
		}
	}
	return max(out, 1)
}

// pieces returns three letters at a time of a text whose words are not apart, as those of East Asia are not.
func pieces(words []string) []string {
	letters := []rune(strings.Join(words, ""))
	if len(letters) < minLetters || utf8.RuneLen(letters[0]) < 3 {
		return nil
	}
	var out []string
	for i := range len(letters) - 2 {
		out = append(out, string(letters[i:i+3]))
	}
	return out
}

func near(a, b uint64) bool { return bits.OnesCount64(a^b) <= nearBits }

// exact returns a hash of a text but for its numbers and links; 0 where it has too few words.
func exact(t classifier.Text) uint64 {
	if len(t.Words) < minSpread && len(pieces(t.Words)) == 0 {
		return 0
	}
	var d xxhash.Digest
	d.Reset()
	for _, w := range t.Words {
		if w == classifier.Number {
			continue
		}
		_, _ = d.WriteString(w)
		_, _ = d.Write([]byte{' '})
	}
	return max(d.Sum64(), 1)
}
