package output

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
)

type answer struct {
	Name string `json:"name"`
	Size int    `json:"sizeBytes"`
}

func TestFormats(t *testing.T) {
	cases := map[string]struct {
		reason, want string
		args         []string
	}{
		"Table": {"people get a table unless they say otherwise", "log 7\n", nil},
		"JSON":  {"programs get names that stay", "{\n  \"name\": \"log\",\n  \"sizeBytes\": 7\n}\n", []string{"-o", "json"}},
		"YAML":  {"the same names", "name: log\nsizeBytes: 7\n", []string{"--output=yaml"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var f Format
			var out bytes.Buffer
			cmd := &cobra.Command{RunE: func(*cobra.Command, []string) error {
				a := answer{"log", 7}
				return f.Print(&out, a, func(w io.Writer) error { _, err := fmt.Fprintln(w, a.Name, a.Size); return err })
			}}
			f.Bind(cmd)
			cmd.SetArgs(append([]string{}, tc.args...))
			if err := cmd.Execute(); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, out.String()); diff != "" {
				t.Errorf("%s, -want +got:\n%s", tc.reason, diff)
			}
		})
	}
	var f Format
	if err := f.Set("xml"); err == nil || !strings.Contains(err.Error(), "table, json and yaml") {
		t.Errorf("a format that there is not: %v", err)
	}
}

func TestProgressIsForTerminals(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for name, w := range map[string]io.Writer{"file": file, "buffer": &bytes.Buffer{}} {
		p := NewProgress(w)
		p.Say("half")
		p.End()
		if p != nil {
			t.Errorf("a %s is no terminal: escapes would be in somebody's log", name)
		}
	}
}

func TestProgressLeavesNothing(t *testing.T) {
	var out bytes.Buffer
	p := &Progress{w: &out}
	p.End()
	if out.Len() != 0 {
		t.Errorf("nothing was said, and %q was written", out.String())
	}
	p.Say("tenant %s", "a\x1b[31m\nb")
	p.Say("%s", strings.Repeat("x", 200))
	p.End()
	const erase = "\r\x1b[K"
	want := erase + "tenant a [31m b" + erase + strings.Repeat("x", widest-1) + "…" + erase
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("a name must not steer the terminal, and a line must not wrap; -want +got:\n%s", diff)
	}
}
