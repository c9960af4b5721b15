package fraud

import (
	"errors"
	"slices"
	"strings"

	"github.com/chatcluster/chatcluster/runtime/moderate/skeleton"
)

// kind is what a phrase is of.
type kind uint8

const (
	credentials kind = iota
	payment
	urgency
	kinds
)

const (
	// gap stands in a phrase for up to maxGap words.
	gap    = "…"
	maxGap = 3
	// maxPhrase is how many words a phrase has at most.
	maxPhrase = 12
)

// phrase is words, of which the first is its key; a word that ends with * may go on.
type phrase struct {
	kind kind
	rest []string
}

// phrases are phrases by their first word, without a *.
type phrases map[string][]phrase

func words(text string) []string {
	var out []string
	for _, w := range strings.Fields(text) {
		if w == gap {
			out = append(out, gap)
			continue
		}
		w, more := strings.CutSuffix(w, "*")
		if w = strings.ReplaceAll(skeleton.Text(w), " ", ""); w == "" {
			continue
		}
		if more {
			w += "*"
		}
		out = append(out, w)
	}
	return out
}

func checkPhrase(s string) error {
	w := words(s)
	switch {
	case len(w) == 0 || w[0] == gap || w[len(w)-1] == gap:
		return errors.New("no words, or none at its beginning or end")
	case len(w) > maxPhrase:
		return errors.New("too many words")
	case len([]rune(strings.Join(w, ""))) < 5:
		return errors.New("too short")
	}
	return nil
}

// prefixLength is how many letters a first word has that may go on, to be found by them.
const prefixLength = 4

func (p phrases) add(k kind, texts []string) {
	for _, text := range texts {
		w := words(text)
		if first, more := strings.CutSuffix(w[0], "*"); more {
			key := prefix(first)
			p[key] = append(p[key], phrase{k, w})
			continue
		}
		p[w[0]] = append(p[w[0]], phrase{k, w})
	}
}

// prefix is the key of a word that may go on; no word is one.
func prefix(word string) string {
	r := []rune(word)
	return string(r[:min(len(r), prefixLength)]) + "*"
}

// find marks the kinds of phrases that are in words.
func (p phrases) find(words []string, found *[kinds]bool) {
	for i, w := range words {
		for _, one := range p[w] {
			if !found[one.kind] && matches(one.rest, words[i:]) {
				found[one.kind] = true
			}
		}
		if len(w) < prefixLength {
			continue
		}
		for _, one := range p[prefix(w)] {
			if !found[one.kind] && matches(one.rest, words[i:]) {
				found[one.kind] = true
			}
		}
	}
}

// matches says that words begin with a phrase.
func matches(phrase, words []string) bool {
	for i, want := range phrase {
		if want == gap {
			for skip := range maxGap + 1 {
				if skip <= len(words)-i && matches(phrase[i+1:], words[i+skip:]) {
					return true
				}
			}
			return false
		}
		if i >= len(words) {
			return false
		}
		stem, more := strings.CutSuffix(want, "*")
		if more && !strings.HasPrefix(words[i], stem) || !more && words[i] != want {
			return false
		}
	}
	return true
}

// any says that there is a phrase of any kind.
func anyOf(found [kinds]bool) bool { return slices.Contains(found[:], true) }
