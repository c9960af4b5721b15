package fold

import (
	"math"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/protocol"
)

// Target returns the seq of the message that the entry changes, 0 for an entry that changes none.
func Target(e *logpb.Entry) uint64 {
	var target uint64
	switch k := e.GetKind().(type) {
	case *logpb.Entry_Edited:
		target = k.Edited.GetTarget()
	case *logpb.Entry_Deleted:
		target = k.Deleted.GetTarget()
	case *logpb.Entry_Reacted:
		target = k.Reacted.GetTarget()
	case *logpb.Entry_Verdict:
		target = k.Verdict.GetTarget()
	}
	if target >= e.GetSeq() {
		return 0
	}
	return target
}

// Apply folds e into the entry that it targets, and says whether that changed. replaced is the seq of the edit whose body is not
// the message's any more, 0 for none: redact it, and where both are stored do it first, for a repetition does not say it again. It is e's
// own where the message has come further than e.
func Apply(target, e *logpb.Entry) (changed bool, replaced uint64) {
	m := target.GetMessage()
	switch {
	case m == nil || Target(e) != target.GetSeq():
		return false, 0
	case e.GetSeq() <= m.GetFolded():
		if e.GetEdited() != nil && e.GetSender() == target.GetSender() && m.GetBodyAt() != e.GetSeq() {
			return false, e.GetSeq()
		}
		return false, 0
	case m.GetDeleted():
		return false, 0
	}
	held := m.GetBodyAt()
	switch k := e.GetKind().(type) {
	case *logpb.Entry_Edited:
		changed = edit(m, target.GetSender(), e, k.Edited)
		replaced = held
	case *logpb.Entry_Deleted:
		m.Body, m.BodyAt, m.EditedSeq, m.Reactions, m.Verdict, m.Elided = "", 0, 0, nil, nil, false
		m.Revision++
		m.BodyRevision, m.Deleted = m.GetRevision(), true
		changed, replaced = true, held
	case *logpb.Entry_Reacted:
		changed = react(m, e.GetSender(), k.Reacted)
	case *logpb.Entry_Verdict:
		changed = judge(m, k.Verdict)
	}
	if !changed {
		return false, 0
	}
	m.Folded = e.GetSeq()
	return true, replaced
}

// Covered is the seq of the edit whose body nobody is to see beside the message's: the message is masked or hidden. 0 for none.
// Redact it after the message is stored, for the message is where the body stays.
func Covered(e *logpb.Entry) uint64 {
	m := e.GetMessage()
	if m.GetElided() || !covers(m.GetVerdict()) {
		return 0
	}
	return m.GetBodyAt()
}

func covers(v *logpb.Verdict) bool { return strength(v.GetAction()) >= strength(protocol.ActionMask) }

func edit(m *logpb.Message, author string, e *logpb.Entry, by *logpb.Edited) bool {
	if e.GetSender() != author {
		return false
	}
	if !by.GetRedacted() {
		m.Body = by.GetBody()
	}
	m.Revision++
	m.BodyRevision, m.BodyAt, m.EditedSeq, m.EditedAtMs = m.GetRevision(), e.GetSeq(), e.GetSeq(), e.GetAtMs()
	if m.GetVerdict().GetAction() == protocol.ActionMask {
		m.Verdict = nil
	}
	return true
}

// react does not touch an elided message: its reactions are elsewhere.
func react(m *logpb.Message, user string, r *logpb.Reacted) bool {
	if m.GetElided() {
		return false
	}
	at := slices.IndexFunc(m.GetReactions(), func(old *logpb.Reaction) bool {
		return old.GetUser() == user && old.GetEmoji() == r.GetEmoji()
	})
	switch {
	case r.GetRemoved() && at >= 0:
		m.Reactions = slices.Delete(m.Reactions, at, at+1)
		if len(m.Reactions) == 0 {
			m.Reactions = nil
		}
		return true
	case r.GetRemoved() || at >= 0 || len(m.GetReactions()) >= protocol.MaxReactions:
		return false
	}
	m.Reactions = append(m.Reactions, &logpb.Reaction{User: user, Emoji: r.GetEmoji()})
	return true
}

