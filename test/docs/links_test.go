package docs

import (
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const root = "../.."

func pages(t *testing.T) map[string]Page {
	t.Helper()
	all, err := Pages(root)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]Page{}
	for _, p := range all {
		found[p.Path] = p
	}
	if len(found) < 20 {
		t.Fatalf("only %d pages were found", len(found))
	}
	return found
}

func TestLinksLeadSomewhere(t *testing.T) {
	all := pages(t)
	for _, page := range all {
		for _, link := range page.Links() {
			if strings.Contains(link, "://") || strings.HasPrefix(link, "mailto:") {
				continue
			}
			to, fragment, _ := strings.Cut(link, "#")
			target := page.Path
			if to != "" {
				target = path.Join(path.Dir(page.Path), to)
			}
			if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(target))); err != nil {
				t.Errorf("%s links to %s, which is not there", page.Path, link)
				continue
			}
			if other, ok := all[target]; ok && fragment != "" && !other.Anchors()[fragment] {
				t.Errorf("%s links to %s, and there is no such heading", page.Path, link)
			}
		}
	}
}

func TestPage(t *testing.T) {
	p := Page{Path: "docs/x.md", Text: strings.Join([]string{
		"# The `first` [heading](a.md)", "see [b](b.md#c), not `[d](d.md)`", "```sh", "echo [e](e.md) # no heading", "```", "## Twice", "## Twice", "- ```yaml", "  a: 1",
	}, "\n")}
	if diff := cmp.Diff([]string{"a.md", "b.md#c"}, p.Links()); diff != "" {
		t.Errorf("links, -want +got:\n%s", diff)
	}
	if diff := cmp.Diff(map[string]bool{"the-first-heading": true, "twice": true, "twice-1": true}, p.Anchors()); diff != "" {
		t.Errorf("anchors, -want +got:\n%s", diff)
	}
	if diff := cmp.Diff([]Block{{Page: "docs/x.md", Line: 4, Language: "sh", Text: "echo [e](e.md) # no heading\n"}}, p.Blocks("sh")); diff != "" {
		t.Errorf("blocks, -want +got:\n%s", diff)
	}
}
