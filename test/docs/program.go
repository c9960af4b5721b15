package docs

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strings"
)

// Program is a program that tells by --help what it knows, as those made with cobra do.
type Program struct {
	// Path is where it is.
	Path string
	// Options are the arguments with which it lists the flags that every subcommand has, where --help leaves them out.
	Options []string

	said map[string]string
}

var flagName = regexp.MustCompile(`(^|[\s,])(--?[a-zA-Z][a-zA-Z0-9-]*)`)

// Check returns an error unless the program knows the first so many subcommands of a command, and its flags.
func (p *Program) Check(ctx context.Context, c Command, depth int) error {
	sub := c.Subcommands()
	sub = sub[:min(depth, len(sub))]
	help, err := p.outputOf(ctx, append(slices.Clone(sub), "--help"))
	if err != nil {
		return fmt.Errorf("%s: %w", c, err)
	}
	usage := help[max(strings.Index(help, "Usage:"), 0):]
	for _, name := range sub {
		if !slices.Contains(strings.Fields(usage), name) {
			return fmt.Errorf("%s: there is no %q", c, name)
		}
	}
	if p.Options != nil {
		general, err := p.outputOf(ctx, p.Options)
		if err != nil {
			return err
		}
		help += general
	}
	var known []string
	for _, m := range flagName.FindAllStringSubmatch(help, -1) {
		known = append(known, m[2])
	}
	for _, flag := range c.Flags() {
		if !slices.Contains(known, flag) {
			return fmt.Errorf("%s: there is no flag %s", c, flag)
		}
	}
	return nil
}

func (p *Program) outputOf(ctx context.Context, args []string) (string, error) {
	key := strings.Join(args, " ")
	if text, ok := p.said[key]; ok {
		return text, nil
	}
	out, err := exec.CommandContext(ctx, p.Path, args...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s: %w: %s", key, err, out)
	}
	if p.said == nil {
		p.said = map[string]string{}
	}
	p.said[key] = string(out)
	return p.said[key], nil
}
