package chatpool

import (
	"github.com/chatcluster/chatcluster/runtime/chat/chatpb"
	"github.com/chatcluster/chatcluster/runtime/protocol"
)

// Owner is the pod that a conversation's messages go to now. Two are equal when they are the same pod. The zero Owner is nobody.
type Owner struct{ pod *pod }

// Owner picks the conversation's owner. Whoever has several sends of one device on their way keeps to one Owner until all are
// answered: another pod refuses what follows a send that it has not taken.
func (p *Pool) Owner(tenant, conversation string) Owner {
	return Owner{pick(*p.ring.Load(), tenant, conversation)}
}

// Send forwards s to this pod and no other; see Pool.Send.
func (o Owner) Send(s *chatpb.Send, done func(*chatpb.Result)) {
	if o.pod == nil {
		done(&chatpb.Result{Code: string(protocol.CodeUnavailable), RetryAfterMs: 500})
		return
	}
	o.pod.send(s, done)
}
