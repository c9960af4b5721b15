package fold_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/chatcluster/chatcluster/runtime/fold"
	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/protocol"
)

func message(seq uint64, sender, body string) *logpb.Entry {
	return &logpb.Entry{Seq: seq, Sender: sender, Kind: &logpb.Entry_Message{Message: &logpb.Message{Body: body}}}
}

func edit(seq uint64, sender, body string) *logpb.Entry {
	return &logpb.Entry{Seq: seq, Sender: sender, AtMs: int64(seq) * 1000, Kind: &logpb.Entry_Edited{Edited: &logpb.Edited{Target: 1, Body: body}}}
}

func remove(seq uint64) *logpb.Entry {
	return &logpb.Entry{Seq: seq, Sender: "ann", Kind: &logpb.Entry_Deleted{Deleted: &logpb.Deleted{Target: 1}}}
}

func react(seq uint64, sender, emoji string, removed bool) *logpb.Entry {
	return &logpb.Entry{Seq: seq, Sender: sender, Kind: &logpb.Entry_Reacted{Reacted: &logpb.Reacted{Target: 1, Emoji: emoji, Removed: removed}}}
}

func verdict(seq uint64, processor, action string, revision uint32) *logpb.Entry {
	return &logpb.Entry{Seq: seq, Sender: processor, Kind: &logpb.Entry_Verdict{Verdict: &logpb.Verdict{
		Target: 1, Action: action, Processor: processor, Revision: revision, Spans: []*logpb.Span{{Start: 0, Length: 2}},
	}}}
}

// ofEdit is a verdict of a processor that judged the edit at that seq.
func ofEdit(seq uint64, e *logpb.Entry) *logpb.Entry {
	e.GetVerdict().BodyAt = seq
	return e
}

// shown is a message in a few words.
func shown(e *logpb.Entry) string {
	m := e.GetMessage()
	var out []string
	out = append(out, fmt.Sprintf("%q", protocol.Moderated(m.GetBody(), m.GetVerdict())), fmt.Sprint("r", m.GetRevision()))
	if m.GetDeleted() {
		out = append(out, "deleted")
	}
	if a := m.GetVerdict().GetAction(); a != "" {
		out = append(out, a+" by "+m.GetVerdict().GetProcessor())
	}
	for _, r := range m.GetReactions() {
		out = append(out, r.GetUser()+r.GetEmoji())
	}
	return strings.Join(out, " ")
}

