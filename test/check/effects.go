package check

import (
	"slices"

	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/protocol"
)

// effects are what a log does to a message, told apart from the runtime's own folding.
type effects struct {
	Body      string
	Deleted   bool
	EditedAt  int64
	Reactions map[string]bool
	// Verdict is what holds, and whose it is; empty for none.
	Verdict string
}

func effectsOf(m *logpb.Message) effects {
	out := effects{
		Body: m.GetBody(), Deleted: m.GetDeleted(), EditedAt: m.GetEditedAtMs(), Reactions: map[string]bool{}, Verdict: verdictText(m.GetVerdict()),
	}
	for _, r := range m.GetReactions() {
		out.Reactions[r.GetUser()+" "+r.GetEmoji()] = true
	}
	return out
}

func verdictText(v *logpb.Verdict) string {
	if v == nil {
		return ""
	}
	return v.GetAction() + " by " + v.GetProcessor()
}

// story is a message with what became of it.
type story struct {
	effects
	// revision counts what changed it, bodyRevision is the one with which its body last changed, bodyAt the edit that did.
	revision, bodyRevision uint32
	bodyAt                 uint64
	verdict                *logpb.Verdict
}

// fold returns the log's messages as they are in the end, by what was asked for: the log itself has lost replaced bodies.
func (v *verification) fold(l *log) map[uint64]*story {
	out := map[uint64]*story{}
	for _, e := range l.entries {
		o := v.opOf(l.conv, e)
		if o == nil {
			if m := out[e.GetVerdict().GetTarget()]; m != nil && !m.Deleted && v.r.processor(e) != nil {
				m.judge(e.GetVerdict())
			}
			continue
		}
		if e.GetMessage() != nil {
			out[e.GetSeq()] = &story{effects: effects{Body: o.want.Body, Reactions: map[string]bool{}}}
			continue
		}
		if m := out[o.want.Target]; m != nil && !m.Deleted {
			m.apply(e, o)
		}
	}
	return out
}

func (m *story) apply(e *logpb.Entry, o *op) {
	switch {
	case e.GetEdited() != nil:
		m.Body, m.EditedAt = o.want.Body, e.GetAtMs()
		m.revision++
		m.bodyRevision, m.bodyAt = m.revision, e.GetSeq()
		if m.verdict.GetAction() == protocol.ActionMask { // it was about another body
			m.hold(nil)
		}
	case e.GetDeleted() != nil:
		m.effects = effects{Deleted: true, EditedAt: m.EditedAt, Reactions: map[string]bool{}}
		m.revision++
		m.verdict = nil
	case e.GetReacted() != nil:
		who := e.GetSender() + " " + e.GetReacted().GetEmoji()
		if e.GetReacted().GetRemoved() {
			delete(m.Reactions, who)
		} else {
			m.Reactions[who] = true
		}
	case e.GetVerdict() != nil:
		m.judge(e.GetVerdict())
	}
}

// judge takes a verdict, unless it is about an older body, or milder than another processor's that holds. The judges go by revisions,
// processors by edits.
func (m *story) judge(v *logpb.Verdict) {
	severity := func(v *logpb.Verdict) int {
		return slices.Index([]string{protocol.ActionFlag, protocol.ActionMask, protocol.ActionHide}, v.GetAction())
	}
	switch {
	case v.GetAction() == protocol.ActionNone:
		if m.verdict == nil {
			return
		}
		v = nil
	case v.GetAction() == protocol.ActionMask && v.GetBodyAt() > 0 && v.GetBodyAt() != m.bodyAt:
		return
	case v.GetAction() == protocol.ActionMask && v.GetBodyAt() == 0 && v.GetRevision() < m.bodyRevision:
		return
	case m.verdict != nil && m.verdict.GetProcessor() != v.GetProcessor() && severity(v) < severity(m.verdict):
		return
	}
	m.revision++
	m.hold(v)
}

func (m *story) hold(v *logpb.Verdict) { m.verdict, m.Verdict = v, verdictText(v) }

// shows is what people may see of the body.
func (m *story) shows() string {
	switch m.verdict.GetAction() {
	case protocol.ActionHide:
		return ""
	case protocol.ActionMask:
		runes := []rune(m.Body)
		for _, s := range m.verdict.GetSpans() {
			for i := int(s.GetStart()); i < len(runes) && i < int(s.GetStart()+s.GetLength()); i++ {
				runes[i] = '*'
			}
		}
		return string(runes)
	}
	return m.Body
}

// hidden are the messages that a verdict has hidden, for however long.
func (l *log) hidden() map[uint64]bool {
	out := map[uint64]bool{}
	for _, e := range l.entries {
		if v := e.GetVerdict(); v.GetAction() == protocol.ActionHide {
			out[v.GetTarget()] = true
		}
	}
	return out
}
