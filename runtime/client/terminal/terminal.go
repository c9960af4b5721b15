package terminal

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/chatcluster/chatcluster/runtime/client"
	"github.com/chatcluster/chatcluster/runtime/protocol"
)

const (
	// maxLine is the longest line that is read: a body, and a command's worth more.
	maxLine     = protocol.MaxBodyBytes + 1024
	callTimeout = 15 * time.Second
	// lastWords is how long messages without an answer are waited for when the input ends.
	lastWords = 15 * time.Second
	help      = `/to USER            talk to a user
/group TITLE A,B    make a group and talk to it
/use CONVERSATION   talk in a conversation
/inbox              your conversations
/history [N]        the last N messages here (20)
/read               mark this conversation as read
/quit               leave`
)

// Options of a terminal chat. URL, Token, Device, In and Out are required.
type Options struct {
	// Client is how to connect; its handlers are the terminal's own.
	Client client.Options
	In     io.Reader
	Out    io.Writer
	// To is the user to talk to from the start. May be empty.
	To string
	// Stay keeps printing what comes in when the input has ended, until the context ends.
	Stay bool
}

// Run chats until the input says /quit or ends, the context ends, or the gateway gives the connection up.
func Run(ctx context.Context, o Options) error {
	t := &terminal{out: o.Out, heads: map[string]uint64{}}
	o.Client.OnEntries, o.Client.OnReceipt, o.Client.OnGap, o.Client.OnState = t.onEntries, t.onReceipt, t.onGap, t.onState
	c, err := client.Dial(ctx, o.Client)
	if err != nil {
		return err
	}
	t.c = c
	t.printf("* connected as %s, /help helps", c.User())
	err = t.loop(ctx, o)
	t.sending.Wait()
	if cerr := c.Close(); err == nil {
		err = cerr
	}
	return err
}

// terminal is one chat.
type terminal struct {
	c       *client.Client
	sending sync.WaitGroup

	mu      sync.Mutex
	out     io.Writer
	current string
	heads   map[string]uint64 // what was printed of each conversation
}

var errQuit = errors.New("quit")

func (t *terminal) loop(ctx context.Context, o Options) error {
	if o.To != "" {
		if err := t.command(ctx, "/to "+o.To); err != nil {
			return err
		}
	}
	lines := make(chan string)
	broken := make(chan error, 1)
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		defer close(lines)
		s := bufio.NewScanner(o.In)
		s.Buffer(make([]byte, 0, 4096), maxLine)
		for s.Scan() {
			select {
			case lines <- s.Text():
			case <-stop:
				return
			}
		}
		broken <- s.Err()
	}()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-t.c.Done():
			return t.c.Err()
		case line, ok := <-lines:
			if !ok {
				return t.inputEnded(ctx, o, <-broken)
			}
			if err := t.line(ctx, line); errors.Is(err, errQuit) {
				return nil
			}
		}
	}
}

func (t *terminal) inputEnded(ctx context.Context, o Options, err error) error {
	if err != nil {
		return fmt.Errorf("read the input: %w", err)
	}
	if !o.Stay {
		return nil
	}
	select {
	case <-ctx.Done():
		return nil
	case <-t.c.Done():
		return t.c.Err()
	}
}

// line acts on a line of input. Only errQuit is returned: what fails is printed.
func (t *terminal) line(ctx context.Context, line string) error {
	line = strings.TrimRight(line, "\r")
	switch {
	case strings.TrimSpace(line) == "":
	case strings.HasPrefix(line, "/"):
		err := t.command(ctx, line)
		if errors.Is(err, errQuit) {
			return err
		}
		if err != nil {
			t.printf("! %v", err)
		}
	default:
		t.say(line)
	}
	return nil
}

