package docs

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

var update = flag.Bool("update", false, "write the operations of docs/reference/apis.md anew")

// description is as much of an OpenAPI document as the page shows.
type description struct {
	Paths map[string]map[string]struct {
		Tags    []string `json:"tags"`
		ID      string   `json:"operationId"`
		Summary string   `json:"summary"`
	} `json:"paths"`
}

var methods = []string{"get", "post", "put", "patch", "delete"}

// The page lists every operation of both descriptions.
func TestOperationsAreListed(t *testing.T) {
	var tables strings.Builder
	for _, api := range []struct{ title, file string }{{"REST", "openapi.yaml"}, {"Administration", "admin-openapi.yaml"}} {
		text, err := os.ReadFile(filepath.Join(root, "docs", api.file))
		if err != nil {
			t.Fatal(err)
		}
		var d description
		if err := yaml.Unmarshal(text, &d); err != nil {
			t.Fatalf("docs/%s: %v", api.file, err)
		}
		fmt.Fprintf(&tables, "## %s\n\n| | | |\n|---|---|---|\n", api.title)
		for _, path := range slices.Sorted(maps.Keys(d.Paths)) {
			for _, method := range methods {
				if o, ok := d.Paths[path][method]; ok {
					fmt.Fprintf(&tables, "| `%s %s` | `%s` | %s |\n", strings.ToUpper(method), path, o.ID, o.Summary)
				}
			}
		}
		tables.WriteString("\n")
	}
	at := filepath.Join(root, "docs", "reference", "apis.md")
	page, err := os.ReadFile(at)
	if err != nil {
		t.Fatal(err)
	}
	place := regexp.MustCompile(`(?s)(<!-- operations: [^>]*-->\n).*(<!-- end -->)`)
	if !place.Match(page) {
		t.Fatal("docs/reference/apis.md has no place for the operations")
	}
	want := place.ReplaceAllString(string(page), "${1}\n"+strings.ReplaceAll(tables.String(), "$", "$$")+"${2}")
	if *update {
		if err := os.WriteFile(at, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, string(page)); diff != "" {
		t.Errorf("docs/reference/apis.md is not what the descriptions say (run this test with -update), -want +got:\n%s", diff)
	}
}
