//go:build engines

package readmodel

import (
	"testing"

	"github.com/chatcluster/chatcluster/runtime/readmodel/readmodeltest"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// unread is what an inbox shows: the count of the conversation, or as of when the user left, less that at the user's mark.
func unread(t *testing.T, m *Model, u store.User, c store.Conv) uint64 {
	t.Helper()
	places, err := m.Places(deadline(t), u)
	if err != nil || len(places) != 1 {
		t.Fatalf("places %+v, %v", places, err)
	}
	if f := places[0].Final; f != nil {
		return f.Count - places[0].ReadCount
	}
	s, err := m.Summaries(deadline(t), c.Tenant(), []string{c.ID()})
	if err != nil || len(s) != 1 {
		t.Fatalf("summaries %+v, %v", s, err)
	}
	return s[0].Count - places[0].ReadCount
}

func TestUnread(t *testing.T) {
	m := migrated(t)
	l := readmodeltest.NewLog(t, "acme", "c", store.Group)
	w := NewWriter(m, readmodeltest.NewSource(l))
	bob := l.User("bob")
	from := 0
	for _, tc := range []struct {
		name   string
		happen func()
		read   uint64
		want   uint64
		reason string
	}{
		{"messages", func() {
			l.Batch(readmodeltest.Add("ann", "ann", "bob"))                          // 1
			l.Batch(readmodeltest.Say("ann", "a"), readmodeltest.Say("ann", "b"))    // 2, 3
			l.Batch(readmodeltest.Rename("ann", "x"), readmodeltest.Say("ann", "c")) // 4, 5
		}, 0, 3, "a new title is no message"},
		{"edits and reactions", func() { l.Batch(readmodeltest.Edit("ann", 2, "A"), readmodeltest.React("ann", 3, "+")) }, 0, 3, "they are no new messages"}, // 6, 7
		{"read", func() {}, 2, 2, "one is read"},
		{"a read one deleted", func() { l.Batch(readmodeltest.Delete("ann", 2)) }, 2, 2, "what is unread stays so"},                                                   // 8
		{"an unread one deleted", func() { l.Batch(readmodeltest.Delete("ann", 3)) }, 2, 2, "somebody wrote, and took it back: the client shows that it was deleted"}, // 9
		{"all read", func() {}, 9, 0, "marks lie on any entry"},
		{"an old mark comes late", func() {}, 2, 0, "marks only rise"},
		{"left", func() {
			l.Batch(readmodeltest.Say("ann", "d"), readmodeltest.Remove("ann", "bob"), readmodeltest.Say("ann", "about bob"))
		}, 9, 1, "what came after is not theirs"}, // 10, 11, 12
		{"came again", func() {
			l.Batch(readmodeltest.Say("ann", "still"), readmodeltest.Add("ann", "bob"), readmodeltest.Say("ann", "welcome"))
		}, 9, 1, "what was said meanwhile is not theirs"}, // 13, 14, 15
		{"an edit of before", func() { l.Batch(readmodeltest.Edit("ann", 10, "D")) }, 9, 1, "it is no new message"}, // 16
		{"said something", func() {
			l.Batch(readmodeltest.Say("ann", "e"), readmodeltest.Say("bob", "hi"), readmodeltest.Say("ann", "f"))
		}, 9, 1, "who says something has read what was before"}, // 17, 18, 19
		{"left again, having read all", func() { l.Batch(readmodeltest.Remove("ann", "bob"), readmodeltest.Say("ann", "g")) }, 19, 0, "nothing is left"}, // 20, 21
	} {
		tc.happen()
		apply(t, w, records(l)[from:]...)
		from = len(l.Batches)
		if err := w.ApplyMarks(deadline(t), []Mark{{bob, l.Conv, tc.read}}); err != nil {
			t.Fatal(err)
		}
		if got := unread(t, m, bob, l.Conv); got != tc.want {
			t.Errorf("%s: %d unread, want %d: %s", tc.name, got, tc.want, tc.reason)
		}
	}
}
