//go:build engines

package analytics

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/jackc/pgx/v5"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/chatcluster/chatcluster/runtime/config"
	"github.com/chatcluster/chatcluster/runtime/eventlog"
	"github.com/chatcluster/chatcluster/runtime/readmodel"
	"github.com/chatcluster/chatcluster/runtime/readmodel/readmodeltest"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// since is when the tests' logs begin: at the beginning of a day, not long ago, so that minutes are kept.
var since = time.Now().UTC().Truncate(24 * time.Hour).Add(-48 * time.Hour)

func database(t *testing.T) *readmodel.Model {
	t.Helper()
	db := readmodeltest.Database(t)
	if _, err := readmodel.Migrate(t.Context(), db, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	m, err := readmodel.Open(db, readmodel.Options{Application: "test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m
}

// project does the projector's work.
func project(t *testing.T, db *readmodel.Model, logs ...*readmodeltest.Log) {
	t.Helper()
	var records []readmodel.Record
	for _, l := range logs {
		for _, b := range l.Batches {
			records = append(records, readmodel.Record{Conv: l.Conv, Kind: l.Kind, Batch: b})
		}
	}
	if _, err := readmodel.NewWriter(db, readmodeltest.NewSource(logs...)).Apply(t.Context(), records); err != nil {
		t.Fatal(err)
	}
}

func newLog(t *testing.T, tenant, id string, step time.Duration) *readmodeltest.Log {
	t.Helper()
	l := readmodeltest.NewLog(t, tenant, id, store.Group)
	l.StartMS, l.StepMS = since.Add(-step).UnixMilli(), step.Milliseconds()
	return l
}

func batches(logs ...*readmodeltest.Log) (records []eventlog.Record) {
	for _, l := range logs {
		for _, b := range l.Batches {
			records = append(records, eventlog.Record{Batch: &eventlog.BatchRecord{Conv: l.Conv, Kind: l.Kind, Batch: b}})
		}
	}
	return records
}

func read(l *readmodeltest.Log, user string, seq uint64, at time.Time) eventlog.Record {
	return eventlog.Record{Timestamp: at, Mark: &eventlog.MarkRecord{User: l.User(user), Conv: l.Conv, Read: seq}}
}

func apply(t *testing.T, r *Rollups, records ...eventlog.Record) Applied {
	t.Helper()
	done, err := r.Apply(t.Context(), records)
	if err != nil {
		t.Fatal(err)
	}
	return done
}

func settle(t *testing.T, r *Rollups) Settled {
	t.Helper()
	done, err := r.Settle(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return done
}

func statsOf(t *testing.T, r *Rollups, tenant store.Tenant, step Step) Stats {
	t.Helper()
	s, err := r.Stats(t.Context(), tenant, since, since.Add(48*time.Hour), step)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// within is how exact latencies are.
var within = cmp.Comparer(func(a, b time.Duration) bool { return (a - b).Abs() <= max(a, b)/90 })

// table is every row of what was counted, sketches included.
func table(t *testing.T, db *readmodel.Model) (rows []string) {
	t.Helper()
	err := db.Read(t.Context(), func(tx pgx.Tx) error {
		r, err := tx.Query(t.Context(), `
			SELECT r::text FROM analytics_rollups r UNION ALL SELECT p::text FROM analytics_pushes p UNION ALL SELECT s::text FROM analytics_sources s
			ORDER BY 1`)
		if err != nil {
			return err
		}
		rows, err = pgx.CollectRows(r, pgx.RowTo[string])
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func TestFiguresAreWhatHappened(t *testing.T) {
	db := database(t)
	r := NewRollups(db, 0)
	l := newLog(t, "acme", "team", 30*time.Minute)
	l.Batch(readmodeltest.Add("ann", "ann", "bob", "cat"))                                        // 1 at 00:00
	l.Batch(readmodeltest.Say("ann", "one"), readmodeltest.Say("bob", "two"))                     // 2 at 00:30, 3 at 01:00
	l.Batch(readmodeltest.Edit("ann", 2, "1"), readmodeltest.React("bob", 2, "👍"))                // 4 at 01:30, 5 at 02:00
	l.Batch(readmodeltest.Judge("spam", 2, "flag", 0), readmodeltest.Judge("spam", 3, "mask", 0)) // 6 at 02:30, 7 at 03:00
	l.Batch(readmodeltest.Judge("spam", 3, "none", 0), readmodeltest.Delete("ann", 2))            // 8 at 03:30, 9 at 04:00
	l.Batch(readmodeltest.Say("cat", "three"))                                                    // 10 at 04:30
	project(t, db, l)
	apply(t, r, batches(l)...)
	at := func(minutes int) time.Time { return since.Add(time.Duration(minutes) * time.Minute) }
	apply(t, r,
		read(l, "bob", 2, at(31)),     // one minute after ann's message
		read(l, "ann", 2, at(32)),     // ann's own
		read(l, "cat", 9, at(62)),     // what cat read last is bob's message, two minutes old
		read(l, "bob", 2, at(63)),     // nothing new
		read(l, "bob", 10, at(25*60)), // the next day: cat's message, 20.5 hours old
	)
	settle(t, r)

	hours := []Point{
		{at(0), Figures{Counts: Counts{Messages: 1, ConversationsStarted: 1, Reads: 1}, ActiveUsers: 2, ActiveConversations: 1, ReadLatency: Latencies{time.Minute, time.Minute, time.Minute}}},
		{at(60), Figures{Counts: Counts{Messages: 1, Edits: 1, Reads: 1}, ActiveUsers: 3, ActiveConversations: 1, ReadLatency: Latencies{2 * time.Minute, 2 * time.Minute, 2 * time.Minute}}},
		{at(120), Figures{Counts: Counts{Reactions: 1, Flagged: 1}, ActiveUsers: 1, ActiveConversations: 1}},
		{at(180), Figures{Counts: Counts{Masked: 1, Reverted: 1}}},
		{at(240), Figures{Counts: Counts{Messages: 1, Deletions: 1}, ActiveUsers: 2, ActiveConversations: 1}},
		{at(25 * 60), Figures{Counts: Counts{Reads: 1}, ActiveUsers: 1, ActiveConversations: 1, ReadLatency: Latencies{1230 * time.Minute, 1230 * time.Minute, 1230 * time.Minute}}},
	}
	total := Figures{
		Counts:      Counts{Messages: 3, Edits: 1, Deletions: 1, Reactions: 1, ConversationsStarted: 1, Flagged: 1, Masked: 1, Reverted: 1, Reads: 3},
		ActiveUsers: 3, ActiveConversations: 1, ReadLatency: Latencies{2 * time.Minute, 2 * time.Minute, 2 * time.Minute},
	}
	if d := cmp.Diff(Stats{hours, total}, statsOf(t, r, "acme", Hour), within); d != "" {
		t.Errorf("by hour (-want +got):\n%s", d)
	}
	days := statsOf(t, r, "acme", Day)
	if d := cmp.Diff(total, days.Total, within); d != "" || len(days.Points) != 2 {
		t.Errorf("by day, %d points: a range's total is the same by every step (-want +got):\n%s", len(days.Points), d)
	}
	if d := cmp.Diff(total, statsOf(t, r, "acme", Minute).Total, within); d != "" {
		t.Errorf("by minute (-want +got):\n%s", d)
	}
	if d := cmp.Diff(Stats{}, statsOf(t, r, "else", Hour)); d != "" {
		t.Errorf("another tenant's (-want +got):\n%s", d)
	}
}

// In whatever order records come, in whatever portions, and how often: the figures are the same.
func TestOrderAndRepetitionChangeNothing(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	logs := readmodeltest.World(t, rnd)
	for _, l := range logs {
		for _, b := range l.Batches {
			for _, e := range b.Entries {
				e.AtMs = since.UnixMilli() + int64(e.Seq)*41_000
			}
		}
	}
	records := batches(logs...)
	var want []Stats
	for round := range 3 {
		db := database(t)
		r := NewRollups(db, 0)
		// Marks come in their order, as their partition has them; they may come before their messages, and before the projector.
		var marks []eventlog.Record
		for i := range 20 {
			for _, l := range logs {
				marks = append(marks, read(l, []string{"ann", "bob"}[i%2], uint64(1+i)*l.Head()/20, since.Add(time.Duration(i+1)*20*time.Minute)))
			}
		}
		twice := append(slices.Clone(records), records...)
		if round > 0 {
			rnd.Shuffle(len(twice), func(i, j int) { twice[i], twice[j] = twice[j], twice[i] })
		}
		for chunk := range slices.Chunk(append(slices.Clone(marks), twice...), 1+rnd.IntN(50)) {
			apply(t, r, chunk...)
			if round == 1 {
				settle(t, r)
			}
		}
		project(t, db, logs...)
		for settle(t, r).More {
		}
		before := table(t, db)
		if done := apply(t, r, append(twice, marks...)...); done.Entries+done.Marks > 0 {
			t.Errorf("counted again: %+v", done)
		}
		settle(t, r)
		if d := cmp.Diff(before, table(t, db)); d != "" {
			t.Errorf("a replay changes the tables (-before +after):\n%s", d)
		}
		var got []Stats
		for _, tenant := range []store.Tenant{"tenant0", "tenant1"} {
			for _, step := range []Step{Minute, Hour, Day} {
				got = append(got, statsOf(t, r, tenant, step))
			}
		}
		if round == 0 {
			want = got
			if want[0].Total.Messages == 0 || want[0].Total.Reads == 0 {
				t.Fatalf("nothing happened: %+v", want[0].Total)
			}
		}
		if d := cmp.Diff(want, got, within); d != "" {
			t.Errorf("round %d (-first +this):\n%s", round, d)
		}
	}
}

func TestTwoProcessesCountOnce(t *testing.T) {
	db := database(t)
	var logs []*readmodeltest.Log
	for i := range 8 {
		l := newLog(t, "acme", fmt.Sprint("c", i), time.Second)
		l.Batch(readmodeltest.Add("ann", "ann", "bob"))
		for range 20 {
			l.Batch(readmodeltest.Say("ann", "x"), readmodeltest.Say("bob", "y"))
		}
		logs = append(logs, l)
	}
	project(t, db, logs...)
	records := batches(logs...)
	for _, l := range logs {
		records = append(records, read(l, "ann", l.Head(), since.Add(time.Hour)), read(l, "bob", l.Head(), since.Add(time.Hour)))
	}
	var wg sync.WaitGroup
	for seed := range uint64(4) {
		wg.Go(func() {
			r, mine := NewRollups(db, 0), slices.Clone(records)
			rand.New(rand.NewPCG(seed, 0)).Shuffle(len(mine), func(i, j int) { mine[i], mine[j] = mine[j], mine[i] })
			for chunk := range slices.Chunk(mine, 17) {
				if _, err := r.Apply(t.Context(), chunk); err != nil {
					t.Error(err)
				}
				if _, err := r.Settle(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	r := NewRollups(db, 0)
	settle(t, r)
	want := Counts{Messages: 8 * 40, ConversationsStarted: 8, Reads: 16}
	if d := cmp.Diff(want, statsOf(t, r, "acme", Day).Total.Counts); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestMinutesAreForgottenAndHoursKept(t *testing.T) {
	db := database(t)
	r := NewRollups(db, time.Hour)
	l := newLog(t, "acme", "c", 10*time.Minute)
	l.Batch(readmodeltest.Add("ann", "ann"), readmodeltest.Say("ann", "x"), readmodeltest.Say("ann", "y"), readmodeltest.Say("ann", "z"))
	r.now = func() time.Time { return since.Add(time.Hour) }
	apply(t, r, batches(l)...)
	if got := len(statsOf(t, r, "acme", Minute).Points); got != 4 {
		t.Fatalf("%d minutes", got)
	}
	r.now = func() time.Time { return since.Add(85 * time.Minute) }
	if n, err := r.Forget(t.Context()); err != nil || n != 3 {
		t.Errorf("%d, %v: three of four are older than an hour", n, err)
	}
	late := newLog(t, "acme", "late", time.Second)
	late.Batch(readmodeltest.Say("bob", "late"))
	apply(t, r, batches(late)...)
	if got := statsOf(t, r, "acme", Minute); len(got.Points) != 1 {
		t.Errorf("%+v: a late message brings an old minute back, and that one alone", got.Points)
	}
	if got := statsOf(t, r, "acme", Hour).Total.Messages; got != 4 {
		t.Errorf("%d messages by hour, want all 4", got)
	}
}

func TestReadsThatWaitTooLongAreGivenUp(t *testing.T) {
	db := database(t)
	r := NewRollups(db, 0)
	l := newLog(t, "acme", "c", time.Minute)
	l.Batch(readmodeltest.Say("ann", "x"))
	at := time.Now()
	r.now = func() time.Time { return at }
	apply(t, r, read(l, "bob", 1, since)) // when the mark was set does not matter: it may be a replay
	r.now = func() time.Time { return at.Add(waitAtMost - time.Minute) }
	if done := settle(t, r); done != (Settled{}) {
		t.Errorf("%+v: the projector may come yet", done)
	}
	r.now = func() time.Time { return at.Add(waitAtMost + time.Minute) }
	if done := settle(t, r); done != (Settled{Dropped: 1}) {
		t.Errorf("%+v", done)
	}
}

func TestStatsRefusesWhatIsNoRange(t *testing.T) {
	r := NewRollups(database(t), 0)
	for reason, tc := range map[string]struct {
		to   time.Time
		step Step
	}{
		"it ends where it begins": {since, Hour},
		"a step that is none":     {since.Add(time.Hour), "second"},
		"too many minutes":        {since.Add((MaxPoints + 1) * time.Minute), Minute},
	} {
		if _, err := r.Stats(t.Context(), "acme", since, tc.to, tc.step); !errors.Is(err, ErrBadRange) {
			t.Errorf("%s: %v", reason, err)
		}
	}
}

// The role, from Kafka to the figures; another group replays it all.
func TestTheRoleCountsAndReplays(t *testing.T) {
	opts := []kfake.Opt{kfake.NumBrokers(1)}
	for _, topic := range eventlog.Topics() {
		opts = append(opts, kfake.SeedTopics(3, topic.Name))
	}
	cluster, err := kfake.NewCluster(opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	kafka := config.Kafka{Brokers: cluster.ListenAddrs()}
	producer, err := eventlog.NewProducer(kafka, eventlog.ProducerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close(context.WithoutCancel(t.Context())) //nolint:errcheck // what counts arrives
	db := database(t)
	r := NewRollups(db, 0)
	l := newLog(t, "acme", "team", time.Minute)
	l.Batch(readmodeltest.Add("ann", "ann", "bob"))
	for range 30 {
		l.Batch(readmodeltest.Say("ann", "x"))
	}
	errs := make(chan error, 100)
	n := 0
	for _, b := range append(slices.Clone(l.Batches), l.Batches[5:10]...) {
		producer.PublishBatch(l.Conv, l.Kind, b, func(err error) { errs <- err })
		n++
	}
	producer.PublishMark(l.User("bob"), l.Conv, 3, func(err error) { errs <- err })
	for range n + 1 {
		if err := <-errs; err != nil {
			t.Fatal(err)
		}
	}
	project(t, db, l)
	role := func(group string) (stop func()) {
		a, err := New(Options{Tables: r})
		if err != nil {
			t.Fatal(err)
		}
		o := a.Consumer()
		o.Group = group
		consumer, err := eventlog.NewConsumer(kafka, o)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		var wg sync.WaitGroup
		for _, run := range []func(context.Context) error{consumer.Run, a.Run} {
			wg.Go(func() {
				if err := run(ctx); err != nil {
					t.Error(err)
				}
			})
		}
		stop = sync.OnceFunc(func() { cancel(); wg.Wait() })
		t.Cleanup(stop)
		limit := time.Now().Add(30 * time.Second)
		for {
			// The group is not there at once.
			err := eventlog.AwaitConsumed(t.Context(), kafka, "test", group, eventlog.LogTopic, eventlog.MarksTopic)
			if err == nil {
				return stop
			}
			if time.Now().After(limit) {
				t.Fatal(err)
			}
		}
	}
	stop := role("first")
	want := Counts{Messages: 30, ConversationsStarted: 1}
	got := statsOf(t, r, "acme", Day).Total.Counts
	if d := cmp.Diff(want, got, cmpopts.IgnoreFields(Counts{}, "Reads")); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	stop()
	settle(t, r)
	before := table(t, db)
	role("second")()
	settle(t, r)
	if d := cmp.Diff(before, table(t, db)); d != "" {
		t.Errorf("a replay changes the tables (-before +after):\n%s", d)
	}
}
