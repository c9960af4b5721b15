package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// source is what stands before a block of code: the file that it is out of.
var source = regexp.MustCompile(`^<!-- from: (\S+) -->$`)

// Code in a tutorial is out of a program that is tested, but for lines that are left out at "…".
func TestTutorialsShowCodeThatRuns(t *testing.T) {
	checked := 0
	for _, page := range pages(t) {
		if !strings.HasPrefix(page.Path, "docs/tutorials/") {
			continue
		}
		lines := strings.Split(page.Text, "\n")
		for _, block := range page.Blocks("go") {
			checked++
			m := source.FindStringSubmatch(lines[max(block.Line-3, 0)])
			if m == nil {
				t.Errorf("%s: nothing says which file this code is from", block.At())
				continue
			}
			text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(m[1])))
			if err != nil {
				t.Errorf("%s: %v", block.At(), err)
				continue
			}
			if missing := notIn(string(text), block.Text); missing != "" {
				t.Errorf("%s: %s has no such lines any more:\n%s", block.At(), m[1], missing)
			}
		}
	}
	if checked < 10 {
		t.Errorf("only %d blocks of code were found", checked)
	}
}

// notIn returns the first part of an excerpt that does not follow in the text; parts end at lines of "…".
func notIn(text, excerpt string) string {
	at := "\n" + text
	for part := range strings.SplitSeq(regexp.MustCompile(`(?m)^\s*…$\n`).ReplaceAllString(excerpt, "…"), "…") {
		if part == "" {
			continue
		}
		_, rest, found := strings.Cut(at, "\n"+part)
		if !found {
			return part
		}
		at = "\n" + rest
	}
	return ""
}

func TestNotIn(t *testing.T) {
	const text = "a\n\tb\nc\nd\ne\n"
	cases := map[string]struct{ reason, excerpt, want string }{
		"Whole":  {"lines as they are", "a\n\tb\n", ""},
		"Gap":    {"lines are left out", "a\n\t…\nd\ne\n", ""},
		"Order":  {"what comes before does not follow", "d\n…\na\n", "a\n"},
		"Inside": {"a line is a whole one", "b\nc\n", "b\nc\n"},
		"Change": {"a word is not what it was", "a\n…\nx\n", "x\n"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := notIn(text, tc.excerpt); got != tc.want {
				t.Errorf("%s: %q is missing, want %q", tc.reason, got, tc.want)
			}
		})
	}
}
