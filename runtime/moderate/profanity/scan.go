package profanity

import (
	"slices"
	"sync"

	"github.com/chatcluster/chatcluster/runtime/moderate"
	"github.com/chatcluster/chatcluster/runtime/moderate/skeleton"
)

// maxKept is how many glyphs a scanner keeps room for.
const maxKept = 1 << 15

var scanners = sync.Pool{New: func() any {
	s := &scanner{}
	s.endsInBody, s.endsInRow = s.bodyEnds, s.rowEnds
	return s
}}

// scanner is room for one body at a time.
type scanner struct {
	dictionaries []*dictionary
	glyphs, row  []skeleton.Glyph
	spans        []moderate.Span
	strong, mild bool

	endsInBody, endsInRow func(from, i int, open bool) bool
}

// scan finds what of the dictionaries is in a body.
func (s *scanner) scan(dictionaries []*dictionary, body string) moderate.Finding {
	if cap(s.glyphs) > maxKept {
		s.glyphs, s.row = nil, nil
	}
	s.dictionaries, s.glyphs, s.spans, s.strong, s.mild = dictionaries, skeleton.Append(s.glyphs[:0], body), s.spans[:0], false, false
	s.words()
	s.rows()
	f := moderate.Finding{Spans: merged(s.spans)}
	switch {
	case s.strong && s.mild:
		f.Score, f.Reason = strong, reasonStrong+","+reasonMild
	case s.strong:
		f.Score, f.Reason = strong, reasonStrong
	case s.mild:
		f.Score, f.Reason = mild, reasonMild
	}
	return f
}

// words finds entries in the body as it is.
func (s *scanner) words() {
	for i := 0; i < len(s.glyphs); {
		if !s.beginsRune(i) {
			i++
			continue
		}
		var found, innocent match
		word := s.beginsWord(i)
		for _, d := range s.dictionaries {
			found = longer(found, d.inside.longest(s.glyphs, i, s.endsInBody))
			if word {
				found = longer(found, d.words.longest(s.glyphs, i, s.endsInBody))
				innocent = longer(innocent, d.innocent.longest(s.glyphs, i, s.endsInBody))
			}
		}
		switch {
		case found.to > i && found.to > innocent.to:
			s.note(found, s.glyphs[s.wordStart(i)].Start, s.glyphs[s.wordEnd(found.to)-1].End)
			i = found.to
		case innocent.to > i:
			i = innocent.to
		default:
			i++
		}
	}
}

func longer(a, b match) match {
	if b.to > a.to || b.to == a.to && b.score > a.score {
		return b
	}
	return a
}

func (s *scanner) note(m match, start, end uint32) {
	s.spans = append(s.spans, moderate.Span{Start: start, Length: end - start})
	s.strong, s.mild = s.strong || m.score >= strong, s.mild || m.score < strong
}

// letter says that glyph i is a letter as it is written.
func (s *scanner) letter(i int) bool { return s.glyphs[i].Solid() && !s.glyphs[i].Digit() }

// beginsRune says that glyph i is the first of its rune, endsRune that the one before it is the last.
func (s *scanner) beginsRune(i int) bool {
	return i == 0 || s.glyphs[i-1].Start != s.glyphs[i].Start
}

// beginsWord says that no letter is before glyph i, nor digits with a letter before them.
func (s *scanner) beginsWord(i int) bool {
	for i--; i >= 0; i-- {
		if !s.glyphs[i].Digit() {
			return !s.letter(i)
		}
	}
	return true
}

// bodyEnds says whether an entry may end before glyph i.
func (s *scanner) bodyEnds(_, i int, open bool) bool {
	if i < len(s.glyphs) && !s.beginsRune(i) {
		return false
	}
	return open || s.endsWord(i)
}

// endsWord says that no letter is at glyph i, nor digits with a letter after them.
func (s *scanner) endsWord(i int) bool {
	for ; i < len(s.glyphs); i++ {
		if !s.glyphs[i].Digit() {
			return !s.letter(i)
		}
	}
	return true
}

// wordEnd returns where the word ends that glyph i may be in: what an entry may go on with is meant as well. In a script without spaces,
// that is where the entry ends.
func (s *scanner) wordEnd(i int) int {
	for i < len(s.glyphs) && s.letter(i) && s.glyphs[i].Letter < firstWithoutSpaces {
		i++
	}
	return i
}

// wordStart returns where the word begins that glyph i is in, likewise.
func (s *scanner) wordStart(i int) int {
	for i > 0 && s.letter(i-1) && s.glyphs[i-1].Letter < firstWithoutSpaces {
		i--
	}
	return i
}

// firstWithoutSpaces is about where scripts begin whose words are not apart: Thai, and then those of East Asia.
const firstWithoutSpaces = 0x0e00

// merged returns spans in order, what overlaps or touches in one.
func merged(spans []moderate.Span) []moderate.Span {
	if len(spans) == 0 {
		return nil
	}
	slices.SortFunc(spans, func(a, b moderate.Span) int { return int(a.Start) - int(b.Start) })
	out := []moderate.Span{spans[0]}
	for _, s := range spans[1:] {
		last := &out[len(out)-1]
		if s.Start <= last.Start+last.Length {
			last.Length = max(last.Length, s.Start+s.Length-last.Start)
			continue
		}
		out = append(out, s)
	}
	return out
}
