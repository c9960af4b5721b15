//go:build engines

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/chatcluster/chatcluster/runtime/admin"
	"github.com/chatcluster/chatcluster/runtime/client"
	"github.com/chatcluster/chatcluster/runtime/protocol"
)

// administer asks the admin API of a chatd dev, and reads what is answered.
func administer[T any](t *testing.T, r *running, method, path, body string) (T, int) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, r.admin+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	token, err := tokenFrom(r.tokens["moderator"])
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	var out T
	if len(data) > 0 {
		if err := json.Unmarshal(data, &out); err != nil {
			t.Fatalf("%s: %v", data, err)
		}
	}
	return out, res.StatusCode
}

// A moderator hides a message and shows it again: on a member's screen, in the history, in the queue out of PostgreSQL.
func TestDevServesModerators(t *testing.T) {
	tmp := t.TempDir()
	open(t, tmp)
	t.Setenv("TMPDIR", tmp)
	r := startDev(t, "--ephemeral")
	alice, _ := r.device(t, "alice", "laptop")
	bob, shown := r.device(t, "bob", "phone")
	c, err := alice.CreateDirect(t.Context(), "bob")
	if err != nil {
		t.Fatal(err)
	}
	said, err := alice.Send(t.Context(), c.ID, "buy now")
	if err != nil {
		t.Fatal(err)
	}
	shown.wait(t, "buy now")
	history := func() protocol.Entry {
		t.Helper()
		page, err := bob.History(t.Context(), c.ID, client.Range{})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Entries {
			if e.Kind == protocol.KindMessage {
				return e
			}
		}
		return protocol.Entry{}
	}
	waitFor(t, "the conversation is found", func() bool {
		found, _ := administer[admin.Conversations](t, r, http.MethodGet, "/conversations?member=alice", "")
		return len(found.Conversations) == 1
	})
	path := fmt.Sprintf("/conversations/%s/messages/%d/verdict", c.ID, said.Seq)
	if _, status := administer[admin.Decided](t, r, http.MethodPost, path, `{"action":"hide","reason":"advertising"}`); status != http.StatusCreated {
		t.Fatalf("status %d", status)
	}
	waitFor(t, "the message is hidden", func() bool { return history().Body == "" })
	queue := func(state string) []admin.Review {
		t.Helper()
		page, _ := administer[admin.Reviews](t, r, http.MethodGet, "/reviews?state="+state, "")
		return page.Reviews
	}
	waitFor(t, "it is in the queue", func() bool { return len(queue("confirmed")) == 1 })
	review := fmt.Sprintf("/reviews/%s/%d", c.ID, said.Seq)
	context, _ := administer[admin.Messages](t, r, http.MethodGet, review+"/messages", "")
	if len(context.Entries) < 2 || context.Entries[1].Body != "buy now" {
		t.Errorf("%+v", context)
	}
	if _, status := administer[admin.Decided](t, r, http.MethodPost, review+"/revert", ""); status != http.StatusOK {
		t.Fatalf("status %d", status)
	}
	waitFor(t, "the message shows again", func() bool { return history().Body == "buy now" })
	waitFor(t, "the queue says so", func() bool { return len(queue("confirmed")) == 0 && len(queue("reverted")) == 1 })

	if _, status := administer[struct{}](t, r, http.MethodPost, "/users/bob/revoke", ""); status != http.StatusNoContent {
		t.Fatalf("status %d", status)
	}
	waitFor(t, "bob is signed out", func() bool {
		_, err := bob.Inbox(t.Context(), 0, "")
		return err != nil && strings.Contains(err.Error(), string(protocol.CodeUnauthenticated))
	})
}
