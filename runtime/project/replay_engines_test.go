//go:build engines

package project

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/chatcluster/chatcluster/runtime/config"
	"github.com/chatcluster/chatcluster/runtime/eventlog"
	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/readmodel"
	"github.com/chatcluster/chatcluster/runtime/readmodel/readmodeltest"
	"github.com/chatcluster/chatcluster/runtime/store"
	"github.com/chatcluster/chatcluster/runtime/store/embedded"
)

// replay is a projector between a real Kafka, a real database and a real store.
type replay struct {
	t        *testing.T
	ctx      context.Context
	kafka    config.Kafka
	admin    *kadm.Client
	producer *eventlog.Producer
	store    store.Store
	db       config.Postgres
	model    *readmodel.Model
	sql      *pgx.Conn
}

func newReplay(t *testing.T) *replay {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	t.Cleanup(cancel)
	r := &replay{t: t, ctx: ctx}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	brokers := os.Getenv("CHATCLUSTER_TEST_KAFKA")
	if brokers == "" {
		t.Fatal("CHATCLUSTER_TEST_KAFKA is not set: it names the brokers of a Kafka to test against")
	}
	r.kafka = config.Kafka{Brokers: strings.Split(brokers, ","), TopicPrefix: "t" + uuid.NewString()[:8] + "."}
	cl, err := kgo.NewClient(kgo.SeedBrokers(r.kafka.Brokers...))
	must(err)
	t.Cleanup(cl.Close)
	r.admin = kadm.NewClient(cl)
	for _, topic := range eventlog.Topics() {
		name := eventlog.FullName(r.kafka.TopicPrefix, topic.Name)
		_, err := r.admin.CreateTopic(ctx, max(topic.Partitions, 3), 1, nil, name)
		must(err)
		t.Cleanup(func() { _, _ = r.admin.DeleteTopic(context.WithoutCancel(ctx), name) })
	}
	r.producer, err = eventlog.NewProducer(r.kafka, eventlog.ProducerOptions{})
	must(err)
	t.Cleanup(func() { _ = r.producer.Close(context.WithoutCancel(ctx)) })

	s, err := embedded.Open("", embedded.Options{FS: vfs.NewMem(), NoSync: true})
	must(err)
	t.Cleanup(func() { _ = s.Close() })
	r.store = s

	r.db = readmodeltest.Database(t)
	_, err = readmodel.Migrate(ctx, r.db, slog.New(slog.DiscardHandler))
	must(err)
	r.model, err = readmodel.Open(r.db, readmodel.Options{Application: "test"})
	must(err)
	t.Cleanup(r.model.Close)
	cc, err := pgx.ParseConfig(os.Getenv(readmodeltest.Env))
	must(err)
	cc.Database = r.db.Database
	r.sql, err = pgx.ConnectConfig(ctx, cc)
	must(err)
	t.Cleanup(func() { _ = r.sql.Close(context.WithoutCancel(ctx)) })
	return r
}

// keep puts the log into the store.
func (r *replay) keep(l *readmodeltest.Log) {
	r.t.Helper()
	for i, b := range l.Batches {
		var err error
		if i == 0 {
			err = r.store.Create(r.ctx, store.Conversation{Conv: l.Conv, Kind: l.Kind, Title: l.Title}, nil, b, store.AppendOptions{})
		} else {
			err = r.store.Append(r.ctx, l.Conv, b, store.AppendOptions{})
		}
		if err != nil {
			r.t.Fatal(err)
		}
	}
}

// stored returns the batches as the store has them now.
func (r *replay) stored(c store.Conv) []*logpb.Batch {
	r.t.Helper()
	found, err := r.store.Read(r.ctx, c, 1, 1000)
	if err != nil {
		r.t.Fatal(err)
	}
	var batches []*logpb.Batch
	for _, s := range found {
		batches = append(batches, s.Batch)
	}
	return batches
}

func (r *replay) publish(l *readmodeltest.Log, batches ...*logpb.Batch) {
	r.t.Helper()
	errs := make(chan error, len(batches))
	for _, b := range batches {
		r.producer.PublishBatch(l.Conv, l.Kind, b, func(err error) { errs <- err })
	}
	for range batches {
		if err := <-errs; err != nil {
			r.t.Fatal(err)
		}
	}
}

