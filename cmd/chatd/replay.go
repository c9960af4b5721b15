package main

import (
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/chatcluster/chatcluster/runtime/eventlog"
)

// replayed are the groups that may be replayed, and what they read.
var replayed = map[string]string{
	eventlog.SpamGroup: eventlog.LogTopic, eventlog.ProfanityGroup: eventlog.LogTopic, eventlog.FraudGroup: eventlog.LogTopic,
	eventlog.VerdictsGroup: eventlog.VerdictsTopic,
}

func replayCommand() *cobra.Command {
	var configPath, group, from string
	cmd := &cobra.Command{
		Use: "replay", Short: "Have a processor go back, or on, to a place in its topic", Args: cobra.NoArgs,
		Long: "replay sets where a group of processors goes on, and exits. Scale the processor to zero first: a group with members is refused, " +
			"and nothing is changed. What is judged again gets no second verdict.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			topic, ok := replayed[group]
			if !ok {
				return fmt.Errorf("there is no group %q: it is one of %v", group, slices.Sorted(maps.Keys(replayed)))
			}
			to, err := eventlog.ParsePlace(from)
			if err != nil {
				return err
			}
			cfg, err := loadConfig(configPath, newLogger(cmd.ErrOrStderr(), slog.LevelInfo))
			if err != nil {
				return err
			}
			aws, err := awsConfig(cmd.Context(), cfg.AWS)
			if err != nil {
				return err
			}
			logIn(cfg, aws)
			pod, err := os.Hostname()
			if err != nil {
				return fmt.Errorf("find this host's name: %w", err)
			}
			offsets, err := eventlog.Rewind(cmd.Context(), cfg.Kafka, role{name: "replay", pod: pod}.clientID(), group, to, topic)
			if err != nil {
				return err
			}
			for _, t := range slices.Sorted(maps.Keys(offsets)) {
				for _, p := range slices.Sorted(maps.Keys(offsets[t])) {
					fmt.Fprintf(cmd.OutOrStdout(), "%s\t%d\t%d\n", t, p, offsets[t][p])
				}
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&configPath, "config", "/etc/chatcluster/config.yaml", "configuration file")
	cmd.Flags().StringVar(&group, "group", "", "spam, profanity, fraud or verdicts")
	cmd.Flags().StringVar(&from, "from", "", "start, an offset, or a time such as 2026-01-31T08:00:00Z")
	for _, name := range []string{"group", "from"} {
		if err := cmd.MarkFlagRequired(name); err != nil {
			panic(err) // the flag is there
		}
	}
	return cmd
}
