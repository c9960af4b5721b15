package main

import (
	"flag"
	"testing"

	"github.com/chatcluster/chatcluster/test/commanddoc"
)

var updateCommands = flag.Bool("update-commands", false, "write docs/reference/chatd.md anew")

func TestCommandsAreDocumented(t *testing.T) {
	commanddoc.Check(t, "../../docs/reference/chatd.md", `# The commands of chatd

The data plane is one binary: a subcommand for each role, and the tools that people use. Generated from the commands;
`+"`go test ./cmd/chatd -run CommandsAreDocumented -update-commands`"+` writes this page.
`, rootCommand(new(bool)), *updateCommands)
}
