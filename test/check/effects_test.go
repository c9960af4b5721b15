package check

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	"github.com/chatcluster/chatcluster/runtime/fold"
	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/protocol"
)

// TestTwoFoldingsAgree has the checker and the runtime fold the same random changes: the two were written apart, so one of them
// is wrong where they differ.
func TestTwoFoldingsAgree(t *testing.T) {
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 0))
		stored := &logpb.Entry{Seq: 1, Sender: "u1", Kind: &logpb.Entry_Message{Message: &logpb.Message{Body: "a body of some length"}}}
		told := &story{effects: effects{Body: stored.GetMessage().GetBody(), Reactions: map[string]bool{}}}
		for seq := uint64(2); seq < 30 && !told.Deleted; seq++ {
			e := randomChange(rng, seq, stored.GetMessage())
			was := proto.CloneOf(stored)
			fold.Apply(stored, e)
			told.apply(e, &op{want: protocol.EntryOf(e)})
			if diff := cmp.Diff(told.effects, effectsOf(stored.GetMessage())); diff != "" {
				t.Fatalf("seed %d: %v, to %v: -checker +runtime:\n%s", seed, e, was, diff)
			}
			if shows := protocol.EntryOf(stored).Body; shows != told.shows() {
				t.Fatalf("seed %d: %v, to %v: the checker shows %q, the runtime %q", seed, e, was, told.shows(), shows)
			}
		}
	}
}

func randomChange(rng *rand.Rand, seq uint64, m *logpb.Message) *logpb.Entry {
	revision := m.GetRevision()
	e := &logpb.Entry{Seq: seq, AtMs: int64(seq), Sender: "u1"}
	switch draw := rng.IntN(20); {
	case draw == 0:
		e.Kind = &logpb.Entry_Deleted{Deleted: &logpb.Deleted{Target: 1}}
	case draw < 6:
		e.Kind = &logpb.Entry_Edited{Edited: &logpb.Edited{Target: 1, Body: fmt.Sprintf("the body after edit %d", seq)}}
	case draw < 10:
		e.Sender = fmt.Sprintf("u%d", 1+rng.IntN(3))
		e.Kind = &logpb.Entry_Reacted{Reacted: &logpb.Reacted{Target: 1, Emoji: emojis[rng.IntN(2)], Removed: rng.IntN(3) == 0}}
	default:
		e.Sender = judges[rng.IntN(len(judges))]
		v := &logpb.Verdict{Target: 1, Action: action(rng.IntN(100)), Processor: e.Sender, Revision: revision}
		if rng.IntN(3) == 0 && revision > 0 {
			v.Revision--
		}
		if rng.IntN(3) == 0 { // as a processor says it, of this body or of an older one
			v.Revision, v.BodyAt = 0, m.GetBodyAt()
			if v.BodyAt > 0 && rng.IntN(2) == 0 {
				v.BodyAt = uint64(rng.Int64N(int64(v.BodyAt)))
			}
		}
		if v.Action == protocol.ActionMask {
			v.Spans = []*logpb.Span{{Start: uint32(rng.IntN(30)), Length: uint32(rng.IntN(30))}}
		}
		e.Kind = &logpb.Entry_Verdict{Verdict: v}
	}
	return e
}
