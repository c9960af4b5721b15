package chatcluster

import (
	"fmt"
	"testing"
	"unsafe"
)

// A word is kept once, a part of a larger one keeps no more than itself, and what is known is bounded.
func TestWordsAreKeptOnce(t *testing.T) {
	w := words{all: map[string]string{}}
	text := "Ready is what it says"
	first, again := w.one(text[:5]), w.one(fmt.Sprint("Rea", "dy"))
	if first != "Ready" || unsafe.StringData(first) != unsafe.StringData(again) || unsafe.StringData(first) == unsafe.StringData(text) {
		t.Errorf("%q and %q are not one", first, again)
	}
	for i := range 3 * maxWords {
		if got := w.one(fmt.Sprint(i)); got != fmt.Sprint(i) {
			t.Fatalf("%d became %q", i, got)
		}
	}
	if len(w.all) > maxWords {
		t.Errorf("%d are known", len(w.all))
	}
}
