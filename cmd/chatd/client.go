package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/chatcluster/chatcluster/runtime/client/terminal"
)

func clientCommand() *cobra.Command {
	var (
		o         terminal.Options
		tokenPath string
	)
	cmd := &cobra.Command{
		Use: "client", Short: "Chat in the terminal", Args: cobra.NoArgs,
		Example: `  chatd client --url ws://127.0.0.1:18080 --token-file alice.token --to bob
  echo hello | chatd client --url wss://chat.example --token-file alice.token --to bob`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.In, o.Out = cmd.InOrStdin(), cmd.OutOrStdout()
			o.Client.Platform = "cli"
			o.Client.Token = func(context.Context) (string, error) { return tokenFrom(tokenPath) }
			return terminal.Run(cmd.Context(), o)
		},
	}
	cmd.Flags().StringVar(&o.Client.URL, "url", "ws://127.0.0.1:8080", "the gateway")
	cmd.Flags().StringVar(&tokenPath, "token-file", "", "file with the token; it is read at every connect")
	cmd.Flags().StringVar(&o.Client.Device, "device", "terminal", "this device's id: one connection each")
	cmd.Flags().StringVar(&o.To, "to", "", "the user to talk to")
	cmd.Flags().BoolVar(&o.Stay, "stay", false, "go on printing what comes in when the input has ended")
	if err := cmd.MarkFlagRequired("token-file"); err != nil {
		panic(err) // the flag is declared above
	}
	return cmd
}

func tokenFrom(path string) (string, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("read the token: %w", err)
	}
	return strings.TrimSpace(string(data)), nil
}
