package chat

import (
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/chatcluster/chatcluster/runtime/chat/chatpb"
	"github.com/chatcluster/chatcluster/runtime/fold"
	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// request is one thing that is asked of a lane. A lane answers each exactly once.
type request struct {
	kind        requestKind
	ref         uint64
	user        store.User
	device      string // empty: its order is not kept
	clientMsgID string
	// previous is the device's send before this one, empty when this one follows nothing that is under way.
	previous string
	// after is the seq that the client knew when it composed the message, nil when it said none.
	after *uint64
	// in is what a sendEntry request asks for. It has passed check.
	in *chatpb.Send
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
	found    bool           // a retry of what is in the log
	result   *chatpb.Result // set when it may be answered
}

type requestKind int

const (
	// sendEntry appends a message or a change.
	sendEntry requestKind = iota
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

// ordered says whether the request must not overtake others of its device.
func (r *request) ordered() bool { return r.kind == sendEntry && r.device != "" }

// message says whether the request is a plain message.
func (r *request) message() bool { return r.kind == sendEntry && r.in.GetChange() == nil }

// trusted says whether the request comes from a processor or from an erasure, whose user need not be a member.
func (r *request) trusted() bool {
	return r.kind == sendEntry && (r.in.GetVerdict() != nil || r.in.GetErasure())
}

// word says whether the request is a processor's word on a body: what is as strong as what it has said already is a repetition.
func (r *request) word() bool {
	return r.kind == sendEntry && fold.IsWord(r.clientMsgID, r.in.GetVerdict())
}

// name is what the request's entry is known by in the log.
func (r *request) name() name {
	if r.kind == sendEntry && r.in.GetVerdict() != nil { // as nameOf says of its entry
		return name{processorMark + r.user.ID(), r.clientMsgID}
	}
	return name{r.user.ID(), r.clientMsgID}
}

// alone says whether what the request appends takes a batch of its own: it changes more than the log.
func (r *request) alone() bool {
	if r.kind == addMembers {
		return true
	}
	switch r.in.GetChange().(type) {
	case *chatpb.Send_MembersAdded, *chatpb.Send_MembersRemoved, *chatpb.Send_RoleChanged, *chatpb.Send_Renamed:
		return true
	default:
		return false
	}
}

// bytes is about what the request takes in the log.
func (r *request) bytes() int {
	n := 256
	if r.kind == sendEntry {
		if n += len(r.in.GetBody()); r.in.GetChange() != nil {
			n += proto.Size(r.in)
		}
	}
	return n
}

// entry returns the entry that a sendEntry request asks for. The lane fills in its place, and of one that changes members or roles
// makes its own.
func (r *request) entry() *logpb.Entry {
	e := &logpb.Entry{Sender: r.user.ID(), ClientMsgId: r.clientMsgID, Device: r.device}
	switch k := r.in.GetChange().(type) {
	case *chatpb.Send_Edited:
		e.Kind = &logpb.Entry_Edited{Edited: k.Edited}
	case *chatpb.Send_Deleted:
		e.Kind = &logpb.Entry_Deleted{Deleted: k.Deleted}
	case *chatpb.Send_Reacted:
		e.Kind = &logpb.Entry_Reacted{Reacted: k.Reacted}
	case *chatpb.Send_Verdict:
		e.Kind = &logpb.Entry_Verdict{Verdict: k.Verdict}
	case *chatpb.Send_MembersAdded:
		e.Kind = &logpb.Entry_MembersAdded{MembersAdded: k.MembersAdded}
	case *chatpb.Send_MembersRemoved:
		e.Kind = &logpb.Entry_MembersRemoved{MembersRemoved: k.MembersRemoved}
	case *chatpb.Send_Renamed:
		e.Kind = &logpb.Entry_Renamed{Renamed: k.Renamed}
	case *chatpb.Send_RoleChanged:
		e.Kind = &logpb.Entry_RoleChanged{RoleChanged: k.RoleChanged}
	default:
		e.Kind = &logpb.Entry_Message{Message: &logpb.Message{Body: r.in.GetBody()}}
	}
	return e
}

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
	// Rounded up: who comes back a moment early is refused again.
	hint := uint32((retry + time.Millisecond - 1) / time.Millisecond)
	return &chatpb.Result{Ref: r.ref, Code: string(code), Detail: detail, RetryAfterMs: hint}
}

// success returns the result of a request whose entry is in the log.
func (r *request) success(p place) *chatpb.Result {
	return &chatpb.Result{Ref: r.ref, Seq: p.seq, AtMs: p.at, Count: p.count, Found: r.found}
}