// strength orders verdicts: what hides more is stronger.
func strength(action string) int {
	return slices.Index([]string{protocol.ActionFlag, protocol.ActionMask, protocol.ActionHide}, action)
}

// Overrules says whether a verdict changes what holds: old, nil for nothing.
func Overrules(old, v *logpb.Verdict) bool {
	switch {
	case v.GetAction() == protocol.ActionNone:
		return old != nil
	case strength(v.GetAction()) < 0:
		return false // a newer release's: its own folding knows it
	}
	return old == nil || old.GetProcessor() == v.GetProcessor() || strength(v.GetAction()) >= strength(old.GetAction())
}

// ofBody says whether the verdict is about the body that the message has. Who judges the log knows the edit that brought a body, who
// judges what was read knows the revision.
func ofBody(m *logpb.Message, v *logpb.Verdict) bool {
	if at := v.GetBodyAt(); at > 0 {
		// What an older release has folded holds the edit as long as its entry has the body.
		return at == max(m.GetEditedSeq(), m.GetBodyAt())
	}
	return v.GetRevision() >= m.GetBodyRevision()
}

func judge(m *logpb.Message, v *logpb.Verdict) bool {
	old := m.GetVerdict()
	switch {
	case v.GetAction() == protocol.ActionMask && !ofBody(m, v), !Overrules(old, v):
		return false
	case v.GetAction() == protocol.ActionNone:
		v = nil
	}
	if covers(old) && !covers(v) && !m.GetElided() {
		m.BodyAt = 0 // the edit is redacted: the body is here alone
	}
	m.Verdict = proto.CloneOf(v)
	m.Revision++
	return true
}

// Redact takes the body out of an edit's entry, and says whether it was there.
func Redact(e *logpb.Entry) bool {
	by := e.GetEdited()
	if by == nil || by.GetRedacted() {
		return false
	}
	by.Body, by.Redacted = "", true
	return true
}

// elide makes the message small: its stored batch has no room for what it has grown to. A body stays where no edit has it any more.
func elide(m *logpb.Message) {
	if m.GetDeleted() {
		return
	}
	if m.GetBodyAt() > 0 {
		m.Body = ""
	}
	m.Elided, m.Reactions = true, nil
	if len(m.GetVerdict().GetSpans()) > 0 {
		// One span over all: who shows the message without asking the read model shows too little, never too much.
		m.Verdict.Spans = []*logpb.Span{{Length: math.MaxUint32}}
	}
}

// Unelided returns the entry as it was before anything was folded into it, if something of that was elided: folding again what came
// after it makes it whole. Any other entry is returned as it is.
func Unelided(e *logpb.Entry) *logpb.Entry {
	if !e.GetMessage().GetElided() {
		return e
	}
	e = proto.CloneOf(e)
	e.Kind = &logpb.Entry_Message{Message: &logpb.Message{Body: e.GetMessage().GetBody()}}
	return e
}

// Page folds what a page of the log holds into the messages of the same page. The entries are in the order of their seqs; one
// that changes is replaced by a changed copy.
func Page(entries []*logpb.Entry) {
	at := make(map[uint64]int, len(entries))
	own := make(map[uint64]bool)
	get := func(seq uint64) *logpb.Entry {
		i, ok := at[seq]
		if !ok {
			return nil
		}
		if !own[seq] {
			own[seq], entries[i] = true, proto.CloneOf(entries[i])
		}
		return entries[i]
	}
	for i, e := range entries {
		at[e.GetSeq()] = i
		target, ok := at[Target(e)]
		if !ok || entries[target].GetMessage() == nil {
			continue
		}
		m := get(Target(e))
		_, replaced := Apply(m, e)
		for _, seq := range []uint64{replaced, Covered(m)} {
			if edit := get(seq); edit != nil {
				Redact(edit)
			}
		}
	}
}
