//go:build engines

package eventlog

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/chatcluster/chatcluster/runtime/config"
)

// realKafka makes our topics under a prefix of their own in the Kafka at CHATCLUSTER_TEST_KAFKA.
func realKafka(t *testing.T, partitions int32) config.Kafka {
	t.Helper()
	brokers := os.Getenv("CHATCLUSTER_TEST_KAFKA")
	if brokers == "" {
		t.Fatal("CHATCLUSTER_TEST_KAFKA is not set: it names the brokers of a Kafka to test against")
	}
	cfg := config.Kafka{Brokers: strings.Split(brokers, ","), TopicPrefix: "t" + uuid.NewString()[:8] + "."}
	cl, err := kgo.NewClient(kgo.SeedBrokers(cfg.Brokers...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	adm := kadm.NewClient(cl)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for _, topic := range Topics() {
		n := max(topic.Partitions, 1)
		if topic.Partitions == 0 {
			n = partitions
		}
		name := FullName(cfg.TopicPrefix, topic.Name)
		if _, err := adm.CreateTopic(ctx, n, 1, nil, name); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
			defer cancel()
			if _, err := adm.DeleteTopic(ctx, name); err != nil {
				t.Errorf("delete topic %s: %v", name, err)
			}
		})
	}
	return cfg
}

func TestRealKafkaGroupLosesNothing(t *testing.T) {
	cfg := realKafka(t, 6)
	s := newSeen()
	failed := false
	o := ConsumerOptions{CommitInterval: 100 * time.Millisecond, BatchSize: 7, Handler: func(_ context.Context, rs []Record) error {
		if rs[0].Batch.Conv.ID() == "c0" && !failed {
			failed = true
			return errors.New("boom")
		}
		s.add(rs...)
		return nil
	}}
	const convs, perRound, rounds = 6, 200, 3
	o2 := o
	o2.Handler = func(_ context.Context, rs []Record) error { s.add(rs...); return nil }
	stop := start(t, cfg, o)
	for round := range rounds {
		for i := range convs {
			publish(t, cfg, conv(t, fmt.Sprint("c", i)), uint64(round*perRound+1), uint64((round+1)*perRound))
		}
		switch round {
		case 0:
			start(t, cfg, o2)
		case 1:
			stop()
		}
	}
	s.wait(t, "every record", func(m map[string][]uint64) bool {
		for i := range convs {
			if got := m[fmt.Sprint("c", i)]; len(got) == 0 || got[len(got)-1] < perRound*rounds {
				return false
			}
		}
		return true
	})
	for i := range convs {
		high := uint64(0)
		for _, seq := range s.of(conv(t, fmt.Sprint("c", i))) {
			if seq > high+1 {
				t.Fatalf("conversation %d: %d came before %d", i, seq, high+1)
			}
			high = max(high, seq)
		}
	}
}

func TestRealKafkaRestartGoesOn(t *testing.T) {
	cfg := realKafka(t, 1)
	c := conv(t, "c")
	s := newSeen()
	o := ConsumerOptions{Handler: func(_ context.Context, rs []Record) error { s.add(rs...); return nil }}
	publish(t, cfg, c, 1, 10)
	produceRaw(t, cfg, nil, []byte("\xffpoison"))
	stop := start(t, cfg, o)
	s.wait(t, "first run", func(m map[string][]uint64) bool { return len(m["c"]) == 10 })
	stop()
	publish(t, cfg, c, 11, 12)
	start(t, cfg, o)
	s.wait(t, "second run", func(m map[string][]uint64) bool { return len(m["c"]) >= 12 })
	if diff := cmp.Diff(upTo(12), s.of(c)); diff != "" {
		t.Errorf("seqs (-want +got):\n%s", diff)
	}
}
