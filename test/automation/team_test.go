package automation

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chatcluster/chatcluster/test/controlplane"
)

func TestProvideTeam(t *testing.T) {
	cp := controlplane.Run(t, controlplane.Options{})
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()

	url, err := ProvideTeam(ctx, cp.Client, "red", "example.com/chatd:1")
	if err != nil {
		t.Fatal(err)
	}
	if want := "ws://chat-gateway.team-red.svc/v1/ws"; url != want {
		t.Errorf("clients are told to connect to %s, want %s", url, want)
	}
	if tables := cp.World.DynamoDB.Names(); !slices.Contains(tables, "team-red.chat.log") {
		t.Errorf("there are the tables %q", tables)
	}

	// What goes wrong on the cloud's side reaches who automates, in words.
	cp.World.FailMigrations("permission denied for database blue")
	if _, err := ProvideTeam(ctx, cp.Client, "blue", "example.com/chatd:1"); err == nil || !strings.Contains(err.Error(), "permission denied for database blue") {
		t.Errorf("the failed migration is reported as %v", err)
	}
}
