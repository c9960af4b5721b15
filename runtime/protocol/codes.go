package protocol

import (
	"net/http"
	"time"
)

// Subprotocol is the WebSocket subprotocol's name.
const Subprotocol = "chat.v1"

// Limits of what a client may send.
const (
	// MaxFrameBytes is the largest frame that is read; a longer one closes the connection with CloseFrameTooLarge.
	MaxFrameBytes = 64 << 10
	// MaxDepth and MaxTokens bound a frame's nesting and its number of values, names and separators: more is a bad frame, and is
	// never parsed.
	MaxDepth  = 32
	MaxTokens = 4096
	// MaxRefBytes bounds a ref.
	MaxRefBytes = 64
	// MaxBodyBytes is the largest body of a message.
	MaxBodyBytes = 16 << 10
	// MaxClientMsgIDBytes bounds a client_msg_id.
	MaxClientMsgIDBytes = 64
	// MaxTitleBytes bounds a group's title.
	MaxTitleBytes = 256
	// MaxGroupMembers is how many members a group may have.
	MaxGroupMembers = 5000
	// MaxEmojiBytes bounds a reaction: one emoji with its modifiers.
	MaxEmojiBytes = 64
	// MaxReactions bounds the reactions that a message keeps; more are refused.
	MaxReactions = 1000
	// MaxReceiptMembers is how large a conversation may be for receipts to be sent by themselves.
	MaxReceiptMembers = 64
	// MaxPresenceUsers is how many users one connection may watch, and one request may ask for.
	MaxPresenceUsers = 100
	// TypingEvery is how often a client may say that its user writes in a conversation; more often is dropped.
	TypingEvery = 2 * time.Second
	// TypingFor is for how long a client shows that somebody writes, unless it is told so again or told that they have stopped.
	TypingFor = 6 * time.Second
	// MaxMissed is how many missed entries of a conversation are sent on resume; beyond, the client gets a gap and pages.
	MaxMissed = 200
	// RetrySearchSeqs is how far back a retry is looked for.
	RetrySearchSeqs = 4096
)

// Code is an error code, on the socket and, as the last part of a problem's type, on REST.
type Code string

// The error codes.
const (
	// CodeBadFrame is a frame or body that cannot be read; the detail says why.
	CodeBadFrame Code = "bad_frame"
	// CodeUnknownType is a frame of a type that this server does not know.
	CodeUnknownType Code = "unknown_type"
	// CodeInvalid is a field that breaks a rule; the detail names it.
	CodeInvalid Code = "invalid"
	// CodeTooLarge is a body over MaxBodyBytes.
	CodeTooLarge Code = "too_large"
	// CodeUnauthenticated is a missing or refused token.
	CodeUnauthenticated Code = "unauthenticated"
	// CodeTokenExpired is a token past its expiry.
	CodeTokenExpired Code = "token_expired"
	// CodeNotMember is a conversation of which the user is no member, or that does not exist: the two look alike.
	CodeNotMember Code = "not_member"
	// CodeNotFound is a thing that does not exist.
	CodeNotFound Code = "not_found"
	// CodeForbidden is something that the user's role, or the message's author, does not allow.
	CodeForbidden Code = "forbidden"
	// CodeTooOld is a change of a message that has left the hot retention.
	CodeTooOld Code = "too_old"
	// CodeTooManyDevices is a device that is new, of a user who has as many as there may be: one must be signed out first.
	CodeTooManyDevices Code = "too_many_devices"
	// CodeKeyReused is a client_msg_id, or on REST an Idempotency-Key, that was used for something else. Nothing was done.
	CodeKeyReused Code = "key_reused"
	// CodeRateLimited is too much, too fast. Retry after the hint.
	CodeRateLimited Code = "rate_limited"
	// CodeQuota is more than the tenant may use. Retry after the hint.
	CodeQuota Code = "quota_exceeded"
	// CodeSuspended is a tenant that is not served.
	CodeSuspended Code = "suspended"
	// CodeMuted is a user who may send nothing for now; the detail says until when. Nothing was done. What comes after the hint is taken.
	CodeMuted Code = "muted"
	// CodeBusy is a full queue: nothing was done. Retry after the hint.
	CodeBusy Code = "busy"
	// CodeUnavailable is an outcome that is not known. Retry with the same client_msg_id.
	CodeUnavailable Code = "unavailable"
	// CodeRetryTooOld is a retry that can no longer be told from a new message: check the history, then send it with a
	// fresh after_seq.
	CodeRetryTooOld Code = "retry_too_old"
	// CodeMethodNotAllowed, CodeNotAcceptable and CodeUnsupportedMedia are HTTP's own: REST alone has them.
	CodeMethodNotAllowed Code = "method_not_allowed"
	CodeNotAcceptable    Code = "not_acceptable"
	CodeUnsupportedMedia Code = "unsupported_media_type"
	// CodeInternal is a fault of the server's own.
	CodeInternal Code = "internal"
)

