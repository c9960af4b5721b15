package rest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/chatcluster/chatcluster/runtime/auth"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// refusal is an error that the client is told of as it is.
type refusal struct {
	code   protocol.Code
	detail string
	wait   time.Duration
}

func (r refusal) Error() string { return string(r.code) + ": " + r.detail }

func refuse(code protocol.Code, detail string) refusal { return refusal{code: code, detail: detail} }

func invalid(format string, args ...any) refusal {
	return refusal{code: protocol.CodeInvalid, detail: fmt.Sprintf(format, args...)}
}

// errNotMember is a conversation that is not the user's, or is none.
var errNotMember = refuse(protocol.CodeNotMember, "")

// refuse answers for an error. One that is no refusal is our own fault, or that of what we depend on.
func (a *API) refuse(w http.ResponseWriter, r *http.Request, err error) {
	var told refusal
	switch {
	case errors.As(err, &told):
	case errors.Is(err, context.Canceled) && r.Context().Err() != nil:
		return // the client has gone
	case errors.Is(err, store.ErrInvalidID):
		told = invalid("%s", err.Error())
	default:
		a.o.Logger.ErrorContext(r.Context(), "a request failed", "route", r.Pattern, "error", err)
		told = refusal{code: protocol.CodeUnavailable}
	}
	p := protocol.ProblemOf(told.code, told.detail)
	p.RetryAfterMS = uint32(told.wait.Milliseconds())
	Problem(w, p)
}

// Problem answers with a problem.
func Problem(w http.ResponseWriter, p protocol.Problem) {
	head := w.Header()
	head.Set("Content-Type", problemType)
	head.Set("Cache-Control", "no-store")
	head.Del("ETag")
	if p.Code.Retryable() {
		wait := time.Duration(p.RetryAfterMS) * time.Millisecond
		head.Set("Retry-After", strconv.Itoa(max(int((wait+time.Second-1)/time.Second), 1)))
	}
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p)
}

// Unauthorized answers for a token that Verify did not take.
func Unauthorized(w http.ResponseWriter, err error) {
	Problem(w, protocol.ProblemOf(unauthorized(w.Header(), err).code, ""))
}

// unauthorized is the refusal of a token.
func unauthorized(head http.Header, err error) refusal {
	code := protocol.CodeUnauthenticated
	switch {
	case errors.Is(err, auth.ErrExpired):
		code = protocol.CodeTokenExpired
	case errors.Is(err, auth.ErrSuspended):
		return refusal{code: protocol.CodeSuspended}
	case auth.Retryable(err), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return refusal{code: protocol.CodeUnavailable}
	}
	head.Set("WWW-Authenticate", "Bearer")
	return refusal{code: code}
}
