package profanity

import "github.com/chatcluster/chatcluster/runtime/moderate/skeleton"

// trie holds entries, letter by letter. Node 0 is its root; a node's children are a chain of siblings.
type trie struct {
	nodes []node
	// first are the root's children of ASCII.
	first [0x80]int32
	// pairs are the first two letters that entries begin with, folded to five bits each: what is not in it begins none.
	pairs [1 << 10]bool
}

func pair(a, b rune) int { return int(a&31)<<5 | int(b&31) }

// maxSteps bounds a walk: without it, a body that is made for it could be read in countless ways.
const maxSteps = 128

type node struct {
	letter      rune
	child, next int32
	// whole and open are the scores of the entries that end here: of those that end with the word, and of those that may go on.
	whole, open uint8
}

func (t *trie) add(letters []rune, score uint8, open bool) {
	if len(t.nodes) == 0 {
		t.nodes = make([]node, 1)
	}
	t.pairs[pair(letters[0], letters[0])] = true
	if len(letters) > 1 {
		t.pairs[pair(letters[0], letters[1])] = true
	} else {
		for b := range rune(32) {
			t.pairs[pair(letters[0], b)] = true
		}
	}
	at := int32(0)
	for _, r := range letters {
		next := t.child(at, r)
		if next == 0 {
			next = int32(len(t.nodes))
			t.nodes = append(t.nodes, node{letter: r, next: t.nodes[at].child})
			t.nodes[at].child = next
			if at == 0 && r < 0x80 {
				t.first[r] = next
			}
		}
		at = next
	}
	n := &t.nodes[at]
	if open {
		n.open = max(n.open, score)
	} else {
		n.whole = max(n.whole, score)
	}
}

// child returns the child by a letter, 0 where there is none.
func (t *trie) child(at int32, letter rune) int32 {
	if at == 0 && letter < 0x80 {
		return t.first[letter]
	}
	for n := t.nodes[at].child; n != 0; n = t.nodes[n].next {
		if t.nodes[n].letter == letter {
			return n
		}
	}
	return 0
}

// match is an entry found in glyphs, from one to before another.
type match struct {
	from, to int
	score    uint8
}

// walk is a search for the longest entry from one glyph on.
type walk struct {
	trie   *trie
	glyphs []skeleton.Glyph
	from   int
	// ends says whether an entry may end before glyph i.
	ends func(from, i int, open bool) bool
	best match
	// steps is how many are left.
	steps int
}

// longest returns the longest entry that begins with glyph from; its end is from where there is none.
func (t *trie) longest(glyphs []skeleton.Glyph, from int, ends func(from, i int, open bool) bool) match {
	if len(t.nodes) == 0 || !t.begins(glyphs, from) {
		return match{}
	}
	w := walk{trie: t, glyphs: glyphs, from: from, ends: ends, steps: maxSteps}
	w.on(0, from, 0, 0)
	return w.best
}

// begins says whether an entry may begin with glyph i; it need not.
func (t *trie) begins(glyphs []skeleton.Glyph, i int) bool {
	if i+1 >= len(glyphs) {
		return true
	}
	a, b := &glyphs[i], &glyphs[i+1]
	return a.Alts[0]|b.Alts[0] != 0 || t.pairs[pair(a.Letter, b.Letter)]
}

// on goes on from a node with glyph i. Letters are how many glyphs so far are letters as they are written, digits how many are digits
// that were read as letters.
func (w *walk) on(at int32, i, letters, digits int) {
	if w.steps--; w.steps < 0 {
		return
	}
	n := &w.trie.nodes[at]
	if n.whole|n.open != 0 && i > w.best.to && letters > 0 && 2*digits <= i-w.from {
		if n.open != 0 && w.ends(w.from, i, true) {
			w.best = match{w.from, i, n.open}
		}
		if n.whole != 0 && w.ends(w.from, i, false) {
			w.best = match{w.from, i, max(n.whole, w.best.scoreAt(i))}
		}
	}
	if i == len(w.glyphs) {
		return
	}
	g := &w.glyphs[i]
	letter := 0
	if g.Solid() && !g.Digit() {
		letter = 1
	}
	w.read(at, g.Letter, i, letters+letter, digits)
	for _, alt := range g.Alts {
		if alt == 0 {
			break
		}
		digit := 0
		if g.Digit() {
			digit = 1
		}
		w.read(at, alt, i, letters+letter, digits+digit)
	}
}

// read takes glyph i for a letter: the next one, or the last one again.
func (w *walk) read(at int32, letter rune, i, letters, digits int) {
	if next := w.trie.child(at, letter); next != 0 {
		w.on(next, i+1, letters, digits)
	}
	if at != 0 && w.trie.nodes[at].letter == letter {
		w.on(at, i+1, letters, digits)
	}
}

func (m match) scoreAt(end int) uint8 {
	if m.to == end {
		return m.score
	}
	return 0
}
