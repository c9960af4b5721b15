package notes

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/mod/semver"
)

// Unreleased is the section of what no version has yet.
const Unreleased = "Unreleased"

// ErrNoSection says that the changelog has no section for a version.
var ErrNoSection = errors.New("CHANGELOG.md has no such section")

// CheckVersion says what is wrong with a version. It is a semantic one without a "v": 1.2.3 or 1.2.3-rc.1. Build metadata (+…) is
// refused, because an image's tag cannot hold it.
func CheckVersion(version string) error {
	if v := "v" + version; !semver.IsValid(v) || semver.Canonical(v) != v {
		return fmt.Errorf("%q is no semantic version such as 1.2.3 or 1.2.3-rc.1", version)
	}
	return nil
}

// Section returns the text below a version's heading, which is "## 1.2.3", "## [1.2.3]" or either with a date behind " - ". Text that is
// empty is an error, as is a version that has no section (ErrNoSection) or two.
func Section(changelog, version string) (string, error) {
	var text []string
	found, in := 0, false
	for line := range strings.Lines(changelog) {
		if title, ok := strings.CutPrefix(line, "## "); ok {
			if in = of(title) == version; in {
				found++
			}
			continue
		}
		if in {
			text = append(text, line)
		}
	}
	section := strings.TrimSpace(strings.Join(text, ""))
	switch {
	case found == 0:
		return "", fmt.Errorf("%w: %s", ErrNoSection, version)
	case found > 1:
		return "", fmt.Errorf("CHANGELOG.md has %d sections %s", found, version)
	case section == "":
		return "", fmt.Errorf("CHANGELOG.md says nothing of %s", version)
	}
	return section + "\n", nil
}

// of is the version that a heading names.
func of(title string) string {
	version, _, _ := strings.Cut(strings.TrimSpace(title), " - ")
	return strings.Trim(version, "[]")
}

// For is a version's section. Where unreleased is set, a version that has none gets what is unreleased.
func For(changelog, version string, unreleased bool) (string, error) {
	text, err := Section(changelog, version)
	if unreleased && errors.Is(err, ErrNoSection) {
		return Section(changelog, Unreleased)
	}
	return text, err
}
