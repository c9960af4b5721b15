package admin

import (
	"encoding/base64"
	"encoding/json"
	"strconv"
	"time"

	"github.com/chatcluster/chatcluster/runtime/httpapi"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

const (
	defaultPage = 50
	maxPage     = 200
	// maxBody bounds a request's body.
	maxBody = 64 << 10
	// maxSeqBits hold every seq that there will be, and fit into the integers of every store.
	maxSeqBits = 62
)

func notFound(detail string) httpapi.Refusal { return httpapi.Refuse(protocol.CodeNotFound, detail) }

// notHere is what a cluster does not have.
func notHere(what string) httpapi.Refusal { return notFound("this cluster has no " + what) }

// user is the one that the path names, about whom the call is.
func (c *call) user() (store.User, error) {
	u, err := store.NewUser(c.tenant, c.PathValue("user"))
	if err != nil {
		return store.User{}, notFound("no such user")
	}
	c.subject = u.ID()
	return u, nil
}

// conv is the conversation that the path names.
func (c *call) conv() (store.Conv, error) {
	v, err := store.NewConv(c.tenant, c.PathValue("id"))
	if err != nil {
		return store.Conv{}, notFound("no such conversation")
	}
	return v, nil
}

// noteConv names a conversation in the audit log. The id of one of two is made of its members', so it is not named.
func (c *call) noteConv(v store.Conv, kind string) {
	c.note("conversation_kind", kind)
	if kind == store.Group {
		c.note("conversation", v.ID())
	}
}

// seq is the message that the path names.
func (c *call) seq() (uint64, error) {
	n, err := strconv.ParseUint(c.PathValue("seq"), 10, maxSeqBits)
	if err != nil || n == 0 {
		return 0, notFound("no such message")
	}
	c.note("seq", strconv.FormatUint(n, 10))
	return n, nil
}

// number reads an integer of the query.
func (c *call) number(name string, least, most, otherwise int) (int, error) {
	s := c.URL.Query().Get(name)
	if s == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < least || n > most {
		return 0, httpapi.Invalid("%s is not between %d and %d", name, least, most)
	}
	return n, nil
}

func (c *call) pageSize() (int, error) { return c.number("limit", 1, maxPage, defaultPage) }

// oneOf reads a word of the query.
func (c *call) oneOf(name string, words ...string) (string, error) {
	s := c.URL.Query().Get(name)
	if s == "" {
		return words[0], nil
	}
	for _, w := range words {
		if s == w {
			return s, nil
		}
	}
	return "", httpapi.Invalid("%s is none of %q", name, words)
}

// text reads a text of the query, of so many bytes at most.
func (c *call) text(name string, most int) (string, error) {
	s := c.URL.Query().Get(name)
	if len(s) > most {
		return "", httpapi.Invalid("%s is longer than %d bytes", name, most)
	}
	return s, nil
}

// moment reads a time of the query.
func (c *call) moment(name string, otherwise time.Time) (time.Time, error) {
	s := c.URL.Query().Get(name)
	if s == "" {
		return otherwise, nil
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return t, httpapi.Invalid("%s is no RFC 3339 time", name)
	}
	return t, nil
}

// cursor reads into what cursorOf made a text of; without one, into stays.
func (c *call) cursor(into any) error {
	s := c.URL.Query().Get("cursor")
	if s == "" {
		return nil
	}
	data, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || json.Unmarshal(data, into) != nil {
		return httpapi.Invalid("cursor is none of this list's")
	}
	return nil
}

// idCursor is cursor for a list by ids.
func (c *call) idCursor() (id string, err error) {
	if err = c.cursor(&id); err == nil && len(id) > store.MaxIDBytes {
		err = httpapi.Invalid("cursor is none of this list's")
	}
	return id, err
}

func cursorOf(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err) // strings and numbers always marshal
	}
	return base64.RawURLEncoding.EncodeToString(data)
}

// decode reads the request's one JSON object.
func (c *call) decode(into any) error { return httpapi.Decode(c.w, c.Request, into, maxBody) }
