package docs

import (
	"bytes"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

var (
	testNamed   = regexp.MustCompile("`((?:Test|Fuzz)[A-Z][A-Za-z0-9]*)`")
	testWritten = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)[A-Za-z0-9_]+)\(`)
)

// A page that says what shows a thing names a test that is there.
func TestNamedTestsAreThere(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "git", "-C", root, "grep", "-hE", "^func (Test|Fuzz)", "--", "*_test.go")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	there := map[string]bool{}
	for _, m := range testWritten.FindAllSubmatch(bytes.TrimSpace(out), -1) {
		there[string(m[1])] = true
	}
	named := 0
	for _, page := range pages(t) {
		for _, m := range testNamed.FindAllStringSubmatch(strings.Join(strings.Fields(page.Text), " "), -1) {
			named++
			if !there[m[1]] {
				t.Errorf("%s names %s, which no package has", page.Path, m[1])
			}
		}
	}
	if named == 0 {
		t.Error("no page names a test: this one shows nothing")
	}
}
