package main

import (
	"testing"

	"github.com/chatcluster/chatcluster/test/commanddoc"
)

func TestCommandsAreDocumented(t *testing.T) {
	commanddoc.Check(t, "../../docs/reference/kubectl-chatcluster.md", `# The commands of kubectl chatcluster

The plugin of kubectl: `+"`make plugin`"+` builds it; put `+"`bin/kubectl-chatcluster`"+` into your `+"`PATH`"+`. Generated from the commands;
`+"`go test ./cmd/kubectl-chatcluster -run CommandsAreDocumented -update`"+` writes this page.
`, (&plugin{}).rootCommand(new(bool)), *update)
}
