package notes

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const changelog = `# Changelog

## Unreleased

### Added
- Something.

## [1.1.0] - 2026-11-01

### Fixed
- A fault.
## 1.0.0
First.

## 0.9.0

## 0.8.0
One.

## 0.8.0
Two.
`

func TestSection(t *testing.T) {
	cases := map[string]struct {
		reason, version, want, fails string
	}{
		"Unreleased": {"what a rehearsal shows", Unreleased, "### Added\n- Something.\n", ""},
		"Dated":      {"Keep a Changelog's own heading", "1.1.0", "### Fixed\n- A fault.\n", ""},
		"Plain":      {"no brackets and no date are as good", "1.0.0", "First.\n", ""},
		"Empty":      {"a release that says nothing is a mistake", "0.9.0", "", "says nothing"},
		"Twice":      {"which one is meant?", "0.8.0", "", "2 sections"},
		"Prefix":     {"1.1 is not 1.1.0", "1.1", "", "no such section"},
		"Missing":    {"nobody wrote down what is new", "2.0.0", "", "no such section"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := Section(changelog, tc.version)
			if (err == nil) != (tc.fails == "") || err != nil && !strings.Contains(err.Error(), tc.fails) {
				t.Fatalf("%s: error %v, want %q", tc.reason, err, tc.fails)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s, -want +got:\n%s", tc.reason, diff)
			}
		})
	}
	if _, err := Section(changelog, "2.0.0"); !errors.Is(err, ErrNoSection) {
		t.Errorf("a rehearsal cannot tell that the section is missing: %v", err)
	}
}

func TestOurChangelogHasWhatIsUnreleased(t *testing.T) {
	text, err := os.ReadFile("../../../CHANGELOG.md")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Section(string(text), Unreleased); err != nil {
		t.Error(err)
	}
}

func TestCheckVersion(t *testing.T) {
	cases := map[string]struct {
		reason, version string
		ok              bool
	}{
		"Release":   {"the usual", "1.2.3", true},
		"Candidate": {"a release before the release", "1.2.3-rc.1", true},
		"V":         {"charts have no v", "v1.2.3", false},
		"Short":     {"1.2 could be a branch", "1.2", false},
		"Metadata":  {"no tag of an image can hold a plus", "1.2.3+build", false},
		"Shell":     {"it becomes a part of file names", "1.2.3/../x", false},
		"Empty":     {"somebody forgot it", "", false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if err := CheckVersion(tc.version); (err == nil) != tc.ok {
				t.Errorf("%s: %q gives %v", tc.reason, tc.version, err)
			}
		})
	}
}
