package fold

import (
	"strconv"

	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/protocol"
)

// WordName is the name of a processor's word on a body: of the message at target as it was sent, or as the edit at bodyAt left it.
func WordName(target, bodyAt uint64) string {
	return "v." + strconv.FormatUint(target, 10) + "." + strconv.FormatUint(bodyAt, 10)
}

// strongerName is the name of a word that is stronger than the processor's first one on the body.
func strongerName(v *logpb.Verdict) string {
	return WordName(v.GetTarget(), v.GetBodyAt()) + "." + v.GetAction()
}

// IsWord says whether a verdict of that name is its processor's word on the body: one that says no more than the processor has said is a
// repetition. A verdict under any other name stands for itself.
func IsWord(id string, v *logpb.Verdict) bool {
	return v.GetProcessor() != protocol.ProcessorModerator && (id == WordName(v.GetTarget(), v.GetBodyAt()) || id == strongerName(v))
}

// Words are verdicts of a conversation's log. The zero value is none.
type Words struct{ list []said }

// said is a verdict as far as it matters to later ones.
type said struct {
	seq, target, bodyAt uint64
	atMS                int64
	count               uint64
	by                  string // the processor, empty for a person
	strength            int8
	none                bool
}

// Note takes an entry of the log, in whatever order. What is no verdict is left out.
func (w *Words) Note(e *logpb.Entry) {
	v := e.GetVerdict()
	if v == nil {
		return
	}
	s := said{
		seq: e.GetSeq(), target: v.GetTarget(), bodyAt: v.GetBodyAt(), atMS: e.GetAtMs(), count: e.GetCount(), by: e.GetSender(),
		strength: int8(strength(v.GetAction())), none: v.GetAction() == protocol.ActionNone,
	}
	if v.GetProcessor() == protocol.ProcessorModerator {
		s.by = ""
	}
	w.list = append(w.list, s)
}

// Forget drops what is before a seq.
func (w *Words) Forget(before uint64) {
	kept := w.list[:0]
	for _, s := range w.list {
		if s.seq >= before {
			kept = append(kept, s)
		}
	}
	clear(w.list[len(kept):])
	w.list = kept
}

// Answer is the entry that makes a word a repetition.
type Answer struct {
	Seq   uint64
	AtMS  int64
	Count uint64
}

// Weigh says what becomes of a processor's word, as far as the words are noted since the body was written: it is answered by an entry, or to be
// appended under name. A word is answered by one of the same processor's on the same body that is as strong, or that takes back what the processor
// has said of it, and by a moderator's that takes back what holds: what a person has let pass no program covers, until there is another body.
func (w *Words) Weigh(id string, v *logpb.Verdict) (answered *Answer, name string) {
	name = WordName(v.GetTarget(), v.GetBodyAt())
	if id != name {
		name = strongerName(v)
	}
	for _, s := range w.list {
		if s.target != v.GetTarget() || s.seq <= max(v.GetTarget(), v.GetBodyAt()) {
			continue
		}
		own := s.by == v.GetProcessor()
		switch {
		case s.none && (own || s.by == "") && s.covers(v), own && s.bodyAt == v.GetBodyAt() && int(s.strength) >= strength(v.GetAction()):
			return &Answer{s.seq, s.atMS, s.count}, name
		case own && s.bodyAt == v.GetBodyAt():
			name = strongerName(v)
		}
	}
	return nil, name
}

// covers says whether what takes back a verdict speaks of the body that v is about: of the one that it names and those before, else of all before it.
func (s said) covers(v *logpb.Verdict) bool { return s.bodyAt == 0 || v.GetBodyAt() <= s.bodyAt }
