//go:build engines

package main

import (
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chatcluster/chatcluster/runtime/client"
	"github.com/chatcluster/chatcluster/runtime/protocol"
)

// With every detector enforced, what is profane, fraud or spam ends masked or hidden on both members' screens, and all else as it was written.
func TestDetectorsJudgeWhatPeopleSay(t *testing.T) {
	dir := t.TempDir()
	open(t, dir)
	r := startDev(t, "--data-dir", dir, "--users", "alice,bob,carol,dave,erin", "--processor", "profanity=Enforce,spam=Enforce,fraud=Enforce")
	alice, _ := r.device(t, "alice", "laptop")
	members := map[string]*client.Client{"alice": alice}
	conversations := map[string]string{}
	say := func(to, body string) {
		t.Helper()
		c, err := alice.CreateDirect(t.Context(), to)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := alice.Send(t.Context(), c.ID, body); err != nil {
			t.Fatal(err)
		}
		conversations[to] = c.ID
	}
	const lure = "CONGRATULATIONS!!! You have been selected for a free iPhone. Click https://claim.example/now"
	bob, shown := r.device(t, "bob", "phone")
	members["bob"] = bob
	say("bob", "the assassin of Scunthorpe plays cello")
	say("bob", "what a load of shit, sh1t and s h i t")
	say("bob", "log in at https://paypa1.com/restore")
	// What goes to one is an opinion; to many, it is spam.
	for _, to := range []string{"carol", "dave", "erin", "bob"} {
		say(to, lure)
	}
	want := map[string]string{
		"the assassin of Scunthorpe plays cello": "",
		"what a load of ****, **** and *******":  "mask by profanity",
		"":                                       "hide by fraud, hide by spam",
	}
	for _, user := range []string{"alice", "bob"} {
		var got map[string]string
		waitFor(t, user+" sees what the detectors have left", func() bool {
			page, err := members[user].History(t.Context(), conversations["bob"], client.Range{})
			if err != nil {
				t.Fatal(err)
			}
			got = map[string]string{}
			for _, e := range page.Entries {
				if e.Kind != protocol.KindMessage {
					continue
				}
				verdict := ""
				if e.Verdict != nil {
					verdict = e.Verdict.Action + " by " + e.Verdict.Processor
				}
				if was := got[e.Body]; was != "" {
					verdict = was + ", " + verdict
				}
				got[e.Body] = verdict
			}
			return cmp.Equal(want, got)
		})
	}
	for _, body := range []string{"cello", "shit", lure} {
		if !strings.Contains(shown.String(), body) {
			t.Errorf("bob's phone has not shown %q: a verdict delays no message", body)
		}
	}
	for user, c := range members {
		if err := c.Close(); err != nil {
			t.Errorf("%s: %v", user, err)
		}
	}
	if err := r.end(t, syscall.SIGTERM); err != nil {
		t.Errorf("chatd dev ended with %v", err)
	}
}
