package readmodel

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// verdicts on one message, in their order: who, what, and of which edit.
type said struct {
	sender, processor, action string
	bodyAt                    uint64
}

func byMod(action string) said {
	return said{sender: "mia", processor: protocol.ProcessorModerator, action: action}
}

func by(processor, action string) said {
	return said{sender: processor, processor: processor, action: action}
}

func TestWhatVerdictsMakeOfAReview(t *testing.T) {
	for name, tc := range map[string]struct {
		reason   string
		verdicts []said
		want     Review
	}{
		"Opened": {
			"a processor's verdict is to be reviewed", []said{by("spam", "flag")},
			Review{State: ReviewOpen, Processor: "spam", Action: "flag", VerdictSeq: 10},
		},
		"Weaker": {
			"what does not hold is not reviewed", []said{by("spam", "hide"), by("profanity", "flag")},
			Review{State: ReviewOpen, Processor: "spam", Action: "hide", VerdictSeq: 10},
		},
		"Stronger": {
			"what holds is", []said{by("spam", "flag"), by("profanity", "mask")},
			Review{State: ReviewOpen, Processor: "profanity", Action: "mask", VerdictSeq: 11},
		},
		"Confirmed": {
			"a moderator says the same", []said{by("spam", "hide"), byMod("hide")},
			Review{State: ReviewConfirmed, Processor: "spam", Action: "hide", VerdictSeq: 11, DecidedBy: "mia", DecidedSeq: 11},
		},
		"Reverted": {
			"a moderator takes it back", []said{by("spam", "hide"), byMod("none")},
			Review{State: ReviewReverted, Processor: "spam", Action: "hide", VerdictSeq: 10, DecidedBy: "mia", DecidedSeq: 11},
		},
		"TakenBack": {
			"so may who said it", []said{by("spam", "hide"), by("spam", "none")},
			Review{State: ReviewReverted, Processor: "spam", Action: "hide", VerdictSeq: 10, DecidedBy: "spam", DecidedSeq: 11},
		},
		"LastDecision": {
			"of two moderators the later one holds", []said{by("spam", "hide"), byMod("none"), byMod("hide")},
			Review{State: ReviewConfirmed, Processor: "spam", Action: "hide", VerdictSeq: 12, DecidedBy: "mia", DecidedSeq: 12},
		},
		"Own": {
			"a moderator needs no processor", []said{byMod("mask")},
			Review{State: ReviewConfirmed, Processor: protocol.ProcessorModerator, Action: "mask", VerdictSeq: 10, DecidedBy: "mia", DecidedSeq: 10},
		},
		"NothingToRevert": {
			"a verdict that takes nothing back opens nothing", []said{byMod("none")}, Review{},
		},
		"Unknown": {
			"a newer release's action is its own", []said{by("spam", "blur")}, Review{},
		},
		"AfterARevert": {
			"another finding is another review", []said{by("spam", "hide"), byMod("none"), by("fraud", "flag")},
			Review{State: ReviewOpen, Processor: "fraud", Action: "flag", VerdictSeq: 12},
		},
		"NoNews": {
			"a moderator has said as much", []said{by("spam", "hide"), byMod("hide"), by("fraud", "hide")},
			Review{State: ReviewConfirmed, Processor: "spam", Action: "hide", VerdictSeq: 11, DecidedBy: "mia", DecidedSeq: 11},
		},
		"Worse": {
			"a stronger verdict is news", []said{by("spam", "flag"), byMod("flag"), by("fraud", "hide")},
			Review{State: ReviewOpen, Processor: "fraud", Action: "hide", VerdictSeq: 12},
		},
		"Edited": {
			"another body is", []said{by("profanity", "mask"), byMod("mask"), {"profanity", "profanity", "mask", 9}},
			Review{State: ReviewOpen, Processor: "profanity", Action: "mask", VerdictSeq: 12, BodyAt: 9},
		},
		"Pretender": {
			"a processor that calls itself so is no moderator", []said{by(protocol.ProcessorModerator, "hide")},
			Review{State: ReviewOpen, Processor: protocol.ProcessorModerator, Action: "hide", VerdictSeq: 10},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var got Review
			for i, s := range tc.verdicts {
				got.judge(&logpb.Entry{Seq: uint64(10 + i), Sender: s.sender, Kind: &logpb.Entry_Verdict{Verdict: &logpb.Verdict{
					Target: 3, Action: s.action, Processor: s.processor, BodyAt: s.bodyAt,
				}}})
			}
			if d := cmp.Diff(tc.want, got, cmpopts.EquateComparable(store.Conv{})); d != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, d)
			}
		})
	}
}
