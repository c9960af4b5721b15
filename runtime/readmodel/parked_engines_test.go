//go:build engines

package readmodel

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chatcluster/chatcluster/runtime/readmodel/readmodeltest"
	"github.com/chatcluster/chatcluster/runtime/store"
)

func TestParkedConversation(t *testing.T) {
	for _, tc := range []struct {
		name string
		// spoil makes the log's third batch unfit, mend makes it fit again.
		spoil, mend func(l *readmodeltest.Log, src *readmodeltest.Source)
		reason      string
	}{
		{
			"bad content",
			func(l *readmodeltest.Log, _ *readmodeltest.Source) { l.Batches[2].Entries[0].Sender = "a\x00b" },
			nil,
			"seq 3: invalid id",
		},
		{
			"lost entries",
			func(_ *readmodeltest.Log, src *readmodeltest.Source) {
				src.Lost = func(_ store.Conv, first uint64) bool { return first == 2 }
			},
			func(_ *readmodeltest.Log, src *readmodeltest.Source) { src.Lost = nil },
			"missing: 2 to 2",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ctx, m := deadline(t), migrated(t)
			bad, good := readmodeltest.NewLog(t, "acme", "bad", store.Group), readmodeltest.NewLog(t, "acme", "good", store.Group)
			for _, l := range []*readmodeltest.Log{bad, good} {
				l.Batch(readmodeltest.Add("ann", "ann", "bob"))
				for i := range 4 {
					l.Batch(readmodeltest.Say("ann", fmt.Sprint("message ", i)))
				}
			}
			src := readmodeltest.NewSource(bad, good)
			tc.spoil(bad, src)
			w := NewWriter(m, src)

			rs := records(bad, good)
			without := append([]Record{rs[0]}, rs[2:]...) // batch 2 of the bad one is for the store to bring
			got := apply(t, w, without[:3]...)
			if len(got.Parked) != 1 || !strings.Contains(got.Parked[0].Reason, tc.reason) {
				t.Fatalf("parked: %+v, want one for %q", got.Parked, tc.reason)
			}
			got = apply(t, w, without[3:]...)
			if got.Waiting != 1 || len(got.Parked) != 0 {
				t.Errorf("later records: waiting %d, newly parked %v; want 1 and none", got.Waiting, got.Parked)
			}
			if head := headOf(t, m, good.Conv); head != good.Head() {
				t.Errorf("the other conversation is at %d, not %d", head, good.Head())
			}
			if head := headOf(t, m, bad.Conv); head > 2 {
				t.Errorf("the parked conversation is at %d: its record was skipped", head)
			}

			due(t, m)
			again, err := w.RetryParked(ctx, 10)
			if err != nil || len(again.Parked) != 1 || len(again.Freed) != 0 {
				t.Fatalf("retry before it is mended: %+v, %v; want it parked", again, err)
			}
			if got := again.Parked[0].Reached; got != bad.Head() {
				t.Errorf("the model has seen up to %d of what waits, want %d", got, bad.Head())
			}
			if n, err := w.CountParked(ctx); err != nil || n != 1 {
				t.Errorf("parked: %d, %v", n, err)
			}
			if tc.mend == nil {
				return
			}
			tc.mend(bad, src)
			due(t, m)
			again, err = w.RetryParked(ctx, 10)
			if err != nil || len(again.Freed) != 1 {
				t.Fatalf("retry after it is mended: %+v, %v; want it freed", again, err)
			}
			if head := headOf(t, m, bad.Conv); head != bad.Head() {
				t.Errorf("the freed conversation is at %d, not %d", head, bad.Head())
			}
			next := bad.Batch(readmodeltest.Say("bob", "goes on"))
			if got := apply(t, w, Record{bad.Conv, bad.Kind, next}); got.Entries != 1 || got.Waiting != 0 {
				t.Errorf("after it is freed: %+v", got)
			}
			for _, line := range dump(t, m) {
				if strings.HasPrefix(line, "waiting") || strings.HasPrefix(line, "parked") {
					t.Errorf("left over: %s", line)
				}
			}
		})
	}
}

// The database has the last word on content: what only it refuses is parked alone too.
func TestContentThatTheDatabaseRefuses(t *testing.T) {
	ctx, m := deadline(t), migrated(t)
	if _, err := m.writer.Exec(ctx, "ALTER TABLE messages ADD CHECK (sender <> 'mallory')"); err != nil {
		t.Fatal(err)
	}
	bad, good := readmodeltest.NewLog(t, "acme", "bad", store.Group), readmodeltest.NewLog(t, "acme", "good", store.Group)
	bad.Batch(readmodeltest.Say("mallory", "secret words"))
	good.Batch(readmodeltest.Say("ann", "hi"))
	got := apply(t, NewWriter(m, readmodeltest.NewSource(bad, good)), records(bad, good)...)
	if len(got.Parked) != 1 || got.Parked[0].Conv != bad.Conv || !strings.Contains(got.Parked[0].Reason, "23514") {
		t.Fatalf("parked %+v, want the bad one with the database's words", got.Parked)
	}
	if strings.Contains(got.Parked[0].Reason, "secret") {
		t.Errorf("the reason holds a message: %s", got.Parked[0].Reason)
	}
	if headOf(t, m, good.Conv) != 1 {
		t.Error("the other conversation did not go on")
	}
}
