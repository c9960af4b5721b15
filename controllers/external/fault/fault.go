package fault

import (
	"errors"
	"fmt"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
)

// Error is a failure with its kind.
type Error struct {
	// Reason is the condition's reason.
	Reason string
	// Message is stable and fit for a condition.
	Message string
	// Terminal failures need a person; they are retried all the same, slowly.
	Terminal bool

	err error
}

// Error returns the stable message.
func (e *Error) Error() string { return e.Message }

// Unwrap returns what was behind it, or nil.
func (e *Error) Unwrap() error { return e.err }

// Terminal is a failure that only a person can mend.
func Terminal(reason, format string, args ...any) error {
	return &Error{Reason: reason, Message: clip(fmt.Sprintf(format, args...)), Terminal: true}
}

// Transient is a failure that may pass.
func Transient(reason, format string, args ...any) error {
	return &Error{Reason: reason, Message: clip(fmt.Sprintf(format, args...))}
}

// IsTerminal tells whether any error in err's tree is terminal.
func IsTerminal(err error) bool {
	switch e := err.(type) { //nolint:errorlint // It walks the tree itself: one Error does not speak for its siblings.
	case nil:
		return false
	case *Error:
		return e.Terminal
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			if IsTerminal(inner) {
				return true
			}
		}
		return false
	}
	return IsTerminal(errors.Unwrap(err))
}

// HasTransient tells whether any error in err's tree is worth retrying soon.
func HasTransient(err error) bool {
	if err == nil {
		return false
	}
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		for _, inner := range many.Unwrap() {
			if HasTransient(inner) {
				return true
			}
		}
		return false
	}
	return !IsTerminal(err)
}

// Reason is the condition's reason for err: that of the first Error in its tree.
func Reason(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Reason
	}
	return v1alpha1.ReasonError
}

// Message is fit for a condition.
func Message(err error) string { return clip(Clean(err.Error())) }
