package main

import (
	"strings"
	"testing"
)

func TestEveryCommandHasAnExample(t *testing.T) {
	b := newBench(t)
	for _, name := range []string{"status", "plan", "pause", "resume", "reconcile", "tenants", "top"} {
		if code := b.run(name, "--help"); code != 0 || !strings.Contains(b.out.String(), "Examples:\n  kubectl chatcluster "+name) {
			t.Errorf("%s --help: exit code %d, no example:\n%s", name, code, b.out.String())
		}
	}
	if code := b.run("--help"); code != 0 || !strings.Contains(b.out.String(), "Exit codes are stable") {
		t.Errorf("--help does not tell the exit codes: %s", b.out.String())
	}
	if code := b.run("--version"); code != 0 || !strings.Contains(b.out.String(), version) {
		t.Errorf("--version says %q", b.out.String())
	}
}

func TestCompletion(t *testing.T) {
	b := newBench(t, chatCluster("demo", nil), chatCluster("new", rollingOut))
	cases := map[string]struct {
		reason string
		args   []string
		want   []string
		not    string
	}{
		"Names":    {"ChatClusters, with how they are", []string{"status", ""}, []string{"demo\tReady", "new\tReconciling"}, ""},
		"OneName":  {"a command takes one", []string{"pause", "demo", ""}, nil, "new"},
		"Formats":  {"of -o", []string{"status", "-o", ""}, []string{"table", "json", "yaml"}, ""},
		"Commands": {"of the plugin", []string{"re"}, []string{"reconcile", "resume"}, ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if code := b.run(append([]string{"__complete"}, tc.args...)...); code != 0 {
				t.Fatalf("exit code %d: %s", code, b.err.String())
			}
			for _, want := range tc.want {
				if !strings.Contains(b.out.String(), want) {
					t.Errorf("%s: %q is not offered:\n%s", tc.reason, want, b.out.String())
				}
			}
			if tc.not != "" && strings.Contains(b.out.String(), tc.not) {
				t.Errorf("%s: %q is offered", tc.reason, tc.not)
			}
		})
	}
	if code := b.run("completion", "bash"); code != 0 || !strings.Contains(b.out.String(), "__complete") {
		t.Errorf("there is no script for bash: exit code %d", code)
	}
}
