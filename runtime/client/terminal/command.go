package terminal

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/chatcluster/chatcluster/runtime/client"
)

const historyDefault = 20

// command acts on a line that begins with a slash.
func (t *terminal) command(ctx context.Context, line string) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	name, rest, _ := strings.Cut(line, " ")
	rest = strings.TrimSpace(rest)
	switch name {
	case "/quit", "/exit":
		return errQuit
	case "/help":
		t.printf("%s", help)
		return nil
	case "/to":
		return t.to(ctx, rest)
	case "/group":
		return t.group(ctx, rest)
	case "/use":
		if rest == "" {
			return errors.New("/use CONVERSATION")
		}
		t.use(rest)
		return nil
	case "/inbox":
		return t.inbox(ctx)
	case "/history":
		return t.history(ctx, rest)
	case "/read":
		return t.read()
	default:
		return fmt.Errorf("no such command: %s (/help)", name)
	}
}

func (t *terminal) to(ctx context.Context, user string) error {
	if user == "" {
		return errors.New("/to USER")
	}
	c, err := t.c.CreateDirect(ctx, user)
	if err != nil {
		return err
	}
	t.use(c.ID)
	return nil
}

func (t *terminal) group(ctx context.Context, rest string) error {
	title, list, ok := strings.Cut(rest, " ")
	if !ok {
		return errors.New("/group TITLE USER,USER")
	}
	var members []string
	for m := range strings.SplitSeq(list, ",") {
		if m = strings.TrimSpace(m); m != "" {
			members = append(members, m)
		}
	}
	c, err := t.c.CreateGroup(ctx, title, members, "")
	if err != nil {
		return err
	}
	t.use(c.ID)
	return nil
}

func (t *terminal) use(conversation string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.current = conversation
	t.write("* talking in " + conversation)
}

func (t *terminal) inbox(ctx context.Context) error {
	page, err := t.c.Inbox(ctx, 0, "")
	if err != nil {
		return err
	}
	if len(page.Items) == 0 {
		t.printf("* the inbox is empty")
	}
	for _, i := range page.Items {
		name := i.Title
		if name == "" {
			name = i.Peer
		}
		t.printf("%s  %s  unread %d  #%d  %s: %s", i.Conversation, printable(name), i.Unread, i.Head, printable(i.LastSender), printable(i.LastPreview))
	}
	if page.Next != "" {
		t.printf("* there are more")
	}
	return nil
}

func (t *terminal) history(ctx context.Context, rest string) error {
	n := historyDefault
	if rest != "" {
		var err error
		if n, err = strconv.Atoi(rest); err != nil || n < 1 {
			return errors.New("/history [N]")
		}
	}
	conversation := t.place()
	if conversation == "" {
		return errors.New("the history of what: /to USER")
	}
	page, err := t.c.History(ctx, conversation, client.Range{Limit: min(n, 200)})
	if err != nil {
		return err
	}
	if page.More {
		t.printf("* there is more before this")
	}
	t.onEntries(conversation, page.Entries)
	return nil
}

// read marks what was printed here as read.
func (t *terminal) read() error {
	t.mu.Lock()
	conversation := t.current
	head := max(t.heads[conversation], t.c.Seen(conversation))
	t.mu.Unlock()
	if conversation == "" || head == 0 {
		return errors.New("there is nothing to read")
	}
	t.c.Read(conversation, head)
	t.printf("* read up to #%d", head)
	return nil
}
