package verdicts_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatcluster/chatcluster/runtime/chat/chatpb"
	"github.com/chatcluster/chatcluster/runtime/eventlog"
	"github.com/chatcluster/chatcluster/runtime/fold"
	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/moderate"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
	"github.com/chatcluster/chatcluster/runtime/verdicts"
)

var mask = moderate.Policy{Mode: moderate.Enforce, Action: protocol.ActionMask}

// From a message to its mask, and again from the start, twice: there is one verdict on each body, and each mask is on its own.
func TestEachBodyIsJudgedOnceHoweverOften(t *testing.T) {
	w := newWorld(t)
	w.consume(w.applier(nil).Consumer())
	stop := w.consume(w.moderator(mask).Consumer())
	first, second := w.say("a bad one"), w.say("a good one")
	w.eventually("a verdict", func() bool { return len(w.verdicts()) == 1 })
	edit := w.edit(second, "now bad")
	w.eventually("a verdict on the edit", func() bool { return len(w.verdicts()) == 2 })
	stop()
	want := []string{fmt.Sprintf("mask by profanity of %d at 0", first), fmt.Sprintf("mask by profanity of %d at %d", second, edit)}
	for range 2 {
		_, err := eventlog.Rewind(t.Context(), w.kafka, "test", eventlog.ProfanityGroup, eventlog.Place{Offset: -1}, eventlog.LogTopic)
		w.must(err)
		before := len(w.records(eventlog.VerdictsTopic))
		stop := w.consume(w.moderator(mask).Consumer())
		w.eventually("the replay", func() bool { return len(w.records(eventlog.VerdictsTopic)) == before+2 })
		stop()
	}
	// What is behind all that was said again is applied when it was.
	last := w.say("as bad")
	w.consume(w.moderator(mask).Consumer())
	w.eventually("a verdict on what came last", func() bool { return len(w.verdicts()) >= 3 })
	if diff := cmp.Diff(append(want, fmt.Sprintf("mask by profanity of %d at 0", last)), w.verdicts()); diff != "" {
		t.Errorf("verdicts (-want +got):\n%s", diff)
	}
	log := w.log()
	fold.Page(log)
	shown := func(seq uint64) string { return protocol.EntryOf(log[seq-1]).Body }
	if shown(first) != "a *** one" || shown(second) != "now ***" {
		t.Errorf("members see %q and %q", shown(first), shown(second))
	}
}

// A moderator that ends between Kafka's taking a verdict and the commit of the offset says it again; there is one verdict.
// Flag became Enforce, and what was said is judged again: each message once more, but for what a moderator has let pass; and no more after that.
func TestAReplayDoesWhatWasNotDoneBefore(t *testing.T) {
	w := newWorld(t)
	w.consume(w.applier(nil).Consumer())
	flag := mask
	flag.Mode = moderate.Flag
	stop := w.consume(w.moderator(flag).Consumer())
	first, passed := w.say("a bad one"), w.say("as bad")
	edit := w.edit(first, "now bad")
	w.eventually("what is flagged", func() bool { return len(w.verdicts()) == 3 })
	stop()
	revert := &logpb.Verdict{Target: passed, Action: protocol.ActionNone, Processor: protocol.ProcessorModerator}
	if r := w.ask(&chatpb.Send{User: "carol", ClientMsgId: "review.1.reverted", Change: &chatpb.Send_Verdict{Verdict: revert}}); r.GetCode() != "" {
		t.Fatal(r)
	}
	flagged := []string{
		fmt.Sprintf("flag by profanity of %d at 0", first), fmt.Sprintf("flag by profanity of %d at 0", passed), fmt.Sprintf("flag by profanity of %d at %d", first, edit),
	}
	reverted := fmt.Sprintf("none by carol of %d at 0", passed)
	masked := fmt.Sprintf("mask by profanity of %d at %d", first, edit)
	for _, policy := range []moderate.Policy{mask, mask, flag} {
		_, err := eventlog.Rewind(t.Context(), w.kafka, "test", eventlog.ProfanityGroup, eventlog.Place{Offset: -1}, eventlog.LogTopic)
		w.must(err)
		before := len(w.records(eventlog.VerdictsTopic))
		stop := w.consume(w.moderator(policy).Consumer())
		w.eventually("the replay", func() bool { return len(w.records(eventlog.VerdictsTopic)) >= before+3 })
		stop()
		w.eventually("every verdict's being taken", func() bool {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			return eventlog.AwaitConsumed(ctx, w.kafka, "test", eventlog.VerdictsGroup, eventlog.VerdictsTopic) == nil
		})
		want := append(slices.Clone(flagged), reverted, fmt.Sprintf("mask by profanity of %d at 0", first), masked)
		if diff := cmp.Diff(want, w.verdicts()); diff != "" {
			t.Errorf("verdicts (-want +got):\n%s", diff)
		}
	}
	log := w.log()
	fold.Page(log)
	if a, b := protocol.EntryOf(log[first-1]).Body, protocol.EntryOf(log[passed-1]).Body; a != "now ***" || b != "as bad" {
		t.Errorf("members see %q and %q", a, b)
	}
}

