//go:build engines

package readmodel

import (
	"fmt"
	"io/fs"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/chatcluster/chatcluster/runtime/readmodel/readmodeltest"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// A database that has the first step, with rows in it, keeps them.
func TestMigrationMovesRows(t *testing.T) {
	ctx, cfg := deadline(t), readmodeltest.Database(t)
	first, err := fs.ReadFile(migrations(), "01001_read_model.sql")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := migrate(ctx, cfg, fstest.MapFS{"01001_read_model.sql": {Data: first}}, quiet); err != nil {
		t.Fatal(err)
	}
	m := openModel(t, cfg)
	now := time.Now().UTC()
	for i, at := range []time.Time{now, now.AddDate(0, -1, 0), now.AddDate(-3, 0, 0), now.AddDate(0, 1, 0), now.AddDate(100, 0, 0)} {
		if _, err := m.writer.Exec(ctx, `INSERT INTO messages VALUES ('acme', 'c', $1, 'message', 'ann', 'id', $2, $1, '\x01')`, i+1, at); err != nil {
			t.Fatal(err)
		}
	}
	rows := func() []string {
		r, err := m.writer.Query(ctx, "SELECT m::text FROM messages m ORDER BY seq")
		if err != nil {
			t.Fatal(err)
		}
		lines, err := pgx.CollectRows(r, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		return lines
	}
	before := rows()
	if got, err := Migrate(ctx, cfg, quiet); err != nil || got.Current != Target() {
		t.Fatalf("Migrate: %+v, %v", got, err)
	}
	if diff := cmp.Diff(before, rows()); diff != "" || len(before) != 5 {
		t.Errorf("%d rows before; after (-before +after):\n%s", len(before), diff)
	}
	if n := count(t, m, "messages_default"); n != 1 {
		t.Errorf("%d rows in the default partition, want the one of the next century", n)
	}
	w := NewWriter(m, readmodeltest.NewSource())
	got, err := w.KeepPartitions(ctx)
	if err != nil || !got.Stray || len(got.Created) != 0 || got.Partitions != 6 {
		t.Errorf("%+v, %v; want nothing to do but the stray row", got, err)
	}
}

func count(t *testing.T, m *Model, table string) int {
	t.Helper()
	var n int
	if err := m.writer.QueryRow(deadline(t), "SELECT count(*) FROM "+table).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func upkeep(t *testing.T, w *Writer) Upkeep {
	t.Helper()
	got, err := w.KeepPartitions(deadline(t))
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// spread is a log whose entries are a week apart, up to now.
func spread(t *testing.T, weeks int) *readmodeltest.Log {
	l := readmodeltest.NewLog(t, "acme", "old", store.Group)
	l.StepMS = (7 * 24 * time.Hour).Milliseconds()
	l.StartMS = time.Now().Add(-time.Duration(weeks+1) * 7 * 24 * time.Hour).UnixMilli()
	l.Batch(readmodeltest.Add("ann", "ann", "bob"))
	for i := range weeks {
		l.Batch(readmodeltest.Say("ann", fmt.Sprint("week ", i)))
	}
	return l
}

func TestPartitionsAreMadeAndDropped(t *testing.T) {
	m := migrated(t)
	l := spread(t, 40)
	w := NewWriter(m, readmodeltest.NewSource(l))
	apply(t, w, records(l)...)
	if n := count(t, m, "messages_default"); n < 30 {
		t.Fatalf("%d rows came for months that are not there; the test wants more", n)
	}
	if got := upkeep(t, w); got.Stray || len(got.Created) < 8 || len(got.Dropped) != 0 {
		t.Errorf("%+v: the months of what came are made", got)
	}
	if n, all := count(t, m, "messages_default"), count(t, m, "messages"); n != 0 || all != 41 {
		t.Errorf("%d rows in the default partition, %d in all; want 0 and 41", n, all)
	}
	if got := upkeep(t, w); len(got.Created)+len(got.Dropped) != 0 {
		t.Errorf("%+v: nothing is left to do", got)
	}

	later := NewWriter(m, readmodeltest.NewSource(l))
	later.now = func() time.Time { return time.Now().AddDate(0, 2, 0) }
	if got := upkeep(t, later); len(got.Created) != 2 {
		t.Errorf("%+v: two months later two more are ahead", got)
	}

	kept := NewWriter(m, readmodeltest.NewSource(l))
	kept.Retain(90 * 24 * time.Hour)
	got := upkeep(t, kept)
	if len(got.Dropped) < 5 {
		t.Errorf("%+v: what is older than the retention is dropped", got)
	}
	var oldest time.Time
	if err := m.writer.QueryRow(deadline(t), "SELECT min(at) FROM messages").Scan(&oldest); err != nil {
		t.Fatal(err)
	}
	if oldest.Before(kept.keptFrom()) || oldest.After(time.Now().Add(-89*24*time.Hour)) {
		t.Errorf("the oldest entry is of %v, kept is since %v", oldest, kept.keptFrom())
	}
	first, err := m.First(deadline(t), l.Conv)
	if err != nil || first < 10 {
		t.Errorf("the first entry is %d, %v", first, err)
	}

	// What comes again for a month that was dropped, as a replay brings it, neither comes back nor fails.
	want := dump(t, m)
	if _, err := m.writer.Exec(deadline(t), "UPDATE conversations SET head = 0, count = 0"); err != nil {
		t.Fatal(err)
	}
	apply(t, kept, records(l)...)
	if diff := cmp.Diff(want, dump(t, m)); diff != "" {
		t.Errorf("after a replay (-before +after):\n%s", diff)
	}

	// Whose mark is among what is gone has still to read what is left.
	places, err := m.Places(deadline(t), l.User("bob"))
	if err != nil || len(places) != 1 || places[0].ReadCount != first-2 {
		t.Errorf("places %+v, %v; want %d counted as read", places, err, first-2)
	}
}

func TestForgottenWithItsMonth(t *testing.T) {
	m := migrated(t)
	l := readmodeltest.NewLog(t, "acme", "quiet", store.Group)
	l.StartMS = time.Now().AddDate(-1, 0, 0).UnixMilli()
	l.Batch(readmodeltest.Add("ann", "ann", "bob"))
	l.Batch(readmodeltest.Say("ann", "long ago"))
	w := NewWriter(m, readmodeltest.NewSource(l))
	apply(t, w, records(l)...)
	upkeep(t, w)
	w.Retain(90 * 24 * time.Hour)
	upkeep(t, w)
	got, err := m.Summaries(deadline(t), "acme", []string{"quiet"})
	if err != nil || len(got) != 1 || got[0].LastPreview != "" || got[0].Count != 1 {
		t.Errorf("%+v, %v; want the conversation without what was said in it", got, err)
	}
	counts, err := m.Counts(deadline(t), "acme", []At{{"quiet", 1}})
	if err != nil || counts[At{"quiet", 1}] != 1 {
		t.Errorf("%v, %v: nothing unread is left of a conversation whose entries are gone", counts, err)
	}
	if first, err := m.First(deadline(t), l.Conv); err != nil || first != 3 {
		t.Errorf("first %d, %v; want the next to come", first, err)
	}
	fresh := migrated(t)
	again := NewWriter(fresh, readmodeltest.NewSource(l))
	again.Retain(90 * 24 * time.Hour)
	apply(t, again, records(l)...)
	if diff := cmp.Diff(dump(t, m), dump(t, fresh)); diff != "" {
		t.Errorf("a replay brings something back (-dropped +replayed):\n%s", diff)
	}
}

// A legal hold on anybody keeps the months, and what comes late for them; released, they go.
func TestAHoldKeepsTheMonths(t *testing.T) {
	m := migrated(t)
	l := readmodeltest.NewLog(t, "acme", "quiet", store.Group)
	l.StartMS = time.Now().AddDate(-1, 0, 0).UnixMilli()
	l.Batch(readmodeltest.Add("ann", "ann", "bob"))
	l.Batch(readmodeltest.Say("ann", "long ago"))
	w := NewWriter(m, readmodeltest.NewSource(l))
	apply(t, w, records(l)...)
	w.Retain(90 * 24 * time.Hour)
	if _, err := m.PlaceHold(deadline(t), Hold{Tenant: "other", Name: "case 7", User: "cho", Reason: "why"}); err != nil {
		t.Fatal(err)
	}
	if got := upkeep(t, w); !got.Held || len(got.Dropped) > 0 {
		t.Errorf("%+v: a month holds everybody's messages", got)
	}
	if _, err := m.writer.Exec(deadline(t), "DELETE FROM messages; UPDATE conversations SET head = 0, count = 0"); err != nil {
		t.Fatal(err)
	}
	apply(t, w, records(l)...)
	if entries, err := m.EntriesAt(deadline(t), l.Conv, []uint64{2}); err != nil || len(entries) != 1 {
		t.Errorf("%v, %v: what comes late is kept, too", entries, err)
	}
	if err := m.ReleaseHold(deadline(t), "other", "case 7"); err != nil {
		t.Fatal(err)
	}
	upkeep(t, w) // gives the month what came without one, or drops it
	upkeep(t, w)
	if entries, err := m.EntriesAt(deadline(t), l.Conv, []uint64{2}); err != nil || len(entries) != 0 {
		t.Errorf("%v, %v: released, it goes", entries, err)
	}
}

// Several projectors keep the partitions while they write.
func TestUpkeepBesideWriters(t *testing.T) {
	m := migrated(t)
	l := spread(t, 60)
	src := readmodeltest.NewSource(l)
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			w := NewWriter(m, src)
			for range 20 {
				if _, err := w.KeepPartitions(deadline(t)); err != nil {
					t.Errorf("upkeep: %v", err)
				}
			}
		})
	}
	wg.Go(func() {
		w := NewWriter(m, src)
		for _, r := range records(l) {
			if _, err := w.Apply(deadline(t), []Record{r}); err != nil {
				t.Errorf("apply: %v", err)
			}
		}
	})
	wg.Wait()
	upkeep(t, NewWriter(m, src))
	if n, stray := count(t, m, "messages"), count(t, m, "messages_default"); n != 61 || stray != 0 {
		t.Errorf("%d rows, %d of them stray; want 61 and none", n, stray)
	}
}
