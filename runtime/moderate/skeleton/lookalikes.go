package skeleton

import (
	_ "embed"
	"strings"
	"sync"
	"unicode"
)

//go:embed lookalikes.txt
var lookalikesText string

// lookalikes is the letter of ASCII that a rune looks like.
var lookalikes = sync.OnceValue(func() map[rune]rune {
	m := map[rune]rune{}
	for line := range strings.Lines(lookalikesText) {
		letter, like, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		if !ok {
			continue
		}
		for _, r := range like {
			m[r] = rune(letter[0])
		}
	}
	return m
})

// looksLike returns the letters that a rune looks like, and that its lower case does.
func looksLike(r rune) (alts [2]rune) {
	m := lookalikes()
	alts[0] = m[r]
	switch lower := m[unicode.ToLower(r)]; {
	case alts[0] == 0:
		alts[0] = lower
	case lower != alts[0]:
		alts[1] = lower
	}
	return alts
}

// tableSize is up to where what runes become is looked up, not computed: nearly all of what people write.
const tableSize = 0x3100

var table = sync.OnceValue(func() *[tableSize]folded {
	var t [tableSize]folded
	for r := range rune(tableSize) {
		t[r] = foldRune(r)
	}
	return &t
})
