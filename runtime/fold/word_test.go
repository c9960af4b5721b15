package fold

import (
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/protocol"
)

func verdict(seq uint64, by, id, action string, bodyAt uint64) *logpb.Entry {
	v := &logpb.Verdict{Target: 2, Action: action, Processor: by, BodyAt: bodyAt}
	e := &logpb.Entry{Seq: seq, Sender: by, ClientMsgId: id, Kind: &logpb.Entry_Verdict{Verdict: v}}
	if by == "carol" {
		v.Processor = protocol.ProcessorModerator
	}
	return e
}

func TestWhatAWordMeetsInTheLog(t *testing.T) {
	const spam = "spam"
	for name, tc := range map[string]struct {
		reason string
		log    []*logpb.Entry
		action string
		bodyAt uint64
		want   uint64 // the seq of the answer
		name   string
	}{
		"First":         {"nobody has said anything", nil, "flag", 0, 0, "v.2.0"},
		"Again":         {"a replay says it again", []*logpb.Entry{verdict(5, spam, "v.2.0", "flag", 0)}, "flag", 0, 5, ""},
		"Stronger":      {"Flag became Enforce", []*logpb.Entry{verdict(5, spam, "v.2.0", "flag", 0)}, "mask", 0, 0, "v.2.0.mask"},
		"StrongerAgain": {"a replay after that", []*logpb.Entry{verdict(5, spam, "v.2.0", "flag", 0), verdict(6, spam, "v.2.0.mask", "mask", 0)}, "mask", 0, 6, ""},
		"Strongest":     {"masks became hides", []*logpb.Entry{verdict(5, spam, "v.2.0", "flag", 0), verdict(6, spam, "v.2.0.mask", "mask", 0)}, "hide", 0, 0, "v.2.0.hide"},
		"Weaker":        {"Enforce became Flag: what was done stays", []*logpb.Entry{verdict(5, spam, "v.2.0", "hide", 0)}, "flag", 0, 5, ""},
		"Other":         {"another processor's word is its own", []*logpb.Entry{verdict(5, "fraud", "v.2.0", "hide", 0)}, "flag", 0, 0, "v.2.0"},
		"OtherBody":     {"an edit is another body", []*logpb.Entry{verdict(5, spam, "v.2.0", "hide", 0)}, "flag", 7, 0, "v.2.7"},
		"Reverted":      {"a person has let it pass", []*logpb.Entry{verdict(5, spam, "v.2.0", "flag", 0), verdict(6, "carol", "review.5.reverted", "none", 0)}, "hide", 0, 6, ""},
		"RevertedOther": {"whoever says so", []*logpb.Entry{verdict(5, "fraud", "v.2.0", "flag", 0), verdict(6, "carol", "review.5.reverted", "none", 0)}, "hide", 0, 6, ""},
		"RevertedThen":  {"and has not seen what it became", []*logpb.Entry{verdict(5, spam, "v.2.0", "flag", 0), verdict(6, "carol", "r", "none", 0)}, "hide", 7, 0, "v.2.7"},
		"RevertedEdit":  {"she decided about the edit at 7", []*logpb.Entry{verdict(9, "carol", "r", "none", 7)}, "hide", 7, 9, ""},
		"EditedAgain":   {"she had not seen the edit at 8", []*logpb.Entry{verdict(9, "carol", "r", "none", 7)}, "hide", 8, 0, "v.2.8"},
		"Confirmed":     {"a person has confirmed the flag: more is more", []*logpb.Entry{verdict(5, spam, "v.2.0", "flag", 0), verdict(6, "carol", "review.5.confirmed", "flag", 0)}, "hide", 0, 0, "v.2.0.hide"},
		"Appeal":        {"the processor has taken it back itself", []*logpb.Entry{verdict(5, spam, "v.2.0", "flag", 0), verdict(6, spam, "appeal", "none", 0)}, "hide", 0, 6, ""},
		"OthersAppeal":  {"another takes back what it likes", []*logpb.Entry{verdict(5, "fraud", "v.2.0", "flag", 0), verdict(6, "fraud", "appeal", "none", 0)}, "hide", 0, 0, "v.2.0"},
		"NoWord":        {"none is no stronger than anything", []*logpb.Entry{verdict(5, spam, "v.2.0", "flag", 0)}, "none", 0, 5, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var w Words
			for _, e := range tc.log {
				w.Note(e)
			}
			v := &logpb.Verdict{Target: 2, Action: tc.action, Processor: spam, BodyAt: tc.bodyAt}
			answer, as := w.Weigh(WordName(2, tc.bodyAt), v)
			var seq uint64
			if answer != nil {
				seq, as = answer.Seq, ""
			}
			if seq != tc.want || as != tc.name {
				t.Errorf("%s: answered at %d, else named %q; want %d, %q", tc.reason, seq, as, tc.want, tc.name)
			}
		})
	}
}

// Whatever is said in whatever order and however often, by two processors and a moderator: of a processor each action counts once on a body, none that
// is weaker than what it has said, and none after a person has let it pass.
func TestWordsCountOnce(t *testing.T) {
	for seed := range uint64(300) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		var w Words
		strongest := map[string]int{"spam": -1, "fraud": -1}
		said := map[string]bool{}
		reverted := false
		for seq := uint64(3); seq < 40; seq++ {
			if rnd.IntN(20) == 0 {
				w.Note(verdict(seq, "carol", "r", "none", 0))
				reverted = true
				continue
			}
			by, action := []string{"spam", "fraud"}[rnd.IntN(2)], []string{"flag", "mask", "hide"}[rnd.IntN(3)]
			v := &logpb.Verdict{Target: 2, Action: action, Processor: by}
			answer, as := w.Weigh(WordName(2, 0), v)
			due := !reverted && strength(action) > strongest[by]
			if (answer == nil) != due {
				t.Fatalf("seed %d: %s by %s at %d: answered by %v, strongest %v, reverted %v", seed, action, by, seq, answer, strongest, reverted)
			}
			if answer != nil {
				continue
			}
			if said[by+as] {
				t.Fatalf("seed %d: %s has the name %s twice", seed, by, as)
			}
			said[by+as], strongest[by] = true, strength(action)
			if !IsWord(as, v) {
				t.Fatalf("%q is no word", as)
			}
			w.Note(verdict(seq, by, as, action, 0))
		}
	}
}

func TestForgottenWordsAreNotMet(t *testing.T) {
	var w Words
	w.Note(verdict(5, "spam", "v.2.0", "flag", 0))
	w.Note(verdict(9, "fraud", "v.2.0", "flag", 0))
	w.Forget(6)
	var got []string
	for _, s := range w.list {
		got = append(got, s.by)
	}
	if d := cmp.Diff([]string{"fraud"}, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}
