package push

import (
	"context"
	"fmt"
	"log/slog"
	"time"
)

// Channel is the platform that a push goes through, by Pinpoint's name.
type Channel string

// The channels.
const (
	APNS        Channel = "APNS"
	APNSSandbox Channel = "APNS_SANDBOX"
	GCM         Channel = "GCM" // Firebase Cloud Messaging
	ADM         Channel = "ADM"
)

// Valid says whether there is such a channel.
func (c Channel) Valid() bool {
	switch c {
	case APNS, APNSSandbox, GCM, ADM:
		return true
	}
	return false
}

// Limits of a message, the least of all platforms.
const (
	// MaxCollapseIDBytes is APNs's limit of a collapse id.
	MaxCollapseIDBytes = 64
	// MaxPayloadBytes is the limit of a payload with all that the platform and the service add to it.
	MaxPayloadBytes = 4 << 10
)

// Message is a push to one device.
type Message struct {
	// Address is the device's push token: a secret.
	Address string
	Channel Channel
	Title   string
	// Body is cut to what the payload has room for.
	Body string
	// Badge is the number on the app's icon; nil leaves it as it is.
	Badge *int
	// CollapseID makes a device show only the last push that has it. At most MaxCollapseIDBytes; empty never collapses.
	CollapseID string
	// Data is handed to the app. Not secret, and small: it counts against the payload.
	Data map[string]string
}

// String names nothing that is secret or private.
func (m Message) String() string { return fmt.Sprintf("push via %s", m.Channel) }

// GoString is String: %#v shows no more.
func (m Message) GoString() string { return m.String() }

// LogValue is String.
func (m Message) LogValue() slog.Value { return slog.StringValue(m.String()) }

// Outcome is what became of a push.
type Outcome int

// The outcomes.
const (
	// Failed is refused for a reason of our side, such as rejected credentials or a missing application: once that is
	// mended the same push would succeed. It is the zero value: an answer that was not given is no success.
	Failed Outcome = iota
	// Delivered is accepted for the device.
	Delivered
	// Throttled is too much for now.
	Throttled
	// Retry is a temporary failure, or one of which nothing is known: the push may have been accepted.
	Retry
	// Unregistered is a token that the platform no longer knows: forget it.
	Unregistered
	// Invalid is refused for good: the token or the message is not what the platform takes, or the application has no such
	// channel. Repeating it cannot help; the token stays.
	Invalid
)

var outcomes = [...]string{Failed: "failed", Delivered: "delivered", Throttled: "throttled", Retry: "retry", Unregistered: "unregistered", Invalid: "invalid"}

// String is for logs and metrics.
func (o Outcome) String() string {
	if o < 0 || int(o) >= len(outcomes) {
		return "unknown"
	}
	return outcomes[o]
}

// Final says whether there is nothing left to do for the push.
func (o Outcome) Final() bool { return o == Delivered || o == Unregistered || o == Invalid }

// Result is the outcome of one message.
type Result struct {
	Outcome Outcome
	// Reason is a word of a small, fixed set, fit for logs and metrics. It may be empty.
	Reason string
	// Strike is true when the platform blames the token and may be wrong about it: a token that it refuses again and again is
	// of no use.
	Strike bool
	// Held is true when the push was not tried at all, because the platform's circuit is open.
	Held bool
	// RetryAfter is how long to wait at least. Zero: the caller's own backoff.
	RetryAfter time.Duration
}

// Sender sends pushes. It returns a result for each message, in their order; messages may come in any mixture. What it
// could not do before ctx ended is Retry. It repeats throttled and temporary failures a few times itself.
type Sender interface {
	Send(ctx context.Context, application string, messages []Message) []Result
}
