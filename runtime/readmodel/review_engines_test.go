//go:build engines

package readmodel

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/readmodel/readmodeltest"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// decide is a moderator's verdict.
func decide(moderator string, target uint64, action string) *logpb.Entry {
	e := readmodeltest.Judge(protocol.ProcessorModerator, target, action, 0)
	e.Sender = moderator
	return e
}

// queue reads all of a state, a page at a time.
func queue(t *testing.T, m *Model, q ReviewQuery) (all []Review) {
	t.Helper()
	q.Limit = 2
	for {
		page, err := m.Reviews(deadline(t), "tenant0", q)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, page...)
		if len(page) < q.Limit {
			return all
		}
		q.After = page[len(page)-1].Place()
	}
}

func words(reviews []Review) (out []string) {
	for _, r := range reviews {
		out = append(out, fmt.Sprint(r.Conv.ID(), " ", r.Seq, " ", r.Author, " ", r.State, " ", r.Processor, " ", r.Action, " ", r.DecidedBy))
	}
	return out
}

func TestTheQueueFollowsTheLogHoweverOftenItIsRead(t *testing.T) {
	m := migrated(t)
	room, pair := readmodeltest.NewLog(t, "tenant0", "room", store.Group), readmodeltest.NewLog(t, "tenant0", "pair", store.Direct)
	other := readmodeltest.NewLog(t, "tenant1", "room", store.Group)
	for _, l := range []*readmodeltest.Log{room, pair, other} {
		l.Batch(readmodeltest.Add("ann", "ann", "bob"))
		l.Batch(readmodeltest.Say("ann", "buy now"), readmodeltest.Say("bob", "no"), readmodeltest.Say("ann", "do"), readmodeltest.Say("bob", "bad"))
	}
	room.Batch(readmodeltest.Judge("spam", 2, "hide", 0), readmodeltest.Judge("spam", 4, "flag", 0), readmodeltest.Judge("profanity", 5, "mask", 0))
	room.Batch(readmodeltest.Judge("spam", 1, "flag", 0)) // no message
	room.Batch(decide("mia", 2, "none"), decide("mia", 4, "flag"))
	pair.Batch(readmodeltest.Judge("fraud", 3, "hide", 0))
	pair.Batch(readmodeltest.Judge("spam", 2, "flag", 0))
	other.Batch(readmodeltest.Judge("spam", 2, "hide", 0))
	logs := []*readmodeltest.Log{room, pair, other}
	w := NewWriter(m, readmodeltest.NewSource(logs...))
	states := func() map[string][]string {
		got := map[string][]string{}
		for _, s := range []string{ReviewOpen, ReviewConfirmed, ReviewReverted} {
			got[s] = words(queue(t, m, ReviewQuery{State: s}))
		}
		return got
	}
	want := map[string][]string{
		ReviewOpen: {
			"pair 3 ann open fraud hide ", "pair 2 ann open spam flag ", "room 5 bob open profanity mask ",
		},
		ReviewConfirmed: {"room 4 ann confirmed spam flag mia"},
		ReviewReverted:  {"room 2 ann reverted spam hide mia"},
	}
	want[ReviewOpen][0] = "pair 3 bob open fraud hide "
	all := records(logs...)
	rnd := rand.New(rand.NewPCG(3, 4))
	for range 3 { // in any order, any number of times, in any grouping
		rnd.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		for part := range slices.Chunk(all, 1+rnd.IntN(len(all))) {
			if _, err := w.Apply(deadline(t), part); err != nil {
				t.Fatal(err)
			}
		}
		got := states()
		slices.Sort(got[ReviewOpen])
		slices.Sort(want[ReviewOpen])
		if d := cmp.Diff(want, got); d != "" {
			t.Fatalf("(-want +got):\n%s", d)
		}
	}
	for _, tc := range []struct {
		reason string
		q      ReviewQuery
		want   []string
	}{
		{"by who brought it up", ReviewQuery{State: ReviewOpen, Processor: "spam"}, []string{"pair 2 ann open spam flag "}},
		{"by what it does", ReviewQuery{State: ReviewOpen, Action: "mask"}, []string{"room 5 bob open profanity mask "}},
		{"by who wrote it", ReviewQuery{State: ReviewOpen, Author: "ann"}, []string{"pair 2 ann open spam flag "}},
	} {
		if d := cmp.Diff(tc.want, words(queue(t, m, tc.q))); d != "" {
			t.Errorf("%s (-want +got):\n%s", tc.reason, d)
		}
	}
	one, err := m.Review(deadline(t), room.Conv, 2)
	if err != nil || one.Kind != store.Group || one.DecidedBy != "mia" || one.DecidedSeq == 0 || one.OpenedAtMS == 0 {
		t.Errorf("%+v, %v", one, err)
	}
}

