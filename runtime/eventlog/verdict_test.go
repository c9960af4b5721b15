package eventlog

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/chatcluster/chatcluster/runtime/config"
	"github.com/chatcluster/chatcluster/runtime/eventlog/eventpb"
	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/store"
)

var verdict = &logpb.Verdict{Target: 7, BodyAt: 9, Action: "mask", Processor: "profanity", Reason: "word", Spans: []*logpb.Span{{Start: 1, Length: 3}}}

func TestVerdictsAreConsumedAsTheyWereSaid(t *testing.T) {
	_, cfg := fakeKafka(t, 2)
	p, err := NewProducer(cfg, ProducerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	said := VerdictRecord{Conv: conv(t, "c"), ID: "mine", Verdict: verdict, MuteSender: time.Hour, At: time.UnixMilli(5)}
	const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	p.PublishVerdict(trace, said, nil)
	if err := p.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := make(chan Record, 1)
	start(t, cfg, ConsumerOptions{Group: VerdictsGroup, Topics: []string{VerdictsTopic}, Handler: func(_ context.Context, rs []Record) error {
		got <- rs[0]
		return nil
	}})
	select {
	case r := <-got:
		if diff := cmp.Diff(&said, r.Verdict, protocmp.Transform(), cmp.AllowUnexported(store.Conv{})); diff != "" {
			t.Errorf("the verdict (-said +heard):\n%s", diff)
		}
		if r.TraceParent != trace {
			t.Errorf("trace %q: the message's is %q", r.TraceParent, trace)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("not consumed within 30 s")
	}
	dead := records(t, cfg, FullName(prefix, VerdictsTopic), 1)
	headers := map[string]string{}
	for _, h := range dead[0].Headers {
		headers[h.Key] = string(h.Value)
	}
	want := map[string]string{HeaderTenant: "acme", HeaderConversation: "c", HeaderTraceParent: trace, HeaderProcessor: "profanity"}
	if diff := cmp.Diff(want, headers); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
}

func TestWhatIsNoVerdictSaysWhy(t *testing.T) {
	good := func() *eventpb.VerdictRecord {
		return &eventpb.VerdictRecord{Tenant: "acme", Conversation: "c", Verdict: proto.CloneOf(verdict), AtMs: 5}
	}
	for name, tc := range map[string]struct {
		reason string
		change func(*eventpb.VerdictRecord)
		says   string
	}{
		"Tenant":      {"its log would be nobody's", func(r *eventpb.VerdictRecord) { r.Tenant = "" }, "tenant"},
		"Verdict":     {"there is nothing to say", func(r *eventpb.VerdictRecord) { r.Verdict = nil }, "processor"},
		"Processor":   {"it is the verdict's sender", func(r *eventpb.VerdictRecord) { r.Verdict.Processor = "a\x00b" }, "processor"},
		"Target":      {"it is about a message", func(r *eventpb.VerdictRecord) { r.Verdict.Target = 0 }, "target"},
		"ID":          {"names are bounded", func(r *eventpb.VerdictRecord) { r.Id = strings.Repeat("x", 65) }, "id"},
		"NegativeM":   {"time does not run back", func(r *eventpb.VerdictRecord) { r.MuteSenderMs = -1 }, "mute_sender_ms"},
		"MuteOfNever": {"it ends counted from a time", func(r *eventpb.VerdictRecord) { r.MuteSenderMs, r.AtMs = 1, 0 }, "at_ms"},
	} {
		r := good()
		tc.change(r)
		value, err := proto.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := decodeVerdict(value); err == nil || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: %s: got %v, want an error about %q", name, tc.reason, err, tc.says)
		}
	}
	value, err := proto.Marshal(good())
	if err != nil {
		t.Fatal(err)
	}
	if v, err := decodeVerdict(value); err != nil || v.ID != "v.7.9" {
		t.Errorf("got %v, %v: a verdict without a name is called after the body that it is about", v, err)
	}
}

func TestWhatAHandlerRejectsIsKeptWithTheReason(t *testing.T) {
	_, cfg := fakeKafka(t, 1)
	c := conv(t, "c")
	publish(t, cfg, c, 1, 3)
	s := newSeen()
	start(t, cfg, ConsumerOptions{Group: SpamGroup, Handler: func(ctx context.Context, rs []Record) error {
		for _, r := range rs {
			if store.First(r.Batch.Batch) == 2 {
				if err := r.Reject(ctx, "two is odd"); err != nil {
					return err
				}
				continue
			}
			s.add(r)
		}
		return nil
	}})
	s.wait(t, "what follows", func(m map[string][]uint64) bool { return len(m["c"]) == 2 })
	dead := records(t, cfg, FullName(prefix, DeadLetterTopic(SpamGroup)), 1)
	var got eventpb.LogRecord
	if err := proto.Unmarshal(dead[0].Value, &got); err != nil || store.First(got.GetBatch()) != 2 {
		t.Errorf("the dead letter: %v, %v", &got, err)
	}
	if h := dead[0].Headers[0]; h.Key != HeaderReason || string(h.Value) != "two is odd" {
		t.Errorf("header %v", h)
	}
}

func TestAGroupGoesOnWhereItIsTold(t *testing.T) {
	_, cfg := fakeKafka(t, 1)
	c := conv(t, "c")
	publish(t, cfg, c, 1, 3)
	s := newSeen()
	o := ConsumerOptions{Group: SpamGroup, Handler: func(_ context.Context, rs []Record) error { s.add(rs...); return nil }}
	stop := start(t, cfg, o)
	s.wait(t, "the first run", func(m map[string][]uint64) bool { return len(m["c"]) == 3 })
	if _, err := Rewind(t.Context(), cfg, "test", SpamGroup, Place{Offset: -1}, LogTopic); err == nil || !strings.Contains(err.Error(), "stop them first") {
		t.Errorf("got %v: a group that works is not rewound under its feet", err)
	}
	stop()
	for name, tc := range map[string]struct {
		place string
		from  int64
	}{
		"Start": {"start", 0}, "Offset": {"1", 1}, "Beyond": {"99", 3}, "Time": {"2000-01-01T00:00:00Z", 0}, "Future": {"2999-01-01T00:00:00Z", 3},
	} {
		place, err := ParsePlace(tc.place)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Rewind(t.Context(), cfg, "test", SpamGroup, place, LogTopic)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if at := got[FullName(prefix, LogTopic)][0]; at != tc.from {
			t.Errorf("%s: goes on at %d, want %d", name, at, tc.from)
		}
	}
	if _, err := Rewind(t.Context(), cfg, "test", SpamGroup, Place{Offset: 1}, LogTopic); err != nil {
		t.Fatal(err)
	}
	start(t, cfg, o)
	s.wait(t, "the second run", func(m map[string][]uint64) bool { return len(m["c"]) == 5 })
	if diff := cmp.Diff([]uint64{1, 2, 3, 2, 3}, s.of(c)); diff != "" {
		t.Errorf("seqs (-want +got):\n%s", diff)
	}
	if _, err := ParsePlace("yesterday"); err == nil {
		t.Error("yesterday is no place")
	}
}

// records returns the first n of a topic.
func records(t *testing.T, cfg config.Kafka, topic string, n int) []*kgo.Record {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(cfg.Brokers...), kgo.ConsumeTopics(topic))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var out []*kgo.Record
	for len(out) < n {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		out = append(out, fetches.Records()...)
	}
	return out
}
