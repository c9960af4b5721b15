package check

import (
	"strings"
	"testing"

	"github.com/chatcluster/chatcluster/runtime/eventlog"
	"github.com/chatcluster/chatcluster/runtime/logpb"
)

// In every row somebody says "a bad zork", edits it to "worse, a zork" and says "nothing"; what differs is what the processor says.
func TestVerdictsThatAreWrongAreFound(t *testing.T) {
	says := func(target, bodyAt uint64, action string, spans ...*logpb.Span) *logpb.Verdict {
		return &logpb.Verdict{Target: target, BodyAt: bodyAt, Action: action, Processor: "lists", Spans: spans}
	}
	first, second := &logpb.Span{Start: 6, Length: 4}, &logpb.Span{Start: 9, Length: 4}
	both := []*logpb.Verdict{says(2, 0, "mask", first), says(2, 3, "mask", second)}
	for name, tc := range map[string]struct {
		reason string
		said   []*logpb.Verdict
		want   string // part of what is found; empty: nothing is
	}{
		"Once":       {"each body has its verdict", both, ""},
		"Missing":    {"one was lost", both[:1], "has said nothing"},
		"Twice":      {"one was said twice", append(both[:2:2], both[1]), "a second time"},
		"Unfounded":  {"nothing is wrong with that body", append(both[:2:2], says(4, 0, "mask", first)), "where nothing is"},
		"Unknown":    {"no such body was published", append(both[:2:2], says(2, 4, "mask", first)), "was not given"},
		"OtherWord":  {"the spans are an older body's", []*logpb.Verdict{both[0], says(2, 3, "mask", first)}, "something else"},
		"OtherDeed":  {"it is to mask", []*logpb.Verdict{both[0], says(2, 3, "flag")}, "not mask"},
		"AnyOrder":   {"verdicts have no order", []*logpb.Verdict{both[1], both[0]}, ""},
		"NothingYet": {"it has said nothing at all", nil, "has said nothing"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			s.v.r.s.Processors = []Processor{{Name: "lists", Lure: "zork", Sure: true, Action: "mask"}}
			edit := &logpb.Entry{Seq: 3, Sender: "u1", Kind: &logpb.Entry_Edited{Edited: &logpb.Edited{Target: 2, Body: "worse, a zork"}}}
			s.l.entries = []*logpb.Entry{s.l.entries[0], message(2, 1, "a", "a bad zork"), edit, message(4, 2, "b", "nothing")}
			s.v.kafka = map[string][]kafkaBatch{"room": {{batch: &logpb.Batch{Entries: s.l.entries}}, {batch: &logpb.Batch{Entries: s.l.entries[:2]}}}}
			for _, v := range tc.said {
				s.l.entries = append(s.l.entries, &logpb.Entry{
					Seq: uint64(len(s.l.entries) + 1), Count: 2, Sender: "lists", ClientMsgId: eventlog.VerdictID(v.GetTarget(), v.GetBodyAt()),
					Kind: &logpb.Entry_Verdict{Verdict: v},
				})
			}
			found := s.v.judgeProcessors()
			switch {
			case tc.want == "" && len(found) > 0:
				t.Errorf("%s: found %v", tc.reason, found)
			case tc.want != "" && (len(found) == 0 || !strings.Contains(found[0].What, tc.want)):
				t.Errorf("%s: found %v, want one with %q", tc.reason, found, tc.want)
			}
		})
	}
}
