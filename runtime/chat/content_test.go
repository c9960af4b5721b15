package chat

import (
	"testing"

	"github.com/chatcluster/chatcluster/runtime/chat/chatpb"
	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// A client_msg_id that comes again with something else gets no entry and nobody's result, whichever pod is asked and however it knows
// the first.
func TestANameIsForOneEntry(t *testing.T) {
	st, k := memStore(t), newKafka()
	g, h := startPod(t, "chat-0", st, k, nil, nil).connect(), startPod(t, "chat-1", st, k, nil, nil).connect()
	c := makeGroup(t, g, store.Group, "ann", "bob")
	h.conv = g.conv
	say := func(body string) change { return func(s *chatpb.Send) { s.Body = body } }
	first := map[string]uint64{
		"said":    g.mustDo("ann", "said", say("hello")).GetSeq(), // 2
		"edited":  g.mustDo("ann", "edited", edit(2, "hello!")).GetSeq(),
		"reacted": g.mustDo("ann", "reacted", react(2, "👍")).GetSeq(),
		"added":   g.mustDo("ann", "added", add("member", "bob", "cho", "dan")).GetSeq(), // bob is one already
		"gone":    g.mustDo("ann", "gone", say("secret")).GetSeq(),
	}
	first["deleted"] = g.mustDo("ann", "deleted", remove(first["gone"])).GetSeq()
	stored, err := st.Read(t.Context(), c, 1, 100)
	if err != nil {
		t.Fatal(err)
	}
	var entries []*logpb.Entry
	for _, s := range stored {
		entries = append(entries, s.Batch.GetEntries()...)
	}
	if err := st.Fold(t.Context(), c, entries); err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		reason, id string
		change     change
		// reused says that the pod that committed the first refuses, folded that one does that finds it in the folded store.
		reused, folded bool
	}{
		"Said":            {"a retry", "said", say("hello"), false, false},
		"SaidElse":        {"another body; the first is gone once it is edited", "said", say("else"), true, false},
		"Edited":          {"a retry", "edited", edit(2, "hello!"), false, false},
		"EditedElse":      {"another body", "edited", edit(2, "else"), true, true},
		"EditedElsewhere": {"another target", "edited", edit(first["gone"], "hello!"), true, true},
		"Reacted":         {"a retry", "reacted", react(2, "👍"), false, false},
		"ReactedElse":     {"another emoji", "reacted", react(2, "🎉"), true, true},
		"Added":           {"a retry, with one who was a member before", "added", add("member", "bob", "cho", "dan"), false, false},
		"AddedElse":       {"others", "added", add("member", "bob", "cho"), true, true},
		"AddedAsElse":     {"in another role", "added", add("admin", "bob", "cho", "dan"), true, true},
		"Removed":         {"the opposite", "added", expel("cho", "dan"), true, true},
		"Deleted":         {"a retry", "deleted", remove(first["gone"]), false, false},
		"GoneElse":        {"another body; the first is gone", "gone", say("else"), true, false},
		"SaidAsAnEdit":    {"another kind", "said", edit(2, "hello"), true, true},
		"EditAsSaid":      {"another kind", "edited", say("hello!"), true, true},
	}
	for name, tc := range cases {
		for pod, by := range map[string]struct {
			g      *gateway
			reused bool
		}{"SamePod": {g, tc.reused}, "OtherPod": {h, tc.folded}} {
			t.Run(name+"/"+pod, func(t *testing.T) {
				r := by.g.do("ann", tc.id, tc.change)
				switch {
				case by.reused && r.GetCode() != string(protocol.CodeKeyReused):
					t.Errorf("%s: got %v, want %s", tc.reason, r, protocol.CodeKeyReused)
				case !by.reused && (r.GetCode() != "" || r.GetSeq() != first[tc.id] || !r.GetFound()):
					t.Errorf("%s: got %v, want seq %d", tc.reason, r, first[tc.id])
				}
			})
		}
	}
	// Both wait for the same batch.
	refs := g.post(msg{conv: "c", user: "bob", id: "m", body: "one"}, msg{conv: "c", user: "bob", id: "m", body: "two"}, msg{conv: "c", user: "bob", id: "m", body: "one"})
	one, two, again := g.result(refs[0]), g.result(refs[1]), g.result(refs[2])
	if one.GetCode() != "" || two.GetCode() != string(protocol.CodeKeyReused) || again.GetSeq() != one.GetSeq() {
		t.Errorf("together: %v, %v, %v", one, two, again)
	}
	if got := len(logOf(t, st, c)); got != len(first)+2 {
		t.Errorf("%d entries, want the creation, %d, and one", got, len(first))
	}
}
