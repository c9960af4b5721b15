package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/chatcluster/chatcluster/runtime/protocol"
)

// maxAnswerBytes bounds a REST answer: 200 entries of 16 KiB, escaped, fit.
const maxAnswerBytes = 32 << 20

// CreateDirect returns the one direct conversation with user, and creates it where there is none.
func (c *Client) CreateDirect(ctx context.Context, user string) (protocol.Conversation, error) {
	var out protocol.Conversation
	err := c.call(ctx, http.MethodPost, "/v1/conversations", protocol.CreateConversation{Kind: "direct", User: user}, nil, &out)
	return out, err
}

// CreateGroup creates a group with the caller as its owner. The same key gives the same group; an empty one a new group each time.
func (c *Client) CreateGroup(ctx context.Context, title string, members []string, key string) (protocol.Conversation, error) {
	var out protocol.Conversation
	head := http.Header{}
	if key != "" {
		head.Set("Idempotency-Key", key)
	}
	body := protocol.CreateConversation{Kind: "group", Title: title, Members: members}
	err := c.call(ctx, http.MethodPost, "/v1/conversations", body, head, &out)
	return out, err
}

// Inbox returns a page of the user's conversations by last activity. limit 0 is the server's default; cursor is a page's Next.
func (c *Client) Inbox(ctx context.Context, limit int, cursor string) (protocol.InboxPage, error) {
	var out protocol.InboxPage
	err := c.call(ctx, http.MethodGet, "/v1/inbox"+pageQuery(limit, cursor), nil, nil, &out)
	return out, err
}

// Archive is Inbox of the conversations that are archived.
func (c *Client) Archive(ctx context.Context, limit int, cursor string) (protocol.InboxPage, error) {
	query := pageQuery(limit, cursor) + "&archived=true"
	var out protocol.InboxPage
	err := c.call(ctx, http.MethodGet, "/v1/inbox?"+strings.TrimLeft(query, "?&"), nil, nil, &out)
	return out, err
}

// Range says which part of a history is wanted: after a seq from the oldest, or before one the newest; both nil: the newest of all.
type Range struct {
	After, Before *uint64
	// Limit is the page's size, 0 for the server's default.
	Limit int
}

// History returns a page of a conversation, in order of seq.
func (c *Client) History(ctx context.Context, conversation string, r Range) (protocol.HistoryPage, error) {
	q := url.Values{}
	if r.After != nil {
		q.Set("after", strconv.FormatUint(*r.After, 10))
	}
	if r.Before != nil {
		q.Set("before", strconv.FormatUint(*r.Before, 10))
	}
	if r.Limit > 0 {
		q.Set("limit", strconv.Itoa(r.Limit))
	}
	var out protocol.HistoryPage
	err := c.call(ctx, http.MethodGet, "/v1/conversations/"+url.PathEscape(conversation)+"/messages?"+q.Encode(), nil, nil, &out)
	return out, err
}

// RegisterDevice registers this client's device with its push token.
func (c *Client) RegisterDevice(ctx context.Context, d protocol.Device) error {
	return c.call(ctx, http.MethodPut, "/v1/devices/"+url.PathEscape(c.o.Device), d, nil, nil)
}

// call makes one REST call. It does not retry: every call here may be repeated by the caller.
func (c *Client) call(ctx context.Context, method, path string, body any, head http.Header, into any) error {
	_, err := c.do(ctx, method, path, body, head, into)
	return err
}

// do is call for who wants to know the status.
func (c *Client) do(ctx context.Context, method, path string, body any, head http.Header, into any) (status int, err error) {
	var payload io.Reader
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return 0, fmt.Errorf("encode the request: %w", err)
		}
		payload = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.rest+path, payload)
	if err != nil {
		return 0, fmt.Errorf("make the request: %w", err)
	}
	token, err := c.o.Token(ctx)
	if err != nil {
		return 0, fmt.Errorf("get a token: %w", err)
	}
	for k, v := range head {
		req.Header[k] = v
	}
	req.Header.Set("Authorization", "Bearer "+token)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := c.o.HTTP.Do(req)
	if err != nil {
		return 0, fmt.Errorf("call the gateway: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	data, err := io.ReadAll(io.LimitReader(res.Body, maxAnswerBytes))
	if err != nil {
		return 0, fmt.Errorf("read the gateway's answer: %w", err)
	}
	if res.StatusCode >= 300 {
		return res.StatusCode, problemOf(res, data)
	}
	if into == nil {
		return res.StatusCode, nil
	}
	if err := json.Unmarshal(data, into); err != nil {
		return 0, fmt.Errorf("read the gateway's answer: %w", err)
	}
	return res.StatusCode, nil
}

// problemOf makes an Error of a refused call; one without a problem in it comes from something in between.
func problemOf(res *http.Response, data []byte) error {
	var p protocol.Problem
	if json.Unmarshal(data, &p) != nil || p.Code == "" {
		p.Code = protocol.CodeInternal
		if res.StatusCode == http.StatusBadGateway || res.StatusCode == http.StatusServiceUnavailable || res.StatusCode == http.StatusGatewayTimeout {
			p.Code = protocol.CodeUnavailable
		}
		p.Detail = "the answer is no problem of the gateway's: " + res.Status
	}
	after := time.Duration(p.RetryAfterMS) * time.Millisecond
	if s, err := strconv.Atoi(res.Header.Get("Retry-After")); err == nil && after == 0 {
		after = time.Duration(s) * time.Second
	}
	return &Error{Code: p.Code, Detail: p.Detail, Status: res.StatusCode, RetryAfter: after}
}

// temporary says whether the same call may succeed later.
func temporary(err error) bool {
	var e *Error
	if errors.As(err, &e) {
		return e.Code.Retryable() || e.Code == protocol.CodeTokenExpired || e.Code == protocol.CodeInternal
	}
	return true // no answer at all
}
