package rest

import (
	"context"
	"fmt"
	"net/http"

	"github.com/chatcluster/chatcluster/runtime/chat/chatpb"
	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// minMembersRead is how much of a list of members is read at a time at least.
const minMembersRead = 100

// getMembers pages through those who are members now, by id. Only a member sees them.
func (a *API) getMembers(c *call) (reply, error) {
	v, err := c.conversation()
	if err != nil {
		return reply{}, err
	}
	limit, err := c.pageSize(maxMembersPage)
	if err != nil {
		return reply{}, err
	}
	after, err := c.cursorAfter()
	if err != nil {
		return reply{}, err
	}
	if _, err := a.present(c.Context(), c.User, v); err != nil {
		return reply{}, err
	}
	members, more, err := a.membersAfter(c.Context(), v, after, limit, func(store.Member) bool { return true })
	if err != nil {
		return reply{}, err
	}
	page := protocol.MembersPage{Members: make([]protocol.MemberDetails, len(members))}
	for i, m := range members {
		page.Members[i] = protocol.MemberDetails{User: m.User.ID(), Role: m.Role, Joined: m.Joined}
	}
	if more {
		page.Next = idCursor(members[len(members)-1].User.ID())
	}
	return reply{status: http.StatusOK, body: page}, nil
}

// membersAfter returns the next members after the user with that id, of those who are members now and match, and says whether there
// are more. It reads as much of the list as that takes: those who have left are in it too.
func (a *API) membersAfter(
	ctx context.Context, v store.Conv, after string, limit int, match func(store.Member) bool,
) (page []store.Member, more bool, err error) {
	size := max(limit+1, minMembersRead)
	for {
		read, err := a.o.Store.MembersPage(ctx, v, after, size)
		if err != nil {
			return nil, false, fmt.Errorf("read the members: %w", err)
		}
		for _, m := range read {
			switch {
			case m.Left != 0 || !match(m):
			case len(page) == limit:
				return page, true, nil
			default:
				page = append(page, m)
			}
		}
		if len(read) < size {
			return page, false, nil
		}
		after = read[size-1].User.ID()
	}
}

func (a *API) postMembers(c *call) (reply, error) {
	v, err := c.conversation()
	if err != nil {
		return reply{}, err
	}
	var body protocol.AddMembers
	if err := c.decode(&body, maxBody); err != nil {
		return reply{}, err
	}
	if body.Role == "" {
		body.Role = store.RoleMember
	}
	if err := checkRole(body.Role); err != nil {
		return reply{}, err
	}
	added := &logpb.MembersAdded{}
	seen := map[string]bool{}
	for _, id := range body.Users {
		if _, err := store.NewUser(c.User.Tenant(), id); err != nil {
			return reply{}, invalid("users: %v", err)
		}
		if !seen[id] {
			seen[id] = true
			added.Members = append(added.Members, &logpb.Member{User: id, Role: body.Role})
		}
	}
	if n := len(added.Members); n == 0 || n > store.MaxMemberChange {
		return reply{}, invalid("users are not between 1 and %d", store.MaxMemberChange)
	}
	return a.append(c, v, &chatpb.Send{Change: &chatpb.Send_MembersAdded{MembersAdded: added}})
}

// deleteMember removes one; removing oneself is leaving.
func (a *API) deleteMember(c *call) (reply, error) {
	v, err := c.conversation()
	if err != nil {
		return reply{}, err
	}
	who, err := c.member()
	if err != nil {
		return reply{}, err
	}
	return a.append(c, v, &chatpb.Send{Change: &chatpb.Send_MembersRemoved{MembersRemoved: &logpb.MembersRemoved{Users: []string{who}}}})
}

func (a *API) postLeave(c *call) (reply, error) {
	v, err := c.conversation()
	if err != nil {
		return reply{}, err
	}
	return a.append(c, v, &chatpb.Send{
		Change: &chatpb.Send_MembersRemoved{MembersRemoved: &logpb.MembersRemoved{Users: []string{c.User.ID()}}},
	})
}

func (a *API) patchMember(c *call) (reply, error) {
	v, err := c.conversation()
	if err != nil {
		return reply{}, err
	}
	who, err := c.member()
	if err != nil {
		return reply{}, err
	}
	var body protocol.ChangeRole
	if err := c.decode(&body, maxBody); err != nil {
		return reply{}, err
	}
	if err := checkRole(body.Role); err != nil {
		return reply{}, err
	}
	return a.append(c, v, &chatpb.Send{Change: &chatpb.Send_RoleChanged{RoleChanged: &logpb.RoleChanged{User: who, Role: body.Role}}})
}

// member is the user that the path names.
func (c *call) member() (string, error) {
	u, err := store.NewUser(c.User.Tenant(), c.PathValue("user"))
	if err != nil {
		return "", refuse(protocol.CodeNotFound, "no such member")
	}
	return u.ID(), nil
}

func checkRole(role string) error {
	switch role {
	case store.RoleOwner, store.RoleAdmin, store.RoleMember:
		return nil
	default:
		return invalid("role is none of owner, admin, member")
	}
}
