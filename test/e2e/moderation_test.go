//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/runtime/client"
	"github.com/chatcluster/chatcluster/runtime/protocol"
)

// moderated has somebody write what the sample's detectors are for: each message ends as the sample says, on both members' screens.
func moderated(t *testing.T, w *world) {
	c := w.awaitReady(t, cluster)
	if !meta.IsStatusConditionTrue(c.Status.Conditions, v1alpha1.ConditionProcessorsReady) {
		t.Fatalf("the sample's processors are not ready: %+v", c.Status.Conditions)
	}
	const (
		harmless = "the assassin of Scunthorpe plays cello"
		profane  = "what a load of shit, really"
		phishing = "log in at https://paypa1.com/restore"
		lure     = "CONGRATULATIONS!!! You have been selected for a free iPhone. Click https://claim.example/now"
	)
	mallory, victor := w.person("mallory"), w.person("victor")
	mallory.connect(t)
	victor.connect(t)
	conv := direct(t, mallory, victor)
	// What goes to one is an opinion; to many, it is spam.
	for i := range 3 {
		other := w.person(fmt.Sprintf("victim-%d", i))
		other.connect(t)
		mallory.send(t, direct(t, mallory, other), lure)
	}
	for _, body := range []string{harmless, profane, phishing, lure} {
		mallory.send(t, conv, body)
	}
	want := []string{
		harmless + " ()",
		"what a load of ****, really (mask by profanity)",
		" (hide by fraud)",
		" (hide by spam)",
	}
	for _, p := range []*person{mallory, victor} {
		eventually(t, soon, p.name+"'s history is as the detectors left it", func(ctx context.Context) error {
			page, err := p.client.History(ctx, conv, client.Range{})
			if err != nil {
				return err
			}
			if got := judged(page.Entries); !slices.Equal(got, want) {
				return fmt.Errorf("it is %q, want %q", got, want)
			}
			return nil
		})
		eventually(t, soon, p.name+" is told of every verdict", func(context.Context) error {
			if told := p.verdicts(conv); len(told) != 3 {
				return fmt.Errorf("told of %q", told)
			}
			return nil
		})
		if err := p.checkOrder(conv); err != nil {
			t.Error(err)
		}
	}
}

// judged are messages with what holds of them.
func judged(entries []protocol.Entry) []string {
	var out []string
	for _, e := range entries {
		if e.Kind != protocol.KindMessage {
			continue
		}
		verdict := ""
		if e.Verdict != nil {
			verdict = e.Verdict.Action + " by " + e.Verdict.Processor
		}
		out = append(out, e.Body+" ("+verdict+")")
	}
	return out
}

// verdicts are what the person's device was told of verdicts.
func (p *person) verdicts(conversation string) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []string
	for _, e := range p.seen[conversation] {
		if e.Kind == protocol.KindVerdict {
			out = append(out, fmt.Sprintf("%s by %s of %d", e.Verdict.Action, e.Verdict.Processor, e.Target))
		}
	}
	return out
}
