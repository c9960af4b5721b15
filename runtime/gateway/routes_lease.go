package gateway

import "context"

// keepLease renews the lease. When Redis has lost it, every route may be lost with it: all are registered again before there is
// another, and until then the chat pods leave nothing out here.
func (t *router) keepLease(ctx context.Context) {
	kept, err := t.lease(ctx)
	t.mu.Lock()
	t.leased, t.broken = kept && err == nil, err != nil
	t.mu.Unlock()
	if err != nil {
		// Redis may have it still, and be right: whoever cannot read it there takes it as not known.
		t.g.m.routeErrors.Inc()
		t.g.log.Debug("the gateway's lease is not renewed", "error", err)
	}
	t.report()
}

func (t *router) lease(ctx context.Context) (bool, error) {
	if kept, err := t.call(ctx, t.r.RenewGateway); err != nil || kept {
		return kept, err
	}
	_, err := t.call(ctx, func(ctx context.Context, in string) (bool, error) { return true, t.r.BeginGateway(ctx, in) })
	if err != nil {
		return false, err
	}
	t.mu.Lock()
	for k, e := range t.routes {
		t.enqueue(k, e)
	}
	t.mu.Unlock()
	for more := true; more; {
		if more, err = t.writeSome(ctx); err != nil {
			return false, err
		}
	}
	return t.call(ctx, t.r.FinishGateway)
}

func (t *router) call(ctx context.Context, f func(context.Context, string) (bool, error)) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, routeTimeout)
	defer cancel()
	return f(ctx, t.instance)
}

// flush drops what is left and gives the lease back.
func (t *router) flush(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*routeTimeout)
	defer cancel()
	for more := true; more; {
		var err error
		if more, err = t.writeSome(ctx); err != nil {
			return // what is left lapses
		}
	}
	if err := t.r.EndGateway(ctx, t.instance); err != nil {
		t.g.log.Debug("the gateway's lease is left to lapse", "error", err)
	}
}
