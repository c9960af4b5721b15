package pinpoint

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/pinpoint"
	"github.com/aws/smithy-go"
	"golang.org/x/sync/errgroup"

	"github.com/chatcluster/chatcluster/runtime/push"
)

// Limits and defaults.
const (
	// MaxAddresses is how many addresses a call takes (API reference).
	MaxAddresses = 100
	// DefaultCallTimeout bounds one call.
	DefaultCallTimeout = 10 * time.Second
	// DefaultAttempts is how often a message is tried.
	DefaultAttempts = 4
	// DefaultCalls is how many calls of one Send are under way at once.
	DefaultCalls = 8
	// firstBackoff and maxBackoff bound the wait before a repeat; the wait is anything up to the bound.
	firstBackoff = 200 * time.Millisecond
	maxBackoff   = 5 * time.Second
)

// API is the one call that is made.
type API interface {
	SendMessages(ctx context.Context, in *pinpoint.SendMessagesInput, options ...func(*pinpoint.Options)) (*pinpoint.SendMessagesOutput, error)
}

// NewClient returns the SDK's client for it. An empty endpoint means the Region's own. The client does not retry: a Sender
// does, address by address.
func NewClient(cfg aws.Config, endpoint string) *pinpoint.Client {
	return pinpoint.NewFromConfig(cfg, func(o *pinpoint.Options) {
		o.Retryer = aws.NopRetryer{}
		if endpoint != "" {
			o.BaseEndpoint = aws.String(endpoint)
		}
	})
}

// Options of a Sender; zero values mean the defaults.
type Options struct {
	CallTimeout time.Duration
	Attempts    int
	Calls       int
	// Log takes calls that fail as a whole; nil discards them.
	Log *slog.Logger
}

// Sender implements push.Sender.
type Sender struct {
	api API
	o   Options
}

// New returns a sender.
func New(api API, o Options) *Sender {
	if o.CallTimeout <= 0 {
		o.CallTimeout = DefaultCallTimeout
	}
	if o.Attempts <= 0 {
		o.Attempts = DefaultAttempts
	}
	if o.Calls <= 0 {
		o.Calls = DefaultCalls
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Sender{api: api, o: o}
}

// Send implements push.Sender.
func (s *Sender) Send(ctx context.Context, application string, messages []push.Message) []push.Result {
	results := make([]push.Result, len(messages))
	var open []int
	ready := make([]push.Message, len(messages))
	for i, m := range messages {
		fitted, reason := fit(m)
		if reason != "" {
			results[i] = push.Result{Outcome: push.Invalid, Reason: reason}
			continue
		}
		ready[i] = fitted
		results[i] = push.Result{Outcome: push.Retry, Reason: reasonNotSent}
		open = append(open, i)
	}
	backoff := firstBackoff
	for attempt := 1; len(open) > 0 && ctx.Err() == nil; attempt++ {
		var group errgroup.Group
		group.SetLimit(s.o.Calls)
		for _, call := range calls(ready, open) {
			if ctx.Err() != nil {
				break
			}
			group.Go(func() error {
				s.call(ctx, application, ready, call, results)
				return nil
			})
		}
		_ = group.Wait() // every call has its results
		open = again(open, results)
		if len(open) == 0 || attempt == s.o.Attempts || !wait(ctx, rand.N(backoff)) {
			break
		}
		backoff = min(2*backoff, maxBackoff)
	}
	return results
}

// again keeps the messages that a repeat may help.
func again(open []int, results []push.Result) []int {
	var out []int
	for _, i := range open {
		if o := results[i].Outcome; o == push.Throttled || o == push.Retry {
			out = append(out, i)
		}
	}
	return out
}

func wait(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// call sends the messages at the indexes, which differ in nothing but their device, and fills in their results.
func (s *Sender) call(ctx context.Context, application string, messages []push.Message, indexes []int, results []push.Result) {
	ctx, cancel := context.WithTimeout(ctx, s.o.CallTimeout)
	defer cancel()
	out, err := s.api.SendMessages(ctx, input(application, messages, indexes))
	if err != nil {
		r := ofCall(err)
		s.o.Log.WarnContext(ctx, "pushes not sent", "messages", len(indexes), "outcome", r.Outcome.String(), "reason", r.Reason)
		for _, i := range indexes {
			results[i] = r
		}
		return
	}
	for _, i := range indexes {
		if out.MessageResponse == nil {
			results[i] = push.Result{Outcome: push.Retry, Reason: reasonNoAnswer}
			continue
		}
		r, ok := out.MessageResponse.Result[messages[i].Address]
		if !ok {
			results[i] = push.Result{Outcome: push.Retry, Reason: reasonNoAnswer}
			continue
		}
		results[i] = classify(r)
	}
}

// ofCall is the result of all messages of a call that failed as a whole. The error's own text is left out: it may quote the
// request.
func ofCall(err error) push.Result {
	var response *awshttp.ResponseError
	if !errors.As(err, &response) || response.HTTPStatusCode() == 0 {
		// No answer: a connection that failed, a deadline, or credentials that could not be fetched.
		return push.Result{Outcome: push.Retry, Reason: reasonNoAnswer}
	}
	reason := reasonCallRefused
	var api smithy.APIError
	if errors.As(err, &api) {
		reason = known(api.ErrorCode(), reasonCallRefused)
	}
	switch code := response.HTTPStatusCode(); {
	case code == http.StatusTooManyRequests:
		return push.Result{Outcome: push.Throttled, Reason: reason}
	case code >= http.StatusInternalServerError || code < http.StatusBadRequest: // 2xx: an answer that cannot be read
		return push.Result{Outcome: push.Retry, Reason: reason}
	default:
		return push.Result{Outcome: push.Failed, Reason: reason}
	}
}
