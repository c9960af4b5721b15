package storetest

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/chatcluster/chatcluster/runtime/fold"
	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

func edit(seq, target uint64, body string) *logpb.Entry {
	return &logpb.Entry{Seq: seq, Sender: "ann", AtMs: int64(seq), Kind: &logpb.Entry_Edited{Edited: &logpb.Edited{Target: target, Body: body}}}
}

func reaction(seq, target uint64, user string) *logpb.Entry {
	return &logpb.Entry{Seq: seq, Sender: user, Kind: &logpb.Entry_Reacted{Reacted: &logpb.Reacted{Target: target, Emoji: "+"}}}
}

func deletion(seq, target uint64) *logpb.Entry {
	return &logpb.Entry{Seq: seq, Sender: "ann", Kind: &logpb.Entry_Deleted{Deleted: &logpb.Deleted{Target: target}}}
}

func masking(seq, target uint64) *logpb.Entry {
	return &logpb.Entry{Seq: seq, Sender: "profanity", Kind: &logpb.Entry_Verdict{Verdict: &logpb.Verdict{
		Target: target, Action: protocol.ActionHide, Processor: "profanity", Revision: 9,
	}}}
}

// appendEntries appends the entries as one batch.
func (w *world) appendEntries(c store.Conv, o store.AppendOptions, entries ...*logpb.Entry) *logpb.Batch {
	w.Helper()
	b := &logpb.Batch{Id: fmt.Append(nil, "batch ", entries[0].GetSeq()), Entries: entries}
	w.must(w.Append(w.Context(), c, b, o))
	return b
}

// log returns all entries that are stored.
func (w *world) log(c store.Conv) []*logpb.Entry {
	w.Helper()
	var entries []*logpb.Entry
	for _, s := range w.read(c, 1, 1000) {
		entries = append(entries, s.Batch.GetEntries()...)
	}
	return entries
}

// What is folded is what package fold says, whatever batches the entries are in, and however often it is repeated.
func foldEntries(t *testing.T, w *world) {
	ctx, c := w.Context(), w.conv("c")
	expires := time.Unix(2_000_000_000, 0).UTC()
	o := store.AppendOptions{Outbox: true, ExpiresAt: expires}
	w.must(w.Append(ctx, c, batch(1, 3), o))
	w.must(w.Append(ctx, c, batch(4, 2), store.AppendOptions{}))
	w.appendEntries(c, o, edit(6, 1, "first edit"), reaction(7, 2, "bob"), batch(8, 1).GetEntries()[0], edit(9, 8, "same batch"))
	w.appendEntries(c, o, edit(10, 1, "second edit"), reaction(11, 2, "cat"), reaction(12, 4, "cat"))
	w.appendEntries(c, o, edit(13, 4, "hidden"), masking(14, 4), edit(15, 8, "to be deleted"), deletion(16, 8), edit(17, 99, "targets nothing"))
	entries := w.log(c)
	want := w.log(c)
	fold.Page(want)
	w.must(w.Fold(ctx, c, entries[:12]))
	for range 2 {
		w.must(w.Fold(ctx, c, entries))
		w.same(want, w.log(c))
	}
	stored := w.read(c, 1, 10)
	if !stored[0].Outbox || !stored[0].ExpiresAt.Equal(expires) || len(stored[0].Batch.GetId()) != 16 {
		t.Errorf("folding changed outbox %v, expiry %v or id %q", stored[0].Outbox, stored[0].ExpiresAt, stored[0].Batch.GetId())
	}
	if stored[1].Outbox || !stored[1].ExpiresAt.IsZero() {
		t.Errorf("folding made outbox %v, expiry %v", stored[1].Outbox, stored[1].ExpiresAt)
	}
	for _, e := range w.log(c) {
		if s := e.String(); e.GetSeq() >= 8 && e.GetEdited().GetTarget() == 8 && !e.GetEdited().GetRedacted() || strings.Contains(s, "to be deleted") {
			t.Errorf("a deleted body is still in seq %d", e.GetSeq())
		}
	}
}

// A batch that is gone stays gone.
func foldNothing(_ *testing.T, w *world) {
	ctx, c := w.Context(), w.conv("c")
	w.must(w.Fold(ctx, c, nil))
	w.must(w.Fold(ctx, c, []*logpb.Entry{edit(50, 3, "x"), deletion(51, 4), batch(52, 1).GetEntries()[0]}))
	w.expect(w.read(c, 1, 10))
	b := w.append(c, 10, 2)
	w.must(w.Fold(ctx, c, []*logpb.Entry{edit(50, 9, "before"), edit(51, 12, "after"), edit(52, store.BucketSeqs+1, "elsewhere"), {Seq: 53}}))
	w.expect(w.read(c, 1, 10), b)
}

