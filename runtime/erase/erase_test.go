package erase_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/chatcluster/chatcluster/runtime/erase"
	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/readmodel"
	"github.com/chatcluster/chatcluster/runtime/store"
)

const day = 24 * time.Hour

// timeless compares reports but for when they were made.
var timeless = cmpopts.IgnoreFields(erase.Report{}, "BegunAt", "FinishedAt", "Final")

func wantReport() erase.Report {
	return erase.Report{
		ID: "0198f0c0-0000-7000-8000-000000000000", Tenant: tenant, User: "ann", Phase: erase.PhaseDone,
		// Of ann's 103 messages she had deleted one herself; two of her reactions are to one message.
		Counts:  erase.Counts{Conversations: 3, Left: 2, Messages: 102, Edits: 4, Reactions: 3},
		Devices: 2, Tokens: 1, Pseudonym: true,
	}
}

// Nothing that ann has said is left in any copy, nor in one that is made from the topic; what others have said is.
func TestAnErasureLeavesNothingOfTheUser(t *testing.T) {
	w := newWorld(t)
	got, err := w.run()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(wantReport(), got, timeless, cmpopts.IgnoreFields(erase.Report{}, "Remains")); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
	if len(got.Remains) == 0 {
		t.Error("the report does not say what remains")
	}
	for what, left := range w.outcome() {
		bodies, ok := left.([]string)
		if !ok {
			continue
		}
		theirs := 0
		for _, b := range bodies {
			if strings.Contains(b, "secret") || strings.HasPrefix(b, "ann ") {
				t.Errorf("%s still has %q", what, b)
			}
			if strings.HasPrefix(b, "theirs") {
				theirs++
			}
		}
		if want := map[string]int{"direct": 1, "group": 100, "old": 1}[strings.Fields(what)[1]]; theirs != want && what != "store old" {
			t.Errorf("%s has %d of the others' messages, want %d", what, theirs, want)
		}
	}
	if w.revoked == 0 || len(w.memberships)+len(w.places)+len(w.devices)+w.deferrals > 0 || w.cached || w.key {
		t.Errorf("left are %v", w.outcome())
	}
	var kept erase.Report
	if err := json.Unmarshal(w.erasures[0].Report, &kept); err != nil || !w.erasures[0].Done {
		t.Fatalf("%v, done %v", err, w.erasures[0].Done)
	}
	if diff := cmp.Diff(got, kept); diff != "" {
		t.Errorf("the report that is kept (-returned +kept):\n%s", diff)
	}
}

// Whichever call is the last one of a process, and whether or not its work was done, the next process ends where one alone does.
func TestAnErasureThatWasCutOffGoesOn(t *testing.T) {
	whole := newWorld(t)
	if _, err := whole.run(); err != nil {
		t.Fatal(err)
	}
	want := whole.outcome()
	for cut := 1; cut < whole.calls; cut++ {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("call %d, done %v", cut, after), func(t *testing.T) {
				w := newWorld(t)
				w.cut, w.after = cut, after
				if _, err := w.run(); !errors.Is(err, errCut) {
					t.Fatalf("%v, want the cut", err)
				}
				w.cut = 0
				got, err := w.run()
				if err != nil {
					t.Fatal(err)
				}
				w.compare("what is left", want, w.outcome())
				if w.erasures[0].Done && len(w.erasures) > 1 {
					return // it was done, and only its answer was lost
				}
				if diff := cmp.Diff(wantReport(), got, timeless, cmpopts.IgnoreFields(erase.Report{}, "Remains")); diff != "" {
					t.Errorf("report (-want +got):\n%s", diff)
				}
			})
		}
	}
}

func TestAnErasureAgainFindsNothing(t *testing.T) {
	w := newWorld(t)
	if _, err := w.run(); err != nil {
		t.Fatal(err)
	}
	w.topic = map[string][]*logpb.Entry{} // the cache is told of no conversations
	got, err := w.run()
	if err != nil || got.Messages != 0 || got.ID == wantReport().ID {
		t.Errorf("%+v, %v", got, err)
	}
	if len(w.erasures) != 2 || !w.erasures[0].Done {
		t.Errorf("%d erasures are kept, want the first one's report as it was, and another", len(w.erasures))
	}
}

