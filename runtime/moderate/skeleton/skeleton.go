package skeleton

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Space is the letter of a glyph that separates words.
const Space = ' '

// maxRepeats is how often a letter is there in a row, at most.
const maxRepeats = 3

// Glyph is a letter of a body, or what is between words.
type Glyph struct {
	// Letter is lower case and without accents; Space for what is none, but digits are themselves.
	Letter rune
	// Alts are what else it may be read as; 0 is none.
	Alts [2]rune
	// Start and End are the runes of the body that it is from: End is the first that is not.
	Start, End uint32
}

// Solid says that the glyph is a letter or a digit by itself, not only when read as another.
func (g Glyph) Solid() bool { return g.Letter != Space }

// Digit says that the glyph is a digit of ASCII.
func (g Glyph) Digit() bool { return g.Letter >= '0' && g.Letter <= '9' }

// Append appends the glyphs of a body.
func Append(dst []Glyph, body string) []Glyph {
	at, from, known := uint32(0), len(dst), table()
	dst = slices.Grow(dst, len(body))
	for _, r := range body {
		var f *folded
		if r < tableSize {
			f = &known[r]
		} else {
			one := foldRune(r)
			f = &one
		}
		if f.letter != 0 {
			dst = appendGlyph(dst, from, Glyph{Letter: f.letter, Alts: f.alts, Start: at, End: at + 1})
		}
		for _, letter := range f.more {
			dst = appendGlyph(dst, from, Glyph{Letter: letter, Start: at, End: at + 1})
		}
		at++
	}
	return dst
}

// appendGlyph appends a glyph unless it repeats those before it, which then reach to its end.
func appendGlyph(dst []Glyph, from int, g Glyph) []Glyph {
	n := len(dst)
	if n == from || dst[n-1].Letter != g.Letter || dst[n-1].Alts != g.Alts {
		return append(dst, g)
	}
	if most := g.repeats(); n-from < most || !same(dst[n-most:], g) {
		return append(dst, g)
	}
	dst[n-1].End = g.End
	return dst
}

func same(glyphs []Glyph, g Glyph) bool {
	for _, other := range glyphs {
		if other.Letter != g.Letter || other.Alts != g.Alts {
			return false
		}
	}
	return true
}

// repeats is how often the glyph is there in a row, at most.
func (g Glyph) repeats() int {
	if g.Letter == Space && g.Alts[0] == 0 {
		return 1
	}
	return maxRepeats
}

// Text returns the letters of a text, words apart by one space: how the entries of a list are compared.
func Text(s string) string {
	var b strings.Builder
	for _, g := range Append(nil, s) {
		if g.Letter == Space && (b.Len() == 0 || strings.HasSuffix(b.String(), " ")) {
			continue
		}
		b.WriteRune(g.Letter)
	}
	return strings.TrimSuffix(b.String(), " ")
}

// ASCII returns the letter of ASCII that r is, or looks like; r itself where there is none. Digits are no letters here.
func ASCII(r rune) rune {
	var f folded
	if r >= 0 && r < tableSize {
		f = table()[r]
	} else {
		f = foldRune(r)
	}
	if f.letter < 0x80 && f.letter > Space && f.more == nil {
		return f.letter
	}
	if r >= 0x80 && f.alts[0] != 0 {
		return f.alts[0]
	}
	return r
}

// folded is what a rune becomes: a letter, or none, and then more.
type folded struct {
	letter rune
	alts   [2]rune
	more   []rune
}

// leet is what digits and signs stand for.
var leet = map[rune][2]rune{
	'0': {'o'}, '1': {'i', 'l'}, '3': {'e'}, '4': {'a'}, '5': {'s'}, '7': {'t'}, '8': {'b'}, '9': {'g'},
	'@': {'a'}, '$': {'s'}, '!': {'i', 'l'}, '|': {'i', 'l'}, '+': {'t'}, '€': {'e'}, '£': {'l'},
}

func foldRune(r rune) folded {
	if invisible(r) {
		return folded{}
	}
	var f folded
	letters := decompose(r)
	if len(letters) == 0 {
		return f
	}
	f.letter = letters[0]
	if len(letters) > 1 {
		f.more = letters[1:]
		return f
	}
	if alts, ok := leet[letters[0]]; ok {
		f.alts = alts
	} else if alts, ok := leet[r]; ok {
		f.alts = alts
	} else if letters[0] >= 0x80 || letters[0] == Space {
		f.alts = looksLike(r)
	}
	return f
}

// decompose returns the letters of a rune, Space for what is none, and nothing for a mark on the letter before it.
func decompose(r rune) []rune {
	switch {
	case r == 'ß' || r == 'ẞ':
		return []rune{'s'} // a list's s may be repeated, so it is as good as two; and "aß" is no "ass"
	case r < 0x80 && !unicode.IsLetter(r) && !unicode.IsDigit(r):
		return []rune{Space}
	}
	var out []rune
	for _, d := range norm.NFKD.String(string(r)) {
		switch {
		case accent(d):
		case unicode.IsLetter(d), unicode.IsDigit(d), unicode.IsMark(d):
			out = append(out, unicode.ToLower(d))
		case !slices.Contains(out, Space):
			out = append(out, Space)
		}
	}
	return out
}

// accent says that a mark changes no letter of its script: those of Latin, Greek and Cyrillic, and the points of Arabic and Hebrew. In
// other scripts marks are vowels, or make another consonant, as the two of kana do.
func accent(r rune) bool {
	return r != 0x3099 && r != 0x309a && unicode.Is(unicode.Mn, r) && unicode.In(r, unicode.Inherited, unicode.Hebrew, unicode.Arabic)
}

func invisible(r rune) bool {
	return r >= 0x80 && unicode.In(r, unicode.Cf, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point)
}
