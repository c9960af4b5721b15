package chat

import (
	"context"

	"github.com/chatcluster/chatcluster/runtime/protocol"
)

// verdict is what becomes of a request that waits.
type verdict struct {
	code   protocol.Code // not empty: refused
	detail string
	found  *place // a retry of what is in the log
}

// examine decides about a request as of the lane's end of the log: is it a retry, and may its user send?
func (l *lane) examine(r *request) verdict {
	if r.kind == addMembers {
		news := 0
		for _, m := range r.members {
			if !l.members.ever(m.User.ID()) {
				news++
			}
		}
		if l.members.current+news > protocol.MaxGroupMembers {
			return verdict{code: protocol.CodeInvalid, detail: "a group has at most 5,000 members"}
		}
		return verdict{}
	}
	ctx, cancel := context.WithDeadline(l.s.life, r.deadline)
	defer cancel()
	unavailable := verdict{code: protocol.CodeUnavailable, detail: "the log cannot be read"}
	if !l.members.is(r.user.ID()) {
		// Another pod may have brought the user: a refusal is final, so it is not given on old knowledge.
		if _, err := l.catchUp(ctx, nil); err != nil {
			return unavailable
		}
	}
	notMember := verdict{code: protocol.CodeNotMember, detail: "no such conversation, or not a member of it"}
	if !l.members.ever(r.user.ID()) {
		return notMember
	}
	n := name{r.user.ID(), r.clientMsgID}
	if p, ok := l.window.find(n); ok {
		return verdict{found: &p}
	}
	if v := l.search(ctx, r); v.code != "" {
		return v
	}
	if p, ok := l.window.find(n); ok {
		return verdict{found: &p}
	}
	if !l.members.is(r.user.ID()) {
		return notMember
	}
	return verdict{}
}

// search makes the window cover everything in which r could already be.
func (l *lane) search(ctx context.Context, r *request) verdict {
	unavailable := verdict{code: protocol.CodeUnavailable, detail: "the log cannot be read"}
	if r.after != nil && *r.after >= l.next {
		// The client knows more than this lane: another pod has written.
		if _, err := l.catchUp(ctx, nil); err != nil {
			return unavailable
		}
		if *r.after >= l.next {
			return verdict{code: protocol.CodeInvalid, detail: "after_seq is beyond the conversation's head"}
		}
	}
	head := l.next - 1
	from := uint64(1)
	switch {
	case r.after != nil && head-*r.after > protocol.RetrySearchSeqs:
		return verdict{code: protocol.CodeRetryTooOld, detail: "check the history, then send it with a fresh after_seq"}
	case r.after != nil:
		from = *r.after + 1
	case head > protocol.RetrySearchSeqs:
		from = head - protocol.RetrySearchSeqs + 1
	}
	if from >= l.window.from {
		return verdict{}
	}
	complete, err := l.reach(ctx, from)
	switch {
	case err != nil:
		return unavailable
	case !complete && r.after != nil:
		return verdict{code: protocol.CodeRetryTooOld, detail: "check the history, then send it with a fresh after_seq"}
	default:
		return verdict{}
	}
}
