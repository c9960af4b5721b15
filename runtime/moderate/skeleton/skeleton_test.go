package skeleton_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/chatcluster/chatcluster/runtime/moderate/skeleton"
)

func TestText(t *testing.T) {
	for _, tc := range []struct{ reason, text, want string }{
		{"case is nothing", "HeLLo", "hello"},
		{"accents are nothing", "Crème Brûlée", "creme brulee"},
		{"an accent of its own is nothing", "e\u0301te\u0301", "ete"},
		{"words are apart by one space", " well,  then… go! ", "well then go"},
		{"full width letters are letters", "ｈｅｌｌｏ", "hello"},
		{"so are those of mathematics", "𝓱𝓮𝓵𝓵𝓸 𝐈", "hello i"},
		{"and circled ones", "ⓗⓔⓛⓛⓞ", "hello"},
		{"a ligature is its letters", "ﬁﬀ ㎏", "fiff kg"},
		{"what nobody sees is not there", "he\u200bl\u00adl\ufe0fo", "hello"},
		{"sharp s is an s", "Straße", "strase"},
		{"vowels that are marks stay", "ขี้", "ขี้"},
		{"Arabic points do not", "كِتَاب", "كتاب"},
		{"Cyrillic stays Cyrillic", "Привет", "привет"},
		{"a letter is there three times at most", "sooooooo", "sooo"},
		{"nothing is nothing", "", ""},
		{"signs are no letters", "—!?", ""},
	} {
		if got := skeleton.Text(tc.text); got != tc.want {
			t.Errorf("%s: Text(%q) = %q, want %q", tc.reason, tc.text, got, tc.want)
		}
	}
}

func TestGlyphsKnowTheirRunes(t *testing.T) {
	got := skeleton.Append(nil, "é\u0301x\u200bﬁ 1")
	want := []skeleton.Glyph{
		{Letter: 'e', Start: 0, End: 1},
		{Letter: 'x', Start: 2, End: 3},
		{Letter: 'f', Start: 4, End: 5}, {Letter: 'i', Start: 4, End: 5},
		{Letter: skeleton.Space, Start: 5, End: 6},
		{Letter: '1', Alts: [2]rune{'i', 'l'}, Start: 6, End: 7},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestASCII(t *testing.T) {
	for _, tc := range []struct {
		reason  string
		r, want rune
	}{
		{"a letter is itself", 'A', 'a'},
		{"Cyrillic a", 'а', 'a'},
		{"Greek capital rho", 'Ρ', 'p'},
		{"an accent hides nothing", 'à', 'a'},
		{"a digit is itself", '0', '0'},
		{"a hyphen is itself", '-', '-'},
		{"what looks like no letter is itself", '漢', '漢'},
	} {
		if got := skeleton.ASCII(tc.r); got != tc.want {
			t.Errorf("%s: ASCII(%q) = %q, want %q", tc.reason, tc.r, got, tc.want)
		}
	}
}

func FuzzAppend(f *testing.F) {
	for _, seed := range []string{"", "hello", "h\u0301\u200be", "\xff\xfe", "ﷺ", strings.Repeat("a", 40), "𝓱🏳️‍🌈"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		end, last := uint32(utf8.RuneCountInString(body)), uint32(0)
		for _, g := range skeleton.Append(nil, body) {
			if g.Start < last || g.End <= g.Start || g.End > end || g.Letter == 0 {
				t.Fatalf("%q: glyph %+v after one from %d, of %d runes", body, g, last, end)
			}
			last = g.Start
		}
	})
}

func BenchmarkAppend(b *testing.B) {
	body := strings.Repeat("The quick brown fox jumps over the lazy dog. ", 3)[:128]
	var glyphs []skeleton.Glyph
	for b.Loop() {
		glyphs = skeleton.Append(glyphs[:0], body)
	}
}