func TestCrashBetweenPublicationAndCommit(t *testing.T) {
	w := newWorld(t)
	w.say("a bad one")
	crashing := w.moderator(mask).Consumer()
	said, handle := make(chan struct{}, 1), crashing.Handler
	crashing.RevokeTimeout = time.Millisecond
	crashing.Handler = func(ctx context.Context, rs []eventlog.Record) error {
		if err := handle(ctx, rs); err != nil {
			return err
		}
		said <- struct{}{}
		<-ctx.Done() // the process ends before the loop hears of it
		return ctx.Err()
	}
	stop := w.consume(crashing)
	<-said
	stop()
	stop = w.consume(w.moderator(mask).Consumer())
	w.eventually("the second publication", func() bool { return len(w.records(eventlog.VerdictsTopic)) == 2 })
	stop()
	// So does an applier that ends between the append and the commit.
	applying := w.applier(nil).Consumer()
	applied, apply := make(chan struct{}, 1), applying.Handler
	applying.RevokeTimeout = time.Millisecond
	applying.Handler = func(ctx context.Context, rs []eventlog.Record) error {
		if err := apply(ctx, rs); err != nil {
			return err
		}
		applied <- struct{}{}
		<-ctx.Done()
		return ctx.Err()
	}
	stop = w.consume(applying)
	<-applied
	stop()
	w.consume(w.applier(nil).Consumer())
	w.eventually("every verdict's being taken", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		return eventlog.AwaitConsumed(ctx, w.kafka, "test", eventlog.VerdictsGroup, eventlog.VerdictsTopic) == nil
	})
	if got := w.verdicts(); len(got) != 1 {
		t.Errorf("the log has %v, want one verdict", got)
	}
}

func TestWhatCannotBeJudgedIsADeadLetterAndHoldsNothingUp(t *testing.T) {
	w := newWorld(t)
	w.consume(w.applier(nil).Consumer())
	poison := w.say("unspeakable")
	bad := w.say("a bad one")
	w.consume(w.moderator(mask).Consumer())
	w.eventually("a verdict on the other", func() bool { return len(w.verdicts()) == 1 })
	if diff := cmp.Diff([]string{fmt.Sprintf("mask by profanity of %d at 0", bad)}, w.verdicts()); diff != "" {
		t.Errorf("verdicts (-want +got):\n%s", diff)
	}
	dead := w.records(eventlog.DeadLetterTopic(eventlog.ProfanityGroup))
	if len(dead) != 1 {
		t.Fatalf("%d dead letters, want 1", len(dead))
	}
	reason := string(dead[0].Headers[0].Value)
	if !strings.Contains(reason, fmt.Sprintf("seq %d", poison)) || strings.Contains(reason, "unspeakable") {
		t.Errorf("the reason is %q: it says which message, and nothing of it", reason)
	}
}

