package readmodel

import (
	"errors"
	"math"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/readmodel/readmodeltest"
	"github.com/chatcluster/chatcluster/runtime/store"
)

func TestAdvance(t *testing.T) {
	l := readmodeltest.NewLog(t, "acme", "c", store.Direct)
	l.Batch(readmodeltest.Add("ann", "ann", "bob"))
	l.Batch(readmodeltest.Say("ann", "one"), readmodeltest.Rename("ann", "New"), readmodeltest.Remove("ann", "bob"))
	l.Batch(readmodeltest.Say("ann", "two"))
	start := Summary{Conv: l.Conv, Kind: store.Direct, Title: "Old"}

	for _, tc := range []struct {
		name    string
		state   Summary
		batches []*logpb.Batch
		want    Summary
		applied int
		err     error
		reason  string
	}{
		{
			"all", start, l.Batches,
			Summary{Conv: l.Conv, Kind: store.Direct, Title: "New", Head: 5, Count: 2, LastSeq: 5, LastAtMS: l.StartMS + 5000, LastSender: "ann", LastPreview: "two"},
			3, nil, "the summary is of the last message",
		},
		{
			"known", Summary{Conv: l.Conv, Head: 5}, l.Batches, Summary{Conv: l.Conv, Head: 5},
			3, nil, "what is applied is skipped",
		},
		{
			"gap", start, l.Batches[1:], start,
			0, errGap, "nothing is applied over a gap",
		},
		{
			"gap inside", start, []*logpb.Batch{l.Batches[0], l.Batches[2]},
			Summary{Conv: l.Conv, Kind: store.Direct, Title: "Old", Head: 1, LastAtMS: l.StartMS + 1000},
			1, errGap, "what comes before the gap is applied; a new conversation's activity is its beginning",
		},
		{
			"bad number", Summary{Conv: l.Conv, Head: 4}, []*logpb.Batch{{Entries: []*logpb.Entry{{Seq: 5, Count: math.MaxUint64}}}}, Summary{Conv: l.Conv, Head: 4},
			0, errContent, "a bigint does not hold it",
		},
		{
			"bad text", Summary{Conv: l.Conv, Head: 4}, []*logpb.Batch{{Entries: []*logpb.Entry{{Seq: 5, Device: "\xff"}}}}, Summary{Conv: l.Conv, Head: 4},
			0, errContent, "an entry that cannot be encoded must not become an empty one",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d, applied, err := advance(tc.state, tc.batches)
			if !errors.Is(err, tc.err) || applied != tc.applied {
				t.Errorf("applied %d, %v; want %d, %v: %s", applied, err, tc.applied, tc.err, tc.reason)
			}
			if diff := cmp.Diff(tc.want, d.summary, cmp.AllowUnexported(store.Conv{})); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}

	d, _, err := advance(start, l.Batches)
	if err != nil {
		t.Fatal(err)
	}
	want := []memberChange{
		{user: "ann", role: "member", peer: "bob", seq: 1, atMS: l.StartMS + 1000},
		{user: "bob", role: "member", peer: "ann", seq: 1, atMS: l.StartMS + 1000},
		{user: "bob", seq: 4, atMS: l.StartMS + 4000, left: true, title: "New"},
	}
	if diff := cmp.Diff(want, d.members, cmp.AllowUnexported(memberChange{})); diff != "" {
		t.Errorf("members (-want +got):\n%s", diff)
	}
}

func TestPreview(t *testing.T) {
	long := strings.Repeat("é", 500)
	for _, tc := range []struct{ body, want, reason string }{
		{"hello", "hello", "short"},
		{"  a\n\n\tb  ", "a b", "one line"},
		{"a\x00b\x1bc", "abc", "no control characters"},
		{long, strings.Repeat("é", previewRunes-2) + "…", "bounded in runes, not bytes"},
		{strings.Repeat("x", previewRunes-2), strings.Repeat("x", previewRunes-2), "nothing is cut, nothing says so"},
		{"", "", "empty"},
	} {
		if got := preview(tc.body); got != tc.want {
			t.Errorf("%s: got %q, want %q", tc.reason, got, tc.want)
		}
	}
}

func FuzzPreview(f *testing.F) {
	f.Add("a b")
	f.Add(strings.Repeat("👋 ", 300))
	f.Fuzz(func(t *testing.T, body string) {
		got := preview(body)
		if n := utf8.RuneCountInString(got); n > previewRunes {
			t.Errorf("%d runes", n)
		}
		if strings.ContainsAny(got, "\x00\n\r") {
			t.Errorf("%q", got)
		}
	})
}

func TestSummaryCodec(t *testing.T) {
	c := readmodeltest.NewLog(t, "acme", "c", store.Group).Conv
	want := Summary{Conv: c, Kind: "group", Title: "T", Head: math.MaxUint64, Count: 3, LastSeq: 2, LastAtMS: 1, LastSender: "ann", LastPreview: "👋"}
	got, err := DecodeSummary(c, want.Encode())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(store.Conv{})); diff != "" {
		t.Error(diff)
	}
	if _, err := DecodeSummary(c, []byte(`{"head":"secret`)); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("got %v, want an error without content", err)
	}
}
