package moderate

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/chatcluster/chatcluster/runtime/eventlog"
	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// detector judges as its function says.
type detector struct {
	judge func(context.Context, []Message) ([]Finding, error)
}

func (detector) Name() string { return "spam" }

func (d detector) Judge(ctx context.Context, messages []Message) ([]Finding, error) {
	return d.judge(ctx, messages)
}

// finds is a detector that finds the word "bad" in what it is given.
func finds(score int) detector {
	return detector{func(_ context.Context, messages []Message) ([]Finding, error) {
		out := make([]Finding, len(messages))
		for i, m := range messages {
			if at := strings.Index(m.Body, "bad"); at >= 0 {
				out[i] = Finding{Score: score, Reason: "word", Spans: []Span{{Start: uint32(at), Length: 3}}}
			}
		}
		return out, nil
	}}
}

// publisher is a Kafka: nil err takes everything.
type publisher struct {
	err  error
	said []eventlog.VerdictRecord
}

func (p *publisher) PublishVerdict(_ string, v eventlog.VerdictRecord, done func(error)) {
	if p.err == nil {
		p.said = append(p.said, v)
	}
	done(p.err)
}

type tenants func(store.Tenant) (store.TenantRecord, error)

func (f tenants) Tenant(_ context.Context, t store.Tenant) (store.TenantRecord, error) { return f(t) }

func record(t *testing.T, entries ...*logpb.Entry) eventlog.Record {
	t.Helper()
	c, err := store.NewConv("acme", "c")
	if err != nil {
		t.Fatal(err)
	}
	return eventlog.Record{Topic: eventlog.LogTopic, Batch: &eventlog.BatchRecord{Conv: c, Kind: store.Direct, Batch: &logpb.Batch{Entries: entries}}}
}

func message(seq uint64, m *logpb.Message) *logpb.Entry {
	return &logpb.Entry{Seq: seq, Sender: "ann", AtMs: 1, Kind: &logpb.Entry_Message{Message: m}}
}

func edited(seq, target uint64, body string) *logpb.Entry {
	return &logpb.Entry{Seq: seq, Sender: "ann", Kind: &logpb.Entry_Edited{Edited: &logpb.Edited{Target: target, Body: body, Redacted: body == ""}}}
}

var enforce = Policy{Mode: "Enforce", Threshold: 50, Action: protocol.ActionMask}

