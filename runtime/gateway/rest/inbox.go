package rest

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/chatcluster/chatcluster/runtime/protocol"
)

func (a *API) getInbox(c *call) (reply, error) {
	limit, err := c.pageSize(maxPage)
	if err != nil {
		return reply{}, err
	}
	q := InboxQuery{Limit: limit, Cursor: c.URL.Query().Get("cursor")}
	switch archived := c.URL.Query().Get("archived"); archived {
	case "", "false":
	case "true":
		q.Archived = true
	default:
		return reply{}, invalid("archived is neither true nor false")
	}
	page, err := a.o.Inbox.List(c.Context(), c.User, q)
	switch {
	case errors.Is(err, ErrBadCursor):
		return reply{}, invalid("cursor is none of this inbox's")
	case err != nil:
		return reply{}, fmt.Errorf("read the inbox: %w", err)
	}
	if page.Items == nil {
		page.Items = []protocol.InboxItem{}
	}
	return reply{status: http.StatusOK, body: page, tagged: true}, nil
}
