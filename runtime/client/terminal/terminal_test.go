package terminal_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/chatcluster/chatcluster/runtime/client"
	"github.com/chatcluster/chatcluster/runtime/client/terminal"
	"github.com/chatcluster/chatcluster/runtime/gateway/gatewaytest"
	"github.com/chatcluster/chatcluster/runtime/gateway/rest"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// screen is what a terminal shows.
type screen struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// chat is a running terminal.
type chat struct {
	*screen
	in   *io.PipeWriter
	done chan error
}

func start(t *testing.T, url, user, to string) *chat {
	t.Helper()
	r, in := io.Pipe()
	c := &chat{screen: &screen{}, in: in, done: make(chan error, 1)}
	go func() {
		c.done <- terminal.Run(t.Context(), terminal.Options{
			Client: client.Options{URL: url, Token: client.StaticToken(user), Device: "tty", Platform: "cli"}, In: r, Out: c, To: to,
		})
	}()
	t.Cleanup(func() { _ = in.Close(); _ = r.Close() })
	c.shows(t, "connected as "+user)
	return c
}

func (c *chat) types(t *testing.T, line string) {
	t.Helper()
	if _, err := fmt.Fprintln(c.in, line); err != nil {
		t.Fatal(err)
	}
}

func (c *chat) shows(t *testing.T, pattern string) {
	t.Helper()
	re := regexp.MustCompile(pattern)
	defer func() {
		if t.Failed() {
			t.Logf("the screen:\n%s", c)
		}
	}()
	gatewaytest.Eventually(t, "the screen shows "+pattern, func() bool { return re.MatchString(c.String()) })
}

func TestTwoTerminalsTalk(t *testing.T) {
	w := gatewaytest.New(t)
	w.Inbox = func(context.Context, store.User, rest.InboxQuery) (protocol.InboxPage, error) {
		return protocol.InboxPage{Items: []protocol.InboxItem{{Conversation: "d-x", Peer: "bob", Unread: 2, Head: 7, LastSender: "bob", LastPreview: "see\x1byou"}}}, nil
	}
	w.Pod("c1")
	g := w.Gateway("g1", nil)
	alice, bob := start(t, g.URL, "alice", "bob"), start(t, g.URL, "bob", "")
	alice.shows(t, `talking in d-`)
	bob.shows(t, `brought alice, bob|brought bob, alice`)
	bob.types(t, "to nobody")
	bob.shows(t, `say to whom`)
	alice.types(t, "hello bob")
	alice.shows(t, `\* sent #2`)
	bob.shows(t, `\[d-\w+ #2\] alice: hello bob\n`)
	bob.types(t, "/to alice")
	bob.types(t, "hi alice")
	alice.shows(t, `\[d-\w+ #3\] bob: hi alice\n`)
	alice.types(t, "/read")
	alice.shows(t, `read up to #3`)
	bob.shows(t, `alice has read d-\w+ up to #3`)
	alice.types(t, "/inbox")
	alice.shows(t, "bob  unread 2  #7  bob: see\uFFFDyou")
	bob.types(t, "/history 2")
	gatewaytest.Eventually(t, "the history repeats what was said", func() bool {
		return strings.Count(bob.String(), "alice: hello bob") == 2
	})
	bob.types(t, "/group team alice,carol")
	alice.shows(t, `\[g-\w+ #1\] \* bob brought bob, alice, carol`)
	alice.types(t, "/dance")
	alice.shows(t, `no such command: /dance`)
	alice.types(t, "/help")
	alice.shows(t, `/history \[N\]`)
	for _, c := range []*chat{alice, bob} {
		c.types(t, "/quit")
		if err := <-c.done; err != nil {
			t.Error(err)
		}
	}
}

func TestWhenTheInputEndsWhatWasTypedIsStillSent(t *testing.T) {
	w := gatewaytest.New(t)
	w.Pod("c1")
	g := w.Gateway("g1", nil)
	var out screen
	err := terminal.Run(t.Context(), terminal.Options{
		Client: client.Options{URL: g.URL, Token: client.StaticToken("alice"), Device: "tty"},
		In:     strings.NewReader("one\ntwo\nthree"), Out: &out, To: "bob",
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"sent #2", "sent #3", "sent #4"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in:\n%s", want, &out)
		}
	}
}

func TestARefusedTokenEndsTheTerminal(t *testing.T) {
	w := gatewaytest.New(t)
	g := w.Gateway("g1", nil)
	err := terminal.Run(t.Context(), terminal.Options{
		Client: client.Options{URL: g.URL, Token: client.StaticToken("bad"), Device: "tty"}, In: strings.NewReader(""), Out: io.Discard,
	})
	if err == nil || !strings.Contains(err.Error(), "gateway closed") {
		t.Errorf("err = %v", err)
	}
}
