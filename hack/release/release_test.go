package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// program is as small as a program can be that knows its version. It takes part in everything that the real ones do.
const program = `package main

import "os"

var version = "dev"

func main() { os.Stdout.WriteString("program version " + version + "\n") }
`

// page is the web client of a small program.
const page = "<p>the page that npm has built</p>"

// repository is a work tree with small programs, and the real chart and CRDs.
func repository(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, path := range []string{"charts/chatcluster", "config/crd/bases"} {
		if err := os.CopyFS(filepath.Join(dir, path), os.DirFS(filepath.Join("..", "..", path))); err != nil {
			t.Fatal(err)
		}
	}
	write(t, dir, "go.mod", "module github.com/chatcluster/chatcluster\n\ngo 1.26.0\n")
	write(t, dir, "LICENSE", "license")
	write(t, dir, "CHANGELOG.md", "# Changelog\n\n## Unreleased\nWhat is to come.\n\n## 1.2.3 - 2026-11-20\nWhat is new.\n")
	for _, name := range []string{"manager", "kubectl-chatcluster"} {
		write(t, dir, "cmd/"+name+"/main.go", program)
	}
	write(t, dir, "cmd/chatd/main.go", strings.Replace(program, `import "os"`, `import (
	"os"

	"github.com/chatcluster/chatcluster/runtime/web"
)

func init() { if len(os.Args) > 9 { os.Stdout.WriteString(web.Page) } }`, 1))
	write(t, dir, "runtime/web/web.go", "package web\n\nimport _ \"embed\"\n\n//go:embed dist/index.html\nvar Page string\n")
	write(t, dir, "runtime/web/.gitignore", "/dist/\nnode_modules/\n")
	write(t, dir, "runtime/web/package.json", `{"name": "web", "private": true, "workspaces": ["app"]}`)
	write(t, dir, "runtime/web/app/package.json", `{"name": "@chatcluster/app", "version": "0.0.0", "scripts": {"build": "mkdir -p ../dist && cp page.html ../dist/index.html"}}`)
	write(t, dir, "runtime/web/app/page.html", page)
	write(t, dir, "runtime/web/package-lock.json", `{"name": "web", "lockfileVersion": 3, "requires": true, "packages": {`+
		`"": {"name": "web", "workspaces": ["app"]}, "app": {"name": "@chatcluster/app", "version": "0.0.0"}, `+
		`"node_modules/@chatcluster/app": {"resolved": "app", "link": true}}}`)
	git(t, dir, "init", "-q")
	git(t, dir, "add", "-A")
	git(t, dir, "-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false", "commit", "-q", "-m", "one")
	return dir
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	file := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, dir, name string) {
	t.Helper()
	if err := os.Remove(filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
}

func git(t *testing.T, dir string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("git %v: %v: %s", args, err, out)
	}
}

// run runs the command on a work tree, and returns what it says.
func run(t *testing.T, repo string, args ...string) (string, error) {
	t.Helper()
	var out, progress bytes.Buffer
	c := command(&out, &progress)
	c.SetArgs(append([]string{"--repo", repo, "--out", filepath.Join(repo, "..", filepath.Base(repo)+"-dist")}, args...))
	err := c.ExecuteContext(context.WithoutCancel(t.Context()))
	return out.String(), err
}

func TestWhatMayNotBecomeARelease(t *testing.T) {
	cases := map[string]struct {
		reason string
		change func(dir string)
		args   []string
		says   string
	}{
		"NoClient":  {"its users would find a page that says so", func(dir string) { remove(t, dir, "runtime/web/package-lock.json") }, []string{"--dry-run"}, "released without its web client"},
		"Dirty":     {"nobody could build it again", func(dir string) { write(t, dir, "new.txt", "x") }, []string{"--version", "1.2.3"}, "changes that no commit has"},
		"NoNotes":   {"nobody would know what is new", nil, []string{"--version", "2.0.0"}, "no such section"},
		"NoVersion": {"a release has a name", nil, nil, "no semantic version"},
		"BadName":   {"tags and files are named after it", nil, []string{"--version", "v1.2.3"}, "no semantic version"},
		"Unsigned":  {"there is nothing to sign", nil, []string{"--version", "1.2.3", "--cosign", "cosign"}, "COSIGN needs REGISTRY"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			dir := repository(t)
			if tc.change != nil {
				tc.change(dir)
			}
			if _, err := run(t, dir, tc.args...); err == nil || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("%s: error %v, want %q", tc.reason, err, tc.says)
			}
		})
	}
}

