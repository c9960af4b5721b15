package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"github.com/chatcluster/chatcluster/cmd/internal/output"
	"github.com/chatcluster/chatcluster/runtime/audit"
)

func TestEveryCommandHasAnExampleThatItUnderstands(t *testing.T) {
	var visit func(cmd *cobra.Command)
	visit = func(cmd *cobra.Command) {
		for _, c := range cmd.Commands() {
			visit(c)
		}
		if !cmd.Runnable() {
			return
		}
		if !strings.Contains(cmd.Example, cmd.CommandPath()) {
			t.Errorf("%s has no example", cmd.CommandPath())
		}
		for word := range strings.FieldsSeq(cmd.Example) {
			if name, ok := strings.CutPrefix(word, "--"); ok && cmd.Flag(name) == nil {
				t.Errorf("%s: its example has a flag --%s, which it has not", cmd.CommandPath(), name)
			}
		}
	}
	visit(rootCommand(new(bool)))
}

func TestHelpAndCompletion(t *testing.T) {
	cases := map[string]struct {
		reason string
		args   []string
		says   string
	}{
		"ExitCodes": {"a script's author looks here", []string{"--help"}, "Exit codes are stable: 0 "},
		"Bash":      {"a script for the shell", []string{"completion", "bash"}, "__complete"},
		"Roles":     {"names of subcommands", []string{"__complete", "ga"}, "gateway\tServe clients"},
		"Formats":   {"of -o", []string{"__complete", "audit", "verify", "-o", ""}, "table\njson\nyaml\n"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var out, errOut bytes.Buffer
			if code := execute(t.Context(), tc.args, strings.NewReader(""), &out, &errOut); code != 0 || !strings.Contains(out.String(), tc.says) {
				t.Errorf("%s: exit code %d, it does not say %q:\n%s%s", tc.reason, code, tc.says, out.String(), errOut.String())
			}
		})
	}
}

// The names are a promise to programs.
func TestWhatAuditSaysToPrograms(t *testing.T) {
	v := []verified{
		{"acme", true, 5, 1, "ab", []audit.Fault{}},
		{"globex", false, 2, 0, "cd", []audit.Fault{{Tenant: "globex", N: 2, Problem: "changed", Detail: "why"}}},
	}
	e := []exported{{Tenant: "acme", Entries: 2, Files: 1, Last: 7, Head: "ab"}}
	var out bytes.Buffer
	f := output.YAML
	for _, value := range []any{v, e} {
		if err := f.Print(&out, value, nil); err != nil {
			t.Fatal(err)
		}
	}
	want := `- entries: 5
  exportsCompared: 1
  faults: []
  head: ab
  intact: true
  tenant: acme
- entries: 2
  exportsCompared: 0
  faults:
  - detail: why
    "n": 2
    problem: changed
    tenant: globex
  head: cd
  intact: false
  tenant: globex
- entries: 2
  exportedUpTo: 7
  files: 1
  head: ab
  tenant: acme
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	out.Reset()
	if err := verifiedLines(&out, v); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("tenant acme: 5 entries, compared with 1 exports: intact; head ab\ntenant globex, entry 2: changed: why\n", out.String()); diff != "" {
		t.Errorf("for people, -want +got:\n%s", diff)
	}
}
