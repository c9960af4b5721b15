package profanity_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/chatcluster/chatcluster/runtime/moderate"
	"github.com/chatcluster/chatcluster/runtime/moderate/detectortest"
	"github.com/chatcluster/chatcluster/runtime/moderate/profanity"
	"github.com/chatcluster/chatcluster/runtime/store"
)

var _ moderate.Detector = (*profanity.Detector)(nil)

func detector(t testing.TB, o profanity.Options) *profanity.Detector {
	t.Helper()
	d, err := profanity.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func judge(t testing.TB, d *profanity.Detector, tenant, body string) moderate.Finding {
	t.Helper()
	conv, err := store.NewConv(store.Tenant(tenant), "c")
	if err != nil {
		t.Fatal(err)
	}
	found, err := d.Judge(t.Context(), []moderate.Message{{Conv: conv, Seq: 1, Sender: "ann", Body: body}})
	if err != nil {
		t.Fatal(err)
	}
	return found[0]
}

// corpus returns the lines of a file of testdata.
func corpus(t testing.TB, name string) []string {
	t.Helper()
	return detectortest.Lines(t, filepath.Join("testdata", name))
}

// marked returns a body without its marks, and the spans that they are around.
func marked(text string) (body string, spans []moderate.Span) {
	var b strings.Builder
	for text != "" {
		before, rest, ok := strings.Cut(text, "[[")
		b.WriteString(before)
		if !ok {
			break
		}
		meant, after, _ := strings.Cut(rest, "]]")
		spans = append(spans, moderate.Span{Start: uint32(utf8.RuneCountInString(b.String())), Length: uint32(utf8.RuneCountInString(meant))})
		b.WriteString(meant)
		text = after
	}
	return b.String(), spans
}

// The golden corpus: every profane body is found with exactly its spans, and nothing in the innocent ones by all lists at once.
func TestCorpus(t *testing.T) {
	var score detectortest.Score
	exact := 0
	for _, line := range corpus(t, "profane.txt") {
		locale, text, _ := strings.Cut(line, "\t")
		body, want := marked(text)
		got := judge(t, detector(t, profanity.Options{Locales: []string{locale}}), "acme", body)
		score.Count(true, got.Score > 0)
		if d := cmp.Diff(want, got.Spans); d != "" {
			t.Errorf("%q: spans (-want +got):\n%s", body, d)
		} else {
			exact++
		}
	}
	all := detector(t, profanity.Options{Locales: profanity.Locales()})
	innocent := corpus(t, "innocent.txt")
	for _, body := range innocent {
		got := judge(t, all, "acme", body)
		score.Count(false, got.Score > 0)
		if got.Score > 0 {
			t.Errorf("%q: %s %v", body, got.Reason, got.Spans)
		}
	}
	t.Logf("profanity: %d profane bodies, %d innocent ones under all %d lists: precision %.3f, recall %.3f; spans exact in %d",
		score.Hits+score.Missed, len(innocent), len(profanity.Locales()), score.Precision(), score.Recall(), exact)
}

func TestReasons(t *testing.T) {
	d := detector(t, profanity.Options{})
	for _, tc := range []struct {
		body   string
		score  int
		reason string
	}{
		{"fine", 0, ""},
		{"oh damn", 60, "mild-profanity"},
		{"oh shit", 95, "profanity"},
		{"damn this shit", 95, "profanity,mild-profanity"},
	} {
		if got := judge(t, d, "acme", tc.body); got.Score != tc.score || got.Reason != tc.reason {
			t.Errorf("%q: %d %q, want %d %q", tc.body, got.Score, got.Reason, tc.score, tc.reason)
		}
	}
}

func TestTenantsHaveListsOfTheirOwn(t *testing.T) {
	dir := t.TempDir()
	for name, data := range map[string]string{
		"all.yaml":    "words: [frobnicate, '*zork*']\ninnocent: [scheduled]",
		"acme.yaml":   "tenant: acme\nlocales: [de]\nwords: [voldemort, 'dark lord']\nmild: [bother]",
		"globex.yaml": "tenant: globex\ninnocent: [shit, 'zorkish']\nwords: [cockpit]",
		"broken.yaml": "tenant: initech\nlocales: [xx]",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	d := detector(t, profanity.Options{Lists: dir})
	for _, tc := range []struct {
		reason, tenant, body string
		found                bool
	}{
		{"the operator's word, for all", "other", "frobnicate it", true},
		{"and for who has a list", "acme", "FR0BNICATE it", true},
		{"anywhere", "other", "megazorkish", true},
		{"the built-in list", "other", "shit", true},
		{"a tenant's own word", "acme", "Vóldemórt!", true},
		{"a phrase", "acme", "the dark  lord", true},
		{"a word of another tenant", "globex", "voldemort", false},
		{"a tenant's locales replace the operator's", "acme", "shit", false},
		{"and are judged by", "acme", "Scheiße", true},
		{"but not for others", "globex", "Scheiße", false},
		{"what a tenant calls innocent is", "globex", "shit", false},
		{"and nothing in it is found", "globex", "zorkish", false},
		{"a list that is not valid is nobody's", "initech", "shit", true},
		{"a tenant's word is found in what is no innocent word", "globex", "cockpit", true},
	} {
		if got := judge(t, d, tc.tenant, tc.body); (got.Score > 0) != tc.found {
			t.Errorf("%s: %s: %q gives %+v", tc.reason, tc.tenant, tc.body, got)
		}
	}
}

func TestListsAreChecked(t *testing.T) {
	for _, tc := range []struct {
		reason string
		list   profanity.List
		ok     bool
	}{
		{"nothing", profanity.List{}, true},
		{"a word and a phrase", profanity.List{Words: []string{"a", "b c"}}, true},
		{"a locale that is not there", profanity.List{Locales: []string{"tlh"}}, false},
		{"no letters", profanity.List{Words: []string{"!?"}}, false},
		{"a * alone", profanity.List{Words: []string{"*"}}, false},
		{"a * within", profanity.List{Mild: []string{"f*ck"}}, false},
		{"anything would begin with it", profanity.List{Words: []string{"a*"}}, false},
		{"endless", profanity.List{Innocent: []string{strings.Repeat("ab", 40)}}, false},
	} {
		if err := tc.list.Check(); (err == nil) != tc.ok {
			t.Errorf("%s: %v", tc.reason, err)
		}
	}
}

func TestJudgeEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := detector(t, profanity.Options{}).Judge(ctx, make([]moderate.Message, 1)); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want context.Canceled", err)
	}
	if _, err := profanity.New(profanity.Options{Locales: []string{"xx"}}); err == nil {
		t.Error("no error for a locale that has no list")
	}
}

