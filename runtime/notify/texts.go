package notify

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
	i18n "golang.org/x/text/message"
	"golang.org/x/text/message/catalog"
)

// textsFile is what pushes say, by language; where a word depends on a number, by CLDR's plural forms.
//
//go:embed texts.json
var textsFile []byte

// Keys of the texts.
const (
	textNew  = "new"  // so many new messages
	textMore = "more" // at least so many
	textSaid = "said" // who says what
)

// fallback is the language of whoever has said none that there is.
const fallback = "en"

// texts are what pushes say in every language that there is. They are safe for concurrent use.
type texts struct {
	matcher  language.Matcher
	printers []*i18n.Printer // in the matcher's order
}

// readTexts returns the texts of the file. The plural forms of each language must be its own.
func readTexts(file []byte) (*texts, error) {
	var all map[string]struct {
		New, More map[string]string
		Said      string
	}
	if err := json.Unmarshal(file, &all); err != nil {
		return nil, fmt.Errorf("read the texts of pushes: %w", err)
	}
	if _, ok := all[fallback]; !ok {
		return nil, fmt.Errorf("the texts of pushes have none in %s", fallback)
	}
	t := &texts{}
	b := catalog.NewBuilder()
	names := slices.Sorted(maps.Keys(all))
	// What matches nothing gets the first.
	names = append([]string{fallback}, slices.DeleteFunc(names, func(n string) bool { return n == fallback })...)
	var tags []language.Tag
	for _, name := range names {
		tag, err := language.Parse(name)
		if err != nil {
			return nil, fmt.Errorf("the texts of pushes: language %q: %w", name, err)
		}
		in := all[name]
		if in.New["other"] == "" || in.More["other"] == "" || in.Said == "" {
			return nil, fmt.Errorf("the texts of pushes: one is missing in %s", name)
		}
		for key, text := range map[string]catalog.Message{textNew: byNumber(in.New), textMore: byNumber(in.More), textSaid: catalog.String(in.Said)} {
			if err := b.Set(tag, key, text); err != nil {
				return nil, fmt.Errorf("the texts of pushes: %q in %s: %w", key, name, err)
			}
		}
		tags = append(tags, tag)
		t.printers = append(t.printers, i18n.NewPrinter(tag, i18n.Catalog(b)))
	}
	t.matcher = language.NewMatcher(tags)
	return t, nil
}

// byNumber chooses by the first argument's plural form. "other" is looked at last: it fits every number.
func byNumber(forms map[string]string) catalog.Message {
	var cases []any
	for _, form := range slices.Sorted(maps.Keys(forms)) {
		if form != "other" {
			cases = append(cases, form, forms[form])
		}
	}
	return plural.Selectf(1, "%d", append(cases, "other", forms["other"])...)
}

// in returns the printer of the language that comes closest to the locale.
func (t *texts) in(locale string) *i18n.Printer {
	tag, _ := language.Parse(locale) // what is not understood of it is left out
	_, i, _ := t.matcher.Match(tag)
	return t.printers[i]
}
