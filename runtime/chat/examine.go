package chat

import (
	"context"
	"time"

	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// finding is what becomes of a request that waits. The zero finding: its entry is to be appended.
type finding struct {
	code   protocol.Code // not empty: refused
	detail string
	wait   time.Duration // goes with a refusal: when another is worth a try
	found  bool          // a retry of what is in the log, at place
	place  place         //
	moot   bool          // what it asks for is so already
}

func denied(code protocol.Code, detail string) finding { return finding{code: code, detail: detail} }

// due says whether the entry is to be appended.
func (f finding) due() bool { return f.code == "" && !f.found && !f.moot }

// examine decides about a request as of the lane's end of the log and what is composed already: is it a retry, and may its user
// do that?
func (l *lane) examine(r *request, c *composed) finding {
	if r.kind == addMembers {
		return l.examineCompletion(r)
	}
	// The lane knows the tenant only once it is open, and who is trusted is not asked before.
	if t, known := l.s.tenant(l.conv.Tenant()); known && t.State == store.TenantDeleting {
		return denied(protocol.CodeSuspended, "the tenant is being purged")
	}
	if !r.word() && (l.members.is(r.user.ID()) || r.trusted()) {
		if p, ok := l.window.find(r.name()); ok {
			return l.again(r, p)
		}
		if r.message() && l.covers(r) {
			return l.muted(r)
		}
	}
	ctx, cancel := context.WithDeadline(l.s.life, r.deadline)
	defer cancel()
	f := l.identify(ctx, r)
	if f.due() {
		f = l.muted(r)
	}
	if !f.due() || r.message() {
		return f
	}
	f = l.permit(ctx, r, c)
	if f.due() || f.code.Retryable() {
		return f
	}
	// A final answer is not given on old knowledge. What is found here has compose examine everything again.
	was := l.next
	if _, err := l.catchUp(ctx, nil); err != nil {
		return unreadable()
	}
	if l.next != was {
		return finding{}
	}
	return f
}

func unreadable() finding { return denied(protocol.CodeUnavailable, "the log cannot be read") }

// identify finds out whether the request is a retry, and whether its user is a member.
func (l *lane) identify(ctx context.Context, r *request) finding {
	user := r.user.ID()
	if !l.members.is(user) && !r.trusted() {
		// Another pod may have brought the user: a refusal is final, so it is not given on old knowledge.
		if _, err := l.catchUp(ctx, nil); err != nil {
			return unreadable()
		}
	}
	notMember := denied(protocol.CodeNotMember, "no such conversation, or not a member of it")
	if !l.members.ever(user) && !r.trusted() {
		return notMember
	}
	if r.word() {
		return l.weigh(ctx, r)
	}
	n := r.name()
	if p, ok := l.window.find(n); ok {
		return l.again(r, p)
	}
	if f := l.search(ctx, r); !f.due() {
		return f
	}
	if p, ok := l.window.find(n); ok {
		return l.again(r, p)
	}
	if !l.members.is(user) && !r.trusted() {
		return notMember
	}
	return finding{}
}

// weigh finds out whether a processor's word is a repetition, and else names it.
func (l *lane) weigh(ctx context.Context, r *request) finding {
	if f := l.search(ctx, r); !f.due() {
		return f
	}
	answered, name := l.window.words.Weigh(r.clientMsgID, r.in.GetVerdict())
	if answered != nil {
		return finding{found: true, place: place{seq: answered.Seq, at: answered.AtMS, count: answered.Count}}
	}
	r.clientMsgID = name
	return finding{}
}

// covers says whether the window holds everything in which r could already be.
func (l *lane) covers(r *request) bool {
	head := l.next - 1
	if r.after != nil {
		return *r.after <= head && head-*r.after <= protocol.RetrySearchSeqs && *r.after+1 >= l.window.from
	}
	return l.window.from == 1 || head >= protocol.RetrySearchSeqs && l.window.from <= head-protocol.RetrySearchSeqs+1
}

// search makes the window cover everything in which r could already be.
func (l *lane) search(ctx context.Context, r *request) finding {
	if r.after != nil && *r.after >= l.next {
		// The client knows more than this lane: another pod has written.
		if _, err := l.catchUp(ctx, nil); err != nil {
			return unreadable()
		}
		if *r.after >= l.next {
			return denied(protocol.CodeInvalid, "after_seq is beyond the conversation's head")
		}
	}
	head := l.next - 1
	from := uint64(1)
	switch {
	case r.after != nil && head-*r.after > protocol.RetrySearchSeqs:
		return denied(protocol.CodeRetryTooOld, "check the history, then send it with a fresh after_seq")
	case r.after != nil:
		from = *r.after + 1
	case head > protocol.RetrySearchSeqs:
		from = head - protocol.RetrySearchSeqs + 1
	}
	if from >= l.window.from {
		return finding{}
	}
	complete, err := l.reach(ctx, from)
	switch {
	case err != nil:
		return unreadable()
	case !complete && r.after != nil:
		return denied(protocol.CodeRetryTooOld, "check the history, then send it with a fresh after_seq")
	default:
		return finding{}
	}
}