// say sends a line in order and prints what became of it.
func (t *terminal) say(body string) {
	conversation := t.place()
	if conversation == "" {
		t.printf("! say to whom: /to USER")
		return
	}
	m, err := t.c.Enqueue(conversation, body)
	if err != nil {
		t.printf("! not sent: %v", err)
		return
	}
	t.sending.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), lastWords)
		defer cancel()
		ack, err := m.Wait(ctx)
		if err != nil {
			t.printf("! not sent: %v", err)
			return
		}
		t.printf("* sent #%d", ack.Seq)
	})
}

func (t *terminal) place() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.current
}

func (t *terminal) printf(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.write(fmt.Sprintf(format, args...))
}

// write prints one line. The lock is held. An output that is gone is no reason to stop.
func (t *terminal) write(line string) { _, _ = fmt.Fprintln(t.out, line) }

// onEntries prints what came in.
func (t *terminal) onEntries(conversation string, entries []protocol.Entry) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, e := range entries {
		if line := show(e); line != "" {
			t.write(fmt.Sprintf("[%s #%d] %s", conversation, e.Seq, line))
		}
		t.heads[conversation] = max(t.heads[conversation], e.Seq)
	}
}

func (t *terminal) onReceipt(conversation, user string, read uint64) {
	t.printf("* %s has read %s up to #%d", printable(user), conversation, read)
}

// onGap leaves a long absence to /history.
func (t *terminal) onGap(conversation string, from, to uint64) bool {
	t.printf("* %s: #%d to #%d came while you were away, /history shows them", conversation, from, to)
	return true
}

func (t *terminal) onState(err error) {
	if err != nil {
		t.printf("* connection lost, coming back")
	}
}

// show is an entry as one line, empty for one that says nothing to a person.
func show(e protocol.Entry) string {
	switch e.Kind {
	case protocol.KindMessage:
		// Further lines are indented: no message can look like another.
		return printable(e.Sender) + ": " + strings.ReplaceAll(printable(e.Body), "\n", "\n    ")
	case protocol.KindMembersAdded:
		names := make([]string, len(e.Members))
		for i, m := range e.Members {
			names[i] = printable(m.User)
		}
		return "* " + printable(e.Sender) + " brought " + strings.Join(names, ", ")
	case protocol.KindMembersRemoved:
		names := make([]string, len(e.Users))
		for i, u := range e.Users {
			names[i] = printable(u)
		}
		return "* gone: " + strings.Join(names, ", ")
	case protocol.KindRenamed:
		return "* now called " + printable(e.Title)
	case protocol.KindEdited:
		if e.Redacted {
			return "" // the message has what is to be shown
		}
		return fmt.Sprintf("* #%d now reads: %s", e.Target, strings.ReplaceAll(printable(e.Body), "\n", "\n    "))
	case protocol.KindDeleted:
		return fmt.Sprintf("* #%d is deleted", e.Target)
	case protocol.KindReacted:
		if e.Removed {
			return fmt.Sprintf("* %s takes %s back from #%d", printable(e.Sender), printable(e.Emoji), e.Target)
		}
		return fmt.Sprintf("* %s: %s to #%d", printable(e.Sender), printable(e.Emoji), e.Target)
	case protocol.KindVerdict:
		return showVerdict(e)
	default:
		return ""
	}
}

// showVerdict says what became of a message; the history has it as it may be shown. What is flagged is for moderators.
func showVerdict(e protocol.Entry) string {
	if e.Verdict == nil {
		return ""
	}
	by := printable(e.Verdict.Processor)
	switch e.Verdict.Action {
	case protocol.ActionMask:
		return fmt.Sprintf("* #%d is masked in part, by %s: /history shows it", e.Target, by)
	case protocol.ActionHide:
		return fmt.Sprintf("* #%d is hidden, by %s", e.Target, by)
	case protocol.ActionNone:
		return fmt.Sprintf("* #%d is shown again, by %s", e.Target, by)
	default:
		return ""
	}
}

// printable keeps what others write from steering the terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || unicode.IsPrint(r) {
			return r
		}
		return '\uFFFD'
	}, s)
}
