package rest

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

func (a *API) getMessages(c *call) (reply, error) {
	v, err := c.conversation()
	if err != nil {
		return reply{}, err
	}
	limit, err := c.pageSize(maxPage)
	if err != nil {
		return reply{}, err
	}
	after, err := c.seqParam("after")
	if err != nil {
		return reply{}, err
	}
	before, err := c.seqParam("before")
	if err != nil {
		return reply{}, err
	}
	if after != nil && before != nil {
		return reply{}, invalid("after and before exclude each other")
	}
	page, err := a.o.History.History(c.Context(), c.User, v, after, before, limit)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return reply{}, errNotMember
	case err != nil:
		return reply{}, fmt.Errorf("read the history: %w", err)
	}
	if page.Entries == nil {
		page.Entries = []protocol.Entry{}
	}
	return reply{status: http.StatusOK, body: page}, nil
}
