package check

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// checkLogs verifies P1 to P3 in the store.
func (v *verification) checkLogs() {
	places := map[*op][]uint64{}
	for _, l := range v.logs {
		v.checkLine(l)
		v.checkRights(l)
		for i, e := range l.entries {
			seq := uint64(i + 1)
			o := v.opOf(l.conv, e)
			if o == nil {
				if !l.expected(e) && v.r.processor(e) == nil {
					v.add(Violation{Promise: "P2", Where: at(l, seq), What: "an entry that nobody asked for", History: v.history(l, seq, nil)})
				}
				continue
			}
			places[o] = append(places[o], seq)
		}
	}
	v.r.mu.Lock()
	ops := slices.Clone(v.r.ops)
	v.r.mu.Unlock()
	for _, o := range ops {
		v.checkOp(o, places[o])
	}
	v.checkOrder(ops, places)
}

// expected says whether an entry is the system's own: the first members of a conversation, or who becomes owner where the last
// one leaves.
func (l *log) expected(e *logpb.Entry) bool {
	switch {
	case e.GetClientMsgId() != "":
		return false
	case e.GetMembersAdded() != nil:
		return true
	case e.GetRoleChanged().GetRole() != store.RoleOwner:
		return false
	}
	seq := e.GetSeq()
	if seq == store.BucketEnd(seq) { // no room for both: the heir comes first
		return true
	}
	return seq > 1 && l.entries[seq-2].GetMembersRemoved() != nil
}

// checkLine verifies that the log is one line without gaps, and that its running counts are right.
func (v *verification) checkLine(l *log) {
	if len(l.entries) == 0 {
		v.add(Violation{Promise: "P1", Where: l.conv.String(), What: "the conversation was created and has no log"})
	}
	var count uint64
	for i, e := range l.entries {
		want := uint64(i + 1)
		if e.GetSeq() != want {
			v.add(Violation{Promise: "P2", Where: at(l, want), What: fmt.Sprintf("the log has seq %d at place %d", e.GetSeq(), want), History: v.history(l, want, nil)})
			return // everything after it is off
		}
		if e.GetMessage() != nil {
			count++
		}
		if e.GetCount() != count {
			v.add(Violation{Promise: "P2", Where: at(l, want), What: fmt.Sprintf("the running count is %d, not %d", e.GetCount(), count), History: v.history(l, want, nil)})
			return
		}
	}
	for _, s := range l.stored {
		if err := store.CheckBatch(s.Batch); err != nil {
			v.add(Violation{Promise: "P2", Where: at(l, store.First(s.Batch)), What: "a batch breaks the rules: " + err.Error()})
		}
	}
}

// checkOp verifies that an operation is where its answer says, and nowhere else.
func (v *verification) checkOp(o *op, places []uint64) {
	l := v.logs[o.conv.id]
	bad := func(promise, format string, args ...any) {
		seq := o.seq
		if len(places) > 0 {
			seq = places[0]
		}
		v.add(Violation{Promise: promise, Where: at(l, seq), What: fmt.Sprintf(format, args...), History: v.history(l, seq, o)})
	}
	kind, who := o.want.Kind, o.device.name()
	switch {
	case len(places) > 1:
		bad("P3", "one %s of %s is in the log %d times, at %v", kind, who, len(places), places)
	case o.outcome == acked && len(places) == 0 && mayBeMoot[kind]:
		return // it was so already
	case o.outcome == acked && len(places) == 0:
		bad("P1", "an acknowledged %s of %s is not in the log", kind, who)
	case o.outcome == acked && places[0] != o.seq:
		bad("P3", "a %s of %s was acknowledged as seq %d and is at %d", kind, who, o.seq, places[0])
	case o.outcome == refused && len(places) > 0:
		bad("P3", "a %s of %s was refused (%v) and is in the log", kind, who, o.err)
	}
	if len(places) == 0 {
		return
	}
	if what := o.contradicts(l.entries[places[0]-1]); what != "" {
		bad("P1", "a %s of %s is in the log with another %s", kind, who, what)
	}
}

// mayBeMoot are the changes that are acknowledged without an entry where everything is so already.
var mayBeMoot = map[string]bool{
	protocol.KindDeleted: true, protocol.KindMembersAdded: true, protocol.KindMembersRemoved: true, protocol.KindRoleChanged: true,
}

// checkRights verifies that nobody said anything who was no member, that nobody changed what is another's, and that nobody but
// judges and processors judged.
func (v *verification) checkRights(l *log) {
	for i, e := range l.entries {
		seq, who := uint64(i+1), e.GetSender()
		bad := func(format string, args ...any) {
			v.add(Violation{Promise: "P2", Where: at(l, seq), What: fmt.Sprintf(format, args...), History: v.history(l, seq, nil)})
		}
		switch t := e.GetEdited().GetTarget(); {
		case e.GetVerdict() != nil:
			if !slices.Contains(judges, who) && v.r.processor(e) == nil {
				bad("%s judges, and is no processor", who)
			}
		case !within(l.stays(who), seq) && !l.expected(e): // whoever leaves last names the owner after them
			bad("%s is no member there", who)
		case t > 0 && (t >= seq || l.entries[t-1].GetSender() != who):
			bad("%s edits what is not theirs, %d", who, t)
		}
	}
}

// checkOrder verifies that what one device sent over its socket in one life stays in its order.
func (v *verification) checkOrder(ops []*op, places map[*op][]uint64) {
	type line struct {
		d    *device
		life int
		conv string
	}
	lines := map[line][]*op{}
	for _, o := range ops {
		if len(places[o]) == 1 && o.ordered() {
			k := line{o.device, o.life, o.conv.id}
			lines[k] = append(lines[k], o)
		}
	}
	for k, sent := range lines {
		slices.SortFunc(sent, func(a, b *op) int { return cmp.Compare(a.order, b.order) })
		for i := 1; i < len(sent); i++ {
			before, after := places[sent[i-1]][0], places[sent[i]][0]
			if before < after {
				continue
			}
			l := v.logs[k.conv]
			v.add(Violation{
				Promise: "P2", Where: at(l, after), What: fmt.Sprintf("what %s sent later is at %d, what it sent before at %d", k.d.name(), after, before),
				History: append(v.history(l, before, sent[i-1]), v.history(l, after, sent[i])...),
			})
		}
	}
}
