package lanes

import (
	"math/rand/v2"
	"time"

	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// Retries delays failed passes, each time twice as long, from first to at most longest. Delays are spread, so that those that failed
// together do not come back together.
func Retries(first, longest time.Duration) workqueue.TypedRateLimiter[reconcile.Request] {
	return spread{workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](first, longest)}
}

type spread struct {
	workqueue.TypedRateLimiter[reconcile.Request]
}

// When implements TypedRateLimiter: the inner delay, and up to as much again.
func (s spread) When(item reconcile.Request) time.Duration {
	d := s.TypedRateLimiter.When(item)
	return d + rand.N(d+1)
}
