package store

import (
	"errors"
	"testing"
)

func TestEscape(t *testing.T) {
	tests := map[string]struct{ reason, id, want string }{
		"plain":     {"the common id costs nothing", "0198f-ab@example.com", "0198f-ab@example.com"},
		"separator": {"an id must not end its own part of a key", "a#C#b", "a%23C%23b"},
		"escape":    {"an id that looks escaped stays itself", "a%23", "a%2523"},
		"hash tag":  {"an id must not choose its Redis slot", "{x}", "%7Bx%7D"},
		"unicode":   {"letters of any script are left alone", "ü日本", "ü日本"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if got := Escape(tc.id); got != tc.want {
				t.Errorf("%s: Escape(%q) = %q, want %q", tc.reason, tc.id, got, tc.want)
			}
		})
	}
}

func TestUnescapeRefuses(t *testing.T) {
	for _, s := range []string{"#", "%", "%2", "%zz", "%41", "a%23#", "%7b"} {
		if got, err := Unescape(s); !errors.Is(err, ErrInvalidID) {
			t.Errorf("Unescape(%q) = %q, %v; want ErrInvalidID", s, got, err)
		}
	}
}

func FuzzEscape(f *testing.F) {
	for _, s := range []string{"", "a", "#", "%", "%23", "{}", "T#x", "ü"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, id string) {
		if got, err := Unescape(Escape(id)); err != nil || got != id {
			t.Errorf("Unescape(Escape(%q)) = %q, %v", id, got, err)
		}
		if back, err := Unescape(id); err == nil && Escape(back) != id {
			t.Errorf("Unescape accepts %q, which Escape does not make", id)
		}
	})
}
