package client

import (
	"errors"
	"fmt"
	"time"

	"github.com/chatcluster/chatcluster/runtime/protocol"
)

// ErrClosed is returned by everything after Close.
var ErrClosed = errors.New("the client is closed")

// ErrOutboxFull is returned by Send when too many messages have no answer yet.
var ErrOutboxFull = errors.New("the outbox is full")

// Error is a typed error of the server.
type Error struct {
	Code protocol.Code
	// Detail is for people.
	Detail string
	// Status is the HTTP status, 0 on the socket.
	Status     int
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

// CloseError says that the server ended the connection for good.
type CloseError struct {
	Code   protocol.CloseCode
	Reason string
}

func (e *CloseError) Error() string {
	return fmt.Sprintf("the gateway closed the connection for good: %s (%d)", e.Reason, int(e.Code))
}
