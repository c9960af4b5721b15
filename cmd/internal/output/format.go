package output

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"
)

// Format is how an answer is printed: for people, or the same facts for programs.
type Format string

// The formats.
const (
	Table Format = "table"
	JSON  Format = "json"
	YAML  Format = "yaml"
)

var formats = []string{string(Table), string(JSON), string(YAML)}

// String implements pflag.Value.
func (f *Format) String() string { return string(*f) }

// Type implements pflag.Value.
func (f *Format) Type() string { return strings.Join(formats, "|") }

// Set implements pflag.Value.
func (f *Format) Set(s string) error {
	if !slices.Contains(formats, s) {
		return fmt.Errorf("%q is none of table, json and yaml", s)
	}
	*f = Format(s)
	return nil
}

// Bind gives a command the flag --output, or -o, with its completion.
func (f *Format) Bind(cmd *cobra.Command) {
	*f = Table
	cmd.Flags().VarP(f, "output", "o", "How to print: table, json or yaml")
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(formats, cobra.ShellCompDirectiveNoFileComp)) // the flag is there
}

// Print prints value for programs, by its JSON names, or calls table.
func (f *Format) Print(w io.Writer, value any, table func(io.Writer) error) error {
	switch *f {
	case JSON:
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(value)
	case YAML:
		data, err := yaml.Marshal(value)
		if err != nil {
			return err
		}
		_, err = w.Write(data)
		return err
	}
	return table(w)
}

// Columns prints rows whose cells stand under each other; the first is the heading.
func Columns(w io.Writer, rows [][]string) error {
	t := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	for _, r := range rows {
		if _, err := fmt.Fprintln(t, strings.Join(r, "\t")); err != nil {
			return err
		}
	}
	return t.Flush()
}

// OrNone stands for what is not there.
func OrNone(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
