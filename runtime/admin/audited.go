package admin

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/chatcluster/chatcluster/runtime/auth"
	"github.com/chatcluster/chatcluster/runtime/eventlog"
	"github.com/chatcluster/chatcluster/runtime/httpapi"
	"github.com/chatcluster/chatcluster/runtime/protocol"
)

// auditTimeout bounds how long an answer waits for Kafka; what was done before is told within it even if the caller has gone.
const auditTimeout = 5 * time.Second

// Outcomes, beside the codes of refusals.
const (
	outcomeAsked = "asked"
	outcomeDone  = "done"
	outcomeCut   = "cut off"
)

// errUnaudited is what nobody has a record of: it is not done, and not shown.
var errUnaudited = httpapi.Refuse(protocol.CodeUnavailable, "it cannot be audited now")

// begin has it on record that a change is asked for. Nothing may be changed before.
func (c *call) begin() error {
	if c.begun {
		return nil
	}
	if err := c.publish(c.Context(), outcomeAsked); err != nil {
		c.a.o.Logger.WarnContext(c.Context(), "a change is refused that cannot be audited", "operation", c.op.name, "error", err)
		return errUnaudited
	}
	c.begun = true
	return nil
}

// conclude has it on record how the call ended, and returns what the caller is told: err, or that what was read cannot be audited.
func (c *call) conclude(err error) error {
	outcome := outcomeDone
	var told httpapi.Refusal
	switch {
	case errors.As(err, &told):
		outcome = string(told.Code)
	case err != nil:
		outcome = string(protocol.CodeUnavailable)
	case c.cut != nil:
		outcome = outcomeCut
	case c.op.changes && !c.begun:
		panic("a change without its record: " + c.op.name)
	}
	if lost := c.publish(context.WithoutCancel(c.Context()), outcome); lost != nil {
		if err == nil && !c.begun {
			c.a.o.Logger.WarnContext(c.Context(), "what is read is not shown, as it cannot be audited", "operation", c.op.name, "error", lost)
			return errUnaudited
		}
		c.a.m.auditLost.Inc()
	}
	return err
}

// publish publishes a record to the tenant's log. What an operator of the platform does is there without a name, and in the platform's own log with it.
func (c *call) publish(ctx context.Context, outcome string) error {
	ctx, cancel := context.WithTimeout(ctx, auditTimeout)
	defer cancel()
	details := map[string]string{"operation": c.op.name, "outcome": outcome}
	for k, v := range c.details {
		details[k] = v
	}
	r := eventlog.AuditRecord{
		Tenant: c.tenant, ID: "admin/" + c.id + "/" + phase(outcome), At: c.a.now(), Kind: eventlog.AuditAdmin, Actor: c.who.User.ID(), Subject: c.subject,
		Device: c.device, Details: details,
	}
	if !c.platform() {
		return c.a.o.Audit.Audit(ctx, r)
	}
	own := r
	own.Tenant, own.Subject, own.Device = auth.Admin, "", "" // another tenant's users are none of this log's
	own.Details = map[string]string{"operation": c.op.name, "outcome": outcome, "tenant": string(c.tenant)}
	both, ctx := errgroup.WithContext(ctx)
	both.Go(func() error { return c.a.o.Audit.Audit(ctx, own) })
	if c.tenant != auth.Admin {
		r.Actor = ""
		r.Details["by"] = "platform"
		both.Go(func() error { return c.a.o.Audit.Audit(ctx, r) })
	}
	return both.Wait()
}

// phase tells a call's records apart.
func phase(outcome string) string {
	if outcome == outcomeAsked {
		return "asked"
	}
	return "ended"
}
