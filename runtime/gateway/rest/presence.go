package rest

import (
	"fmt"
	"net/http"

	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// getPresence says who of the users that are asked for is connected.
func (a *API) getPresence(c *call) (reply, error) {
	ids := c.URL.Query()["user"]
	if len(ids) == 0 || len(ids) > protocol.MaxPresenceUsers {
		return reply{}, invalid("user is not given between 1 and %d times", protocol.MaxPresenceUsers)
	}
	users := make([]store.User, len(ids))
	for i, id := range ids {
		u, err := store.NewUser(c.User.Tenant(), id)
		if err != nil {
			return reply{}, invalid("user: %v", err)
		}
		users[i] = u
	}
	out := protocol.PresenceList{Presence: make([]protocol.Presence, len(users))}
	for i, id := range ids {
		out.Presence[i].User = id // of whom nothing is known
	}
	if a.o.Routes == nil {
		return reply{status: http.StatusOK, body: out}, nil
	}
	list, err := a.o.Routes.Presence(c.Context(), users)
	if err != nil {
		return reply{}, fmt.Errorf("read presence: %w", err)
	}
	for i, p := range list {
		out.Presence[i].Online = p.Online
		if !p.LastSeen.IsZero() {
			out.Presence[i].LastSeenMS = p.LastSeen.UnixMilli()
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
