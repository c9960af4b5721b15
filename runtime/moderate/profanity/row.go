package profanity

import "github.com/chatcluster/chatcluster/runtime/moderate/skeleton"

const (
	// minRow is how many letters that are apart are read as a word.
	minRow = 3
	// minInRow is how many letters an entry needs to be found within a row: a shorter one must be all of it.
	minInRow = 4
)

// rows finds entries in rows of single letters: letters that are apart by anything but letters.
func (s *scanner) rows() {
	s.row = s.row[:0]
	letters, gap := 0, false
	for i := 0; i < len(s.glyphs); {
		end := i + 1
		for end < len(s.glyphs) && !s.beginsRune(end) {
			end++
		}
		switch {
		case !s.reads(i):
			// Two signs between letters end a row: ' ' and '!' do.
			if gap {
				s.endRow(letters)
				letters = 0
			}
			gap = letters > 0
		case s.alone(i, end):
			s.toRow(s.glyphs[i:end])
			letters, gap = letters+1, false
		default:
			s.endRow(letters)
			letters, gap = 0, false
		}
		i = end
	}
	s.endRow(letters)
}

// toRow puts a letter into the row, unless it is there in a row already, as often as a body has it.
func (s *scanner) toRow(letter []skeleton.Glyph) {
	if n := len(s.row); len(letter) == 1 && n >= 3 {
		g := letter[0].Letter
		if s.row[n-1].Letter == g && s.row[n-2].Letter == g && s.row[n-3].Letter == g {
			s.row[n-1].End = letter[0].End
			return
		}
	}
	s.row = append(s.row, letter...)
}

// reads says that glyph i can be a letter.
func (s *scanner) reads(i int) bool {
	g := s.glyphs[i]
	return g.Solid() || g.Alts[0] != 0 && s.between(i-1) && s.between(i+1)
}

// between says that glyph i is nothing but what is between words.
func (s *scanner) between(i int) bool {
	return i < 0 || i >= len(s.glyphs) || s.glyphs[i].Letter == skeleton.Space && s.glyphs[i].Alts[0] == 0
}

// alone says that no letter is beside the glyphs i to end.
func (s *scanner) alone(i, end int) bool {
	return (i == 0 || !s.glyphs[i-1].Solid()) && (end == len(s.glyphs) || !s.glyphs[end].Solid())
}

// endRow finds entries in the row, and begins another.
func (s *scanner) endRow(letters int) {
	if letters >= minRow {
		s.findInRow()
	}
	s.row = s.row[:0]
}

func (s *scanner) findInRow() {
	for i := 0; i < len(s.row); {
		var found, innocent match
		for _, d := range s.dictionaries {
			found = longer(found, d.inside.longest(s.row, i, s.endsInRow))
			found = longer(found, d.words.longest(s.row, i, s.endsInRow))
			innocent = longer(innocent, d.innocent.longest(s.row, i, s.endsInRow))
		}
		switch {
		case found.to > i && found.to > innocent.to:
			s.note(found, s.row[i].Start, s.row[found.to-1].End)
			i = found.to
		case innocent.to > i:
			i = innocent.to
		default:
			i++
		}
	}
}

// rowEnds says whether an entry may end before glyph i of the row.
func (s *scanner) rowEnds(from, i int, _ bool) bool {
	if i < len(s.row) && s.row[i].Start == s.row[i-1].Start {
		return false
	}
	return i-from >= minInRow || from == 0 && i == len(s.row)
}