// project runs a projector until it has done all that Kafka holds.
func (r *replay) project() {
	r.t.Helper()
	p, err := New(Options{Model: readmodel.NewWriter(r.model, r.store), Cache: newFakeCache(), Tails: r.store, HotRetention: 24 * time.Hour})
	if err != nil {
		r.t.Fatal(err)
	}
	o := p.Consumer()
	o.CommitInterval = 100 * time.Millisecond
	consumer, err := eventlog.NewConsumer(r.kafka, o)
	if err != nil {
		r.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(r.ctx)
	var wg sync.WaitGroup
	for _, run := range []func(context.Context) error{consumer.Run, p.Run} {
		wg.Go(func() {
			if err := run(ctx); err != nil {
				r.t.Errorf("run: %v", err)
			}
		})
	}
	defer wg.Wait()
	defer cancel()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for left := int64(-1); left != 0; {
		select {
		case <-r.ctx.Done():
			r.t.Fatalf("%d records are left", left)
		case <-tick.C:
		}
		left = r.left()
	}
}

// left is how many records the group has not committed; -1 when it is not known.
func (r *replay) left() int64 {
	group := eventlog.FullName(r.kafka.TopicPrefix, eventlog.ProjectGroup)
	topics := []string{eventlog.FullName(r.kafka.TopicPrefix, eventlog.LogTopic), eventlog.FullName(r.kafka.TopicPrefix, eventlog.MarksTopic)}
	ends, err := r.admin.ListEndOffsets(r.ctx, topics...)
	committed, cerr := r.admin.FetchOffsets(r.ctx, group)
	if errors.Join(err, cerr) != nil {
		return -1
	}
	var left int64
	ends.Each(func(o kadm.ListedOffset) {
		at := int64(0)
		if c, ok := committed.Lookup(o.Topic, o.Partition); ok {
			at = max(c.At, 0)
		}
		left += o.Offset - at
	})
	return left
}

// tables returns every row, but for the tails: those are what is owed at the moment.
func (r *replay) tables() []string {
	r.t.Helper()
	var lines []string
	for _, table := range []string{"conversations", "members", "messages", "parked_conversations", "parked_records"} {
		rows, err := r.sql.Query(r.ctx, "SELECT '"+table+" ' || x::text FROM "+table+" x ORDER BY 1")
		if err != nil {
			r.t.Fatal(err)
		}
		part, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			r.t.Fatal(err)
		}
		lines = append(lines, part...)
	}
	return lines
}

// The read model is dropped and made again from Kafka's first record on: row by row it is what it was. Kafka holds records twice, late, and
// as the store had them by then.
func TestReplayFromZeroMakesTheSameTables(t *testing.T) {
	r := newReplay(t)
	rnd := rand.New(rand.NewPCG(3, 14))
	logs := readmodeltest.World(t, rnd)
	for _, l := range logs {
		r.keep(l)
		for i, b := range l.Batches {
			if rnd.IntN(10) == 0 && i > 0 {
				continue // Kafka gets this one late
			}
			r.publish(l, b)
			if rnd.IntN(4) == 0 {
				r.publish(l, l.Batches[rnd.IntN(i+1)])
			}
		}
		marked := make(chan error, 2)
		for _, seq := range []uint64{l.Head() / 2, l.Head() / 3} {
			r.producer.PublishMark(l.User("bob"), l.Conv, seq, func(err error) { marked <- err })
		}
		if err := errors.Join(<-marked, <-marked); err != nil {
			t.Fatal(err)
		}
	}
	r.project()
	for _, l := range logs {
		r.publish(l, r.stored(l.Conv)...)
	}
	r.project()
	want := r.tables()
	if len(want) < 300 || !strings.Contains(strings.Join(want, "\n"), "edited") {
		t.Fatalf("%d rows: the test wants more", len(want))
	}
	for _, l := range logs {
		entries, err := r.model.Entries(r.ctx, l.Conv, 1, l.Head())
		if err != nil {
			t.Fatal(err)
		}
		var kept []*logpb.Entry
		for _, b := range r.stored(l.Conv) {
			kept = append(kept, b.GetEntries()...)
		}
		if diff := cmp.Diff(kept, entries, protocmp.Transform()); diff != "" {
			t.Errorf("%s: the model differs from the store (-store +model):\n%s", l.Conv, diff)
		}
	}

	if _, err := r.sql.Exec(r.ctx, "TRUNCATE conversations, members, messages, tails, parked_conversations, parked_records"); err != nil {
		t.Fatal(err)
	}
	group := eventlog.FullName(r.kafka.TopicPrefix, eventlog.ProjectGroup)
	if _, err := r.admin.DeleteGroup(r.ctx, group); err != nil {
		t.Fatal(err)
	}
	r.project()
	if diff := cmp.Diff(want, r.tables()); diff != "" {
		t.Errorf("after the replay (-before +after):\n%s", diff)
	}
}
