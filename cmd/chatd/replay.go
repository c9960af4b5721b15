package main

import (
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/chatcluster/chatcluster/cmd/internal/output"
	"github.com/chatcluster/chatcluster/runtime/eventlog"
)

// replayed are the groups that may be replayed, and what they read.
var replayed = map[string]string{
	eventlog.SpamGroup: eventlog.LogTopic, eventlog.ProfanityGroup: eventlog.LogTopic, eventlog.FraudGroup: eventlog.LogTopic,
	eventlog.VerdictsGroup: eventlog.VerdictsTopic,
}

// place is where a group goes on in a partition. Its names are part of the output for programs.
type place struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Offset    int64  `json:"offset"`
}

func replayCommand() *cobra.Command {
	var configPath, group, from string
	var f output.Format
	cmd := &cobra.Command{
		Use: "replay", Short: "Have a processor go back, or on, to a place in its topic", Args: cobra.NoArgs,
		Long: "replay sets where a group of processors goes on, and exits. Scale the processor to zero first: a group with members is refused, " +
			"and nothing is changed. What is judged again gets no second verdict.",
		Example: `  chatd replay --group spam --from 2026-01-31T08:00:00Z
  chatd replay --group verdicts --from start -o json`,
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
			places := []place{}
			for _, t := range slices.Sorted(maps.Keys(offsets)) {
				for _, p := range slices.Sorted(maps.Keys(offsets[t])) {
					places = append(places, place{t, p, offsets[t][p]})
				}
			}
			return f.Print(cmd.OutOrStdout(), places, func(w io.Writer) error {
				for _, p := range places {
					if _, err := fmt.Fprintf(w, "%s\t%d\t%d\n", p.Topic, p.Partition, p.Offset); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
	f.Bind(cmd)
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
