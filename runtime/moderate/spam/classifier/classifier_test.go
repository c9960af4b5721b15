package classifier_test

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chatcluster/chatcluster/runtime/moderate/detectortest"
	"github.com/chatcluster/chatcluster/runtime/moderate/links"
	"github.com/chatcluster/chatcluster/runtime/moderate/spam/classifier"
	"github.com/chatcluster/chatcluster/runtime/moderate/spam/classifier/corpus"
)

func read(body string) classifier.Text { return classifier.Read(body, links.Find(body)) }

func TestModelIsWhatTrainingGives(t *testing.T) {
	training, _, err := corpus.Read()
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile("model.tsv")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(data, classifier.Format(classifier.Train(training))) {
		t.Error("model.tsv is not what training gives: run make model")
	}
}

// likely is from where a text counts as spam here.
const likely = 0.8

func TestHeldOut(t *testing.T) {
	training, held, err := corpus.Read()
	if err != nil {
		t.Fatal(err)
	}
	m := classifier.Default()
	for _, set := range []struct {
		name              string
		examples          []classifier.Example
		precision, recall float64
	}{{"training", training, 0.98, 0.9}, {"held out", held, 0.95, 0.6}} {
		var score detectortest.Score
		for _, e := range set.examples {
			p := m.Spam(read(e.Body))
			score.Count(e.Spam, p >= likely)
			if e.Spam != (p >= likely) && set.name == "held out" {
				t.Logf("wrong at %.2f: %s", p, e.Body)
			}
		}
		t.Logf("spam, %s: %d texts, from %.1f: precision %.3f, recall %.3f (%+v)", set.name, len(set.examples), likely, score.Precision(), score.Recall(), score)
		if score.Precision() < set.precision || score.Recall() < set.recall {
			t.Errorf("%s: precision must be at least %.2f and recall %.2f", set.name, set.precision, set.recall)
		}
	}
}

func TestRead(t *testing.T) {
	for _, tc := range []struct {
		reason, body string
		want         classifier.Text
	}{
		{"words, and a number", "Sée you at 8", classifier.Text{Words: []string{"see", "you", "at", "<number>"}}},
		{"a link is no words", "see https://example.com/a now", classifier.Text{Words: []string{"see", "now"}, Shapes: []string{"<link>"}}},
		{"shapes", "WIN FREE STUFF $5 now!! +44 7700 900 123", classifier.Text{
			Words: []string{"win", "free", "stuff", "<number>", "now", "<number>", "<number>", "<number>", "<number>"}, Shapes: []string{"<exclaims>", "<money>", "<shouts>", "<phone>"},
		}},
		{"nothing", "", classifier.Text{Words: []string{}}},
	} {
		got := read(tc.body)
		if d := cmp.Diff(tc.want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", tc.reason, d)
		}
	}
}

func TestParse(t *testing.T) {
	for _, broken := range []string{"word", "word\tx", "\t1.0"} {
		if _, err := classifier.Parse([]byte(broken)); err == nil {
			t.Errorf("%q is a model", broken)
		}
	}
	m, err := classifier.Parse([]byte("# \n<bias>\t-1\nfree money\t9\nfree\t-2\n"))
	if err != nil {
		t.Fatal(err)
	}
	if p := m.Spam(read("FREE  Money")); p < 0.9 {
		t.Errorf("two words in their order: %.2f", p)
	}
	if p := m.Spam(read("money free, and free")); p > 0.25 {
		t.Errorf("not in another, and each once: %.2f", p)
	}
}

func FuzzSpam(f *testing.F) {
	for _, seed := range []string{"", "free money", "\xff", "[a](b.com) x", strings.Repeat("win ", 500)} {
		f.Add(seed)
	}
	m := classifier.Default()
	f.Fuzz(func(t *testing.T, body string) {
		if p := m.Spam(read(body)); !(p >= 0 && p <= 1) {
			t.Fatalf("%q: %f", body, p)
		}
	})
}
