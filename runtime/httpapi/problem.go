package httpapi

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
)

// Refusal is an error that the client is told of as it is.
type Refusal struct { //nolint:errname // handlers return it, and it reads as what it is
	Code   protocol.Code
	Detail string
	// Wait is when a retryable one may be tried again; zero is a second.
	Wait time.Duration
}

// Error implements error.
func (r Refusal) Error() string { return string(r.Code) + ": " + r.Detail }

// Refuse returns a refusal.
func Refuse(code protocol.Code, detail string) Refusal { return Refusal{Code: code, Detail: detail} }

// Invalid refuses a field that breaks a rule.
func Invalid(format string, args ...any) Refusal {
	return Refusal{Code: protocol.CodeInvalid, Detail: fmt.Sprintf(format, args...)}
}

// Problem answers with a problem.
func Problem(w http.ResponseWriter, p protocol.Problem) {
	head := w.Header()
	head.Set("Content-Type", ProblemType)
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
	Problem(w, protocol.ProblemOf(Unauthenticated(w.Header(), err).Code, ""))
}

// Unauthenticated is the refusal of a token.
func Unauthenticated(head http.Header, err error) Refusal {
	code := protocol.CodeUnauthenticated
	switch {
	case errors.Is(err, auth.ErrExpired):
		code = protocol.CodeTokenExpired
	case errors.Is(err, auth.ErrSuspended):
		return Refusal{Code: protocol.CodeSuspended}
	case auth.Retryable(err), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return Refusal{Code: protocol.CodeUnavailable}
	}
	head.Set("WWW-Authenticate", "Bearer")
	return Refusal{Code: code}
}
