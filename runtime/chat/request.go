package chat

import (
	"time"

	"github.com/chatcluster/chatcluster/runtime/chat/chatpb"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// request is one thing that is asked of a lane. A lane answers each exactly once.
type request struct {
	kind        requestKind
	ref         uint64
	user        store.User
	device      string
	clientMsgID string
	// after is the seq that the client knew when it composed the message, nil when it said none.
	after *uint64
	body  string
	// members are whom an addMembers request brings.
	members []store.Member
	// deadline is when the answer is due at the latest.
	deadline time.Time
	// answer takes the result. It is called with the lane locked and must not block.
	answer func(*chatpb.Result)
	// overflow ends the stream that the request came from.
	overflow func()

	// The lane's own, under its lock.
	ord      uint64
	slot     bool
	answered bool
	result   *chatpb.Result // set when it may be answered
}

type requestKind int

const (
	// sendMessage appends a message.
	sendMessage requestKind = iota
	// addMembers appends an entry that brings those of members who never were members.
	addMembers
	// barrier appends nothing: its answer says that the lane is open and what it committed is published.
	barrier
)

// sender names a device whose order is kept.
type sender struct {
	user   string
	device string
}

func (r *request) sender() sender { return sender{r.user.ID(), r.device} }

// Retry hints.
const (
	retryBusy        = 250 * time.Millisecond
	retryUnavailable = 500 * time.Millisecond
)

// failure returns the result of a request that failed.
func (r *request) failure(code protocol.Code, detail string, retry time.Duration) *chatpb.Result {
	if retry == 0 && code.Retryable() {
		retry = retryBusy
		if code == protocol.CodeUnavailable {
			retry = retryUnavailable
		}
	}
	return &chatpb.Result{Ref: r.ref, Code: string(code), Detail: detail, RetryAfterMs: uint32(retry.Milliseconds())}
}

// success returns the result of a request whose entry is in the log.
func (r *request) success(p place) *chatpb.Result {
	return &chatpb.Result{Ref: r.ref, Seq: p.seq, AtMs: p.at, Count: p.count}
}
