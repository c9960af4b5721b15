//go:build engines

package audit

import (
	"context"
	"log/slog"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/chatcluster/chatcluster/runtime/config"
	"github.com/chatcluster/chatcluster/runtime/eventlog"
	"github.com/chatcluster/chatcluster/runtime/readmodel"
	"github.com/chatcluster/chatcluster/runtime/readmodel/readmodeltest"
)

// database is a migrated one.
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

// exec runs a statement as the tables' owner.
func exec(t *testing.T, db *readmodel.Model, statements ...string) {
	t.Helper()
	err := db.Write(t.Context(), func(tx pgx.Tx) error {
		for _, s := range statements {
			if _, err := tx.Exec(t.Context(), s); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// whole is all of a tenant's entries.
func whole(t *testing.T, l *Log, tenant string) []Entry {
	t.Helper()
	entries, err := l.Entries(t.Context(), tenant, 0, 1<<40, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

// faults are what Verify finds.
func faults(t *testing.T, l *Log, tenant string, checkpoints ...Checkpoint) []Fault {
	t.Helper()
	v, err := Verify(t.Context(), l, tenant, checkpoints)
	if err != nil {
		t.Fatal(err)
	}
	return v.Faults
}

// kafka is one in this process, with the topics.
func kafka(t *testing.T) config.Kafka {
	t.Helper()
	opts := []kfake.Opt{kfake.NumBrokers(1)}
	for _, topic := range eventlog.Topics() {
		opts = append(opts, kfake.SeedTopics(3, eventlog.FullName("t.", topic.Name)))
	}
	cluster, err := kfake.NewCluster(opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	return config.Kafka{Brokers: cluster.ListenAddrs(), TopicPrefix: "t."}
}

// run has an auditor consume until stop. The group is its own, so that it begins at the beginning.
func run(t *testing.T, k config.Kafka, l *Log, group string) (stop func()) {
	t.Helper()
	a, err := New(Options{Log: l})
	if err != nil {
		t.Fatal(err)
	}
	options := a.Consumer()
	options.Group = group
	consumer, err := eventlog.NewConsumer(k, options)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := consumer.Run(ctx); err != nil {
			t.Errorf("consumer: %v", err)
		}
	})
	stop = sync.OnceFunc(func() { cancel(); wg.Wait() })
	t.Cleanup(stop)
	return stop
}
