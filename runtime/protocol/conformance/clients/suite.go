package clients

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatcluster/chatcluster/runtime/protocol"
)

// lookEvery is how often a client's state is asked for while something is waited for.
const lookEvery = 5 * time.Millisecond

// Subject is what is tested.
type Subject struct {
	// New makes a client that is not started. It is called for each case.
	New func(t *testing.T) Driver
	// Without names cases, or groups of them, that the client leaves out, each with the reason.
	Without map[string]string
}

// Case is a line of what clients owe.
type Case struct {
	// Name is Group/Case.
	Name string
	// Why says what goes wrong otherwise.
	Why  string
	test func(*world)
}

// Cases are all there are.
func Cases() []Case {
	return slices.Concat(connecting(), receiving(), folding(), sending(), marking(), closing(), refreshing(), signaling())
}

// Run runs the suite against the subject.
func Run(t *testing.T, subject Subject) {
	cases := Cases()
	for name := range subject.Without {
		if !slices.ContainsFunc(cases, func(c Case) bool { return within(c.Name, name) }) {
			t.Errorf("the subject leaves out %s, which is no case", name)
		}
	}
	for _, c := range cases {
		if why, out := subject.leavesOut(c.Name); out {
			t.Logf("%s is left out: %s", c.Name, why)
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			t.Log(c.Why)
			w := &world{server: newServer(t), T: t, client: subject.New(t)}
			// Before the server goes: a client that is closed needs no answer of it.
			t.Cleanup(func() {
				if err := w.client.Close(); err != nil {
					t.Errorf("close the client: %v", err)
				}
			})
			c.test(w)
		})
	}
}

// leavesOut says why a case does not concern the subject, if so.
func (s Subject) leavesOut(name string) (why string, out bool) {
	for group, why := range s.Without {
		if within(name, group) {
			return why, true
		}
	}
	return "", false
}

// within says whether a case is the one that is named, or of that group.
func within(name, group string) bool { return name == group || strings.HasPrefix(name, group+"/") }

// world is one case's part.
type world struct {
	*testing.T
	*server
	client Driver
}

func (w *world) do(c Command) {
	w.Helper()
	if err := w.client.Do(w.Context(), c); err != nil {
		w.Fatalf("%s: %v", c.Op, err)
	}
}

// accept waits for the next connection and its hello, and welcomes it.
func (w *world) accept() *conn {
	w.Helper()
	c := w.hello()
	c.say(protocol.ServerFrame{
		Type: protocol.TypeWelcome, User: user, Device: device, ServerTimeMS: time.Now().UnixMilli(),
		MaxBodyBytes: protocol.MaxBodyBytes, MaxFrameBytes: protocol.MaxFrameBytes, ExpiresAtMS: time.Now().Add(time.Hour).UnixMilli(),
	})
	return c
}

// hello waits for the next connection and its hello.
func (w *world) hello() *conn {
	w.Helper()
	select {
	case c := <-w.conns:
		f := c.next(1, protocol.TypeHello)
		token := f.Token + c.header
		if f.Device != device || token == "" {
			w.Fatalf("hello of device %q, has a token: %t; want device %q and a token", f.Device, token != "", device)
		}
		w.mu.Lock()
		w.tokens = append(w.tokens, token)
		w.mu.Unlock()
		return c
	case <-time.After(patience):
		w.Fatal("no connection")
		return nil
	}
}

// start starts the client, opens the group and returns the connection.
func (w *world) start() *conn {
	w.Helper()
	w.do(Command{Op: "start", URL: w.url(), Device: device})
	c := w.accept()
	w.do(Command{Op: "open", Conversation: group})
	w.until("online", func(s State) bool { return s.Online })
	return c
}

// until waits until the client's state satisfies.
func (w *world) until(what string, ok func(State) bool) State {
	w.Helper()
	t := time.NewTicker(lookEvery)
	defer t.Stop()
	for deadline := time.Now().Add(patience); ; <-t.C {
		s, err := w.client.State(w.Context())
		switch {
		case err != nil:
			w.Fatal(err)
		case ok(s):
			return s
		case time.Now().After(deadline):
			w.Fatalf("after %s the client is not yet: %s. It shows %+v", patience, what, s)
		}
	}
}

// shows waits until the group's messages are these: seq and body each.
func (w *world) shows(want ...string) {
	w.Helper()
	var got []string
	defer func() {
		if w.Failed() {
			w.Logf("shown (-want +got):\n%s", cmp.Diff(want, got))
		}
	}()
	w.until(fmt.Sprintf("showing %q", want), func(s State) bool {
		got = nil
		for _, m := range s.Shown[group] {
			got = append(got, line(m))
		}
		return slices.Equal(got, want)
	})
}

func line(m Message) string {
	text := fmt.Sprintf("%d %s", m.Seq, m.Body)
	if m.Deleted {
		text = fmt.Sprintf("%d deleted", m.Seq)
	}
	for _, r := range m.Reactions {
		text += " " + r
	}
	return text
}

func (w *world) answered(tag string, want Answer) {
	w.Helper()
	s := w.until("an answer to "+tag, func(s State) bool { return s.Answers[tag] != Answer{} })
	if s.Answers[tag] != want {
		w.Errorf("%s is answered with %+v, want %+v", tag, s.Answers[tag], want)
	}
}

func (w *world) send(tag, body string) {
	w.Helper()
	w.do(Command{Op: "send", Conversation: group, Tag: tag, Body: body})
}

// said is a message of bob's. Every entry is one in the group's log, so its count is its seq.
func said(seq uint64, body string) protocol.Entry {
	return protocol.Entry{Seq: seq, Sender: "bob", AtMS: 1700000000000 + int64(seq), Count: seq, Kind: protocol.KindMessage, Body: body}
}

// own is the entry of something that the client sent.
func own(f frame, seq uint64) protocol.Entry {
	e := said(seq, f.Body)
	e.Sender, e.Device, e.ClientMsgID = user, device, f.ClientMsgID
	return e
}

// run is bob's messages from one seq to another.
func run(from, to uint64) []protocol.Entry {
	var out []protocol.Entry
	for seq := from; seq <= to; seq++ {
		out = append(out, said(seq, fmt.Sprint("m", seq)))
	}
	return out
}

func lines(from, to uint64) []string {
	var out []string
	for seq := from; seq <= to; seq++ {
		out = append(out, fmt.Sprintf("%d m%d", seq, seq))
	}
	return out
}

func join(n int, types []string) string {
	if n > 0 {
		return fmt.Sprintf("frame number %d of type %s", n, strings.Join(types, ", "))
	}
	return "such frame of type " + strings.Join(types, ", ")
}

// same says whether two frames ask for the very same.
func (w *world) same(what string, first, again frame) {
	w.Helper()
	if diff := cmp.Diff(first.ClientFrame, again.ClientFrame); diff != "" {
		w.Errorf("%s: not the same frame again (-first +again):\n%s", what, diff)
	}
}
