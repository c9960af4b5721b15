//go:build engines

package readmodel

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/readmodel/readmodeltest"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// An edit that comes from the store may have lost its body to the message there: folding was done, and the model was not written. The
// message that the model has is from before.
func TestAnEditWithoutItsBodyIsApplied(t *testing.T) {
	cases := map[string]struct {
		reason string
		after  []*logpb.Entry // behind the message, which is seq 2
	}{
		"Masked":   {"the mask took the body out of the edit", []*logpb.Entry{readmodeltest.Edit("ann", 2, "second"), readmodeltest.Judge("spam", 2, "mask", 1)}},
		"Hidden":   {"so did hiding", []*logpb.Entry{readmodeltest.Edit("ann", 2, "second"), readmodeltest.Judge("spam", 2, "hide", 1)}},
		"Reverted": {"the body is shown again", []*logpb.Entry{readmodeltest.Edit("ann", 2, "second"), readmodeltest.Judge("spam", 2, "mask", 1), readmodeltest.Judge("spam", 2, "none", 1)}},
		"Replaced": {"the next edit has another", []*logpb.Entry{readmodeltest.Edit("ann", 2, "second"), readmodeltest.Edit("ann", 2, "third")}},
		"ReplacedAndMasked": {"the body is the last edit's", []*logpb.Entry{
			readmodeltest.Edit("ann", 2, "second"), readmodeltest.Edit("ann", 2, "third"), readmodeltest.Judge("spam", 2, "mask", 2),
		}},
		"Deleted": {"there is none any more", []*logpb.Entry{readmodeltest.Edit("ann", 2, "second"), readmodeltest.Delete("ann", 2)}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			m := migrated(t)
			l := readmodeltest.NewLog(t, "acme", "c", store.Group)
			l.Batch(readmodeltest.Add("ann", "ann", "bob"), readmodeltest.Say("ann", "first"))
			src := readmodeltest.NewSource(l)
			w := NewWriter(m, src)
			apply(t, w, records(l)...)
			for _, e := range tc.after {
				l.Batch(e)
			}
			if err := src.Fold(t.Context(), l.Conv, tc.after); err != nil {
				t.Fatal(err)
			}
			again := stored(t, src, l)
			for _, r := range again[1:] { // one by one: the model comes by each state in between
				apply(t, w, r)
			}
			var want []*logpb.Entry
			for _, r := range stored(t, src, l) {
				want = append(want, r.Batch.GetEntries()...)
			}
			got, err := m.Entries(deadline(t), l.Conv, 1, l.Head())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
				t.Errorf("%s: the model differs from the store (-store +model):\n%s", tc.reason, diff)
			}
		})
	}
}
