package metrics

import (
	"context"
	"errors"
	"strings"
	"time"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go/middleware"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/controllers/external/fault"
)

// Outcomes of calls. They are labels.
const (
	outcomeOK          = "ok"
	outcomeNotFound    = "not_found" // what was asked for is not there: often that is the answer that was hoped for
	outcomeDenied      = "denied"
	outcomeUnreachable = "unreachable"
	outcomeCanceled    = "canceled" // the operator is stopping
	outcomeError       = "error"
)

// Calls counts and times the operator's calls of what is outside Kubernetes.
type Calls struct {
	seconds *prometheus.HistogramVec
}

// NewCalls registers the metric.
func NewCalls(r prometheus.Registerer) (*Calls, error) {
	c := &Calls{seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "chatcluster_operator_external_call_seconds",
		Help: "Time of a call of a service outside Kubernetes, its attempts and its wait for the account's rate included.",
		// From 5 ms to 20 s, which is a phase's deadline.
		Buckets: prometheus.ExponentialBuckets(0.005, 4, 7),
	}, []string{"service", "operation", "outcome"})}
	return c, r.Register(c.seconds)
}

// Observe notes a call that has ended. service and operation are of a small, fixed set.
func (c *Calls) Observe(service, operation string, start time.Time, err error) {
	c.seconds.WithLabelValues(service, operation, outcome(service, err)).Observe(time.Since(start).Seconds())
}

// AWS is for the APIOptions of an AWS client: each of its calls is noted, once for all of its attempts.
func (c *Calls) AWS(stack *middleware.Stack) error {
	return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("chatcluster.io/calls",
		func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
			start := time.Now()
			out, metadata, err := next.HandleInitialize(ctx, in)
			c.Observe(awsmiddleware.GetServiceID(ctx), awsmiddleware.GetOperationName(ctx), start, err)
			return out, metadata, err
		}), middleware.After)
}

func outcome(service string, err error) string {
	switch {
	case err == nil:
		return outcomeOK
	case errors.Is(err, context.Canceled):
		return outcomeCanceled
	case strings.Contains(fault.Code(err), "NotFound"):
		return outcomeNotFound
	}
	switch fault.Reason(fault.AWS(service, "", err)) {
	case v1alpha1.ReasonAccessDenied:
		return outcomeDenied
	case v1alpha1.ReasonUnreachable:
		return outcomeUnreachable
	}
	return outcomeError
}