func TestApply(t *testing.T) {
	for _, tc := range []struct {
		name   string
		apply  []*logpb.Entry
		want   string
		reason string
	}{
		{"edited", []*logpb.Entry{edit(2, "ann", "two"), edit(3, "ann", "three")}, `"three" r2`, "the last edit holds"},
		{"edited by another", []*logpb.Entry{edit(2, "bob", "two")}, `"hello" r0`, "only who sent it edits it"},
		{"twice", []*logpb.Entry{edit(2, "ann", "two"), edit(2, "ann", "two")}, `"two" r1`, "folding repeats after a crash"},
		{"late", []*logpb.Entry{edit(3, "ann", "three"), edit(2, "ann", "two")}, `"three" r1`, "another projector was faster"},
		{"deleted", []*logpb.Entry{react(2, "bob", "+", false), verdict(3, "spam", "flag", 0), remove(4)}, `"" r2 deleted`, "all of it is gone"},
		{"after its deletion", []*logpb.Entry{remove(2), edit(3, "ann", "back"), react(4, "bob", "+", false), verdict(5, "spam", "flag", 9)}, `"" r1 deleted`, "a deletion is final"},
		{"before itself", []*logpb.Entry{edit(1, "ann", "x")}, `"hello" r0`, "an entry targets what was there"},
		{"reactions", []*logpb.Entry{
			react(2, "bob", "+", false), react(3, "cat", "+", false), react(4, "bob", "-", false), react(5, "bob", "+", false), react(6, "cat", "+", true), react(7, "dan", "+", true),
		}, `"hello" r0 bob+ bob-`, "a set; they are no revision"},
		{"masked", []*logpb.Entry{verdict(2, "profanity", "mask", 0)}, `"**llo" r1 mask by profanity`, "the spans fit the body"},
		{"mask of an older body", []*logpb.Entry{edit(2, "ann", "other"), verdict(3, "profanity", "mask", 0)}, `"other" r1`, "its spans are of another body"},
		{"mask of an edit", []*logpb.Entry{edit(2, "ann", "other"), ofEdit(2, verdict(3, "profanity", "mask", 0))}, `"**her" r2 mask by profanity`, "who judges the log knows the edit, not the revision"},
		{"mask of an older edit", []*logpb.Entry{edit(2, "ann", "other"), edit(3, "ann", "third"), ofEdit(2, verdict(4, "profanity", "mask", 0))}, `"third" r2`, "its spans are of another body"},
		{"mask of an edit that was redacted", []*logpb.Entry{
			edit(2, "ann", "other"), verdict(3, "spam", "hide", 0), verdict(4, "moderator", "none", 0), ofEdit(2, verdict(5, "profanity", "mask", 0)),
		}, `"**her" r4 mask by profanity`, "the body is the same, wherever it is kept"},
		{"mask of the same body", []*logpb.Entry{verdict(2, "spam", "flag", 0), verdict(3, "profanity", "mask", 0)}, `"**llo" r2 mask by profanity`, "the other verdict did not change the body"},
		{"edited after a mask", []*logpb.Entry{verdict(2, "profanity", "mask", 0), edit(3, "ann", "other")}, `"other" r2`, "the new body is judged anew"},
		{"edited after a hide", []*logpb.Entry{verdict(2, "spam", "hide", 0), edit(3, "ann", "other")}, `"" r2 hide by spam`, "an edit is no way out"},
		{"hide of an older body", []*logpb.Entry{edit(2, "ann", "other"), verdict(3, "spam", "hide", 0)}, `"" r2 hide by spam`, "an edit in time is no way out either"},
		{"reverted", []*logpb.Entry{verdict(2, "spam", "hide", 0), verdict(3, "moderator", "none", 0)}, `"hello" r2`, "none reverts"},
		{"nothing to revert", []*logpb.Entry{verdict(2, "moderator", "none", 0)}, `"hello" r0`, "nothing changed"},
		{"weaker, another's", []*logpb.Entry{verdict(2, "spam", "hide", 0), verdict(3, "profanity", "mask", 0)}, `"" r1 hide by spam`, "one processor does not show what another hides"},
		{"weaker, its own", []*logpb.Entry{verdict(2, "spam", "hide", 0), verdict(3, "spam", "flag", 0)}, `"hello" r2 flag by spam`, "it has thought again"},
		{"of a newer release", []*logpb.Entry{verdict(2, "spam", "explode", 0)}, `"hello" r0`, "what is not known changes nothing"},
	} {
		target := message(1, "ann", "hello")
		for _, e := range tc.apply {
			before := proto.CloneOf(e)
			fold.Apply(target, e)
			if diff := cmp.Diff(before, e, protocmp.Transform()); diff != "" {
				t.Errorf("%s: the entry itself changed: %s", tc.name, diff)
			}
		}
		if got := shown(target); got != tc.want {
			t.Errorf("%s: %s, want %s: %s", tc.name, got, tc.want, tc.reason)
		}
		if target.GetMessage().GetDeleted() && (target.GetMessage().GetBody() != "" || target.GetMessage().GetReactions() != nil) {
			t.Errorf("%s: something is left", tc.name)
		}
	}
}

func TestReactionsAreBounded(t *testing.T) {
	target := message(1, "ann", "hello")
	for i := range uint64(protocol.MaxReactions + 10) {
		fold.Apply(target, react(2+i, fmt.Sprint("user", i), "+", false))
	}
	if n := len(target.GetMessage().GetReactions()); n != protocol.MaxReactions {
		t.Errorf("%d reactions, want %d", n, protocol.MaxReactions)
	}
}

// random returns a log of one message and what happens to it, and a second message that nothing happens to.
func random(rnd *rand.Rand, n int) []*logpb.Entry {
	log := []*logpb.Entry{message(1, "ann", "hello")}
	for len(log) < n {
		seq := uint64(len(log) + 1)
		user := []string{"ann", "bob", "cat"}[rnd.IntN(3)]
		switch rnd.IntN(12) {
		case 0, 1, 2:
			log = append(log, edit(seq, user, strings.Repeat("x", rnd.IntN(300))))
		case 3, 4, 5, 6, 7:
			log = append(log, react(seq, user, []string{"+", "-", "?"}[rnd.IntN(3)], rnd.IntN(3) == 0))
		case 8, 9, 10:
			v := verdict(seq, []string{"spam", "profanity"}[rnd.IntN(2)], []string{"flag", "mask", "hide", "none"}[rnd.IntN(4)], uint32(rnd.IntN(4)))
			if before := uint64(rnd.IntN(len(log) + 1)); before > 0 && log[before-1].GetEdited() != nil {
				v = ofEdit(before, v)
			}
			log = append(log, v)
		default:
			if rnd.IntN(4) == 0 {
				log = append(log, remove(seq))
			} else {
				log = append(log, message(seq, user, "by the way"))
			}
		}
	}
	return log
}

