//go:build engines

package readmodel

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/readmodel/readmodeltest"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// crossing has two writers meet in the middle of rows that both take: each is held up there by a third transaction until both wait,
// and then let go. Whoever takes rows in another order than the other ends in a deadlock, which is the error of one of the two.
func crossing(t *testing.T, m *Model, hold string, args []any, first, second func() error) {
	t.Helper()
	ctx := deadline(t)
	tx, err := m.writer.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(ctx) //nolint:errcheck // it has ended by then
	if _, err := tx.Exec(ctx, hold, args...); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 2)
	for i, write := range []func() error{first, second} {
		go func() { done <- write() }()
		waiting(t, m, i+1)
	}
	if err := tx.Rollback(ctx); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := <-done; err != nil {
			t.Errorf("a writer fails: %v", err)
		}
	}
}

// waiting waits until n transactions of the database wait for a lock.
func waiting(t *testing.T, m *Model, n int) {
	t.Helper()
	ctx := deadline(t)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for got := -1; got < n; {
		err := m.reader.QueryRow(ctx, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'").Scan(&got)
		if err != nil {
			t.Fatalf("%d of %d writers wait: %v", got, n, err)
		}
		<-tick.C
	}
}

// applyOnce is Apply without its second chance.
func applyOnce(ctx context.Context, w *Writer, rs ...Record) error {
	var total Applied
	groups := byConversation(rs)
	if err := w.completeGroups(ctx, groups, mode{}, &total); err != nil {
		return err
	}
	return w.write(ctx, groups, mode{}, &total)
}

// Records and read marks of the same members take their rows in one order.
func TestRecordsAndMarksDoNotWaitForEachOther(t *testing.T) {
	const members = 30
	var users, backwards []string
	for i := range members {
		users = append(users, fmt.Sprintf("u%02d", i))
	}
	backwards = slices.Clone(users)
	slices.Reverse(backwards)
	const holdRow = "SELECT FROM members WHERE user_id = $1 FOR UPDATE"
	for name, tc := range map[string]struct {
		reason string
		news   func() []*logpb.Entry
		hold   string
	}{
		"Messages": {"who writes has read", func() (out []*logpb.Entry) {
			for _, u := range backwards {
				out = append(out, readmodeltest.Say(u, "hello"))
			}
			return out
		}, holdRow},
		"Roles": {"members change in the order of the log", func() (out []*logpb.Entry) {
			for _, u := range backwards {
				out = append(out, readmodeltest.Role("owner", u, store.RoleAdmin))
			}
			return out
		}, holdRow},
		"Leaving": {"members go in the order of the log", func() []*logpb.Entry { return []*logpb.Entry{readmodeltest.Remove("owner", backwards...)} }, holdRow},
		"WritingComes": {"messages come with changes", func() []*logpb.Entry {
			return []*logpb.Entry{readmodeltest.Role("owner", "u29", store.RoleAdmin), readmodeltest.Say("u00", "hello")}
		}, holdRow},
		"Coming": {"a mark may come before its member", func() []*logpb.Entry {
			news := make([]string, members)
			for i, u := range backwards {
				news[i] = u + "-new"
			}
			return []*logpb.Entry{readmodeltest.Add("owner", news...)}
		}, `INSERT INTO members (tenant, user_id, conversation, role, peer, joined, joined_at_ms, left_seq, left_title, changed, read_seq)
			VALUES ('acme', $1, 'c', '', '', 0, 0, 0, '', 0, 0)`},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, m := deadline(t), migrated(t)
			l := readmodeltest.NewLog(t, "acme", "c", store.Group)
			l.Batch(readmodeltest.Add("owner", append([]string{"owner"}, backwards...)...))
			w := NewWriter(m, readmodeltest.NewSource(l))
			apply(t, w, records(l)...)
			suffix := ""
			if name == "Coming" {
				suffix = "-new"
			}
			b := l.Batch(tc.news()...)
			var marks []Mark
			for _, u := range users {
				marks = append(marks, Mark{User: l.User(u + suffix), Conv: l.Conv, Read: l.Head()})
			}
			crossing(t, m, tc.hold, []any{"u15" + suffix},
				func() error { return w.ApplyMarks(ctx, marks) },
				func() error { return applyOnce(ctx, w, Record{l.Conv, l.Kind, b}) },
			)
			var head, read int
			err := m.writer.QueryRow(ctx, "SELECT (SELECT head FROM conversations), (SELECT count(*) FROM members WHERE read_seq = $1)", int64(l.Head())).Scan(&head, &read)
			if err != nil || head != int(l.Head()) || read != members {
				t.Errorf("%s: head %d, %d marks, %v; want head %d, %d marks", tc.reason, head, read, err, l.Head(), members)
			}
		})
	}
}

// What forgets previews takes conversations in the order in which records do.
func TestRecordsAndForgettingDoNotWaitForEachOther(t *testing.T) {
	const convs = 30
	ctx, m := deadline(t), migrated(t)
	now := time.Now()
	var logs []*readmodeltest.Log
	for i := convs - 1; i >= 0; i-- { // the table has them backwards
		l := readmodeltest.NewLog(t, "acme", fmt.Sprintf("c%02d", i), store.Group)
		l.StartMS = now.AddDate(-1, 0, 0).UnixMilli()
		l.Batch(readmodeltest.Add("ann", "ann"), readmodeltest.Say("ann", "old"))
		logs = append(logs, l)
	}
	w := NewWriter(m, readmodeltest.NewSource(logs...))
	for _, l := range logs {
		apply(t, w, records(l)...)
	}
	upkeep(t, w) // the month of the old messages
	w.Retain(30 * 24 * time.Hour)
	var news []Record
	for _, l := range logs {
		l.StartMS = now.UnixMilli() - int64(l.Head()+1)*l.StepMS
		news = append(news, Record{l.Conv, l.Kind, l.Batch(readmodeltest.Say("ann", "new"))})
	}
	crossing(t, m, "SELECT FROM conversations WHERE conversation = $1 FOR UPDATE", []any{"c15"},
		func() error { return applyOnce(ctx, w, news...) },
		func() error { _, err := w.KeepPartitions(ctx); return err },
	)
	rows, err := m.writer.Query(ctx, "SELECT last_preview FROM conversations")
	if err != nil {
		t.Fatal(err)
	}
	previews, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(previews) != convs || slices.ContainsFunc(previews, func(p string) bool { return p != "new" }) {
		t.Errorf("previews %q, %v", previews, err)
	}
}
