package docs

import (
	"fmt"
	"path"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// Command is a program and its arguments. What the shell puts in place of something is left as it is written: $name.
type Command struct {
	At      string
	Program string
	Args    []string
}

func (c Command) String() string { return c.At + ": " + c.Program + " " + strings.Join(c.Args, " ") }

// Subcommands are the arguments before the first flag.
func (c Command) Subcommands() []string {
	for i, a := range c.Args {
		if strings.HasPrefix(a, "-") {
			return c.Args[:i]
		}
	}
	return c.Args
}

// Flags are the names of the flags, with their hyphens and without values. What follows "--" is another program's.
func (c Command) Flags() []string {
	var found []string
	for _, a := range c.Args {
		if a == "--" {
			break
		}
		if name, _, _ := strings.Cut(a, "="); strings.HasPrefix(name, "-") && len(name) > 1 {
			found = append(found, name)
		}
	}
	return found
}

// Commands reads a block of shell. An error is one of its syntax.
func (b Block) Commands() ([]Command, error) {
	file, err := syntax.NewParser().Parse(strings.NewReader(b.Text), b.At())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", b.At(), err)
	}
	var found []Command
	syntax.Walk(file, func(node syntax.Node) bool {
		call, ok := node.(*syntax.CallExpr)
		if !ok || len(call.Args) == 0 {
			return true
		}
		words := make([]string, len(call.Args))
		for i, w := range call.Args {
			words[i] = b.word(w)
		}
		found = append(found, Command{At: b.At(), Program: path.Base(words[0]), Args: words[1:]})
		return true
	})
	return found, nil
}

// word is a word without its quotes.
func (b Block) word(w *syntax.Word) string {
	var text strings.Builder
	var write func(parts []syntax.WordPart)
	write = func(parts []syntax.WordPart) {
		for _, p := range parts {
			switch p := p.(type) {
			case *syntax.Lit:
				text.WriteString(p.Value)
			case *syntax.SglQuoted:
				text.WriteString(p.Value)
			case *syntax.DblQuoted:
				write(p.Parts)
			default:
				text.WriteString(b.Text[p.Pos().Offset():p.End().Offset()])
			}
		}
	}
	write(w.Parts)
	return text.String()
}
