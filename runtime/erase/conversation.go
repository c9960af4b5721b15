package erase

import (
	"cmp"
	"context"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/chatcluster/chatcluster/runtime/chat/chatpb"
	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/readmodel"
	"github.com/chatcluster/chatcluster/runtime/store"
)

const (
	// atATime is how many conversations are worked on side by side, asksAtATime how many requests of each are under way: what one batch holds.
	atATime     = 4
	asksAtATime = store.MaxBatchEntries
	// window is how many seqs one read covers.
	window = 2048
	// readAhead is how many batches of the store are read at a time.
	readAhead = 64
)

// seen is what a look at conversations found.
type seen struct {
	Counts
	convs []store.Conv
	// left is how much is not gone yet, where one of the conversations that have some.
	left  int
	where string
}

func (s *seen) add(o seen) {
	s.Counts.add(o.Counts)
	s.left += o.left
	s.where = cmp.Or(s.where, o.where)
}

// round has what is left removed, everywhere, and tells what there was and is.
func (e *erasure) round(ctx context.Context) (seen, error) {
	places, err := e.places(ctx)
	if err != nil {
		return seen{}, err
	}
	var mu sync.Mutex
	all := seen{convs: slices.SortedFunc(maps.Keys(places), func(a, b store.Conv) int { return cmp.Compare(a.ID(), b.ID()) })}
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(atATime)
	for _, c := range all.convs {
		group.Go(func() error {
			one, err := e.conversation(gctx, c, places[c])
			if err != nil {
				return fmt.Errorf("conversation %s: %w", c, err)
			}
			mu.Lock()
			defer mu.Unlock()
			all.add(one)
			return nil
		})
	}
	return all, group.Wait()
}

// places are the conversations that the user is or was in, with the membership where the store has one.
func (e *erasure) places(ctx context.Context) (map[store.Conv]*store.Membership, error) {
	places := map[store.Conv]*store.Membership{}
	ids, err := e.Model.UserConversations(ctx, e.User)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		c, err := store.NewConv(e.User.Tenant(), id)
		if err != nil {
			return nil, err
		}
		places[c] = nil
	}
	memberships, err := e.Store.Memberships(ctx, e.User)
	if err != nil {
		return nil, fmt.Errorf("read the memberships: %w", err)
	}
	for _, m := range memberships {
		places[m.Conv] = &m
	}
	return places, nil
}

// conversation has what is left in one removed: what the read model has, and what only the store has.
func (e *erasure) conversation(ctx context.Context, c store.Conv, m *store.Membership) (seen, error) {
	holds, err := e.Model.HoldsOn(ctx, e.User)
	if err != nil {
		return seen{}, err
	}
	if err := readmodel.Held(holds); err != nil {
		return seen{}, err
	}
	head, err := e.Model.Head(ctx, c)
	if err != nil {
		return seen{}, err
	}
	s := seen{Counts: Counts{Conversations: 1}}
	for from := uint64(1); from <= head; from += window {
		own, err := e.Model.OwnEntries(ctx, e.User, c, from, min(from+window-1, head))
		if err != nil {
			return s, err
		}
		if err := e.remove(ctx, c, own, &s); err != nil {
			return s, err
		}
	}
	if err := e.beyond(ctx, c, head, &s); err != nil {
		return s, err
	}
	if m != nil && m.Left == 0 {
		s.left++
		if err := e.ask(ctx, c, "l", &chatpb.Send{Change: &chatpb.Send_MembersRemoved{
			MembersRemoved: &logpb.MembersRemoved{Users: []string{e.User.ID()}},
		}}); err != nil {
			return s, err
		}
	} else if m != nil && m.Left > head {
		s.left++ // the read model has yet to see the user go
	}
	if s.left > 0 {
		s.where = c.ID()
	}
	return s, nil
}

// beyond is remove for what the store has and the read model has not.
func (e *erasure) beyond(ctx context.Context, c store.Conv, head uint64, s *seen) error {
	for next := head + 1; ; {
		page, err := e.Store.Read(ctx, c, next, readAhead)
		if err != nil {
			return fmt.Errorf("read the log: %w", err)
		}
		if len(page) == 0 {
			return nil
		}
		var own []*logpb.Entry
		for _, b := range page {
			for _, entry := range b.Batch.GetEntries() {
				if entry.GetSeq() >= next && entry.GetSender() == e.User.ID() {
					own = append(own, entry)
				}
			}
		}
		last := store.Last(page[len(page)-1].Batch)
		if last < next {
			return nil
		}
		if err := e.remove(ctx, c, own, s); err != nil {
			return err
		}
		next = last + 1
	}
}

