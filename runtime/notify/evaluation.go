package notify

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/chatcluster/chatcluster/runtime/store"
)

// evaluation decides, member by member, who is pushed for a window. It is run by one goroutine at a time.
type evaluation struct {
	window  *window
	conv    store.Conv
	kind    string
	owner   *ownership
	task    *task
	records []record
	// first to due are the seqs that are old enough to be decided.
	first, due uint64
	// messages are those from first on as they were when this attempt began, and last is the last of them: those after due go
	// along.
	messages timeline
	last     uint64

	listed   bool
	members  []*member // not settled yet
	failures int

	titleMu sync.Mutex
	titled  bool
	title   string

	earlierMu   sync.Mutex
	earlierRead bool
	earlier     history
}

// member is a member who is not settled yet.
type member struct {
	store.Member
	// settled are the devices whose push was accepted, put off or refused for good, with the token that it went to and the last
	// seq that it was about.
	settled map[target]uint64
	// accepted is true when a push was.
	accepted bool
	// admitted is true when the user's rate has a place for this window's pushes.
	admitted bool
	// raise is the seq to which the pushed mark must be raised once nothing else is left; 0 before that.
	raise uint64
	// attempts counts answers that settled nothing.
	attempts int
}

func (m *member) settle(p owed) {
	if m.settled == nil {
		m.settled = map[target]uint64{}
	}
	m.settled[target{p.device.ID, p.device.PushToken}] = p.last()
}

// target is where a push goes.
type target struct{ device, token string }

// evaluate goes through the members who are not settled. Who fails is looked at again later.
func (n *Notifier) evaluate(ctx context.Context, e *evaluation) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(e.owner.ctx, cancel)() //nolint:contextcheck // the end of the ownership is a second reason to stop

	if !n.look(e) {
		return
	}
	var wait time.Duration
	err := n.list(ctx, e)
	if err == nil {
		wait, err = n.settle(ctx, e)
	}
	if ctx.Err() != nil {
		return // the process ends or the partition has moved: the next owner is given the records again
	}
	if err == nil && len(e.members) == 0 {
		n.leave(e)
		for _, r := range e.records {
			r.done()
		}
		return
	}
	e.failures++
	n.metrics.retries.Inc()
	backoff := min(firstBackoff<<min(e.failures-1, 10), maxBackoff)
	delay := max(backoff/2+rand.N(backoff/2), wait)
	n.o.Log.Log(ctx, e.level(), "pushes will be retried", "conversation", e.conv.String(), "members", len(e.members), "failures", e.failures,
		"in", delay, "error", err)
	n.mu.Lock()
	defer n.mu.Unlock()
	if e.owner.ctx.Err() == nil {
		n.schedule(e.task, time.Now().Add(delay))
	}
}

// level keeps an outage from being told once for each conversation and second.
func (e *evaluation) level() slog.Level {
	if e.failures%8 == 3 {
		return slog.LevelWarn
	}
	return slog.LevelDebug
}

// list finds the members to whom something is owed, as far as the conversation tells.
func (n *Notifier) list(ctx context.Context, e *evaluation) error {
	if e.listed {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, membersTimeout)
	defer cancel()
	all, err := n.o.Store.Members(ctx, e.conv)
	if err != nil {
		return err
	}
	for _, m := range all {
		if m.Left == 0 && e.owes(m, 0) {
			e.members = append(e.members, &member{Member: m})
		}
	}
	e.listed = true
	return nil
}

// settle looks at every member of the evaluation, in chunks side by side, and keeps those who are not settled. It returns the
// longest wait that was asked for, and one of the errors.
func (n *Notifier) settle(ctx context.Context, e *evaluation) (time.Duration, error) {
	var (
		wg   sync.WaitGroup
		mu   sync.Mutex
		left []*member
		wait time.Duration
		last error
	)
	for chunk := range slices.Chunk(e.members, chunkMembers) {
		weight := int64(min(len(chunk), chunkReaders, n.o.Members))
		if err := n.members.Acquire(ctx, weight); err != nil {
			wg.Wait()
			return 0, err
		}
		wg.Go(func() {
			defer n.members.Release(weight)
			l, w, err := n.cover(ctx, e, chunk)
			mu.Lock()
			defer mu.Unlock()
			left = append(left, l...)
			wait = max(wait, w)
			if err != nil {
				last = err
			}
		})
	}
	wg.Wait()
	e.members = left
	return wait, last
}

// owes says whether the member is owed something that is due, having seen everything up to floor.
func (e *evaluation) owes(m store.Member, floor uint64) bool {
	for _, x := range e.messages {
		if x.seq <= e.due && x.seq > floor && x.seq >= m.Joined && x.sender != m.User.ID() && x.visible() {
			return true
		}
	}
	return false
}

// unseen returns the messages of others after floor, from joined on and not before since.
func (t timeline) unseen(u store.User, joined, floor uint64, since time.Time) timeline {
	var out timeline
	for _, x := range t {
		if x.seq > floor && x.seq >= joined && x.sender != u.ID() && x.visible() && !x.at.Before(since) {
			out = append(out, x)
		}
	}
	return out
}
