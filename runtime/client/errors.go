package client

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/chatcluster/chatcluster/runtime/protocol"
)

// ErrClosed is returned by everything after Close.
var ErrClosed = errors.New("the client is closed")

// ErrOutboxFull is returned by Send when too many messages have no answer yet.
var ErrOutboxFull = errors.New("the outbox is full")

// Temporary says whether the same call, made later, may succeed: the server is busy or out of reach, the outbox is full, there is no
// connection. It is false for nil, for what the server refused for good, after the client has ended, and where the caller itself
// stopped waiting. How long to wait, an *Error may say by RetryAfter.
func Temporary(err error) bool {
	var ended *CloseError
	switch {
	case err == nil, errors.Is(err, ErrClosed), errors.As(err, &ended), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return false
	}
	return temporary(err)
}

// Error is what the server refused, and why. Two are the same to errors.Is when their codes are.
type Error struct {
	Code protocol.Code
	// Detail is for people, in English; it never holds what people wrote.
	Detail string
	// Status is the HTTP status, 0 on the socket.
	Status int
	// RetryAfter is how long to wait before the next try; 0: the server does not say.
	RetryAfter time.Duration
}

func (e *Error) Error() string {
	if e.Detail == "" {
		return fmt.Sprintf("%s (%s)", e.Code.Title(), e.Code)
	}
	return fmt.Sprintf("%s (%s): %s", e.Code.Title(), e.Code, e.Detail)
}

// Is says whether target is an *Error with the same code.
func (e *Error) Is(target error) bool {
	var t *Error
	return errors.As(target, &t) && t.Code == e.Code
}

// CloseError says that the server ended the connection for good: the client has ended and does not come back.
type CloseError struct {
	// Code is 3500 to 3999.
	Code protocol.CloseCode
	// Reason is for people.
	Reason string
}

func (e *CloseError) Error() string {
	return fmt.Sprintf("the gateway closed the connection for good: %s (%d)", e.Reason, int(e.Code))
}