func clone(log []*logpb.Entry) []*logpb.Entry {
	out := make([]*logpb.Entry, len(log))
	for i, e := range log {
		out[i] = proto.CloneOf(e)
	}
	return out
}

// However often parts of the log are folded again, in whatever pieces, the message ends the same.
func TestRepeatingChangesNothing(t *testing.T) {
	for seed := range uint64(300) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		log := random(rnd, 40)
		want := clone(log)
		fold.Page(want)
		got := clone(log)
		for done := 1; done < len(log); {
			// A repetition starts anywhere before what is done and ends after it.
			from, to := rnd.IntN(done+1), done+1+rnd.IntN(len(log)-done)
			for _, e := range log[from:to] {
				if fold.Target(e) == 1 {
					if _, replaced := fold.Apply(got[0], e); replaced > 0 {
						fold.Redact(got[replaced-1])
					}
					if covered := fold.Covered(got[0]); covered > 0 {
						fold.Redact(got[covered-1])
					}
				}
			}
			done = to
		}
		if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
			t.Fatalf("seed %d (-once +repeated):\n%s", seed, diff)
		}
	}
}

// What was redacted or elided makes no difference to who folds it again from the start.
func TestFoldedLogsFoldTheSame(t *testing.T) {
	for seed := range uint64(400) {
		rnd := rand.New(rand.NewPCG(seed, 2))
		log := random(rnd, 40)
		want := clone(log)
		fold.Page(want)

		stored := &logpb.Batch{Entries: clone(log)}
		limit := proto.Size(stored) + rnd.IntN(200)
		cut := 1 + rnd.IntN(len(log)-1)
		_, before, after := fold.Batch(stored, log[:cut], limit)
		for _, seq := range append(before, after...) {
			fold.Redact(fold.Entry(stored, seq))
		}
		if proto.Size(stored) > limit+256 {
			t.Fatalf("seed %d: %d bytes, limit %d", seed, proto.Size(stored), limit)
		}
		elided := stored.Entries[0].GetMessage().GetElided()
		got := clone(stored.Entries)
		for i := range got {
			got[i] = fold.Unelided(got[i])
		}
		fold.Page(got)
		if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
			t.Fatalf("seed %d, cut %d, elided %v (-from the log +from what is stored):\n%s", seed, cut, elided, diff)
		}
	}
}

func TestADeletedBodyIsNowhere(t *testing.T) {
	log := []*logpb.Entry{message(1, "ann", "secret 1"), edit(2, "ann", "secret 2"), edit(3, "ann", "secret 3"), remove(4)}
	fold.Page(log)
	for _, e := range log {
		if strings.Contains(e.String(), "secret") {
			t.Errorf("seq %d: %v", e.GetSeq(), e)
		}
	}
}

func TestElisionKeepsTheBatchSmall(t *testing.T) {
	b := &logpb.Batch{Id: []byte("0123456789abcdef")}
	for seq := range uint64(32) {
		b.Entries = append(b.Entries, message(seq+1, "ann", "short"))
	}
	const limit = 64 << 10
	for i := range uint64(32) {
		e := &logpb.Entry{Seq: 100 + i, Sender: "ann", Kind: &logpb.Entry_Edited{Edited: &logpb.Edited{Target: i + 1, Body: strings.Repeat("x", protocol.MaxBodyBytes)}}}
		fold.Batch(b, []*logpb.Entry{e}, limit)
	}
	if n := proto.Size(b); n > limit+8<<10 {
		t.Errorf("%d bytes", n)
	}
	first, last := b.GetEntries()[0].GetMessage(), b.GetEntries()[31].GetMessage()
	if first.GetElided() || len(first.GetBody()) != protocol.MaxBodyBytes {
		t.Error("the first edit fits and is not there")
	}
	if !last.GetElided() || last.GetBody() != "" || last.GetRevision() != 1 || last.GetFolded() != 131 {
		t.Errorf("the last edit does not fit: %v", last)
	}
	fold.Batch(b, []*logpb.Entry{{Seq: 200, Sender: "ann", Kind: &logpb.Entry_Deleted{Deleted: &logpb.Deleted{Target: 32}}}}, limit)
	if !last.GetDeleted() || last.GetElided() {
		t.Error("a deleted message has nothing elsewhere")
	}
}
