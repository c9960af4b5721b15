package chat

import (
	"github.com/chatcluster/chatcluster/runtime/chat/chatpb"
	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// composeAlone makes the batch of a request that changes members, roles or the title: one transaction with them. It leaves the
// batch empty when nobody is left to add, and without the request when that has to come in the next one.
func (l *lane) composeAlone(c *composed, r *request, at int64) {
	c.alone = true
	if r.kind == addMembers {
		l.composeAdded(c, r, at, l.members.absent(r))
		return
	}
	switch k := r.in.GetChange().(type) {
	case *chatpb.Send_MembersAdded:
		l.composeAdded(c, r, at, l.members.absent(r))
	case *chatpb.Send_MembersRemoved:
		l.composeRemoved(c, r, at, k.MembersRemoved)
	case *chatpb.Send_Renamed:
		e := l.blank(c, r, at)
		e.Kind = &logpb.Entry_Renamed{Renamed: k.Renamed}
		c.add(r, e)
	case *chatpb.Send_RoleChanged:
		l.promote(c, r, at, k.RoleChanged.GetUser(), k.RoleChanged.GetRole())
		c.batch.Entries[0].ClientMsgId = r.clientMsgID
		c.join(r, 0)
	}
}

// blank returns the next entry of the batch, without content.
func (l *lane) blank(c *composed, r *request, at int64) *logpb.Entry {
	return &logpb.Entry{
		Seq: l.next + uint64(len(c.batch.Entries)), Sender: r.user.ID(), ClientMsgId: r.clientMsgID, Device: r.device, AtMs: at, Count: l.count,
	}
}

// absent returns whom r brings: for the completion of a creation those who never were members, else those who are none.
func (m *members) absent(r *request) []store.Member {
	var news []store.Member
	if r.kind == addMembers {
		for _, who := range r.members {
			if !m.ever(who.User.ID()) {
				news = append(news, who)
			}
		}
		return news
	}
	for _, who := range r.in.GetMembersAdded().GetMembers() {
		if m.is(who.GetUser()) {
			continue
		}
		if u, err := store.NewUser(r.user.Tenant(), who.GetUser()); err == nil { // check has seen to that
			news = append(news, store.Member{User: u, Role: roleOf(who.GetRole())})
		}
	}
	return news
}

func (l *lane) composeAdded(c *composed, r *request, at int64, news []store.Member) {
	if len(news) == 0 {
		return
	}
	added := &logpb.MembersAdded{}
	for _, m := range news {
		added.Members = append(added.Members, &logpb.Member{User: m.User.ID(), Role: m.Role})
		c.changes = append(c.changes, store.MemberChange{User: m.User, Role: m.Role, Joined: l.next})
	}
	e := l.blank(c, r, at)
	e.Kind = &logpb.Entry_MembersAdded{MembersAdded: added}
	c.add(r, e)
}

// composeRemoved has the last owner's heir become owner in the same batch, so in the same transaction. Where the bucket has room
// for one entry only, the heir comes first, alone: a crash in between leaves one owner too many, never none.
func (l *lane) composeRemoved(c *composed, r *request, at int64, in *logpb.MembersRemoved) {
	users := l.members.present(in.GetUsers())
	gone, heir := make(map[string]bool, len(users)), ""
	owners := false
	for _, u := range users {
		gone[u] = true
		owners = owners || l.members.role(u) == store.RoleOwner
	}
	if owners {
		heir = l.members.heir(gone)
	}
	if heir != "" && l.next == store.BucketEnd(l.next) {
		l.promote(c, r, at, heir, store.RoleOwner)
		c.deadline = r.deadline
		return
	}
	for _, u := range users {
		if user, err := store.NewUser(r.user.Tenant(), u); err == nil { // check has seen to that
			s := l.members.all[u]
			c.changes = append(c.changes, store.MemberChange{User: user, Role: s.role, Joined: s.joined, Left: l.next})
		}
	}
	e := l.blank(c, r, at)
	e.Kind = &logpb.Entry_MembersRemoved{MembersRemoved: &logpb.MembersRemoved{Users: users}}
	c.add(r, e)
	if heir != "" {
		l.promote(c, r, at, heir, store.RoleOwner)
	}
}

// promote adds the entry that gives a member another role. It has no name of its own: what r asked for has.
func (l *lane) promote(c *composed, r *request, at int64, whom, role string) {
	user, err := store.NewUser(r.user.Tenant(), whom)
	if err != nil {
		return // not a member's id
	}
	e := l.blank(c, r, at)
	e.ClientMsgId = ""
	e.Kind = &logpb.Entry_RoleChanged{RoleChanged: &logpb.RoleChanged{User: whom, Role: role}}
	c.batch.Entries = append(c.batch.Entries, e)
	c.changes = append(c.changes, store.MemberChange{User: user, Role: role})
}

// examineCompletion decides about members whom the creation of a conversation still owes.
func (l *lane) examineCompletion(r *request) finding {
	if l.members.current+len(l.members.absent(r)) > protocol.MaxGroupMembers {
		return denied(protocol.CodeInvalid, "a group has at most 5,000 members")
	}
	return finding{}
}
