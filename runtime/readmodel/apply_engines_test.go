//go:build engines

package readmodel

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/chatcluster/chatcluster/runtime/readmodel/readmodeltest"
	"github.com/chatcluster/chatcluster/runtime/store"
)

func migrated(t *testing.T) *Model {
	t.Helper()
	cfg := readmodeltest.Database(t)
	if _, err := Migrate(deadline(t), cfg, quiet); err != nil {
		t.Fatal(err)
	}
	return openModel(t, cfg)
}

func records(logs ...*readmodeltest.Log) []Record {
	var rs []Record
	for _, l := range logs {
		for _, b := range l.Batches {
			rs = append(rs, Record{l.Conv, l.Kind, b})
		}
	}
	return rs
}

func apply(t *testing.T, w *Writer, rs ...Record) Applied {
	t.Helper()
	got, err := w.Apply(deadline(t), rs)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// dump returns all that the model holds, without what depends on when it came.
func dump(t *testing.T, m *Model) []string {
	t.Helper()
	var lines []string
	for _, q := range []string{
		"SELECT 'conversation ' || c::text FROM conversations c ORDER BY 1",
		"SELECT 'member ' || m::text FROM members m ORDER BY 1",
		"SELECT 'message ' || m::text FROM messages m ORDER BY 1",
		"SELECT 'tail ' || (tenant, conversation, head, count)::text FROM tails ORDER BY 1",
		"SELECT 'parked ' || (tenant, conversation, reason)::text FROM parked_conversations ORDER BY 1",
		"SELECT 'waiting ' || (tenant, conversation, first_seq)::text FROM parked_records ORDER BY 1",
	} {
		rows, err := m.writer.Query(deadline(t), q)
		if err != nil {
			t.Fatal(err)
		}
		part, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, part...)
	}
	return lines
}

// However the records come, the tables end the same.
func TestApplyEndsTheSame(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	logs := readmodeltest.World(t, rnd)
	inOrder := records(logs...)

	reference := migrated(t)
	w := NewWriter(reference, readmodeltest.NewSource(logs...))
	for _, r := range inOrder {
		apply(t, w, r)
	}
	want := dump(t, reference)

	for _, tc := range []struct {
		name   string
		calls  func() [][]Record
		reason string
	}{
		{"at once", func() [][]Record { return [][]Record{inOrder} }, "batches of the consumer have any size"},
		{"replayed", func() [][]Record { return [][]Record{inOrder, inOrder, inOrder[50:]} }, "a crash before the commit of offsets replays"},
		{"doubled", func() [][]Record { return [][]Record{append(inOrder[:len(inOrder):len(inOrder)], inOrder...)} }, "a retried publication doubles"},
		{"shuffled", func() [][]Record {
			var calls [][]Record
			for _, i := range rnd.Perm(len(inOrder)) {
				calls = append(calls, []Record{inOrder[i]})
			}
			return calls
		}, "grown partitions break the order of keys"},
		{"only the last ones", func() [][]Record {
			var last []Record
			for _, l := range logs {
				last = append(last, Record{l.Conv, l.Kind, l.Batches[len(l.Batches)-1]})
			}
			return [][]Record{last}
		}, "records may have expired in Kafka: the store has them"},
		{"holes", func() [][]Record {
			var some []Record
			for i, r := range inOrder {
				if i%3 == 0 {
					some = append(some, r)
				}
			}
			return [][]Record{some, inOrder}
		}, "lost publications come later or never"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m := migrated(t)
			w := NewWriter(m, readmodeltest.NewSource(logs...))
			for _, call := range tc.calls() {
				if got := apply(t, w, call...); len(got.Parked) > 0 {
					t.Fatalf("parked: %v", got.Parked)
				}
			}
			if diff := cmp.Diff(want, dump(t, m)); diff != "" {
				t.Errorf("%s; tables differ (-in order +got):\n%s", tc.reason, diff)
			}
		})
	}

	t.Run("by two at the same time", func(t *testing.T) {
		m := migrated(t)
		var wg sync.WaitGroup
		for i := range 3 {
			mine := rand.New(rand.NewPCG(uint64(i), 7))
			w := NewWriter(m, readmodeltest.NewSource(logs...))
			wg.Go(func() {
				for at := 0; at < len(inOrder); {
					end := min(len(inOrder), at+1+mine.IntN(40))
					if _, err := w.Apply(deadline(t), inOrder[at:end]); err != nil {
						t.Errorf("Apply: %v", err)
						return
					}
					at = end
				}
			})
		}
		wg.Wait()
		if diff := cmp.Diff(want, dump(t, m)); diff != "" {
			t.Errorf("a rebalance lets two work on a partition for a while; tables differ (-in order +got):\n%s", diff)
		}
	})
}

