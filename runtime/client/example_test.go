package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatcluster/chatcluster/runtime/client"
	"github.com/chatcluster/chatcluster/runtime/gateway/gatewaytest"
	"github.com/chatcluster/chatcluster/runtime/protocol"
)

// The examples need a gateway: they are compiled, and the tests below run what is in them.

// Two people talk: one sends, the other prints what comes in.
func Example() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := talk(ctx, os.Stdout, "wss://chat.example", client.StaticToken(os.Getenv("ALICE")), client.StaticToken(os.Getenv("BOB"))); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}

func talk(ctx context.Context, out io.Writer, url string, alice, bob client.TokenSource) error {
	got := make(chan protocol.Entry, 16)
	b, err := client.Dial(ctx, client.Options{
		URL: url, Token: bob, Device: "laptop", Platform: "cli",
		OnEntries: func(_ string, entries []protocol.Entry) {
			for _, e := range entries {
				if e.Kind == protocol.KindMessage {
					got <- e
				}
			}
		},
	})
	if err != nil {
		return err
	}
	defer func() { _ = b.Close() }()
	a, err := client.Dial(ctx, client.Options{URL: url, Token: alice, Device: "phone", Platform: "cli"})
	if err != nil {
		return err
	}
	defer func() { _ = a.Close() }()

	direct, err := a.CreateDirect(ctx, b.User())
	if err != nil {
		return err
	}
	// Acknowledged is durable. Whatever happens to the connection, it is stored once.
	ack, err := a.Send(ctx, direct.ID, "hello")
	if err != nil {
		return err
	}
	select {
	case e := <-got:
		_, err = fmt.Fprintf(out, "%s: %s (entry %d)\n", e.Sender, e.Body, ack.Seq)
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// seenSoFar is a State that outlives a client; a real one is a file or a database.
type seenSoFar struct {
	mu   sync.Mutex
	seen map[string]uint64
}

func (m *seenSoFar) Load(context.Context) (map[string]uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	copied := map[string]uint64{}
	for conversation, seq := range m.seen {
		copied[conversation] = seq
	}
	return copied, nil
}

func (m *seenSoFar) Save(_ context.Context, conversation string, seq uint64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.seen[conversation] = seq
	return nil
}

// A client with a State sees nothing twice, also when the process starts again, and misses nothing that was said meanwhile.
func ExampleState() {
	state := &seenSoFar{seen: map[string]uint64{}}
	c, err := client.Dial(context.Background(), client.Options{
		URL: "wss://chat.example", Token: client.StaticToken(os.Getenv("TOKEN")), Device: "phone", State: state,
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	defer func() { _ = c.Close() }()
}

// What became of a message, as an application tells its user.
func ExampleError() {
	var c *client.Client // of Dial
	_, err := c.Send(context.Background(), "conversation", "hello")
	fmt.Println(explain(err))
}

func explain(err error) string {
	var refused *client.Error
	var ended *client.CloseError
	switch {
	case err == nil:
		return "sent"
	case errors.Is(err, &client.Error{Code: protocol.CodeMuted}):
		return "a moderator has muted you"
	case errors.As(err, &refused):
		return "refused: " + refused.Code.Title()
	case errors.As(err, &ended):
		return "this device was signed out"
	case errors.Is(err, client.ErrClosed), errors.Is(err, context.DeadlineExceeded):
		return "perhaps sent: the history tells"
	case client.Temporary(err):
		return "try again"
	}
	return err.Error()
}

func TestTheExampleTalks(t *testing.T) {
	w := gatewaytest.New(t)
	w.Pod("c1")
	g := w.Gateway("g1", nil)
	ctx, cancel := context.WithTimeout(t.Context(), gatewaytest.Patience)
	defer cancel()
	var out strings.Builder
	if err := talk(ctx, &out, g.URL, client.StaticToken("alice"), client.StaticToken("bob")); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("alice: hello (entry 2)\n", out.String()); diff != "" {
		t.Errorf("-want +printed:\n%s", diff)
	}
}

func TestTheExamplesStateOutlivesAClient(t *testing.T) {
	w := gatewaytest.New(t)
	w.Pod("c1")
	g := w.Gateway("g1", nil)
	state := &seenSoFar{seen: map[string]uint64{}}
	keep := func(o *client.Options) { o.State = state }
	alice, bob := join(t, g.URL, "alice", nil), join(t, g.URL, "bob", keep)
	c, err := alice.CreateDirect(t.Context(), "bob")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := alice.Send(t.Context(), c.ID, "one"); err != nil {
		t.Fatal(err)
	}
	bob.wait(t, c.ID, 1, 2)
	if err := bob.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := alice.Send(t.Context(), c.ID, "two"); err != nil {
		t.Fatal(err)
	}
	again := join(t, g.URL, "bob", keep)
	if got := bodiesOf(again.wait(t, c.ID, 3, 3), "alice"); !slices.Equal(got, []string{"two"}) {
		t.Errorf("the second client saw %q: each message is to be seen once", got)
	}
}

func TestWhatTheExampleSaysOfErrors(t *testing.T) {
	w := gatewaytest.New(t)
	w.Pod("c1")
	g := w.Gateway("g1", nil)
	alice := join(t, g.URL, "alice", nil)
	_, notThere := alice.Send(t.Context(), "nowhere", "hello")
	_, tooLarge := alice.Send(t.Context(), "nowhere", strings.Repeat("x", protocol.MaxBodyBytes+1))
	if err := alice.Close(); err != nil {
		t.Fatal(err)
	}
	_, closed := alice.Send(t.Context(), "nowhere", "hello")
	cases := map[string]struct {
		reason    string
		err       error
		says      string
		temporary bool
	}{
		"Sent":     {"no error", nil, "sent", false},
		"NotThere": {"the server refused a message to where the user is not", notThere, "refused: ", false},
		"TooLarge": {"the client refuses what the server would", tooLarge, "refused: ", false},
		"Closed":   {"nobody knows", closed, "perhaps sent", false},
		"Muted":    {"by its code, however it is wrapped", fmt.Errorf("send: %w", &client.Error{Code: protocol.CodeMuted}), "muted", false},
		"Ended":    {"the gateway gave it up", &client.CloseError{Code: 3500, Reason: "revoked"}, "signed out", false},
		"Full":     {"there is room later", client.ErrOutboxFull, "try again", true},
		"Offline":  {"there is a connection later", client.ErrOffline, "try again", true},
		"Busy":     {"a server that has too much to do", &client.Error{Code: protocol.CodeBusy}, "refused: ", true},
		"Waited":   {"the caller's own patience ended", context.DeadlineExceeded, "perhaps sent", false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := explain(tc.err); !strings.Contains(got, tc.says) {
				t.Errorf("%s: %v is told as %q, want %q", tc.reason, tc.err, got, tc.says)
			}
			if got := client.Temporary(tc.err); got != tc.temporary {
				t.Errorf("%s: Temporary(%v) = %t", tc.reason, tc.err, got)
			}
		})
	}
}
