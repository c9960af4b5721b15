package main

import (
	"context"
	"strings"
	"testing"

	"github.com/chatcluster/chatcluster/runtime/client"
	"github.com/chatcluster/chatcluster/runtime/gateway/gatewaytest"
	"github.com/chatcluster/chatcluster/runtime/protocol"
)

// A real gateway understands the example, and ChatCluster's own client what it says.
func TestTheExampleTalks(t *testing.T) {
	w := gatewaytest.New(t)
	w.Pod("c1")
	g := w.Gateway("g1", nil)
	ctx, cancel := context.WithTimeout(t.Context(), gatewaytest.Patience)
	defer cancel()
	heard := make(chan string, 4)
	bob, err := client.Dial(ctx, client.Options{
		URL: g.URL, Token: client.StaticToken("bob"), Device: "laptop", Platform: "cli",
		OnEntries: func(_ string, entries []protocol.Entry) {
			for _, e := range entries {
				if e.Kind == protocol.KindMessage {
					heard <- e.Sender + ": " + e.Body
				}
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = bob.Close() })
	var out strings.Builder
	if err := run(ctx, g.URL, "alice", "bob", strings.NewReader("hello\nhow are you?\n"), &out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"alice: hello", "alice: how are you?"} {
		select {
		case got := <-heard:
			if got != want {
				t.Errorf("bob heard %q, want %q", got, want)
			}
		case <-ctx.Done():
			t.Fatalf("bob did not hear %q in time", want)
		}
	}
	if !strings.Contains(out.String(), "alice: hello") {
		t.Errorf("it printed %q: its own messages come back like everybody's", out.String())
	}
	if err := run(ctx, g.URL, "alice", "alice", strings.NewReader("hello\n"), &out); err == nil || !strings.Contains(err.Error(), "refused with invalid") {
		t.Errorf("a conversation with oneself ends with %v", err)
	}
}
