package admin

import (
	"errors"
	"time"

	"github.com/chatcluster/chatcluster/runtime/audit"
	"github.com/chatcluster/chatcluster/runtime/auth"
	"github.com/chatcluster/chatcluster/runtime/httpapi"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// getStats shows the rollups, of the last day by the hour where nothing else is asked for.
func (c *call) getStats() (httpapi.Reply, error) {
	if c.a.o.Stats == nil {
		return httpapi.Reply{}, notHere("analytics")
	}
	step, err := c.oneOf("step", "hour", "minute", "day")
	if err != nil {
		return httpapi.Reply{}, err
	}
	now := c.a.now()
	to, err := c.moment("to", now)
	if err != nil {
		return httpapi.Reply{}, err
	}
	from, err := c.moment("from", to.Add(-24*time.Hour))
	if err != nil {
		return httpapi.Reply{}, err
	}
	f, err := c.a.o.Stats.Stats(c.Context(), c.tenant, from, to, step)
	if errors.Is(err, ErrBadRange) {
		return httpapi.Reply{}, httpapi.Invalid("from and to: %v", ErrBadRange)
	}
	if err != nil {
		return httpapi.Reply{}, err
	}
	if f.Steps == nil {
		f.Steps = []Step{}
	}
	return ok(f)
}

// getSettings shows the tenant's record.
func (c *call) getSettings() (httpapi.Reply, error) {
	if c.tenant == auth.Admin {
		return httpapi.Reply{}, notFound("the platform is no tenant")
	}
	r, err := c.a.o.Tenants.Tenant(c.Context(), c.tenant)
	if errors.Is(err, store.ErrNotFound) {
		return httpapi.Reply{}, notFound("no such tenant")
	}
	if err != nil {
		return httpapi.Reply{}, err
	}
	out := Settings{
		Tenant: string(c.tenant), State: string(r.State), Issuer: r.Issuer.URL, Audience: r.Issuer.Audience, MaxConnections: r.MaxConnections,
		MessagesPerSecond: r.MessagesPerSecond, RetentionSeconds: int64(r.Retention / time.Second), Detectors: map[string]Detector{},
	}
	for name, d := range r.Detectors {
		out.Detectors[name] = Detector{Mode: d.Mode, Threshold: d.Threshold}
	}
	return ok(out)
}

// getAudit reads the audit log in its order. Where a user is named, entries about and by others are left out: a page may be empty then, and be followed
// by another.
func (c *call) getAudit() (httpapi.Reply, error) {
	after, err := c.number("after", 0, 1<<maxSeqBits, 0)
	if err != nil {
		return httpapi.Reply{}, err
	}
	limit, err := c.pageSize()
	if err != nil {
		return httpapi.Reply{}, err
	}
	user, err := c.text("user", store.MaxIDBytes)
	if err != nil {
		return httpapi.Reply{}, err
	}
	var out AuditPage
	if user != "" {
		u, err := store.NewUser(c.tenant, user)
		if err != nil {
			return httpapi.Reply{}, httpapi.Invalid("user: %v", err)
		}
		c.subject = user
		out.Pseudonym, err = c.a.o.AuditLog.Pseudonym(c.Context(), u)
		if errors.Is(err, audit.ErrNoPseudonym) {
			return httpapi.Reply{}, notFound("no entry is about the user, or nobody can tell any more which are")
		}
		if err != nil {
			return httpapi.Reply{}, err
		}
	}
	head, _, err := c.a.o.AuditLog.End(c.Context(), string(c.tenant))
	if err != nil {
		return httpapi.Reply{}, err
	}
	out.Head = head.N
	entries, err := c.a.o.AuditLog.Entries(c.Context(), string(c.tenant), int64(after), head.N, limit)
	if err != nil {
		return httpapi.Reply{}, err
	}
	out.Entries = []audit.Entry{}
	for _, e := range entries {
		if out.Pseudonym == "" || e.Subject == out.Pseudonym || e.Actor == out.Pseudonym {
			out.Entries = append(out.Entries, e)
		}
	}
	if n := len(entries); n > 0 && entries[n-1].N < head.N {
		out.Next = entries[n-1].N
	}
	return ok(out)
}