func FuzzJudge(f *testing.F) {
	for _, name := range []string{"profane.txt", "innocent.txt"} {
		for _, line := range corpus(f, name) {
			f.Add(line)
		}
	}
	f.Add(strings.Repeat("f", 5000))
	f.Add(strings.Repeat("f ", 5000))
	f.Add(strings.Repeat("1!", 8000))
	f.Add(strings.Repeat("1 ! ", 4000))
	f.Add("\xfff\xffu\xffck")
	all := detector(f, profanity.Options{Locales: profanity.Locales()})
	f.Fuzz(func(t *testing.T, body string) {
		f := judge(t, all, "acme", body)
		if (f.Score > 0) != (len(f.Spans) > 0) || (f.Score > 0) != (f.Reason != "") {
			t.Fatalf("%q: %+v", body, f)
		}
		end := uint32(0)
		for i, s := range f.Spans {
			if s.Length == 0 || i > 0 && s.Start <= end || s.Start+s.Length > uint32(utf8.RuneCountInString(body)) {
				t.Fatalf("%q: spans %v of %d runes", body, f.Spans, utf8.RuneCountInString(body))
			}
			end = s.Start + s.Length
		}
	})
}

// BenchmarkJudge judges batches of bodies of about 128 bytes, one in a hundred profane, by English and by all lists.
func BenchmarkJudge(b *testing.B) {
	conv, err := store.NewConv("acme", "c")
	if err != nil {
		b.Fatal(err)
	}
	innocent := corpus(b, "innocent.txt")
	messages := make([]moderate.Message, 500)
	for i := range messages {
		body := ""
		for n := i; len(body) < 128; n++ {
			body += innocent[n%40] + ". "
		}
		if i%100 == 0 {
			body += " what the f.u.c.k"
		}
		messages[i] = moderate.Message{Conv: conv, Seq: uint64(i + 1), Sender: "ann", Body: body[:128]}
	}
	for _, locales := range [][]string{{"en"}, profanity.Locales()} {
		b.Run(fmt.Sprintf("locales=%d", len(locales)), func(b *testing.B) {
			d := detector(b, profanity.Options{Locales: locales})
			detectortest.Rate(b, len(messages), func() error {
				_, err := d.Judge(b.Context(), messages)
				return err
			})
		})
	}
}
