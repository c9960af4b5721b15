package chat

import (
	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// members are who is and was a member, as far as the lane has read.
type members struct {
	all     map[string]stay
	current int
}

// stay is a user's latest stay: from joined to left, which is 0 while it lasts.
type stay struct {
	joined, left uint64
}

func newMembers(list []store.Member) *members {
	m := &members{all: make(map[string]stay, len(list))}
	for _, s := range list {
		m.all[s.User.ID()] = stay{s.Joined, s.Left}
		if s.Left == 0 {
			m.current++
		}
	}
	return m
}

// is says whether the user is a member now.
func (m *members) is(user string) bool {
	s, ok := m.all[user]
	return ok && s.left == 0
}

// ever says whether the user is or was a member.
func (m *members) ever(user string) bool {
	_, ok := m.all[user]
	return ok
}

// apply folds an entry in. The list may be newer than the log that was read so far: what it knows already changes nothing.
// It returns who came.
func (m *members) apply(e *logpb.Entry) (joined []string) {
	seq := e.GetSeq()
	for _, who := range e.GetMembersAdded().GetMembers() {
		user := who.GetUser()
		joined = append(joined, user)
		s, ok := m.all[user]
		if ok && (s.joined >= seq || s.left == 0) {
			continue
		}
		m.all[user] = stay{joined: seq}
		m.current++
	}
	for _, user := range e.GetMembersRemoved().GetUsers() {
		s, ok := m.all[user]
		if !ok || s.left != 0 || s.joined > seq {
			continue
		}
		s.left = seq
		m.all[user] = s
		m.current--
	}
	return joined
}