// What others say goes the same way, and what makes no sense is kept with the reason.
func TestVerdictsOfOthers(t *testing.T) {
	w := newWorld(t)
	target := w.say("hello")
	say := func(id string, v *logpb.Verdict) {
		done := make(chan error, 1)
		w.producer.PublishVerdict("", eventlog.VerdictRecord{Conv: w.conv, ID: id, Verdict: v, At: time.Now()}, func(err error) { done <- err })
		w.must(<-done)
	}
	say("", &logpb.Verdict{Target: target, Action: "mask", Processor: "mine"})          // no spans
	say("", &logpb.Verdict{Target: target + 7, Action: "hide", Processor: "mine"})      // no such message
	say("", &logpb.Verdict{Target: 1, Action: "hide", Processor: "mine"})               // no message
	say("", &logpb.Verdict{Target: target, Action: "hide", Processor: "mine"})          // its first word
	say("", &logpb.Verdict{Target: target, Action: "none", Processor: "mine"})          // the same name: it has said its word
	say("appeal-1", &logpb.Verdict{Target: target, Action: "none", Processor: "mine"})  // under another name
	say("second-1", &logpb.Verdict{Target: target, Action: "flag", Processor: "other"}) // another processor
	w.consume(w.applier(nil).Consumer())
	w.eventually("the last verdict", func() bool { return len(w.verdicts()) == 3 })
	want := []string{}
	for _, s := range []string{"hide by mine", "none by mine", "flag by other"} {
		want = append(want, fmt.Sprintf("%s of %d at 0", s, target))
	}
	if diff := cmp.Diff(want, w.verdicts()); diff != "" {
		t.Errorf("verdicts (-want +got):\n%s", diff)
	}
	var reasons []string
	for _, d := range w.records(eventlog.DeadLetterTopic(eventlog.VerdictsGroup)) {
		reasons = append(reasons, string(d.Headers[0].Value))
	}
	if len(reasons) != 3 || !strings.Contains(reasons[0], "spans") || !strings.Contains(reasons[1], "invalid") || !strings.Contains(reasons[2], "no message") {
		t.Errorf("dead letters: %q", reasons)
	}
}

// A verdict that is later than a lane looks back is found in the log all the same, or appended.
func TestALateVerdictIsSaidOnce(t *testing.T) {
	w := newWorld(t)
	target := w.say("hello")
	verdict := func(processor, action string) eventlog.Record {
		return eventlog.Record{Verdict: &eventlog.VerdictRecord{
			Conv: w.conv, ID: eventlog.VerdictID(target, 0), Verdict: &logpb.Verdict{Target: target, Action: action, Processor: processor}, At: time.Now(),
		}}
	}
	w.must(w.applier(nil).Handle(t.Context(), []eventlog.Record{verdict("early", "flag")}))
	for head := target + 1; head < protocol.RetrySearchSeqs+target+64; {
		n := min(store.MaxBatchEntries, store.BucketEnd(head)-head)
		b := &logpb.Batch{Id: fmt.Append(nil, "batch ", head)}
		for i := range n {
			b.Entries = append(b.Entries, &logpb.Entry{
				Seq: head + 1 + i, Sender: "bob", ClientMsgId: fmt.Sprint(head + i), Count: head + i - 1, AtMs: time.Now().UnixMilli(),
				Kind: &logpb.Entry_Message{Message: &logpb.Message{Body: "x"}},
			})
		}
		if n == 0 { // a bucket begins
			b.Entries = append(b.Entries, &logpb.Entry{
				Seq: head + 1, Sender: "bob", ClientMsgId: fmt.Sprint(head), Count: head - 1, AtMs: time.Now().UnixMilli(),
				Kind: &logpb.Entry_Message{Message: &logpb.Message{Body: "x"}},
			})
			n = 1
		}
		w.must(w.store.Append(t.Context(), w.conv, b, store.AppendOptions{}))
		head += n
	}
	for range 2 {
		w.must(w.applier(nil).Handle(t.Context(), []eventlog.Record{verdict("early", "flag"), verdict("late", "flag")}))
	}
	want := []string{fmt.Sprintf("flag by early of %d at 0", target), fmt.Sprintf("flag by late of %d at 0", target)}
	for range 2 { // what is stronger counts, once
		w.must(w.applier(nil).Handle(t.Context(), []eventlog.Record{verdict("early", "hide")}))
	}
	want = append(want, fmt.Sprintf("hide by early of %d at 0", target))
	revert := &logpb.Verdict{Target: target, Action: protocol.ActionNone, Processor: protocol.ProcessorModerator}
	if r := w.ask(&chatpb.Send{User: "carol", ClientMsgId: "review", Change: &chatpb.Send_Verdict{Verdict: revert}}); r.GetCode() != "" {
		t.Fatal(r)
	}
	want = append(want, fmt.Sprintf("none by carol of %d at 0", target))
	hide := verdict("late", "hide") // nothing covers what a person has let pass, nor is anybody muted for it
	hide.Verdict.MuteSender = time.Hour
	w.must(w.applier(nil).Handle(t.Context(), []eventlog.Record{hide}))
	mutes, err := w.store.Mutes(t.Context(), time.Now().Add(-time.Minute))
	w.must(err)
	if len(mutes) > 0 {
		t.Errorf("muted: %v", mutes)
	}
	if diff := cmp.Diff(want, w.verdicts()); diff != "" {
		t.Errorf("verdicts (-want +got):\n%s", diff)
	}
}

