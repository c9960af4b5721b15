// Package skeleton is how detectors read a body: letter by letter, without what people put around the letters to hide them.
//
// A body becomes glyphs. Each has the letter as it is meant, which is lower case, decomposed (NFKC's compatibility forms resolved) and
// without accents, and, where it may be read as another, what else: the ASCII letter that it looks like by Unicode's confusables
// (lookalikes.txt), or the letter that a digit or a sign stands for in leetspeak. What is between words is a space. Characters that nobody
// sees are left out. A letter that is repeated more than three times is there three times.
//
// # Invariants
//
// A glyph knows which runes of the body it is from, so whatever is found in glyphs has exact spans in the body: Start of a glyph is never
// before the Start of the one before it, End is after Start and within the body. Runes are those of a range over the string: a byte that is
// not UTF-8 is one.
//
// # Concurrency
//
// Pure functions over a table that is made once.
package skeleton
