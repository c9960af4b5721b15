package gateway_test

import (
	"context"
	"sync"

	"github.com/chatcluster/chatcluster/runtime/cache"
	"github.com/chatcluster/chatcluster/runtime/gateway"
	"github.com/chatcluster/chatcluster/runtime/gateway/gatewaytest"
)

// slowRoutes are routes whose writes a test holds up, or that write nothing any more.
type slowRoutes struct {
	gateway.Routes

	mu       sync.Mutex
	instance string
	gate     chan struct{}
	waits    bool
	dead     bool
}

func (r *slowRoutes) hold(until chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.gate = until
}

func (r *slowRoutes) held() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.waits
}

// leased is the instance that has a lease, or "".
func (r *slowRoutes) leased() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.instance
}

func (r *slowRoutes) die() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.dead = true
}

func (r *slowRoutes) FinishGateway(ctx context.Context, instance string) (bool, error) {
	ok, err := r.Routes.FinishGateway(ctx, instance)
	r.mu.Lock()
	defer r.mu.Unlock()
	if ok {
		r.instance = instance
	}
	return ok, err
}

func (r *slowRoutes) RenewGateway(ctx context.Context, instance string) (bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.dead {
		return false, gatewaytest.ErrBroken
	}
	return r.Routes.RenewGateway(ctx, instance)
}

func (r *slowRoutes) PutRoutes(ctx context.Context, instance string, routes []cache.Route) ([]cache.Held, error) {
	r.mu.Lock()
	gate, dead := r.gate, r.dead
	r.waits = gate != nil
	r.mu.Unlock()
	if dead {
		return nil, gatewaytest.ErrBroken
	}
	if gate != nil {
		<-gate
	}
	return r.Routes.PutRoutes(context.WithoutCancel(ctx), instance, routes)
}
