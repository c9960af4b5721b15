package commanddoc

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// Check compares a page with its head and all commands of root, and writes it first when update is true.
func Check(t *testing.T, path, head string, root *cobra.Command, update bool) {
	t.Helper()
	var page bytes.Buffer
	page.WriteString(head)
	if err := write(&page, root); err != nil {
		t.Fatal(err)
	}
	want := strings.TrimRight(page.String(), "\n") + "\n"
	if update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("%s is not what the program's commands are (its head says how it is written anew), -want +got:\n%s", path, diff)
	}
}

// write writes a command and those below it.
func write(out io.Writer, cmd *cobra.Command) error {
	cmd.DisableAutoGenTag = true
	var text bytes.Buffer
	if err := doc.GenMarkdownCustom(cmd, &text, anchor); err != nil {
		return fmt.Errorf("describe %s: %w", cmd.CommandPath(), err)
	}
	// The commands below a command come next on the page: a list of links adds nothing but at the top.
	section := text.String()
	if cmd.HasParent() {
		section, _, _ = strings.Cut(section, "### SEE ALSO")
	}
	if _, err := fmt.Fprintf(out, "\n%s\n", strings.TrimSpace(strings.Replace(section, "### SEE ALSO", "### Commands", 1))); err != nil {
		return err
	}
	for _, c := range cmd.Commands() {
		if c.IsAdditionalHelpTopicCommand() || !c.IsAvailableCommand() {
			continue
		}
		if err := write(out, c); err != nil {
			return err
		}
	}
	return nil
}

// anchor is where on the page the command of a file of cobra's is.
func anchor(file string) string {
	return "#" + strings.ReplaceAll(strings.TrimSuffix(file, ".md"), "_", "-")
}
