package profanity

import (
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/chatcluster/chatcluster/runtime/moderate/skeleton"
)

// Scores of what is found, in percent.
const (
	strong = 95
	mild   = 60
)

// maxEntries bounds a list, maxEntry an entry in runes.
const (
	maxEntries = 20_000
	maxEntry   = 64
)

// List is a file of the folder, and the form of the built-in ones.
type List struct {
	// Tenant is whom it is for; empty: all.
	Tenant string `json:"tenant,omitempty"`
	// Locales are the built-in lists that count, for whom the list is for; none: this list does not say.
	Locales []string `json:"locales,omitempty"`
	// Words are the profane ones, Mild those that many do not mind.
	Words []string `json:"words,omitempty"`
	Mild  []string `json:"mild,omitempty"`
	// Innocent are words in which nothing is found.
	Innocent []string `json:"innocent,omitempty"`
}

// Check returns what is wrong with the list.
func (l *List) Check() error {
	for _, locale := range l.Locales {
		if _, ok := builtIn()[locale]; !ok {
			return fmt.Errorf("locales: there is no list %q; there are %s", locale, strings.Join(Locales(), ", "))
		}
	}
	for key, entries := range map[string][]string{"words": l.Words, "mild": l.Mild, "innocent": l.Innocent} {
		if len(entries) > maxEntries {
			return fmt.Errorf("%s: more than %d entries", key, maxEntries)
		}
		for i, text := range entries {
			if _, err := parseEntry(text); err != nil {
				return fmt.Errorf("%s: entry %d: %w", key, i+1, err)
			}
		}
	}
	return nil
}

// entry is a word of a list. Inside: it may begin within a word; open: it may end within one.
type entry struct {
	letters      []rune
	inside, open bool
}

func parseEntry(text string) (entry, error) {
	text, open := strings.CutSuffix(strings.TrimSpace(text), "*")
	text, inside := strings.CutPrefix(text, "*")
	e := entry{letters: []rune(skeleton.Text(text)), inside: inside, open: open}
	switch {
	case strings.Contains(text, "*"):
		return e, errors.New("a * within it")
	case len(e.letters) == 0:
		return e, errors.New("no letter")
	case len(e.letters) > maxEntry:
		return e, fmt.Errorf("more than %d letters", maxEntry)
	case (inside || open) && len(e.letters) < 3:
		return e, errors.New("too short for a *")
	}
	switch first := e.letters[0]; {
	case unicode.In(first, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar):
		e.inside, e.open = true, true
	case unicode.Is(unicode.Hangul, first):
		e.open = true
	}
	return e, nil
}

// dictionary is lists made ready.
type dictionary struct {
	// words begin with a word, inside anywhere.
	words, inside, innocent trie
}

// add adds a valid list.
func (d *dictionary) add(l *List) {
	profane := func(entries []string, score uint8) {
		for _, text := range entries {
			e, err := parseEntry(text)
			if err != nil {
				continue // the list was checked
			}
			if e.inside {
				d.inside.add(e.letters, score, e.open)
			} else {
				d.words.add(e.letters, score, e.open)
			}
		}
	}
	profane(l.Words, strong)
	profane(l.Mild, mild)
	for _, text := range l.Innocent {
		if e, err := parseEntry(text); err == nil {
			d.innocent.add(e.letters, strong, e.open)
		}
	}
}