// Chat pods that are away, or busy, are waited for.
func TestAVerdictWaitsForTheChat(t *testing.T) {
	w := newWorld(t)
	target := w.say("hello")
	refusals := []*chatpb.Result{{Code: string(protocol.CodeUnavailable)}, {Code: string(protocol.CodeBusy), RetryAfterMs: 1}}
	chat := &refusing{pool: w.pool, refusals: refusals}
	a := w.applier(func(o *verdicts.Options) { o.Chat = chat })
	w.must(a.Handle(t.Context(), []eventlog.Record{{Verdict: &eventlog.VerdictRecord{
		Conv: w.conv, ID: "v", Verdict: &logpb.Verdict{Target: target, Action: "flag", Processor: "mine"}, At: time.Now(),
	}}}))
	if got := w.verdicts(); len(got) != 1 || len(chat.refusals) > 0 {
		t.Errorf("the log has %v", got)
	}
}

// What is said of a tenant that is being purged is dropped: no entry, no mute, and no dead letter, which would outlive the purge.
func TestWhatIsSaidOfAPurgedTenantIsDropped(t *testing.T) {
	w := newWorld(t)
	target := w.say("hello")
	chat := &refusing{pool: w.pool, refusals: []*chatpb.Result{{Code: string(protocol.CodeSuspended)}}}
	a := w.applier(func(o *verdicts.Options) { o.Chat = chat })
	// A record that cannot be rejected makes a rejection fail.
	w.must(a.Handle(t.Context(), []eventlog.Record{{Verdict: &eventlog.VerdictRecord{
		Conv: w.conv, ID: "v", Verdict: &logpb.Verdict{Target: target, Action: "hide", Processor: "mine"}, MuteSender: time.Hour, At: time.Now(),
	}}}))
	mutes, err := w.store.Mutes(t.Context(), time.Now().Add(-time.Minute))
	w.must(err)
	if got := w.verdicts(); len(got) != 0 || len(mutes) != 0 {
		t.Errorf("the log has %v, and muted are %v", got, mutes)
	}
}

// refusing refuses first.
type refusing struct {
	pool     verdicts.Chat
	refusals []*chatpb.Result
}

func (r *refusing) Ready() bool { return r.pool.Ready() }

func (r *refusing) Send(s *chatpb.Send, done func(*chatpb.Result)) {
	if len(r.refusals) > 0 {
		first := r.refusals[0]
		r.refusals = r.refusals[1:]
		done(first)
		return
	}
	r.pool.Send(s, done)
}

func TestAVerdictMutesWhoSentTheMessage(t *testing.T) {
	w := newWorld(t)
	target := w.say("a bad one")
	w.consume(w.applier(nil).Consumer())
	w.consume(w.moderator(moderate.Policy{Mode: moderate.Enforce, Action: protocol.ActionHide, MuteSenderFor: time.Hour}).Consumer())
	var mutes []store.Mute
	w.eventually("a mute", func() bool {
		var err error
		mutes, err = w.store.Mutes(t.Context(), time.Now().Add(-time.Minute))
		w.must(err)
		return len(mutes) > 0
	})
	m := mutes[0]
	if left := time.Until(m.Until); m.User != w.user("ann") || m.By != eventlog.ProfanityGroup || left > time.Hour || left < 58*time.Minute {
		t.Errorf("got %+v, want ann muted for an hour", m)
	}
	if diff := cmp.Diff([]string{fmt.Sprintf("hide by profanity of %d at 0", target)}, w.verdicts()); diff != "" {
		t.Errorf("verdicts (-want +got):\n%s", diff)
	}
	w.eventually("ann's being refused", func() bool {
		return w.ask(&chatpb.Send{User: "ann", ClientMsgId: fmt.Sprint(time.Now().UnixNano()), Body: "more"}).GetCode() == string(protocol.CodeMuted)
	})
	// A moderator lifts it, and a replay of the verdict changes nothing about that.
	w.must(w.mutes.Lift(t.Context(), w.user("ann"), "moderator"))
	w.must(w.applier(nil).Handle(t.Context(), []eventlog.Record{{Verdict: &eventlog.VerdictRecord{
		Conv: w.conv, ID: eventlog.VerdictID(target, 0), MuteSender: time.Hour, At: m.Said,
		Verdict: &logpb.Verdict{Target: target, Action: "hide", Processor: eventlog.ProfanityGroup},
	}}}))
	w.say("I am sorry")
}
