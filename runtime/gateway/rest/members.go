package rest

import (
	"fmt"
	"net/http"

	"github.com/chatcluster/chatcluster/runtime/chat/chatpb"
	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

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
	all, err := a.o.Store.Members(c.Context(), v)
	if err != nil {
		return reply{}, fmt.Errorf("read the members: %w", err)
	}
	page := protocol.MembersPage{Members: []protocol.MemberDetails{}}
	for _, m := range all {
		if m.Left != 0 || m.User.ID() <= after {
			continue
		}
		if len(page.Members) == limit {
			page.Next = idCursor(page.Members[limit-1].User)
			break
		}
		page.Members = append(page.Members, protocol.MemberDetails{User: m.User.ID(), Role: m.Role, Joined: m.Joined})
	}
	return reply{status: http.StatusOK, body: page}, nil
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
