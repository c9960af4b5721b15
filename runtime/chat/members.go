package chat

import (
	"cmp"

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
	role         string // one of the store's constants
}

func newMembers(list []store.Member) *members {
	m := &members{all: make(map[string]stay, len(list))}
	for _, s := range list {
		m.all[s.User.ID()] = stay{s.Joined, s.Left, roleOf(s.Role)}
		if s.Left == 0 {
			m.current++
		}
	}
	return m
}

// roleOf returns the constant of that value, so that a large group does not hold its words a thousand times. What is not
// known may least.
func roleOf(role string) string {
	switch role {
	case store.RoleOwner:
		return store.RoleOwner
	case store.RoleAdmin:
		return store.RoleAdmin
	default:
		return store.RoleMember
	}
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

// role returns a member's role, empty for who is none.
func (m *members) role(user string) string {
	if s, ok := m.all[user]; ok && s.left == 0 {
		return s.role
	}
	return ""
}

// heir returns who becomes owner when these users go, empty when an owner stays or nobody does: the admin who has been a
// member for longest, else the member who has.
func (m *members) heir(gone map[string]bool) string {
	best, rank := "", stay{}
	for user, s := range m.all {
		switch {
		case s.left != 0 || gone[user]:
			continue
		case s.role == store.RoleOwner:
			return ""
		}
		if best == "" || before(s, user, rank, best) {
			best, rank = user, s
		}
	}
	return best
}

// before says whether a inherits before b.
func before(a stay, aUser string, b stay, bUser string) bool {
	if aAdmin, bAdmin := a.role == store.RoleAdmin, b.role == store.RoleAdmin; aAdmin != bAdmin {
		return aAdmin
	}
	return cmp.Or(cmp.Compare(a.joined, b.joined), cmp.Compare(aUser, bUser)) < 0
}

// apply folds an entry in. The list may be newer than the log that was read so far: what it knows already changes nothing in
// the end, since the log is read up to there. It returns who came.
func (m *members) apply(e *logpb.Entry) (joined []string) {
	seq := e.GetSeq()
	switch k := e.GetKind().(type) {
	case *logpb.Entry_MembersAdded:
		for _, who := range k.MembersAdded.GetMembers() {
			user := who.GetUser()
			joined = append(joined, user)
			s, ok := m.all[user]
			switch {
			case ok && s.joined > seq, ok && s.left == 0 && s.joined < seq:
				continue
			case ok && s.joined == seq: // the list knew: only a role that was changed later is taken back, and read again
				s.role = roleOf(who.GetRole())
				m.all[user] = s
				continue
			}
			m.all[user] = stay{joined: seq, role: roleOf(who.GetRole())}
			m.current++
		}
	case *logpb.Entry_MembersRemoved:
		for _, user := range k.MembersRemoved.GetUsers() {
			s, ok := m.all[user]
			if !ok || s.left != 0 || s.joined > seq {
				continue
			}
			s.left = seq
			m.all[user] = s
			m.current--
		}
	case *logpb.Entry_RoleChanged:
		user := k.RoleChanged.GetUser()
		if s, ok := m.all[user]; ok && s.joined < seq && (s.left == 0 || s.left > seq) {
			s.role = roleOf(k.RoleChanged.GetRole())
			m.all[user] = s
		}
	}
	return joined
}