// remove asks for the removal of what the user's entries have brought and counts what this erasure has removed.
func (e *erasure) remove(ctx context.Context, c store.Conv, own []*logpb.Entry, s *seen) error {
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(asksAtATime)
	var edits []uint64
	var reacted []*logpb.Entry
	for _, entry := range own {
		mine := strings.HasPrefix(entry.GetClientMsgId(), e.prefix())
		switch k := entry.GetKind().(type) {
		case *logpb.Entry_Message:
			if k.Message.GetDeleted() {
				continue
			}
			s.left++
			seq := entry.GetSeq()
			group.Go(func() error {
				return e.ask(gctx, c, "d"+seqText(seq), &chatpb.Send{Change: &chatpb.Send_Deleted{Deleted: &logpb.Deleted{Target: seq}}})
			})
		case *logpb.Entry_Edited:
			edits = append(edits, entry.GetSeq())
			s.Edits++
		case *logpb.Entry_Reacted:
			if !k.Reacted.GetRemoved() {
				reacted = append(reacted, entry)
			} else if mine {
				s.Reactions++
			}
		case *logpb.Entry_Deleted:
			if mine {
				s.Messages++
			}
		case *logpb.Entry_MembersRemoved:
			if mine {
				s.Left++
			}
		}
	}
	if err := group.Wait(); err != nil {
		return err
	}
	// A fold takes the body out of an edit with its message's. Where the message has left the store, or the read model, nothing is folded there.
	if len(edits) > 0 {
		if err := e.Store.RedactEdits(ctx, c, edits...); err != nil {
			return fmt.Errorf("take the bodies out of edits: %w", err)
		}
		if err := e.Model.RedactEdits(ctx, c, edits...); err != nil {
			return err
		}
	}
	return e.unreact(ctx, c, reacted, s)
}

// unreact takes back those of the reactions that are still there.
func (e *erasure) unreact(ctx context.Context, c store.Conv, reacted []*logpb.Entry, s *seen) error {
	if len(reacted) == 0 {
		return nil
	}
	var at []uint64
	for _, entry := range reacted {
		at = append(at, entry.GetReacted().GetTarget())
	}
	targets, err := e.Model.EntriesAt(ctx, c, slices.Compact(slices.Sorted(slices.Values(at))))
	if err != nil {
		return err
	}
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(asksAtATime)
	for _, t := range targets {
		for _, r := range t.GetMessage().GetReactions() {
			if r.GetUser() != e.User.ID() {
				continue
			}
			s.left++
			group.Go(func() error {
				return e.ask(gctx, c, "r"+seqText(t.GetSeq())+emojiText(r.GetEmoji()), &chatpb.Send{Change: &chatpb.Send_Reacted{
					Reacted: &logpb.Reacted{Target: t.GetSeq(), Emoji: r.GetEmoji(), Removed: true},
				}})
			})
		}
	}
	return group.Wait()
}

// ask has the chat service append what s says as the user, under the erasure's name for it.
func (e *erasure) ask(ctx context.Context, c store.Conv, what string, s *chatpb.Send) error {
	s.Tenant, s.Conversation, s.User = string(c.Tenant()), c.ID(), e.User.ID()
	s.ClientMsgId, s.Erasure = e.prefix()+what, true
	return e.Chat.Ask(ctx, s)
}

// prefix begins the names of all that the erasure asks for.
func (e *erasure) prefix() string { return "e:" + strings.ReplaceAll(e.record.ID, "-", "") + ":" }

func seqText(seq uint64) string { return strconv.FormatUint(seq, 10) }

// emojiText tells the reactions to one message apart: names are short.
func emojiText(emoji string) string {
	h := fnv.New32a()
	_, _ = h.Write([]byte(emoji)) // a hash never fails
	return "." + strconv.FormatUint(uint64(h.Sum32()), 36)
}
