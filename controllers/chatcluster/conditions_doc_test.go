package chatcluster

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// constants are the values of the API's string constants whose names start with a prefix, by name.
func constants(t *testing.T, prefix string) map[string]string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", "..", "api", "v1alpha1", "conditions.go"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || !strings.HasPrefix(spec.Names[0].Name, prefix) {
			return true
		}
		if value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value); err == nil {
			found[spec.Names[0].Name] = value
		}
		return true
	})
	return found
}

// documented are the first cells of the table under a heading of docs/conditions.md.
func documented(t *testing.T, heading string) []string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "docs", "conditions.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(data), "## "+heading+"\n")
	section, _, _ = strings.Cut(section, "\n## ")
	var found []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(section, -1) {
		found = append(found, m[1])
	}
	slices.Sort(found)
	return found
}

// Whoever reads a reason must find it in the documentation, and find nothing there that is not.
func TestConditionsAreDocumented(t *testing.T) {
	for heading, prefix := range map[string]string{"Types": "Condition", "Reasons": "Reason", "Annotations": "Annotation"} {
		var want []string
		for _, value := range constants(t, prefix) {
			want = append(want, value)
		}
		slices.Sort(want)
		if diff := cmp.Diff(want, documented(t, heading)); diff != "" {
			t.Errorf("docs/conditions.md, %s (-in the code +documented):\n%s", heading, diff)
		}
	}
}

// A reason that nothing gives, or one that is made up on the spot, is not on the list.
func TestReasonsAreUsed(t *testing.T) {
	var code strings.Builder
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		data, err := os.ReadFile(path)
		code.Write(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for name := range constants(t, "Reason") {
		if !strings.Contains(code.String(), "v1alpha1."+name) {
			t.Errorf("%s is given by nothing", name)
		}
	}
	if made := regexp.MustCompile(`(fault\.(Terminal|Transient)|pending)\("`).FindString(code.String()); made != "" {
		t.Errorf("a reason is made up on the spot: %s…", made)
	}
}
