package chat

import (
	"time"

	"github.com/chatcluster/chatcluster/runtime/chat/chatpb"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// muted refuses what a muted user says. Taking something back, or leaving, is nothing said.
func (l *lane) muted(r *request) finding {
	switch r.in.GetChange().(type) {
	case *chatpb.Send_Verdict, *chatpb.Send_Deleted, *chatpb.Send_MembersRemoved:
		return finding{}
	}
	if r.in.GetReacted().GetRemoved() {
		return finding{}
	}
	until, muted := l.s.mutedUntil(r.user)
	if !muted {
		return finding{}
	}
	f := denied(protocol.CodeMuted, mutedDetail(until))
	f.wait = max(until.Sub(l.s.now()), time.Millisecond)
	return f
}

func (s *Service) mutedUntil(u store.User) (time.Time, bool) {
	if s.o.Mutes == nil {
		return time.Time{}, false
	}
	return s.o.Mutes.Until(u)
}

func mutedDetail(until time.Time) string { return "until " + until.UTC().Format(time.RFC3339) }
