package chatcluster

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// What is alike takes little, and comes back as it was, whichever of them it is.
func TestWhatIsAlikeTakesLittle(t *testing.T) {
	const n = 200
	kind := reflect.TypeFor[string]()
	same := strings.Repeat("what every child of this kind has, in about as many words; ", 30)
	for name, content := range map[string]func(i int) string{
		"children":  func(i int) string { return fmt.Sprintf("team-%d chat-%d %s chat-%d", i%7, i, same, i) },
		"tiny ones": func(i int) string { return fmt.Sprint(i % 10) },
		"huge ones": func(i int) string { return fmt.Sprint(i) + strings.Repeat(same, 50) },
	} {
		t.Run(name, func(t *testing.T) {
			a := alike{kinds: map[reflect.Type]*ofKind{}}
			var kept [][]byte
			size, whole := 0, 0
			for i := range n {
				kept = append(kept, bytes.Clone(a.squeeze(kind, []byte(content(i)))))
				size, whole = size+len(kept[i]), whole+len(content(i))
			}
			for i := range n {
				got, err := a.unsqueeze(kind, kept[i])
				if err != nil || string(got) != content(i) {
					t.Fatalf("%d came back as %.40q, %v", i, got, err)
				}
			}
			if name == "children" && size > whole/6 {
				t.Errorf("%d bytes are kept in %d", whole, size)
			}
		})
	}
}

func TestWhatWasNotSqueezedHereIsAnError(t *testing.T) {
	a := alike{kinds: map[reflect.Type]*ofKind{}}
	for reason, kept := range map[string][]byte{"nothing": nil, "no dictionary": {1, 2, byDictionary}} {
		if got, err := a.unsqueeze(reflect.TypeFor[string](), kept); err == nil {
			t.Errorf("%s: got %q", reason, got)
		}
	}
}
