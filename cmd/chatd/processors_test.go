package main

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/chatcluster/chatcluster/runtime/config"
	"github.com/chatcluster/chatcluster/runtime/moderate"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// What the configuration says of a detector is what it judges by.
func TestDetectorsAreAsConfigured(t *testing.T) {
	conv, err := store.NewConv("acme", "room")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	say := func(bodies ...string) (out []moderate.Message) {
		for i, b := range bodies {
			out = append(out, moderate.Message{Conv: conv, Seq: uint64(i + 2), Sender: "alice", At: now.Add(time.Duration(i) * time.Second), Body: b})
		}
		return out
	}
	for name, tc := range map[string]struct {
		reason, detector string
		own              config.Detector
		messages         []moderate.Message
		want             string
	}{
		"ManyMessages":  {"two of two are usual", "spam", config.Detector{}, say("hello", "how are you?"), ""},
		"Velocity":      {"two are more than one in a minute", "spam", config.Detector{Limits: config.SpamLimits{Velocity: 1}}, say("hello", "how are you?"), "velocity"},
		"English":       {"English alone is judged", "profanity", config.Detector{}, say("so eine Scheiße"), ""},
		"German":        {"and German, where it is named", "profanity", config.Detector{Locales: []string{"de"}}, say("so eine Scheiße"), "profanity"},
		"GermanAlone":   {"what is named takes the place of English", "profanity", config.Detector{Locales: []string{"de"}}, say("what a shithead"), ""},
		"ItsOwnDefault": {"the lists of English", "profanity", config.Detector{}, say("what a shithead"), "profanity"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, d := range detectors {
				if d.name != tc.detector {
					continue
				}
				state, err := d.state(config.Redis{Addresses: []string{miniredis.RunT(t).Addr()}})
				if err != nil {
					t.Fatal(err)
				}
				if state != nil {
					defer state.Close() //nolint:errcheck // it only reads
				}
				detector, err := d.open(tc.own, state, &ops{registerer: prometheus.NewRegistry(), log: slog.New(slog.DiscardHandler)})
				if err != nil {
					t.Fatal(err)
				}
				found, err := detector.Judge(t.Context(), tc.messages)
				if err != nil {
					t.Fatal(err)
				}
				if got := found[len(found)-1].Reason; (tc.want == "") != (got == "") || !strings.Contains(got, tc.want) {
					t.Errorf("%s: found %q, want %q", tc.reason, got, tc.want)
				}
			}
		})
	}
}
