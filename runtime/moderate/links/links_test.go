package links_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/chatcluster/chatcluster/runtime/moderate/links"
)

func TestFind(t *testing.T) {
	for _, tc := range []struct {
		reason, body string
		want         []links.Link
	}{
		{"nothing", "just words. and more", nil},
		{"a scheme", "see https://Www.Example.com/a?b#c!", []links.Link{{Host: "www.example.com", Domain: "example.com", Start: 4, Length: 29}}},
		{"a name alone", "on example.co.uk.", []links.Link{{Host: "example.co.uk", Domain: "example.co.uk", Start: 3, Length: 13}}},
		{"a name with a port and path", "example.com:8080/x", []links.Link{{Host: "example.com", Domain: "example.com", Length: 18}}},
		{"a name that ends as none does", "a.foobarbaz and v1.2.3 and e.g.", nil},
		{"a file", "main.py and README.md", nil},
		{"a file's suffix with a path", "get.sh/x", []links.Link{{Host: "get.sh", Domain: "get.sh", Length: 8}}},
		{"a mail address", "ann@example.com", nil},
		{"a user in front", "http://paypal.com@evil.io/x", []links.Link{{Host: "evil.io", Domain: "evil.io", User: "paypal.com", Length: 27}}},
		{"an address of IP", "http://10.0.0.1/x", []links.Link{{Host: "10.0.0.1", IP: true, Length: 17}}},
		{"a version is none", "1.2.3.4", nil},
		{"Markdown", "é [paypal.com](http://evil.io) ok", []links.Link{{Host: "evil.io", Domain: "evil.io", Text: "paypal.com", Start: 2, Length: 28}}},
		{"Markdown that does not end", "[a](http://evil.io", []links.Link{{Host: "evil.io", Domain: "evil.io", Start: 4, Length: 14}}},
		{"punycode", "xn--pypal-4ve.com", []links.Link{{Host: "pаypal.com", Domain: "pаypal.com", Encoded: true, Length: 17}}},
		{"letters of elsewhere", "pаypal.com", []links.Link{{Host: "pаypal.com", Domain: "pаypal.com", Length: 10}}},
		{"a full stop of elsewhere", "evil。com", []links.Link{{Host: "evil.com", Domain: "evil.com", Length: 8}}},
		{"somebody's part of a shared domain", "ann.github.io", []links.Link{{Host: "ann.github.io", Domain: "ann.github.io", Length: 13}}},
		{"in brackets", "(example.com), <example.org>", []links.Link{
			{Host: "example.com", Domain: "example.com", Start: 1, Length: 11}, {Host: "example.org", Domain: "example.org", Start: 16, Length: 11},
		}},
	} {
		if d := cmp.Diff(tc.want, links.Find(tc.body)); d != "" {
			t.Errorf("%s: %q (-want +got):\n%s", tc.reason, tc.body, d)
		}
	}
}

func FuzzFind(f *testing.F) {
	for _, seed := range []string{
		"see https://example.com/a", "[a](b.com) [c](", "xn--pypal-4ve.com", "http://a@b@c.com:80/", "\xff.com", "evil。com 🏳️‍🌈.com",
		strings.Repeat("a.com ", 100), strings.Repeat("[", 100), "[[x.com](y.com)](z.com)", "http://[::1]/", "://.com", "xn--.com",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		found, end := links.Find(body), uint32(0)
		if len(found) > links.MaxLinks {
			t.Fatalf("%d links", len(found))
		}
		for _, l := range found {
			if l.Length == 0 || l.Start < end || l.Start+l.Length > uint32(utf8.RuneCountInString(body)) || l.Host == "" {
				t.Fatalf("%q: %+v after %d", body, l, end)
			}
			end = l.Start + l.Length
		}
	})
}

func BenchmarkFind(b *testing.B) {
	body := strings.Repeat("The quick brown fox jumps over the lazy dog. ", 3)[:100] + " https://example.com/a"
	for b.Loop() {
		links.Find(body)
	}
}