func TestARehearsalMakesTheWholeSet(t *testing.T) {
	dir := repository(t)
	write(t, dir, "new.txt", "not committed")
	out, err := run(t, dir, "--dry-run", "--registry", "registry.example/chat", "--cosign", "cosign")
	if err != nil {
		t.Fatal(err)
	}
	dist := dir + "-dist"
	version, err := chartVersion(dir)
	if err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(filepath.Join(dist, version))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range files {
		got = append(got, strings.ReplaceAll(f.Name(), version, "V"))
	}
	want := []string{"RELEASE_NOTES.md", "SHA256SUMS", "chatcluster-V.tgz", "chatd_V_oci.tar", "manager_V_oci.tar", "crds.yaml", "install.yaml", "provenance.intoto.json", "provenance.predicate.json"}
	for _, p := range []string{"chatd", "manager", "kubectl-chatcluster"} {
		for _, arch := range []string{"amd64", "arm64"} {
			want = append(want, fmt.Sprintf("%s_V_linux_%s.tar.gz", p, arch), fmt.Sprintf("%s_V_linux_%s.cdx.json", p, arch))
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("files, -want +got:\n%s", diff)
	}
	notes, err := os.ReadFile(filepath.Join(dist, version, "RELEASE_NOTES.md"))
	if err != nil || !strings.Contains(string(notes), "What is to come.") || !strings.Contains(string(notes), "docs/upgrading.md") {
		t.Errorf("the notes are %q, %v", notes, err)
	}
	for _, says := range []string{
		"would push registry.example/chat/chatd@sha256:", "would push registry.example/chat/charts/chatcluster:" + version,
		"would run cosign sign --yes --recursive registry.example/chat/manager@sha256:", "would run cosign sign-blob",
	} {
		if !strings.Contains(out, says) {
			t.Errorf("it does not say %q:\n%s", says, out)
		}
	}
	for _, arch := range []string{"amd64", "arm64"} {
		unpacked, err := exec.CommandContext(t.Context(), "tar", "-xzOf", filepath.Join(dist, version, fmt.Sprintf("chatd_%s_linux_%s.tar.gz", version, arch)), "chatd").Output()
		if err != nil || !bytes.Contains(unpacked, []byte(page)) {
			t.Errorf("chatd for %s does not hold the web client (%v)", arch, err)
		}
	}
	cmd := exec.CommandContext(t.Context(), "sha256sum", "-c", "--quiet", "SHA256SUMS")
	cmd.Dir = filepath.Join(dist, version)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("sha256sum does not agree: %v: %s", err, out)
	}
	left, err := os.ReadDir(dist)
	if err != nil || len(left) != 1 {
		t.Errorf("work folders were left behind: %v, %v", left, err)
	}
}

func TestAReleaseIsPublishedOnce(t *testing.T) {
	server := httptest.NewServer(registry.New())
	defer server.Close()
	to := strings.TrimPrefix(server.URL, "http://") + "/chat"
	dir := repository(t)
	signer := filepath.Join(t.TempDir(), "cosign")
	if err := os.WriteFile(signer, []byte("#!/bin/sh\necho \"$@\" >>\"$0.log\"\n"), 0o700); err != nil { //nolint:gosec // It is to run.
		t.Fatal(err)
	}
	args := []string{"--version", "1.2.3", "--registry", to, "--cosign", signer}
	if _, err := run(t, dir, args...); err != nil {
		t.Fatal(err)
	}
	ref, err := name.ParseReference(to + "/manager:1.2.3")
	if err != nil {
		t.Fatal(err)
	}
	index, err := remote.Index(ref)
	if err != nil {
		t.Fatal(err)
	}
	m, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	var platforms []string
	for _, d := range m.Manifests {
		platforms = append(platforms, d.Platform.String())
	}
	if diff := cmp.Diff([]string{"linux/amd64", "linux/arm64"}, platforms); diff != "" {
		t.Errorf("the image's platforms, -want +got:\n%s", diff)
	}
	img, err := remote.Image(ref, remote.WithPlatform(v1.Platform{OS: "linux", Architecture: runtime.GOARCH}))
	if err != nil {
		t.Fatal(err)
	}
	cf, err := img.ConfigFile()
	if err != nil || cf.Config.Labels["org.opencontainers.image.version"] != "1.2.3" || cf.Architecture != runtime.GOARCH {
		t.Errorf("the image's configuration is %+v, %v", cf, err)
	}
	chartRef, err := name.ParseReference(to + "/charts/chatcluster:1.2.3")
	if err != nil {
		t.Fatal(err)
	}
	chart, err := remote.Image(chartRef)
	if err != nil {
		t.Fatal(err)
	}
	cm, err := chart.Manifest()
	if err != nil || cm.Config.MediaType != "application/vnd.cncf.helm.config.v1+json" {
		t.Errorf("Helm does not know this as a chart: %+v, %v", cm, err)
	}
	config, err := chart.RawConfigFile()
	if err != nil || !strings.Contains(string(config), `"appVersion":"1.2.3"`) {
		t.Errorf("the chart's metadata are %s, %v", config, err)
	}
	signed, err := os.ReadFile(signer + ".log")
	digest, _ := index.Digest()
	if err != nil || strings.Count(string(signed), "sign --yes --recursive") != 3 || !strings.Contains(string(signed), to+"/manager@"+digest.String()) {
		t.Errorf("cosign was called so: %s (%v)", signed, err)
	}

	// An interrupted release is repeated; another one under the same version is refused.
	if _, err := run(t, dir, args...); err != nil {
		t.Errorf("the same release again: %v", err)
	}
	write(t, dir, "cmd/chatd/main.go", strings.ReplaceAll(program, "program version", "changed"))
	git(t, dir, "-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false", "commit", "-qam", "two")
	if _, err := run(t, dir, args...); err == nil || !strings.Contains(err.Error(), "with other content") {
		t.Errorf("a published version was replaced: %v", err)
	}
}
