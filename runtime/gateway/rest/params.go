package rest

import (
	"encoding/base64"
	"strconv"

	"github.com/google/uuid"

	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

const (
	defaultPage = 50
	maxPage     = 200
	// maxMembersPage is larger: a member is small.
	maxMembersPage = 1000
	// maxSeqBits hold every seq that there will be, and fit into the integers of every store.
	maxSeqBits = 62

	idempotencyHeader = "Idempotency-Key"
)

// conversation is the one that the path names. An id that cannot be one is that of none.
func (c *call) conversation() (store.Conv, error) {
	v, err := store.NewConv(c.User.Tenant(), c.PathValue("id"))
	if err != nil {
		return store.Conv{}, errNotMember
	}
	return v, nil
}

// pageSize reads limit.
func (c *call) pageSize(most int) (int, error) {
	s := c.URL.Query().Get("limit")
	if s == "" {
		return defaultPage, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > most {
		return 0, invalid("limit is not between 1 and %d", most)
	}
	return n, nil
}

// cursorAfter is the id that a cursor of idCursor stands for, empty without one.
func (c *call) cursorAfter() (string, error) {
	id, err := base64.RawURLEncoding.DecodeString(c.URL.Query().Get("cursor"))
	if err != nil || len(id) > store.MaxIDBytes {
		return "", invalid("cursor is none of this list's")
	}
	return string(id), nil
}

func idCursor(id string) string { return base64.RawURLEncoding.EncodeToString([]byte(id)) }

// seqParam reads a seq of the query, nil when there is none.
func (c *call) seqParam(name string) (*uint64, error) {
	s := c.URL.Query().Get(name)
	if s == "" {
		return nil, nil
	}
	n, err := strconv.ParseUint(s, 10, maxSeqBits)
	if err != nil {
		return nil, invalid("%s is no seq", name)
	}
	return &n, nil
}

// idempotencyKey is the request's Idempotency-Key, empty when it has none.
func (c *call) idempotencyKey() (string, error) {
	values := c.Header.Values(idempotencyHeader)
	if len(values) == 0 || len(values) == 1 && values[0] == "" {
		return "", nil
	}
	key := values[0]
	if len(values) > 1 || len(key) > protocol.MaxClientMsgIDBytes {
		return "", invalid("%s is not one of at most %d characters", idempotencyHeader, protocol.MaxClientMsgIDBytes)
	}
	for i := range len(key) {
		if key[i] < 0x20 || key[i] > 0x7e {
			return "", invalid("%s is not printable ASCII", idempotencyHeader)
		}
	}
	return key, nil
}

// clientMsgID is the request's Idempotency-Key, or a new one. The answer names it, so that whoever gave none may still ask again.
func (c *call) clientMsgID() (string, error) {
	key, err := c.idempotencyKey()
	if err != nil {
		return "", err
	}
	if key == "" {
		key = uuid.NewString()
	}
	c.head.Set(idempotencyHeader, key)
	return key, nil
}