func TestWhoIsHeldIsNotErased(t *testing.T) {
	w := newWorld(t)
	w.holds = []readmodel.Hold{{Tenant: tenant, Name: "case 7", Reason: "a lawsuit", PlacedAt: time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)}}
	before := w.outcome()
	_, err := w.run()
	if !errors.Is(err, readmodel.ErrHeld) || !strings.Contains(err.Error(), `"case 7" of 2026-01-02`) {
		t.Errorf("%v, want a refusal that names the hold", err)
	}
	w.compare("what is left", before, w.outcome())
	if w.revoked > 0 || len(w.erasures) > 0 {
		t.Error("it began all the same")
	}

	// A hold that comes while it is under way stops it before the next conversation; released, it goes on.
	w = newWorld(t)
	w.heldAt = 8
	if _, err := w.run(); !errors.Is(err, readmodel.ErrHeld) {
		t.Errorf("%v, want the hold", err)
	}
	if len(w.memberships) != 3 || !w.key {
		t.Error("what names the rest is gone")
	}
	w.heldAt, w.holds = 0, nil
	if got, err := w.run(); err != nil || got.Messages != wantReport().Messages {
		t.Errorf("released: %+v, %v", got, err)
	}
}

// A conversation that the read model does not go on with is no conversation that is erased.
func TestAParkedConversationIsToldOf(t *testing.T) {
	w := newWorld(t)
	w.parked = "group"
	if _, err := w.run(); !errors.Is(err, erase.ErrLeft) || !strings.Contains(err.Error(), "group") {
		t.Errorf("%v, want an error that names the conversation", err)
	}
	if len(w.memberships) != 3 || len(w.devices) != 2 {
		t.Error("what names the rest is gone")
	}
	w.parked = ""
	if got, err := w.run(); err != nil || got.Messages != wantReport().Messages {
		t.Errorf("freed: %+v, %v", got, err)
	}
}

func TestATenantThatIsPurgedIsNotErasedFrom(t *testing.T) {
	w := newWorld(t)
	w.tenant = []store.TenantRecord{{Tenant: tenant, State: store.TenantDeleting}}
	if _, err := w.run(); err == nil || w.revoked > 0 {
		t.Errorf("%v: a purge wants that nobody writes behind it", err)
	}
}

func TestWhenAnErasureIsFinal(t *testing.T) {
	for name, tc := range map[string]struct {
		reason string
		copies erase.Copies
		after  time.Duration // -1: never, as far as is known
		check  int
	}{
		"all known":     {"the longest of them", erase.Copies{Topics: 7 * day, Hot: 30 * day, PointInTime: 35 * day, Backups: 7 * day}, 35 * day, 0},
		"backups last":  {"whichever it is", erase.Copies{Topics: 7 * day, Hot: 30 * day, PointInTime: 35 * day, Backups: 40 * day}, 40 * day, 0},
		"unknown":       {"a person has to look", erase.Copies{Hot: 30 * day}, 30 * day, 3},
		"no retention":  {"what does not end is said, not hidden", erase.Copies{Topics: erase.Forever, Hot: 30 * day, PointInTime: 35 * day, Backups: day}, -1, 1},
		"nothing known": {"it is gone here, at least", erase.Copies{}, 0, 4},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			o := w.options()
			o.Copies = tc.copies
			got, err := erase.Run(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			want := got.FinishedAt.Add(tc.after)
			if tc.after < 0 {
				want = time.Time{}
			}
			if !got.Final.At.Equal(want) || len(got.Final.Check) != tc.check {
				t.Errorf("%s: %+v, want %v and %d things to check", tc.reason, got.Final, want, tc.check)
			}
		})
	}
}
