package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/chatcluster/chatcluster/runtime/auth/issuer"
)

func tokenCommand() *cobra.Command {
	var (
		keyPath string
		claims  issuer.Claims
	)
	cmd := &cobra.Command{
		Use: "token", Short: "Mint a token with a local issuer's key", Args: cobra.NoArgs,
		Long:    "Mint a token for a user with a local issuer's key, where there is no identity provider. Who has the key can be anyone: keep it from production.",
		Example: "  chatd token --key issuer.key --issuer https://id.example --user alice >alice.token",
		RunE: func(cmd *cobra.Command, _ []string) error {
			key, err := issuer.LoadKey(keyPath)
			if err != nil {
				return err
			}
			token, err := issuer.Mint(key, claims)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), token)
			return err
		},
	}
	cmd.Flags().StringVar(&keyPath, "key", "", "the issuer's ES256 key, a PEM file")
	cmd.Flags().StringVar(&claims.Issuer, "issuer", "", "the issuer's URL, as the cluster knows it")
	cmd.Flags().StringVar(&claims.Audience, "audience", "chatcluster", "the audience, as the cluster knows it")
	cmd.Flags().StringVar(&claims.User, "user", "", "the user")
	cmd.Flags().StringVar(&claims.Scope, "scope", "", "what the user may administer, such as \"chat.moderate chat.admin chat.audit\"; nothing when empty")
	cmd.Flags().DurationVar(&claims.TTL, "ttl", 24*time.Hour, "how long the token lives")
	for _, name := range []string{"key", "issuer", "user"} {
		if err := cmd.MarkFlagRequired(name); err != nil {
			panic(err) // a flag that was not declared above
		}
	}
	return cmd
}
