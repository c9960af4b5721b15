package conformance

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chatcluster/chatcluster/runtime/protocol"
)

// patience is how long an answer is waited for.
const patience = 20 * time.Second

// Target is a server. URL and Token are required; a subtest whose function is nil is skipped.
type Target struct {
	// URL is the server's: ws://host:port or wss://….
	URL string
	// Token returns a token of a user that is good for an hour.
	Token func(t testing.TB, user string) string
	// Expired returns one that is no longer accepted.
	Expired func(t testing.TB, user string) string
	// Expiring returns one that is accepted now and for a few seconds.
	Expiring func(t testing.TB, user string) string
	// SignOut takes back everything that was issued to the user.
	SignOut func(t testing.TB, user string)
	// Drain has the server go away. It is called last.
	Drain func(t testing.TB)
	// Without names subtests of what the server does not do, each with the reason.
	Without map[string]string
	// OnFrame, if set, sees every frame of the server.
	OnFrame func(t testing.TB, frame []byte)
}

// world is one subtest's part of the target: names that nobody else has.
type world struct {
	*testing.T
	Target
	tag string
}

func (w *world) user(name string) string { return name + "-" + w.tag }

func newWorld(t *testing.T, target Target) *world {
	return &world{T: t, Target: target, tag: strings.ToLower(rand.Text()[:12])}
}

// group creates a group over REST; the first is its owner.
func (w *world) group(names ...string) string {
	w.Helper()
	body := protocol.CreateConversation{Kind: "group", Title: "conformance"}
	for _, n := range names[1:] {
		body.Members = append(body.Members, w.user(n))
	}
	return w.create(names[0], body)
}

// direct returns the direct conversation of two users.
func (w *world) direct(one, other string) string {
	w.Helper()
	return w.create(one, protocol.CreateConversation{Kind: "direct", User: w.user(other)})
}

func (w *world) create(by string, body protocol.CreateConversation) string {
	w.Helper()
	data, err := json.Marshal(body)
	if err != nil {
		w.Fatal(err)
	}
	req, err := http.NewRequestWithContext(w.Context(), http.MethodPost, "http"+strings.TrimPrefix(w.URL, "ws")+"/v1/conversations", bytes.NewReader(data))
	if err != nil {
		w.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+w.Token(w.T, w.user(by)))
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		w.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	var c protocol.Conversation
	if err := json.NewDecoder(res.Body).Decode(&c); err != nil || c.ID == "" {
		w.Fatalf("create a group: %s, %v", res.Status, err)
	}
	return c.ID
}