func TestApplyChangesFewRowsInALargeGroup(t *testing.T) {
	m := migrated(t)
	l := readmodeltest.NewLog(t, "acme", "all", store.Group)
	var users []string
	for i := range 1000 {
		users = append(users, fmt.Sprint("user", i))
	}
	l.Batch(readmodeltest.Add("user0", users...))
	w := NewWriter(m, readmodeltest.NewSource(l))
	apply(t, w, records(l)...)
	b := l.Batch(readmodeltest.Say("user7", "hello"))
	got := apply(t, w, Record{l.Conv, l.Kind, b})
	if n := writtenWithConversation(t, m); n > 4 {
		t.Errorf("a message to 1,000 members wrote %d rows; want its own, the conversation, the sender's mark and the tail", n)
	}
	if diff := cmp.Diff([]store.User{l.User("user7")}, got.Users, cmp.AllowUnexported(store.User{})); diff != "" {
		t.Errorf("users whose list is outdated (-want +got):\n%s", diff)
	}
}

// writtenWithConversation counts the rows that the transaction wrote which last wrote the only conversation.
func writtenWithConversation(t *testing.T, m *Model) int {
	t.Helper()
	var n int
	for _, table := range []string{"conversations", "members", "messages", "tails"} {
		var part int
		if err := m.writer.QueryRow(deadline(t), "SELECT count(*) FROM "+table+" WHERE xmin = (SELECT xmin FROM conversations)").Scan(&part); err != nil {
			t.Fatal(err)
		}
		n += part
	}
	return n
}

func TestRepairOwesKafkaRecentBatchesOnly(t *testing.T) {
	for _, tc := range []struct {
		name   string
		age    time.Duration
		want   []uint64
		reason string
	}{
		{"recent", time.Hour, []uint64{1, 2}, "notify learns of them by Kafka alone"},
		{"old", 48 * time.Hour, nil, "rebuilding the model must not flood the topic"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m := migrated(t)
			l := readmodeltest.NewLog(t, "acme", "c", store.Group)
			l.StartMS = time.Now().Add(-tc.age).UnixMilli()
			l.Batch(readmodeltest.Add("ann", "ann", "bob"))
			l.Batch(readmodeltest.Say("ann", "lost on its way"))
			last := l.Batch(readmodeltest.Say("ann", "arrived"))
			src := readmodeltest.NewSource(l)
			got := apply(t, NewWriter(m, src), Record{l.Conv, l.Kind, last})
			if got.Entries != 3 || got.Repaired != 2 {
				t.Errorf("entries %d, repaired %d; want 3 and 2", got.Entries, got.Repaired)
			}
			if diff := cmp.Diff(tc.want, src.Owed(l.Conv)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

func TestStoreDownAppliesNothingAndParksNothing(t *testing.T) {
	m := migrated(t)
	l := readmodeltest.NewLog(t, "acme", "c", store.Group)
	l.Batch(readmodeltest.Add("ann", "ann"))
	last := l.Batch(readmodeltest.Say("ann", "hi"))
	src := readmodeltest.NewSource(l)
	errBoom := errors.New("boom")
	src.Err = errBoom
	if _, err := NewWriter(m, src).Apply(deadline(t), []Record{{l.Conv, l.Kind, last}}); !errors.Is(err, errBoom) {
		t.Fatalf("got %v, want the store's error", err)
	}
	if got := dump(t, m); len(got) > 0 {
		t.Errorf("something was written: %s", got)
	}
}

func due(t *testing.T, m *Model) {
	t.Helper()
	if _, err := m.writer.Exec(deadline(t), "UPDATE parked_conversations SET retry_at = now(); UPDATE tails SET due_at = now()", pgx.QueryExecModeSimpleProtocol); err != nil {
		t.Fatal(err)
	}
}

func headOf(t *testing.T, m *Model, c store.Conv) uint64 {
	t.Helper()
	got, err := m.Summaries(deadline(t), c.Tenant(), []string{c.ID()})
	if err != nil || len(got) != 1 {
		t.Fatalf("summary of %s: %v, %v", c, got, err)
	}
	return got[0].Head
}

func TestApplyHonorsItsContext(t *testing.T) {
	m := migrated(t)
	l := readmodeltest.NewLog(t, "acme", "c", store.Group)
	l.Batch(readmodeltest.Say("ann", "1"))
	ctx, cancel := context.WithCancel(deadline(t))
	cancel()
	if _, err := NewWriter(m, readmodeltest.NewSource(l)).Apply(ctx, records(l)); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
