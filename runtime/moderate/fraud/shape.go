package fraud

import (
	"slices"
	"strings"
	"unicode"

	"github.com/chatcluster/chatcluster/runtime/moderate/skeleton"
)

// minNear is how many letters a name needs so that one that differs by a letter is no accident.
const minNear = 6

// shapes are letters that are taken for others in an address bar.
var shapes = strings.NewReplacer("rn", "m", "vv", "w", "cl", "d", "0", "o", "1", "l", "i", "l", "3", "e", "5", "s", "-", "", "_", "")

// shape is what a name looks like.
func shape(name string) string {
	var b strings.Builder
	for _, r := range name {
		b.WriteRune(skeleton.ASCII(r))
	}
	return shapes.Replace(b.String())
}

// oneApart says that one letter more, less or other, or two that are swapped, makes a of b.
func oneApart(a, b []rune) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	same := 0
	for same < len(a) && a[same] == b[same] {
		same++
	}
	a, b = a[same:], b[same:]
	if len(a) < len(b) {
		return slices.Equal(a, b[1:])
	}
	if len(a) == 0 {
		return false
	}
	return slices.Equal(a[1:], b[1:]) || len(a) > 1 && a[0] == b[1] && a[1] == b[0] && slices.Equal(a[2:], b[2:])
}

// mixed says that a name has letters of several scripts that do not go together.
func mixed(name string) bool {
	latin, other := false, false
	for _, r := range name {
		switch {
		case !unicode.IsLetter(r):
		case unicode.Is(unicode.Latin, r):
			latin = true
		case unicode.In(r, unicode.Cyrillic, unicode.Greek, unicode.Armenian, unicode.Cherokee, unicode.Coptic):
			other = true
		}
	}
	return latin && other
}
