package notify

import (
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/chatcluster/chatcluster/runtime/fold"
	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/protocol"
)

const (
	// maxPreviewRunes is how much of a body a push shows.
	maxPreviewRunes = 200
	// keptPreviews is how many messages at the end of a timeline keep theirs.
	keptPreviews = 16
)

// message is what deciding and pushing need of a message.
type message struct {
	seq     uint64
	sender  string
	at      time.Time
	preview string
	// gone messages, and those that a verdict hides, are as if they had never been sent.
	gone bool
	// verdict is the one that holds, without its spans; nil for none.
	verdict *logpb.Verdict
	// decided is true once an evaluation has taken it.
	decided bool
}

func (m message) visible() bool { return !m.gone && m.verdict.GetAction() != protocol.ActionHide }

// messageOf returns the entry's message, with what was folded into it. A commit time in the future is a wrong clock's, and
// counts as now.
func messageOf(e *logpb.Entry, now time.Time) (message, bool) {
	m := e.GetMessage()
	if m == nil {
		return message{}, false
	}
	at := time.UnixMilli(e.GetAtMs())
	if at.After(now) {
		at = now
	}
	x := message{seq: e.GetSeq(), sender: e.GetSender(), at: at, preview: previewOf(m.GetBody()), gone: m.GetDeleted()}
	if v := m.GetVerdict(); v != nil {
		x.judge(v)
	}
	return x, true
}

// judge applies a verdict that changes what holds. What is masked shows nothing: where the spans lie in a preview is not worth being wrong
// about, and so it is with whose body they are.
func (m *message) judge(v *logpb.Verdict) {
	if !fold.Overrules(m.verdict, v) {
		return
	}
	switch v.GetAction() {
	case protocol.ActionNone:
		m.verdict = nil
		return
	case protocol.ActionHide, protocol.ActionMask:
		m.preview = ""
	}
	m.verdict = &logpb.Verdict{Action: v.GetAction(), Processor: v.GetProcessor()}
}

// timeline is messages by seq, each once.
type timeline []message

func (t timeline) find(seq uint64) (int, bool) {
	return slices.BinarySearchFunc(t, seq, func(x message, seq uint64) int {
		switch {
		case x.seq < seq:
			return -1
		case x.seq > seq:
			return 1
		}
		return 0
	})
}

// apply takes an entry: a message is added, and what happened to one that is there changes it. One that is added again may
// have been decided: it is to be decided again, for the record that brought it, and stays what later entries made of it.
func (t *timeline) apply(e *logpb.Entry, now time.Time) {
	if m, ok := messageOf(e, now); ok {
		i, found := t.find(m.seq)
		if found {
			(*t)[i].decided = false
			return
		}
		*t = slices.Insert(*t, i, m)
		return
	}
	var target uint64
	var change func(*message)
	switch k := e.GetKind().(type) {
	case *logpb.Entry_Edited:
		target = k.Edited.GetTarget()
		change = func(m *message) {
			if m.visible() {
				m.preview = previewOf(k.Edited.GetBody())
				if m.verdict.GetAction() == protocol.ActionMask {
					m.verdict = nil // it was about another body
				}
			}
		}
	case *logpb.Entry_Deleted:
		target = k.Deleted.GetTarget()
		change = func(m *message) { m.gone, m.preview = true, "" }
	case *logpb.Entry_Verdict:
		target = k.Verdict.GetTarget()
		change = func(m *message) { m.judge(k.Verdict) }
	default:
		return
	}
	if i, found := t.find(target); found {
		change(&(*t)[i])
	}
}

// trim forgets the previews of all but the last messages: the others are only counted.
func (t timeline) trim() {
	for i := len(t) - keptPreviews - 1; i >= 0 && t[i].preview != ""; i-- {
		t[i].preview = ""
	}
}

// previewOf is the body's beginning on one line. It shares no memory with the body.
func previewOf(body string) string {
	var out strings.Builder
	n, space := 0, false
	for _, r := range body {
		if n == maxPreviewRunes {
			out.WriteRune('…')
			break
		}
		if unicode.IsSpace(r) || unicode.IsControl(r) {
			space = n > 0
			continue
		}
		if space {
			out.WriteByte(' ')
			n, space = n+1, false
		}
		if r == utf8.RuneError {
			r = '\uFFFD'
		}
		out.WriteRune(r)
		n++
	}
	return out.String()
}
