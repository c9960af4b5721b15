package readmodel

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/store"
)

const (
	// applyTimeout bounds one transaction.
	applyTimeout = 30 * time.Second
	// applyRounds is how often Apply looks again after a conversation moved under it.
	applyRounds = 4
	// lookups is how many reads of the store run at a time.
	lookups = 8
)

// Source is where the truth is: what the writer reads of it, and how it tells that Kafka is owed a batch.
type Source interface {
	Read(ctx context.Context, c store.Conv, from uint64, limit int) ([]store.Stored, error)
	MarkOutbox(ctx context.Context, c store.Conv, first uint64) error
	Conversation(ctx context.Context, c store.Conv) (store.Conversation, error)
	Fold(ctx context.Context, c store.Conv, entries []*logpb.Entry) error
}

// Writer applies records to the model. It is safe for concurrent use.
type Writer struct {
	m         *Model
	src       Source
	now       func() time.Time
	retention time.Duration
}

// NewWriter returns a writer of m that reads what is missing from src.
func NewWriter(m *Model, src Source) *Writer {
	return &Writer{m: m, src: src, now: time.Now}
}

// Applied is what a call of Apply did.
type Applied struct {
	// Entries is how many were new, Repaired how many of them came from the store and not from the call's records.
	Entries, Repaired int
	// Summaries are of all the call's conversations, those without news included: a process may have died before it told the cache.
	Summaries []Summary
	// Users are those whose list of conversations or read mark has changed, by the same rule.
	Users []store.User
	// Parked are the conversations that this call's records stopped. Waiting is how many records were put behind those and earlier ones.
	Parked  []Parked
	Waiting int
	// Freed are parked conversations that go on.
	Freed []store.Conv
}

// Parked is a conversation that a record stopped.
type Parked struct {
	Conv   store.Conv
	Reason string
	// Reached is the highest seq that the model has seen of it.
	Reached uint64
}

// Apply brings the model to include the records. It returns when all is committed or parked; after an error, repeat it.
func (w *Writer) Apply(ctx context.Context, records []Record) (Applied, error) {
	var total Applied
	groups := byConversation(records)
	if len(groups) == 0 {
		return total, nil
	}
	var err error
	for range applyRounds {
		if err = w.completeGroups(ctx, groups, mode{}, &total); err != nil {
			return total, err
		}
		err = w.write(ctx, groups, mode{}, &total)
		// All of ours take rows in one order. What else takes locks, such as a month that is attached, may still cross it: one of the
		// two goes again.
		if !errors.Is(err, errGap) && sqlState(err) != codeDeadlock {
			return total, err
		}
	}
	return total, err
}

// completeGroups fetches what the model needs beside the records: titles of new conversations and entries that are missing.
func (w *Writer) completeGroups(ctx context.Context, groups []*group, how mode, total *Applied) error {
	heads, parked, err := w.m.heads(ctx, groups)
	if err != nil {
		return err
	}
	limited, limitedCtx := errgroup.WithContext(ctx)
	limited.SetLimit(lookups)
	for _, g := range groups {
		if _, ok := heads[g.conv]; ok || (parked[g.conv] && !how.retry) {
			continue
		}
		limited.Go(func() error {
			c, err := w.src.Conversation(limitedCtx, g.conv)
			if errors.Is(err, store.ErrNotFound) {
				return nil
			} else if err != nil {
				return fmt.Errorf("read conversation %s: %w", g.conv, err)
			}
			g.title = column(c.Title)
			if g.kind == "" {
				g.kind = c.Kind
			}
			return nil
		})
	}
	if err := limited.Wait(); err != nil {
		return err
	}
	for _, g := range groups {
		g.head, g.parked = heads[g.conv], parked[g.conv]
		if parked[g.conv] && !how.retry {
			continue
		}
		if err := w.repair(ctx, g, how, total); err != nil {
			return err
		}
	}
	return nil
}

// write folds what the groups bring into the store, and applies all groups in one transaction, or, when the database refuses some
// content, each in its own so that only the one that is refused is parked. The store comes first: what the model's head has passed is
// folded there, whatever happens in between.
func (w *Writer) write(ctx context.Context, groups []*group, how mode, total *Applied) error {
	if err := w.foldStored(ctx, groups, how); err != nil {
		return err
	}
	var err error
	if how.keptFrom, err = w.keptNow(ctx, groups); err != nil {
		return err
	}
	got, err := w.m.writeTx(ctx, groups, how)
	if err == nil {
		total.add(got)
		return nil
	}
	if !refusesContent(err) {
		return err
	}
	for _, g := range groups {
		got, err := w.m.writeTx(ctx, []*group{g}, how)
		if refusesContent(err) {
			got, err = w.m.writeTx(ctx, []*group{g}, mode{retry: how.retry, keptFrom: how.keptFrom, refused: errors.New(sqlWords(err))})
		}
		if err != nil {
			return err
		}
		total.add(got)
	}
	return nil
}

func (a *Applied) add(b Applied) {
	a.Entries += b.Entries
	a.Repaired += b.Repaired
	a.Summaries = append(a.Summaries, b.Summaries...)
	a.Users = append(a.Users, b.Users...)
	a.Parked = append(a.Parked, b.Parked...)
	a.Waiting += b.Waiting
	a.Freed = append(a.Freed, b.Freed...)
}

// touched returns the users whose cached list the batches outdate: members who come and go, and senders, whose read mark rises.
func touched(c store.Conv, batches []*logpb.Batch) []store.User {
	seen := map[string]bool{}
	var users []store.User
	add := func(id string) {
		if seen[id] {
			return
		}
		seen[id] = true
		if u, err := store.NewUser(c.Tenant(), id); err == nil {
			users = append(users, u)
		}
	}
	for _, b := range batches {
		for _, e := range b.GetEntries() {
			if e.GetMessage() != nil {
				add(e.GetSender())
			}
			for _, m := range e.GetMembersAdded().GetMembers() {
				add(m.GetUser())
			}
			for _, u := range e.GetMembersRemoved().GetUsers() {
				add(u)
			}
		}
	}
	return users
}
