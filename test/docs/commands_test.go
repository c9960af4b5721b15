package docs

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

// commands returns all commands of all pages that call a program.
func commands(t *testing.T, program string) []Command {
	t.Helper()
	var found []Command
	for _, page := range pages(t) {
		for _, block := range page.Blocks("sh") {
			all, err := block.Commands()
			if err != nil {
				t.Error(err)
			}
			for _, c := range all {
				if c.Program == program {
					found = append(found, c)
				}
			}
		}
	}
	if len(found) == 0 {
		t.Fatalf("no page calls %s", program)
	}
	return found
}

// build builds one of the repository's programs, as those are built who run it.
func build(t *testing.T, module, pkg string) *Program {
	t.Helper()
	out := filepath.Join(t.TempDir(), filepath.Base(pkg))
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", out, pkg)
	cmd.Dir, cmd.Env = filepath.Join(root, module), append(os.Environ(), "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", pkg, err, text)
	}
	return &Program{Path: out}
}

func TestMakeKnowsItsTargets(t *testing.T) {
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range commands(t, "make") {
		for _, a := range c.Args {
			if name, _, set := strings.Cut(a, "="); set {
				if !bytes.Contains(makefile, []byte("$("+name+")")) {
					t.Errorf("%s: the Makefile reads no %s", c, name)
				}
			} else if !regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(a) + `:`).Match(makefile) {
				t.Errorf("%s: there is no target %s", c, a)
			}
		}
	}
}

func TestThePluginKnowsItsCommands(t *testing.T) {
	plugin := build(t, ".", "./cmd/kubectl-chatcluster")
	for _, c := range commands(t, "kubectl") {
		if len(c.Args) > 0 && c.Args[0] == "chatcluster" {
			c.Args = c.Args[1:]
			if err := plugin.Check(t.Context(), c, 1); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestChatdKnowsItsCommands(t *testing.T) {
	chatd := build(t, ".", "./cmd/chatd")
	for _, c := range commands(t, "chatd") {
		if err := chatd.Check(t.Context(), c, 2); err != nil { // none takes arguments: what comes before flags is a command
			t.Error(err)
		}
	}
}

// Helm's commands are Helm's own to know, and the chart's values the chart's.
func TestHelmKnowsItsCommands(t *testing.T) {
	helm := build(t, "hack/components/helm", "helm.sh/helm/v4/cmd/helm")
	text, err := os.ReadFile(filepath.Join(root, "charts", "chatcluster", "values.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]any{}
	if err := yaml.Unmarshal(text, &values); err != nil {
		t.Fatal(err)
	}
	for _, c := range commands(t, "helm") {
		if err := helm.Check(t.Context(), c, 1); err != nil {
			t.Error(err)
		}
		for i, a := range c.Args {
			if a == "--set" && i+1 < len(c.Args) && !isValue(values, c.Args[i+1]) {
				t.Errorf("%s: the chart has no value %s", c, c.Args[i+1])
			}
		}
	}
}

// isValue tells whether key=value sets something that the chart's values have.
func isValue(values map[string]any, set string) bool {
	key, _, _ := strings.Cut(set, "=")
	var at any = values
	for name := range strings.SplitSeq(key, ".") {
		in, ok := at.(map[string]any)
		if !ok {
			return false
		}
		if at, ok = in[name]; !ok {
			return false
		}
	}
	return true
}

func TestCommands(t *testing.T) {
	b := Block{Page: "x.md", Line: 3, Text: "# a comment\nbin/kubectl get pods -n \"$NS\" --selector=a=b | grep 'x y' # why\nfor a in b; do echo \"c.$a\" \\\n  -- -d; done\n"}
	got, err := b.Commands()
	if err != nil {
		t.Fatal(err)
	}
	want := []Command{
		{At: "x.md:3", Program: "kubectl", Args: []string{"get", "pods", "-n", "$NS", "--selector=a=b"}},
		{At: "x.md:3", Program: "grep", Args: []string{"x y"}},
		{At: "x.md:3", Program: "echo", Args: []string{"c.$a", "--", "-d"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if diff := cmp.Diff([]string{"-n", "--selector"}, got[0].Flags()); diff != "" {
		t.Errorf("flags, -want +got:\n%s", diff)
	}
	if diff := cmp.Diff([]string{"get", "pods"}, got[0].Subcommands()); diff != "" {
		t.Errorf("subcommands, -want +got:\n%s", diff)
	}
	if _, err := (Block{Text: "echo 'a"}).Commands(); err == nil {
		t.Error("a quote that is not closed is taken")
	}
}
