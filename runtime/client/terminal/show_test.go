package terminal

import (
	"testing"

	"github.com/chatcluster/chatcluster/runtime/protocol"
)

// What becomes of a message is told as well as what is said.
func TestShow(t *testing.T) {
	verdict := func(action string) protocol.Entry {
		return protocol.Entry{Kind: protocol.KindVerdict, Target: 3, Sender: "profanity", Verdict: &protocol.Verdict{Action: action, Processor: "profanity"}}
	}
	for _, tc := range []struct {
		reason string
		entry  protocol.Entry
		want   string
	}{
		{"further lines are indented", protocol.Entry{Kind: protocol.KindMessage, Sender: "ann", Body: "a\nb"}, "ann: a\n    b"},
		{"an edit", protocol.Entry{Kind: protocol.KindEdited, Sender: "ann", Target: 3, Body: "b"}, "* #3 now reads: b"},
		{"an edit whose body is gone", protocol.Entry{Kind: protocol.KindEdited, Sender: "ann", Target: 3, Redacted: true}, ""},
		{"a deletion", protocol.Entry{Kind: protocol.KindDeleted, Sender: "ann", Target: 3}, "* #3 is deleted"},
		{"a reaction", protocol.Entry{Kind: protocol.KindReacted, Sender: "ann", Target: 3, Emoji: "!"}, "* ann: ! to #3"},
		{"a reaction that is taken back", protocol.Entry{Kind: protocol.KindReacted, Sender: "ann", Target: 3, Emoji: "!", Removed: true}, "* ann takes ! back from #3"},
		{"masked", verdict(protocol.ActionMask), "* #3 is masked in part, by profanity: /history shows it"},
		{"hidden", verdict(protocol.ActionHide), "* #3 is hidden, by profanity"},
		{"reverted", verdict(protocol.ActionNone), "* #3 is shown again, by profanity"},
		{"flagged, which is for moderators", verdict(protocol.ActionFlag), ""},
		{"nobody steers the terminal", protocol.Entry{Kind: protocol.KindRenamed, Title: "a\x1b[2J"}, "* now called a\uFFFD[2J"},
	} {
		if got := show(tc.entry); got != tc.want {
			t.Errorf("%s: %q, want %q", tc.reason, got, tc.want)
		}
	}
}
