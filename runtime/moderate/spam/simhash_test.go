package spam

import (
	"math/bits"
	"strings"
	"testing"

	"github.com/chatcluster/chatcluster/runtime/moderate/links"
	"github.com/chatcluster/chatcluster/runtime/moderate/spam/classifier"
	"github.com/chatcluster/chatcluster/runtime/moderate/spam/classifier/corpus"
)

func hash(body string) uint64 { return simhash(classifier.Read(body, links.Find(body))) }

func TestSimhash(t *testing.T) {
	const text = "dear friend we sell the best handmade shoes of the whole town come and see them this weekend at the market"
	for _, tc := range []struct {
		reason, other string
		near          bool
	}{
		{"the same", text, true},
		{"case, signs, accents and look-alikes are nothing", strings.ToUpper(strings.ReplaceAll(text, " the ", ", thé ")), true},
		{"a word more", text + " today", true},
		{"a word other", strings.Replace(text, "handmade", "handsome", 1), true},
		{"another link", text + " https://a.example.com", true},
		{"another text", "the meeting of the town council is on Monday at eight, please come and bring the plans for the market", false},
	} {
		a, b := hash(text), hash(tc.other)
		if near(a, b) != tc.near {
			t.Errorf("%s: %d bits differ", tc.reason, bits.OnesCount64(a^b))
		}
	}
	for _, short := range []string{"", "ok", "see you at eight", "你好"} {
		if hash(short) != 0 {
			t.Errorf("%q is compared", short)
		}
	}
	if hash(strings.Repeat("我们在市场上卖最好的鞋子", 3)) == 0 {
		t.Error("a long text without spaces is not compared")
	}
}

// Unrelated lines of the corpus are not taken for each other.
func TestSimhashOfUnrelatedTexts(t *testing.T) {
	training, _, err := corpus.Read()
	if err != nil {
		t.Fatal(err)
	}
	pairs, alike := 0, 0
	for i, a := range training {
		for _, b := range training[:i] {
			ha, hb := hash(a.Body), hash(b.Body)
			if ha == 0 || hb == 0 || a.Body[:4] == b.Body[:4] { // variants of one line begin alike
				continue
			}
			pairs++
			if near(ha, hb) {
				alike++ // mostly variants of one line after all
			}
		}
	}
	t.Logf("%d of %d unrelated pairs are near", alike, pairs)
	if alike > pairs/2000 {
		t.Errorf("%d of %d unrelated pairs are near", alike, pairs)
	}
}