func newModerator(t *testing.T, o Options) *Moderator {
	t.Helper()
	m, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestWhatBecomesOfAFinding(t *testing.T) {
	masked := &logpb.Verdict{Target: 1, Action: "mask", Processor: "spam", Reason: "word", Spans: []*logpb.Span{{Start: 2, Length: 3}}}
	flagged := &logpb.Verdict{Target: 1, Action: "flag", Processor: "spam", Reason: "word"}
	own := func(mode string, threshold int) Tenants {
		return tenants(func(store.Tenant) (store.TenantRecord, error) {
			return store.TenantRecord{Detectors: map[string]store.Detector{"spam": {Mode: mode, Threshold: threshold}, "fraud": {Mode: "off"}}}, nil
		})
	}
	for name, tc := range map[string]struct {
		reason  string
		score   int
		policy  func(*Policy)
		tenants Tenants
		want    *logpb.Verdict
		mute    time.Duration
		counted string // action and mode
	}{
		"Mask":        {"its spans are masked", 50, nil, nil, masked, 0, "mask,enforce"},
		"Below":       {"what is not sure enough is none", 49, nil, nil, nil, 0, ""},
		"Default":     {"nobody said how sure", DefaultThreshold - 1, func(p *Policy) { p.Threshold = 0 }, nil, nil, 0, ""},
		"Hide":        {"nothing is left to mask", 50, func(p *Policy) { p.Action = "hide" }, nil, &logpb.Verdict{Target: 1, Action: "hide", Processor: "spam", Reason: "word"}, 0, "hide,enforce"},
		"Flag":        {"people are to look at it", 50, func(p *Policy) { p.Mode, p.MuteSenderFor = Flag, time.Hour }, nil, flagged, 0, "flag,flag"},
		"DryRun":      {"it counts only", 50, func(p *Policy) { p.Mode = "DryRun" }, nil, nil, 0, "mask,dryrun"},
		"Off":         {"nobody looks", 99, func(p *Policy) { p.Mode = Off }, nil, nil, 0, ""},
		"Mute":        {"the sender is silenced", 50, func(p *Policy) { p.MuteSenderFor = time.Hour }, nil, masked, time.Hour, "mask,enforce"},
		"TenantOff":   {"the tenant wants none", 99, nil, own("off", 0), nil, 0, ""},
		"TenantFlag":  {"the tenant wants less", 50, nil, own("flag", 0), flagged, 0, "flag,flag"},
		"TenantOn":    {"the tenant wants what the cluster does not", 50, func(p *Policy) { p.Mode = Off }, own("enforce", 0), masked, 0, "mask,enforce"},
		"TenantAbove": {"the tenant is harder to convince", 50, nil, own("enforce", 60), nil, 0, ""},
		"TenantBelow": {"the tenant is easier to convince", 20, nil, own("enforce", 20), masked, 0, "mask,enforce"},
		"TenantPurged": {"nothing is said of who is being forgotten", 99, nil, tenants(func(store.Tenant) (store.TenantRecord, error) {
			return store.TenantRecord{State: store.TenantDeleting}, nil
		}), nil, 0, ""},
		"TenantNewer":   {"a mode of a newer release is not guessed", 50, nil, own("exile", 0), masked, 0, "mask,enforce"},
		"TenantOfNone":  {"the configuration's own have no record", 50, nil, tenants(func(store.Tenant) (store.TenantRecord, error) { return store.TenantRecord{}, store.ErrNotFound }), masked, 0, "mask,enforce"},
		"TenantOfOther": {"it says nothing of this detector", 50, nil, tenants(func(store.Tenant) (store.TenantRecord, error) { return store.TenantRecord{}, nil }), masked, 0, "mask,enforce"},
	} {
		t.Run(name, func(t *testing.T) {
			policy := enforce
			if tc.policy != nil {
				tc.policy(&policy)
			}
			kafka, registry := &publisher{}, prometheus.NewRegistry()
			m := newModerator(t, Options{Detector: finds(tc.score), Publisher: kafka, Policy: policy, Tenants: tc.tenants, Registerer: registry})
			if err := m.Handle(t.Context(), []eventlog.Record{record(t, message(1, &logpb.Message{Body: "a bad word"}))}); err != nil {
				t.Fatal(err)
			}
			var got *logpb.Verdict
			if len(kafka.said) > 0 {
				got = kafka.said[0].Verdict
				if kafka.said[0].ID != "v.1.0" || kafka.said[0].MuteSender != tc.mute {
					t.Errorf("%s: named %q, mutes for %s", tc.reason, kafka.said[0].ID, kafka.said[0].MuteSender)
				}
			}
			if diff := cmp.Diff(tc.want, got, protocmp.Transform()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
			want := ""
			if tc.counted != "" {
				action, mode, _ := strings.Cut(tc.counted, ",")
				want = fmt.Sprintf("# HELP chatcluster_processor_findings_total Findings that count, by what becomes of them; in mode dryrun, by what would.\n"+
					"# TYPE chatcluster_processor_findings_total counter\nchatcluster_processor_findings_total{action=%q,mode=%q,processor=\"spam\"} 1\n", action, mode)
			}
			if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "chatcluster_processor_findings_total"); err != nil {
				t.Errorf("%s: %v", tc.reason, err)
			}
		})
	}
}

func TestWhatIsJudged(t *testing.T) {
	var judged []Message
	d := detector{func(_ context.Context, messages []Message) ([]Finding, error) {
		for _, m := range messages {
			m.Conv = store.Conv{}
			judged = append(judged, m)
		}
		return make([]Finding, len(messages)), nil
	}}
	m := newModerator(t, Options{Detector: d, Publisher: &publisher{}, Policy: enforce, Batch: 2})
	err := m.Handle(t.Context(), []eventlog.Record{
		record(t,
			message(2, &logpb.Message{Body: "as sent"}),
			message(3, &logpb.Message{Deleted: true}),
			message(4, &logpb.Message{Body: "folded", EditedSeq: 9}),
			&logpb.Entry{Seq: 5, Kind: &logpb.Entry_Verdict{Verdict: &logpb.Verdict{Target: 2}}}),
		{Topic: eventlog.LogTopic},
		record(t, edited(6, 2, "edit"), edited(7, 2, "")),
	})
	if err != nil {
		t.Fatal(err)
	}
	at := time.UnixMilli(1)
	want := []Message{
		{Seq: 2, Sender: "ann", Direct: true, At: at, Body: "as sent"},
		{Seq: 4, BodyAt: 9, Sender: "ann", Direct: true, At: at, Body: "folded"}, // it was published late
		{Seq: 2, BodyAt: 6, Sender: "ann", Direct: true, At: time.UnixMilli(0), Body: "edit"},
	}
	if diff := cmp.Diff(want, judged, cmp.AllowUnexported(store.Conv{})); diff != "" {
		t.Errorf("judged (-want +got):\n%s", diff)
	}
}

// Whatever does not answer now is waited out: the consumer tries the records again.
func TestNothingIsSkippedWhileSomethingIsAway(t *testing.T) {
	away := errors.New("away")
	for name, o := range map[string]Options{
		"Detector":  {Detector: detector{func(context.Context, []Message) ([]Finding, error) { return nil, away }}, Publisher: &publisher{}},
		"Kafka":     {Detector: finds(99), Publisher: &publisher{err: away}},
		"Tenants":   {Detector: finds(99), Publisher: &publisher{}, Tenants: tenants(func(store.Tenant) (store.TenantRecord, error) { return store.TenantRecord{}, away })},
		"TooFew":    {Detector: detector{func(context.Context, []Message) ([]Finding, error) { return nil, nil }}, Publisher: &publisher{}},
		"TakesEver": {Detector: detector{func(ctx context.Context, _ []Message) ([]Finding, error) { <-ctx.Done(); return nil, ctx.Err() }}, Publisher: &publisher{}, JudgeTimeout: time.Millisecond},
	} {
		o.Policy = enforce
		if err := newModerator(t, o).Handle(t.Context(), []eventlog.Record{record(t, message(1, &logpb.Message{Body: "bad"}))}); err == nil {
			t.Errorf("%s: no error: the offset would be committed", name)
		}
	}
}

func TestSpansAndReasonsFitAVerdict(t *testing.T) {
	many := make([]Span, protocol.MaxSpans+1)
	for i := range many {
		many[i] = Span{Start: uint32(10 + 2*i), Length: 1}
	}
	for name, tc := range map[string]struct {
		found []Span
		want  []*logpb.Span
	}{
		"None": {nil, []*logpb.Span{{Length: 4}}},
		"Many": {many, []*logpb.Span{{Start: 10, Length: uint32(2*protocol.MaxSpans + 1)}}},
	} {
		v := enforce.verdict("spam", Message{Seq: 1, Body: "äöüß"}, Finding{Spans: tc.found, Reason: strings.Repeat("é", 200)})
		if diff := cmp.Diff(tc.want, v.GetSpans(), protocmp.Transform()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if len(v.GetReason()) > protocol.MaxReasonBytes || !strings.HasPrefix(strings.Repeat("é", 200), v.GetReason()) {
			t.Errorf("%s: a reason of %d bytes", name, len(v.GetReason()))
		}
	}
}