// What is opened while somebody pages comes after, and shifts nothing.
func TestPagesOfTheQueueAreStable(t *testing.T) {
	m := migrated(t)
	l := readmodeltest.NewLog(t, "tenant0", "room", store.Group)
	l.Batch(readmodeltest.Add("ann", "ann"))
	for range 9 {
		l.Batch(readmodeltest.Say("ann", "x"))
	}
	for seq := uint64(2); seq <= 7; seq++ {
		l.Batch(readmodeltest.Judge("spam", seq, "flag", 0))
	}
	src := readmodeltest.NewSource(l)
	apply := func() {
		t.Helper()
		if _, err := NewWriter(m, src).Apply(deadline(t), records(l)); err != nil {
			t.Fatal(err)
		}
	}
	apply()
	q := ReviewQuery{State: ReviewOpen, Limit: 3}
	first, err := m.Reviews(deadline(t), "tenant0", q)
	if err != nil {
		t.Fatal(err)
	}
	l.Batch(readmodeltest.Judge("spam", 8, "flag", 0), readmodeltest.Judge("fraud", 3, "hide", 0), decide("mia", 2, "none"))
	apply()
	q.After, q.Limit = first[2].Place(), 10
	rest, err := m.Reviews(deadline(t), "tenant0", q)
	if err != nil {
		t.Fatal(err)
	}
	var seqs []uint64
	for _, r := range append(first, rest...) {
		seqs = append(seqs, r.Seq)
	}
	if d := cmp.Diff([]uint64{2, 3, 4, 5, 6, 7, 8}, seqs); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestReviewsGoWithTheRetention(t *testing.T) {
	m := migrated(t)
	l := readmodeltest.NewLog(t, "tenant0", "room", store.Group)
	l.Batch(readmodeltest.Add("ann", "ann"))
	l.Batch(readmodeltest.Say("ann", "x"), readmodeltest.Judge("spam", 2, "flag", 0))
	w := NewWriter(m, readmodeltest.NewSource(l))
	if _, err := w.Apply(deadline(t), records(l)); err != nil {
		t.Fatal(err)
	}
	w.Retain(30 * 24 * time.Hour)
	if _, err := w.KeepPartitions(deadline(t)); err != nil {
		t.Fatal(err)
	}
	if left := queue(t, m, ReviewQuery{State: ReviewOpen}); len(left) > 0 {
		t.Errorf("%d reviews of messages that are gone", len(left))
	}
}

func TestReviewsGoWithTheUser(t *testing.T) {
	m := migrated(t)
	l := readmodeltest.NewLog(t, "tenant0", "room", store.Group)
	l.Batch(readmodeltest.Add("ann", "ann", "bob"))
	l.Batch(readmodeltest.Say("ann", "x"), readmodeltest.Say("bob", "y"), decide("ann", 2, "hide"), decide("ann", 3, "hide"), decide("mia", 3, "hide"))
	l.Batch(readmodeltest.Say("bob", "z"), decide("ann", 7, "hide"))
	if _, err := NewWriter(m, readmodeltest.NewSource(l)).Apply(deadline(t), records(l)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := m.PurgeUser(deadline(t), l.User("ann")); err != nil {
			t.Fatal(err)
		}
		got := words(queue(t, m, ReviewQuery{State: ReviewConfirmed}))
		by := protocol.ProcessorModerator
		if d := cmp.Diff([]string{"room 3 bob confirmed " + by + " hide mia", "room 7 bob confirmed " + by + " hide "}, got); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
	}
}

func TestSearches(t *testing.T) {
	m := migrated(t)
	var logs []*readmodeltest.Log
	for i, title := range []string{"Kitchen", "The kitchen sink", "Garden", ""} {
		l := readmodeltest.NewLog(t, "tenant0", fmt.Sprint("c", i), store.Group)
		l.Title = title
		l.Batch(readmodeltest.Add("ann", "ann", fmt.Sprint("bob", i), "bo_b"))
		logs = append(logs, l)
	}
	logs[2].Batch(readmodeltest.Remove("ann", "bob2"))
	foreign := readmodeltest.NewLog(t, "tenant1", "c9", store.Group)
	foreign.Batch(readmodeltest.Add("bob9", "bob9"))
	logs = append(logs, foreign)
	if _, err := NewWriter(m, readmodeltest.NewSource(logs...)).Apply(deadline(t), records(logs...)); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		reason, prefix, after string
		limit                 int
		want                  []string
	}{
		{"all", "", "", 9, []string{"ann", "bo_b", "bob0", "bob1", "bob2", "bob3"}},
		{"a prefix, and no pattern", "bo_", "", 9, []string{"bo_b"}},
		{"a page", "bob", "", 2, []string{"bob0", "bob1"}},
		{"the next", "bob", "bob1", 9, []string{"bob2", "bob3"}},
		{"nobody", "zoe", "", 9, []string{}},
	} {
		got, err := m.Users(deadline(t), "tenant0", tc.prefix, tc.after, tc.limit)
		if d := cmp.Diff(tc.want, got); d != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", tc.reason, err, d)
		}
	}
	for _, tc := range []struct {
		reason string
		q      ConversationQuery
		want   []string
	}{
		{"all, by pages", ConversationQuery{Limit: 1}, []string{"c0", "c1", "c2", "c3"}},
		{"a part of the title", ConversationQuery{Title: "KITCHEN", Limit: 1}, []string{"c0", "c1"}},
		{"a member, and who has left", ConversationQuery{Member: "bob2", Limit: 5}, []string{"c2"}},
		{"both", ConversationQuery{Member: "ann", Title: "sink", Limit: 1}, []string{"c1"}},
		{"none", ConversationQuery{Title: "%", Limit: 5}, nil},
	} {
		var got []string
		for {
			found, next, err := m.Conversations(deadline(t), "tenant0", tc.q)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range found {
				got = append(got, s.Conv.ID())
			}
			if tc.q.After = next; next == "" {
				break
			}
		}
		if d := cmp.Diff(tc.want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", tc.reason, d)
		}
	}
	in, left, err := m.CountPlaces(deadline(t), logs[0].User("bob2"))
	if in != 0 || left != 1 || err != nil {
		t.Errorf("in %d, left %d, %v", in, left, err)
	}
}