// Two projectors that both believe to own a conversation lose nothing of what the other does.
func foldConcurrent(t *testing.T, w *world) {
	const users = 24
	ctx, c := w.Context(), w.conv("c")
	w.append(c, 1, 8)
	var entries []*logpb.Entry
	for i := range uint64(users) {
		entries = append(entries, reaction(9+i, 1+i%8, name(int(i))))
	}
	for chunk := range uint64(2) {
		w.appendEntries(c, store.AppendOptions{}, entries[chunk*12:chunk*12+12]...)
	}
	want := w.log(c)
	fold.Page(want)
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for end := range users {
				if err := w.Fold(ctx, c, entries[:end+1]); err != nil {
					t.Errorf("fold: %v", err)
				}
			}
		})
	}
	wg.Go(func() {
		for range 10 {
			if err := errors.Join(w.MarkOutbox(ctx, c, 1), w.ClearOutbox(ctx, c, 1)); err != nil {
				t.Errorf("outbox: %v", err)
			}
		}
	})
	wg.Wait()
	w.same(want, w.log(c))
	if w.read(c, 1, 1)[0].Outbox {
		t.Error("folding brought an outbox mark back")
	}
}

// Edits cannot make a batch larger than the store takes.
func foldLarge(t *testing.T, w *world) {
	ctx, c := w.Context(), w.conv("c")
	w.append(c, 1, store.MaxBatchEntries)
	body := strings.Repeat("x", protocol.MaxBodyBytes)
	for i := range uint64(store.MaxBatchEntries) {
		b := w.appendEntries(c, store.AppendOptions{}, edit(store.MaxBatchEntries+1+i, 1+i, body))
		w.must(w.Fold(ctx, c, b.GetEntries()))
	}
	got := w.read(c, 1, 1)[0].Batch
	if n := proto.Size(got); n > store.MaxFolded+8<<10 {
		t.Errorf("the batch has %d bytes", n)
	}
	elided := 0
	for _, e := range got.GetEntries() {
		m := e.GetMessage()
		if m.GetRevision() != 1 || m.GetElided() == (m.GetBody() == body) {
			t.Errorf("seq %d: revision %d, elided %v, body of %d bytes", e.GetSeq(), m.GetRevision(), m.GetElided(), len(m.GetBody()))
		}
		if m.GetElided() {
			elided++
			if e := w.read(c, m.GetBodyAt(), 1)[0].Batch.GetEntries()[0]; e.GetEdited().GetBody() != body {
				t.Errorf("the body of seq %d is nowhere", e.GetSeq())
			}
		}
	}
	if elided == 0 || elided == store.MaxBatchEntries {
		t.Errorf("%d messages are elided", elided)
	}
}

func preferences(_ *testing.T, w *world) {
	ctx, c, ann := w.Context(), w.conv("c"), w.user("ann")
	w.create(c, "ann", "bob")
	yes, no := true, false
	until, never := time.UnixMilli(1_900_000_000_123).UTC(), time.Time{}
	for _, tc := range []struct {
		change store.PreferencesChange
		want   store.Preferences
	}{
		{store.PreferencesChange{}, store.Preferences{}},
		{store.PreferencesChange{Pinned: &yes}, store.Preferences{Pinned: true}},
		{store.PreferencesChange{MutedUntil: &until, Archived: &no}, store.Preferences{Pinned: true, MutedUntil: until}},
		{store.PreferencesChange{Archived: &yes, Pinned: &no}, store.Preferences{Archived: true, MutedUntil: until}},
		{store.PreferencesChange{}, store.Preferences{Archived: true, MutedUntil: until}},
		{store.PreferencesChange{MutedUntil: &never, Pinned: &yes}, store.Preferences{Archived: true, Pinned: true}},
	} {
		for range 2 {
			got, err := w.SetPreferences(ctx, ann, c, tc.change)
			w.must(err)
			w.same(tc.want, got)
		}
		m, err := w.Membership(ctx, ann, c)
		w.must(err)
		w.same(tc.want, m.Preferences)
		all, err := w.Memberships(ctx, ann)
		w.must(err)
		w.same(tc.want, all[0].Preferences)
	}
	w.must(w.RaiseRead(ctx, ann, c, 1))
	w.must(w.ChangeMembers(ctx, c, batch(2, 1), []store.MemberChange{{User: ann, Left: 2}}, store.AppendOptions{}))
	w.must(w.ChangeMembers(ctx, c, batch(3, 1), []store.MemberChange{{User: ann, Role: store.RoleMember, Joined: 3}}, store.AppendOptions{}))
	m, err := w.Membership(ctx, ann, c)
	w.must(err)
	w.same(store.Preferences{Archived: true, Pinned: true}, m.Preferences)
	m, err = w.Membership(ctx, w.user("bob"), c)
	w.must(err)
	w.same(store.Preferences{}, m.Preferences)
}

// Preferences never make a membership.
func preferencesWithoutMembership(t *testing.T, w *world) {
	ctx, c, eve := w.Context(), w.conv("c"), w.user("eve")
	w.create(c, "ann")
	yes := true
	for _, ch := range []store.PreferencesChange{{Pinned: &yes}, {}} {
		if _, err := w.SetPreferences(ctx, eve, c, ch); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("SetPreferences: %v, want ErrNotFound", err)
		}
	}
	if got, err := w.Memberships(ctx, eve); err != nil || len(got) != 0 {
		t.Errorf("Memberships = %v, %v; want none", got, err)
	}
}
