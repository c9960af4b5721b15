package fault

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
)

func TestAWS(t *testing.T) {
	type want struct {
		Reason, Message string
		Terminal        bool
	}
	cases := map[string]struct {
		reason string
		err    error
		want   want
	}{
		"Denied": {
			reason: "permissions are granted by a person",
			err:    fmt.Errorf("operation error: %w", &smithy.GenericAPIError{Code: "AccessDeniedException", Message: "not you (Request ID: 1-2-3)"}),
			want:   want{v1alpha1.ReasonAccessDenied, "DynamoDB: create table x: AccessDeniedException: not you", true},
		},
		"Throttled": {
			reason: "throttling passes",
			err:    &smithy.GenericAPIError{Code: "ThrottlingException", Message: "slow down, request id: abc-def"},
			want:   want{v1alpha1.ReasonLimited, "DynamoDB: create table x: ThrottlingException: slow down", false},
		},
		"Validation": {
			reason: "the same request meets the same answer",
			err:    &smithy.GenericAPIError{Code: "ValidationException", Message: "no"},
			want:   want{v1alpha1.ReasonInvalid, "DynamoDB: create table x: ValidationException: no", true},
		},
		"Refused": {
			reason: "a network fails and heals; the local port must not rewrite the condition each time",
			err: fmt.Errorf("send: %w", &net.OpError{Op: "read", Net: "tcp",
				Source: &net.TCPAddr{IP: net.IPv4(10, 0, 0, 9), Port: 43210}, Addr: &net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 8000}, Err: errors.New("reset")}),
			want: want{v1alpha1.ReasonUnreachable, "DynamoDB cannot be reached: read tcp 10.0.0.1:8000: reset", false},
		},
		"Timeout": {
			reason: "an answer that is late is no answer",
			err:    fmt.Errorf("send: %w", context.DeadlineExceeded),
			want:   want{v1alpha1.ReasonUnreachable, "DynamoDB did not answer in time", false},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			err := AWS("DynamoDB", "create table x", tc.err)
			got := want{Reason(err), Message(err), IsTerminal(err)}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

func TestJoined(t *testing.T) {
	terminal, transient := Terminal(v1alpha1.ReasonInvalid, "a"), Transient(v1alpha1.ReasonError, "b")
	cases := map[string]struct {
		reason              string
		err                 error
		terminal, transient bool
	}{
		"Nil":       {reason: "no error is no failure", err: nil},
		"Plain":     {reason: "what is unknown may pass", err: errors.New("boom"), transient: true},
		"Terminal":  {reason: "alone it is retried slowly", err: fmt.Errorf("phase: %w", terminal), terminal: true},
		"Both":      {reason: "each speaks for itself", err: errors.Join(terminal, fmt.Errorf("x: %w", transient)), terminal: true, transient: true},
		"Transient": {reason: "it is retried soon", err: errors.Join(transient), transient: true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := IsTerminal(tc.err); got != tc.terminal {
				t.Errorf("%s: IsTerminal = %v", tc.reason, got)
			}
			if got := HasTransient(tc.err); got != tc.transient {
				t.Errorf("%s: HasTransient = %v", tc.reason, got)
			}
		})
	}
}

func TestClipKeepsRunes(t *testing.T) {
	got := Message(errors.New(strings.Repeat("é", maxMessage)))
	if strings.ContainsRune(got, '\uFFFD') || len(got) > maxMessage+len("…") {
		t.Errorf("clipped to %d bytes, with a broken rune or too long", len(got))
	}
}

func FuzzClean(f *testing.F) {
	f.Add("x, RequestID: 1, y")
	f.Add("read tcp [::1]:1->[::1]:2: reset")
	f.Fuzz(func(t *testing.T, s string) {
		if once, twice := Clean(s), Clean(Clean(s)); len(twice) > len(once) || len(once) > len(s) {
			t.Errorf("Clean grew %q", s)
		}
	})
}
