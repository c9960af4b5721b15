//go:build engines

package readmodel

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/readmodel/readmodeltest"
	"github.com/chatcluster/chatcluster/runtime/store"
)

func TestHolds(t *testing.T) {
	ctx, cfg := deadline(t), readmodeltest.Database(t)
	if _, err := Migrate(ctx, cfg, quiet); err != nil {
		t.Fatal(err)
	}
	m := openModel(t, cfg)
	ann, err := store.NewUser("acme", "ann")
	if err != nil {
		t.Fatal(err)
	}
	on := func(want ...string) {
		t.Helper()
		holds, err := m.HoldsOn(ctx, ann)
		var names []string
		for _, h := range holds {
			names = append(names, h.Name)
		}
		if err != nil || strings.Join(names, ",") != strings.Join(want, ",") {
			t.Errorf("holds on ann: %q, %v; want %q", names, err, want)
		}
		if err := Held(holds); (err != nil) != (len(want) > 0) || err != nil && !errors.Is(err, ErrHeld) {
			t.Errorf("Held: %v", err)
		}
	}
	on()
	for _, h := range []Hold{
		{Tenant: "acme", Name: "hers", User: "ann", Reason: "why"}, {Tenant: "acme", Name: "his", User: "bob", Reason: "why"},
		{Tenant: "other", Name: "all", Reason: "why"}, {Tenant: "acme", Name: "hers", User: "ann", Reason: "another word"},
	} {
		if placed, err := m.PlaceHold(ctx, h); err != nil || placed.Reason != "why" || placed.PlacedAt.IsZero() {
			t.Errorf("place %v: %+v, %v", h, placed, err)
		}
	}
	on("hers")
	if _, err := m.PlaceHold(ctx, Hold{Tenant: "acme", Name: "all", Reason: "why", PlacedBy: "legal"}); err != nil {
		t.Fatal(err)
	}
	on("all", "hers")
	if _, err := m.PlaceHold(ctx, Hold{Tenant: "acme", Name: "hers", Reason: "why"}); !errors.Is(err, ErrHoldExists) {
		t.Errorf("a name that covers somebody else: %v", err)
	}
	for _, bad := range []Hold{{Tenant: "acme", Reason: "why"}, {Tenant: "acme", Name: "x"}, {Name: "x", Reason: "why"}, {Tenant: "acme", Name: "x", User: "a\nb", Reason: "why"}} {
		if _, err := m.PlaceHold(ctx, bad); !errors.Is(err, store.ErrInvalid) && !errors.Is(err, store.ErrInvalidID) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	if holds, err := m.Holds(ctx, "acme"); err != nil || len(holds) != 3 || holds[0].PlacedBy != "legal" {
		t.Errorf("%+v, %v", holds, err)
	}
	for _, name := range []string{"all", "hers"} {
		if err := m.ReleaseHold(ctx, "acme", name); err != nil {
			t.Error(err)
		}
	}
	on()
	if err := m.ReleaseHold(ctx, "acme", "all"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("released twice: %v", err)
	}
}

// What an erasure reads and writes: its own record, the user's entries, and edits whose message is gone.
func TestErasures(t *testing.T) {
	ctx, cfg := deadline(t), readmodeltest.Database(t)
	if _, err := Migrate(ctx, cfg, quiet); err != nil {
		t.Fatal(err)
	}
	m := openModel(t, cfg)
	l := readmodeltest.NewLog(t, "acme", "c", store.Group)
	l.Batch(readmodeltest.Add("ann", "ann", "bob"))
	l.Batch(readmodeltest.Say("ann", "one"), readmodeltest.Say("bob", "two"), readmodeltest.Edit("ann", 2, "three"), readmodeltest.Edit("bob", 3, "four"))
	var records []Record
	for _, b := range l.Batches {
		records = append(records, Record{Conv: l.Conv, Kind: l.Kind, Batch: b})
	}
	if _, err := NewWriter(m, readmodeltest.NewSource(l)).Apply(ctx, records); err != nil {
		t.Fatal(err)
	}
	ann := l.User("ann")
	if ids, err := m.UserConversations(ctx, ann); err != nil || len(ids) != 1 || ids[0] != "c" {
		t.Errorf("conversations %q, %v", ids, err)
	}
	if head, err := m.Head(ctx, l.Conv); err != nil || head != l.Head() {
		t.Errorf("head %d, %v", head, err)
	}
	seqs := func(entries []*logpb.Entry, err error) (out []uint64) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			out = append(out, e.GetSeq())
		}
		return out
	}
	if got := seqs(m.OwnEntries(ctx, ann, l.Conv, 2, 1<<63)); len(got) != 2 || got[0] != 2 || got[1] != 4 {
		t.Errorf("own entries %d, want 2 and 4", got)
	}
	if got := seqs(m.EntriesAt(ctx, l.Conv, []uint64{5, 3, 77})); len(got) != 2 || got[0] != 3 {
		t.Errorf("entries %d, want 3 and 5", got)
	}
	for range 2 {
		if err := m.RedactEdits(ctx, l.Conv, 2, 4, 77); err != nil {
			t.Fatal(err)
		}
	}
	entries, err := m.EntriesAt(ctx, l.Conv, []uint64{2, 4, 5})
	if err != nil || entries[0].GetMessage().GetBody() != "three" || entries[1].GetEdited().GetBody() != "" || !entries[1].GetEdited().GetRedacted() ||
		entries[2].GetEdited().GetBody() != "four" {
		t.Errorf("%v, %v: want the one edit redacted, and nothing else", entries, err)
	}

	first, err := m.BeginErasure(ctx, ann)
	if err != nil {
		t.Fatal(err)
	}
	first.Report = []byte(`{"messages": 7}`)
	if err := m.NoteErasure(ctx, ann, first); err != nil {
		t.Fatal(err)
	}
	if again, err := m.BeginErasure(ctx, ann); err != nil || again.ID != first.ID || string(again.Report) != string(first.Report) {
		t.Errorf("%+v, %v; want the one that is under way", again, err)
	}
	first.Done = true
	if err := m.NoteErasure(ctx, ann, first); err != nil {
		t.Fatal(err)
	}
	second, err := m.BeginErasure(ctx, ann)
	if err != nil || second.ID == first.ID {
		t.Errorf("%+v, %v; want another", second, err)
	}
	if all, err := m.Erasures(ctx, ann); err != nil || len(all) != 2 || all[0].ID != second.ID || !all[1].Done {
		t.Errorf("%+v, %v", all, err)
	}
	// More than are asked for at a time, none of which ends: all the same each gets its turn.
	turns := map[store.User]bool{}
	for i := range 20 {
		u, err := store.NewUser("acme", fmt.Sprint("held", i))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.BeginErasure(ctx, u); err != nil {
			t.Fatal(err)
		}
	}
	for range 60 {
		some, err := m.UnfinishedErasures(ctx, 16)
		if err != nil || len(some) != 16 {
			t.Fatalf("%v, %v: want 16 of them", some, err)
		}
		for _, u := range some {
			turns[u] = true
		}
	}
	if len(turns) != 21 { // ann's second is one of them
		t.Errorf("%d of 21 unfinished erasures had their turn", len(turns))
	}
	if err := m.PurgeErasures(ctx, "acme"); err != nil {
		t.Fatal(err)
	}
	if all, err := m.Erasures(ctx, ann); err != nil || len(all) != 0 {
		t.Errorf("%+v, %v are left", all, err)
	}
}
