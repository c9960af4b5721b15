package clients

import (
	"github.com/chatcluster/chatcluster/runtime/protocol"
)

// fold is a case of folding: entries come, and this is shown.
type fold struct {
	name, why string
	entries   []protocol.Entry
	want      []string
	// history is what the history shows instead, where it matters.
	history []protocol.Entry
}

func folding() []Case {
	edited := func(seq, target uint64, body string) protocol.Entry {
		return protocol.Entry{Seq: seq, Sender: "bob", AtMS: 1, Count: 1, Kind: protocol.KindEdited, Target: target, Body: body}
	}
	deleted := func(seq, target uint64) protocol.Entry {
		return protocol.Entry{Seq: seq, Sender: "bob", AtMS: 1, Count: 1, Kind: protocol.KindDeleted, Target: target}
	}
	reacted := func(seq, target uint64, by string, removed bool) protocol.Entry {
		return protocol.Entry{Seq: seq, Sender: by, AtMS: 1, Count: 1, Kind: protocol.KindReacted, Target: target, Emoji: "👍", Removed: removed}
	}
	judged := func(seq, target uint64, action, by string) protocol.Entry {
		v := &protocol.Verdict{Action: action, Processor: by}
		return protocol.Entry{Seq: seq, Sender: by, AtMS: 1, Count: 1, Kind: protocol.KindVerdict, Target: target, Verdict: v}
	}
	with := func(e protocol.Entry, change func(*protocol.Entry)) protocol.Entry {
		change(&e)
		return e
	}
	hidden := &protocol.Verdict{Action: protocol.ActionHide, Processor: "spam"}
	masked := &protocol.Verdict{Action: protocol.ActionMask, Processor: "profanity"}
	table := []fold{
		{name: "Edited", why: "an edit replaces the body", entries: []protocol.Entry{said(1, "a"), edited(2, 1, "b")}, want: []string{"1 b"}},
		{name: "EditedTwice", why: "of two edits the one with the greater seq holds", entries: []protocol.Entry{said(1, "a"), edited(2, 1, "b"), edited(3, 1, "c")}, want: []string{"1 c"}},
		{
			name: "FoldedFurther", why: "of what a message shows already nothing is applied again",
			entries: []protocol.Entry{with(said(1, "c"), func(e *protocol.Entry) { e.Folded, e.Revision = 3, 2 }), edited(2, 1, "b"), edited(3, 1, "c")}, want: []string{"1 c"},
		},
		{
			name: "FoldedInPart", why: "of the entries about a message those with a greater seq than folded are still to be applied",
			entries: []protocol.Entry{with(said(1, "b"), func(e *protocol.Entry) { e.Folded, e.Revision = 2, 1 }), edited(2, 1, "b"), edited(3, 1, "c")}, want: []string{"1 c"},
		},
		{
			name: "Redacted", why: "the body of an edit that is gone is none: keep yours",
			entries: []protocol.Entry{said(1, "a"), with(edited(2, 1, ""), func(e *protocol.Entry) { e.Redacted = true })}, want: []string{"1 a"},
		},
		{name: "Deleted", why: "a deletion takes the body for everybody", entries: []protocol.Entry{said(1, "a"), reacted(2, 1, "carol", false), deleted(3, 1)}, want: []string{"1 deleted"}},
		{name: "DeletedIsFinal", why: "nothing changes a deleted message", entries: []protocol.Entry{said(1, "a"), deleted(2, 1), edited(3, 1, "b"), reacted(4, 1, "carol", false)}, want: []string{"1 deleted"}},
		{name: "Reacted", why: "a reaction is a user's and an emoji", entries: []protocol.Entry{said(1, "a"), reacted(2, 1, "carol", false), reacted(3, 1, "dave", false)}, want: []string{"1 a 👍 carol 👍 dave"}},
		{name: "ReactedTwice", why: "the same reaction of the same user is one", entries: []protocol.Entry{said(1, "a"), reacted(2, 1, "carol", false), reacted(3, 1, "carol", false)}, want: []string{"1 a 👍 carol"}},
		{name: "ReactionRemoved", why: "a reaction goes as it came", entries: []protocol.Entry{said(1, "a"), reacted(2, 1, "carol", false), reacted(3, 1, "dave", false), reacted(4, 1, "carol", true)}, want: []string{"1 a 👍 dave"}},
		{
			name: "ReactionsFolded", why: "a message may come with its reactions",
			entries: []protocol.Entry{with(said(1, "a"), func(e *protocol.Entry) {
				e.Folded, e.Reactions = 2, []protocol.Reaction{{Emoji: "👍", Users: []string{"carol"}}}
			}), reacted(2, 1, "carol", false), reacted(3, 1, "dave", false)}, want: []string{"1 a 👍 carol 👍 dave"},
		},
		{name: "NoMessage", why: "what changes a message that is none changes nothing", entries: []protocol.Entry{said(1, "a"), edited(3, 2, "b"), edited(4, 9, "b")}, want: []string{"1 a"}, history: []protocol.Entry{said(1, "a")}},
		{name: "Flagged", why: "a flag hides nothing", entries: []protocol.Entry{said(1, "a"), judged(2, 1, "flag", "spam")}, want: []string{"1 a"}},
		{name: "Hidden", why: "what is hidden is not shown any more", entries: []protocol.Entry{said(1, "a"), judged(2, 1, "hide", "spam")}, want: []string{"1 "}},
		{
			name: "Masked", why: "a masked body comes masked: the verdict's entry does not hold it, the history does",
			entries: []protocol.Entry{said(1, "damn it"), judged(2, 1, "mask", "profanity")}, want: []string{"1 **** it"},
			history: []protocol.Entry{with(said(1, "**** it"), func(e *protocol.Entry) { e.Folded, e.Verdict = 2, masked }), judged(2, 1, "mask", "profanity")},
		},
		{
			name: "Reverted", why: "a verdict that is reverted shows the message again",
			entries: []protocol.Entry{with(said(1, ""), func(e *protocol.Entry) { e.Folded, e.Verdict = 2, hidden }), judged(2, 1, "hide", "spam"), judged(3, 1, "none", "chatcluster.io/moderator")},
			want:    []string{"1 a"}, history: []protocol.Entry{with(said(1, "a"), func(e *protocol.Entry) { e.Folded = 3 })},
		},
		{
			name: "Elided", why: "what is elided is in the history",
			entries: []protocol.Entry{with(said(1, ""), func(e *protocol.Entry) { e.Folded, e.Elided = 2, true })}, want: []string{"1 b 👍 carol"},
			history: []protocol.Entry{with(said(1, "b"), func(e *protocol.Entry) {
				e.Folded, e.Reactions = 2, []protocol.Reaction{{Emoji: "👍", Users: []string{"carol"}}}
			})},
		},
		{
			name: "OfOlder", why: "a change may be of a message that is paged later", entries: []protocol.Entry{said(60, "m60"), edited(61, 1, "better"), deleted(62, 2)},
			want: append([]string{"1 better", "2 deleted"}, lines(3, 60)...), history: append(run(1, 60), edited(61, 1, "better"), deleted(62, 2)),
		},
	}
	var cases []Case
	for _, f := range table {
		cases = append(cases, Case{"Folding/" + f.name, f.why, func(w *world) {
			history := f.history
			if history == nil {
				history = f.entries
			}
			c := w.start()
			// The history knows of nothing until the first is shown: what is tested is not a page of it.
			c.entries(group, f.entries[0])
			w.showsToo(f.entries[0].Seq)
			w.keep(group, history...)
			if rest := f.entries[1:]; len(rest) > 0 {
				c.entries(group, rest...)
			}
			w.until("having looked at all", func(s State) bool {
				shown := s.Shown[group]
				if len(shown) > 0 && shown[0].Seq == 1 {
					return true
				}
				w.do(Command{Op: "older", Conversation: group})
				return false
			})
			w.shows(f.want...)
		}})
	}
	return cases
}
