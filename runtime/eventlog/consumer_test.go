package eventlog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func TestRestartGoesOnWhereItEnded(t *testing.T) {
	_, cfg := fakeKafka(t, 1)
	c := conv(t, "c")
	s := newSeen()
	o := ConsumerOptions{CommitInterval: time.Hour, Handler: func(_ context.Context, rs []Record) error { s.add(rs...); return nil }}

	publish(t, cfg, c, 1, 10)
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

func TestCrashBetweenWorkAndCommitRedelivers(t *testing.T) {
	_, cfg := fakeKafka(t, 1)
	c := conv(t, "c")
	s := newSeen()
	publish(t, cfg, c, 1, 3)
	// The handler has done its work, and the process ends before the loop hears of it.
	stop := start(t, cfg, ConsumerOptions{RevokeTimeout: time.Millisecond, Handler: func(ctx context.Context, rs []Record) error {
		s.add(rs...)
		<-ctx.Done()
		return ctx.Err()
	}})
	s.wait(t, "first run", func(m map[string][]uint64) bool { return len(m["c"]) == 3 })
	stop()
	start(t, cfg, ConsumerOptions{Handler: func(_ context.Context, rs []Record) error { s.add(rs...); return nil }})
	s.wait(t, "second run", func(m map[string][]uint64) bool { return len(m["c"]) >= 6 })
	if diff := cmp.Diff([]uint64{1, 2, 3, 1, 2, 3}, s.of(c)); diff != "" {
		t.Errorf("seqs (-want +got):\n%s", diff)
	}
}

func TestFailedBatchIsRetriedAndNeverSkipped(t *testing.T) {
	_, cfg := fakeKafka(t, 1)
	c := conv(t, "c")
	s := newSeen()
	var failures atomic.Int32
	publish(t, cfg, c, 1, 5)
	start(t, cfg, ConsumerOptions{BatchSize: 2, Handler: func(_ context.Context, rs []Record) error {
		if failures.Add(1) <= 2 {
			return errors.New("boom")
		}
		s.add(rs...)
		return nil
	}})
	s.wait(t, "after retries", func(m map[string][]uint64) bool { return len(m["c"]) >= 5 })
	if diff := cmp.Diff(upTo(5), s.of(c)); diff != "" {
		t.Errorf("seqs (-want +got):\n%s", diff)
	}
}

func TestPoisonGoesToTheDeadLetterTopic(t *testing.T) {
	_, cfg := fakeKafka(t, 1)
	c := conv(t, "c")
	s := newSeen()
	publish(t, cfg, c, 1, 1)
	produceRaw(t, cfg, []byte("key"), []byte("\xff\xffnot a record"))
	produceRaw(t, cfg, []byte("key"), nil)
	publish(t, cfg, c, 2, 2)
	start(t, cfg, ConsumerOptions{Handler: func(_ context.Context, rs []Record) error { s.add(rs...); return nil }})
	s.wait(t, "what follows the poison", func(m map[string][]uint64) bool { return len(m["c"]) == 2 })

	cl, err := kgo.NewClient(kgo.SeedBrokers(cfg.Brokers...), kgo.ConsumeTopics(FullName(prefix, DeadLetterTopic(ProjectGroup))))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	var dead []*kgo.Record
	for len(dead) < 2 {
		fetches := cl.PollFetches(t.Context())
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		dead = append(dead, fetches.Records()...)
	}
	if got, want := string(dead[0].Value), "\xff\xffnot a record"; got != want {
		t.Errorf("value: got %q, want %q: it must be repairable", got, want)
	}
	headers := map[string]string{}
	for _, h := range dead[0].Headers {
		headers[h.Key] = string(h.Value)
	}
	want := map[string]string{
		HeaderReason: "cannot be decoded: not a LogRecord", HeaderTopic: "test.log", HeaderPartition: "0", HeaderOffset: "1",
	}
	if diff := cmp.Diff(want, headers); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
}

func TestDeferredCommitsTheLowestContiguous(t *testing.T) {
	_, cfg := fakeKafka(t, 1)
	c := conv(t, "c")
	s := newSeen()
	publish(t, cfg, c, 1, 5)
	var mu sync.Mutex
	taken := map[uint64]Record{}
	stop := start(t, cfg, ConsumerOptions{Group: NotifyGroup, Deferred: true, Handler: func(_ context.Context, rs []Record) error {
		mu.Lock()
		for _, r := range rs {
			taken[uint64(r.Offset)+1] = r
		}
		mu.Unlock()
		s.add(rs...)
		return nil
	}})
	s.wait(t, "first run", func(m map[string][]uint64) bool { return len(m["c"]) == 5 })
	mu.Lock()
	for _, seq := range []uint64{5, 1, 2, 2, 4} { // 3 is still waiting for its timer
		taken[seq].Done()
	}
	mu.Unlock()
	stop()
	taken[3].Done() // too late: the next owner has it

	again := newSeen()
	start(t, cfg, ConsumerOptions{Group: NotifyGroup, Handler: func(_ context.Context, rs []Record) error { again.add(rs...); return nil }})
	again.wait(t, "second run", func(m map[string][]uint64) bool { return len(m["c"]) >= 3 })
	if diff := cmp.Diff([]uint64{3, 4, 5}, again.of(c)); diff != "" {
		t.Errorf("seqs (-want +got):\n%s", diff)
	}
}

func TestPartitionBehindIsPausedAndResumed(t *testing.T) {
	_, cfg := fakeKafka(t, 1)
	c := conv(t, "c")
	const bound = 8
	publish(t, cfg, c, 1, bound)
	s := newSeen()
	records := make(chan Record, 1000)
	start(t, cfg, ConsumerOptions{Deferred: true, MaxPending: bound, Handler: func(_ context.Context, rs []Record) error {
		s.add(rs...)
		for _, r := range rs {
			records <- r
		}
		return nil
	}})
	s.wait(t, "the bound", func(m map[string][]uint64) bool { return len(m["c"]) == bound })
	publish(t, cfg, c, bound+1, 40)
	for done := range 40 { // every one of them comes once room is made
		select {
		case r := <-records:
			if n := len(s.of(c)) - done; n > 2*bound {
				t.Fatalf("%d records taken and not done, want at most the bound of %d and one fetch", n, bound)
			}
			r.Done()
		case <-time.After(30 * time.Second):
			t.Fatalf("paused for good after %d", done)
		}
	}
	if diff := cmp.Diff(upTo(40), s.of(c)); diff != "" {
		t.Errorf("seqs (-want +got):\n%s", diff)
	}
}

func TestRebalanceLosesNothingAndKeepsOrder(t *testing.T) {
	_, cfg := fakeKafka(t, 6)
	s := newSeen()
	var moved atomic.Int32
	o := ConsumerOptions{
		CommitInterval: 100 * time.Millisecond, BatchSize: 3, MaxPending: 20,
		Handler: func(_ context.Context, rs []Record) error { s.add(rs...); return nil },
		Revoked: func(string, int32) { moved.Add(1) },
	}
	const convs, rounds, perRound = 12, 5, 20
	var stops []func()
	for round := range rounds {
		stops = append(stops, start(t, cfg, o))
		for i := range convs {
			publish(t, cfg, conv(t, fmt.Sprint("c", i)), uint64(round*perRound+1), uint64((round+1)*perRound))
		}
		if round == 2 {
			stops[0]()
		}
	}
	complete := func(m map[string][]uint64) bool {
		for i := range convs {
			got := slices.Clone(m[fmt.Sprint("c", i)])
			slices.Sort(got)
			if len(slices.Compact(got)) < rounds*perRound {
				return false
			}
		}
		return true
	}
	s.wait(t, "every record", complete)
	for i := range convs {
		// What comes again comes as a run: nothing new before everything older was seen.
		high := uint64(0)
		for _, seq := range s.of(conv(t, fmt.Sprint("c", i))) {
			if seq > high+1 {
				t.Fatalf("conversation %d: %d came before %d", i, seq, high+1)
			}
			high = max(high, seq)
		}
	}
	if moved.Load() == 0 {
		t.Error("no partition moved: the test shows nothing")
	}
}

func TestConsumerOptionsAreChecked(t *testing.T) {
	handler := func(context.Context, []Record) error { return nil }
	cases := map[string]struct {
		reason string
		o      ConsumerOptions
	}{
		"NoGroup":   {"Offsets belong to a group.", ConsumerOptions{Topics: []string{LogTopic}, Handler: handler}},
		"NoTopics":  {"A consumer of nothing would wait for ever.", ConsumerOptions{Group: "g", Handler: handler}},
		"NoHandler": {"Records without a handler would be skipped.", ConsumerOptions{Group: "g", Topics: []string{LogTopic}}},
	}
	_, cfg := fakeKafka(t, 1)
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if _, err := NewConsumer(cfg, tc.o); err == nil || !strings.Contains(err.Error(), "required") {
				t.Errorf("%s\ngot %v", tc.reason, err)
			}
		})
	}
}

func TestADeadProcessIsMissedSoon(t *testing.T) {
	cluster, cfg := fakeKafka(t, 1)
	joined := make(chan time.Duration, 16)
	cluster.ControlKey(int16(kmsg.JoinGroup), func(r kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		select {
		case joined <- milliseconds(r.(*kmsg.JoinGroupRequest).SessionTimeoutMillis):
		default:
		}
		return nil, nil, false
	})
	start(t, cfg, ConsumerOptions{Handler: func(context.Context, []Record) error { return nil }})
	select {
	case got := <-joined:
		if got > 20*time.Second {
			t.Errorf("the partitions of a process that dies wait for %v", got)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("the consumer does not join its group")
	}
}

func milliseconds(n int32) time.Duration { return time.Duration(n) * time.Millisecond }
