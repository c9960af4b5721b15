//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/chatcluster/chatcluster/runtime/client"
	"github.com/chatcluster/chatcluster/runtime/protocol"
)

// traffic is people who talk in a group without a pause, and what was acknowledged to them.
type traffic struct {
	conversation string
	people       []*person
	stop         context.CancelFunc
	done         sync.WaitGroup

	mu    sync.Mutex
	acked []said
	errs  []error
}

// said is an acknowledged message.
type said struct {
	seq  uint64
	body string
}

// startTraffic has everyone send, each waiting for the acknowledgment of one message before the next.
func startTraffic(t *testing.T, conversation string, people ...*person) *traffic {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	tr := &traffic{conversation: conversation, people: people, stop: cancel}
	t.Cleanup(cancel)
	for _, p := range people {
		tr.done.Go(func() {
			for n := 1; ctx.Err() == nil; n++ {
				tr.say(t, p, fmt.Sprintf("%s %s %d", t.Name(), p.name, n))
			}
		})
	}
	return tr
}

func (tr *traffic) say(t *testing.T, p *person, body string) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	ack, err := p.client.Send(ctx, tr.conversation, body)
	tr.mu.Lock()
	defer tr.mu.Unlock()
	if err != nil {
		tr.errs = append(tr.errs, fmt.Errorf("%s: %w", p.name, err))
		tr.stop()
		return
	}
	tr.acked = append(tr.acked, said{ack.Seq, body})
}

func (tr *traffic) count() int {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return len(tr.acked)
}

// moves waits until n more messages are acknowledged: the conversation is alive.
func (tr *traffic) moves(t *testing.T, n int) {
	t.Helper()
	from := tr.count()
	eventually(t, patience, "the conversation goes on", func(context.Context) error {
		tr.mu.Lock()
		defer tr.mu.Unlock()
		if len(tr.errs) > 0 {
			return nil // reported by verify
		}
		if got := len(tr.acked) - from; got < n {
			return fmt.Errorf("%d of %d messages acknowledged", got, n)
		}
		return nil
	})
}

// verify ends the traffic and checks that nothing was lost, doubled or put out of order: in the log, and on everyone's screen.
func (tr *traffic) verify(t *testing.T) {
	t.Helper()
	tr.stop()
	tr.done.Wait()
	for _, err := range tr.errs {
		t.Errorf("a send was given up: %v", err)
	}
	slices.SortFunc(tr.acked, func(a, b said) int { return int(a.seq) - int(b.seq) })
	t.Logf("%d messages were acknowledged", len(tr.acked))

	log := tr.log(t)
	var stored []said
	for i, e := range log {
		if e.Seq != uint64(i+1) {
			t.Fatalf("the log has seq %d at place %d", e.Seq, i+1)
		}
		if e.Kind == protocol.KindMessage {
			stored = append(stored, said{e.Seq, e.Body})
		}
	}
	if !slices.Equal(stored, tr.acked) {
		t.Errorf("the log holds %d messages, %d were acknowledged, and they differ", len(stored), len(tr.acked))
	}
	want := make([]string, len(tr.acked))
	for i, s := range tr.acked {
		want[i] = s.body
	}
	for _, p := range tr.people {
		eventually(t, soon, p.name+" is shown everything once, in order", func(context.Context) error {
			if got := p.bodies(tr.conversation); !slices.Equal(got, want) {
				return fmt.Errorf("shown %d messages, want %d, or in another order", len(got), len(want))
			}
			return nil
		})
		if err := p.checkOrder(tr.conversation); err != nil {
			t.Error(err)
		}
	}
}

// log pages through the whole history.
func (tr *traffic) log(t *testing.T) []protocol.Entry {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	var entries []protocol.Entry
	for after := uint64(0); ; {
		page, err := tr.people[0].client.History(ctx, tr.conversation, client.Range{After: &after, Limit: 100})
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, page.Entries...)
		if !page.More || len(page.Entries) == 0 {
			return entries
		}
		after = page.Entries[len(page.Entries)-1].Seq
	}
}