// Retryable says whether the same frame may be sent again, unchanged.
func (c Code) Retryable() bool {
	switch c {
	case CodeRateLimited, CodeQuota, CodeBusy, CodeUnavailable:
		return true
	default:
		return false
	}
}

// Status is the HTTP status of a problem with this code.
func (c Code) Status() int {
	switch c {
	case CodeBadFrame, CodeUnknownType, CodeInvalid:
		return http.StatusBadRequest
	case CodeTooLarge:
		return http.StatusRequestEntityTooLarge
	case CodeUnauthenticated, CodeTokenExpired:
		return http.StatusUnauthorized
	case CodeNotMember, CodeNotFound:
		return http.StatusNotFound
	case CodeForbidden, CodeSuspended, CodeMuted:
		return http.StatusForbidden
	case CodeMethodNotAllowed:
		return http.StatusMethodNotAllowed
	case CodeNotAcceptable:
		return http.StatusNotAcceptable
	case CodeUnsupportedMedia:
		return http.StatusUnsupportedMediaType
	case CodeTooManyDevices, CodeRetryTooOld, CodeTooOld:
		return http.StatusConflict
	case CodeKeyReused:
		return http.StatusUnprocessableEntity
	case CodeRateLimited, CodeQuota:
		return http.StatusTooManyRequests
	case CodeBusy, CodeUnavailable:
		return http.StatusServiceUnavailable
	default:
		return http.StatusInternalServerError
	}
}

// Title says in a few words what the code means.
func (c Code) Title() string {
	if t, ok := titles[c]; ok {
		return t
	}
	return "Internal error"
}

var titles = map[Code]string{
	CodeBadFrame:         "What was sent cannot be read",
	CodeUnknownType:      "The frame's type is unknown",
	CodeInvalid:          "A field breaks a rule",
	CodeTooLarge:         "The message is too large",
	CodeUnauthenticated:  "The token is missing or refused",
	CodeTokenExpired:     "The token has expired",
	CodeNotMember:        "No such conversation, or not a member of it",
	CodeNotFound:         "Not found",
	CodeForbidden:        "Not allowed",
	CodeTooOld:           "The message is too old to be changed",
	CodeTooManyDevices:   "The user has too many devices",
	CodeKeyReused:        "The key was used for something else",
	CodeRateLimited:      "Too many requests",
	CodeQuota:            "The tenant's quota is used up",
	CodeSuspended:        "The tenant is suspended",
	CodeMuted:            "The user is muted",
	CodeBusy:             "The server is busy",
	CodeUnavailable:      "The outcome is not known",
	CodeRetryTooOld:      "The retry is too old to be recognized",
	CodeMethodNotAllowed: "Not a method of this resource",
	CodeNotAcceptable:    "No such representation",
	CodeUnsupportedMedia: "The body's type is not taken",
	CodeInternal:         "Internal error",
}

// CloseCode is a WebSocket close code. 3000 to 3499 mean reconnect, 3500 to 3999 give up (RFC 6455, section 7.4.2 leaves
// 3000–3999 to applications).
type CloseCode int

// The close codes.
const (
	// CloseDrain: the gateway is going away.
	CloseDrain CloseCode = 3000
	// CloseSlow: the connection did not keep up with what it was sent. Nothing is lost: it resumes.
	CloseSlow CloseCode = 3001
	// CloseInternal: a fault of the server's own.
	CloseInternal CloseCode = 3002
	// CloseIdle: no frame and no pong in time.
	CloseIdle CloseCode = 3003
	// CloseFull: the gateway has as many connections as it takes.
	CloseFull CloseCode = 3004
	// CloseTokenExpired: reconnect with a new token.
	CloseTokenExpired CloseCode = 3005
	// CloseQuota: the tenant has as many connections as it may have.
	CloseQuota CloseCode = 3006

	// CloseUnauthenticated: the token was refused.
	CloseUnauthenticated CloseCode = 3500
	// CloseReplaced: the same device connected again; this connection is the older.
	CloseReplaced CloseCode = 3501
	// CloseProtocol: what was received is not this protocol.
	CloseProtocol CloseCode = 3502
	// CloseFrameTooLarge: a frame over MaxFrameBytes.
	CloseFrameTooLarge CloseCode = 3503
	// CloseRevoked: the token, the device or the user was revoked.
	CloseRevoked CloseCode = 3504
	// CloseTooManyDevices: the device is new, and its user has as many as there may be.
	CloseTooManyDevices CloseCode = 3505
	// CloseSuspended: the tenant is not served.
	CloseSuspended CloseCode = 3506
)

// Reconnect says whether a client that was closed with the code should come back. Codes outside of the application's range,
// such as 1006 for a lost connection, mean reconnect.
func (c CloseCode) Reconnect() bool { return c < 3500 || c > 3999 }
