package rest

import (
	"fmt"
	"net/http"

	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// getPresence says who of the users that are asked for is connected. Of whom the user has no direct conversation with nothing is
// told: they look like those of whom nothing is known.
func (a *API) getPresence(c *call) (reply, error) {
	ids := c.URL.Query()["user"]
	if len(ids) == 0 || len(ids) > protocol.MaxPresenceUsers {
		return reply{}, invalid("user is not given between 1 and %d times", protocol.MaxPresenceUsers)
	}
	out := protocol.PresenceList{Presence: make([]protocol.Presence, len(ids))}
	for i, id := range ids {
		if _, err := store.NewUser(c.User.Tenant(), id); err != nil {
			return reply{}, invalid("user: %v", err)
		}
		out.Presence[i].User = id
	}
	if a.o.Routes == nil {
		return reply{status: http.StatusOK, body: out}, nil
	}
	list, err := a.o.Presence.Presence(c.Context(), c.User, ids)
	if err != nil {
		return reply{}, fmt.Errorf("read presence: %w", err)
	}
	known := make(map[string]protocol.Presence, len(list))
	for _, p := range list {
		known[p.User] = p
	}
	for i, id := range ids {
		if p, ok := known[id]; ok {
			out.Presence[i] = p
		}
	}
	return reply{status: http.StatusOK, body: out}, nil
}

// getSessions says which devices of the user's are connected, as far as it is known.
func (a *API) getSessions(c *call) (reply, error) {
	out := protocol.Sessions{Sessions: []protocol.Session{}}
	if a.o.Routes == nil {
		return reply{status: http.StatusOK, body: out}, nil
	}
	list, err := a.o.Routes.Connections(c.Context(), c.User)
	if err != nil {
		return reply{}, fmt.Errorf("read connections: %w", err)
	}
	for _, s := range list {
		out.Sessions = append(out.Sessions, protocol.Session{Device: s.Device, ConnectedAtMS: s.Since.UnixMilli()})
	}
	return reply{status: http.StatusOK, body: out}, nil
}
