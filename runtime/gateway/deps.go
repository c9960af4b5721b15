package gateway

import (
	"context"
	"time"

	"github.com/chatcluster/chatcluster/runtime/auth"
	"github.com/chatcluster/chatcluster/runtime/cache"
	"github.com/chatcluster/chatcluster/runtime/eventlog"
	"github.com/chatcluster/chatcluster/runtime/gateway/rest"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// ErrBadCursor is wrapped by an Inbox for a cursor that it never gave out.
var ErrBadCursor = rest.ErrBadCursor

// Principal is whom a token speaks for, and until when.
type Principal = auth.Principal

// Verifier judges tokens; package auth has the errors. They never hold the token.
type Verifier interface {
	Verify(ctx context.Context, token string) (Principal, error)
}

// Revocations know which tokens were taken back; package auth has the errors.
type Revocations interface {
	// Check returns auth.ErrRevoked or auth.ErrRevocationsUnknown; device is empty where it is not known.
	Check(p Principal, device string) error
	// Revoke keeps a revocation, and has Check know of it when it returns.
	Revoke(ctx context.Context, r store.Revocation) error
	// Subscribe has f told of what Check knows from now on.
	Subscribe(f func([]store.Revocation))
}

// Tenants know the tenants' records; package tenants has them.
type Tenants interface {
	// Peek returns a record as far as it is known, without waiting. Tenants of the configuration's have none.
	Peek(t store.Tenant) (store.TenantRecord, bool)
	// Subscribe has f told of records that changed.
	Subscribe(f func([]store.TenantRecord))
}

// Store is what the gateway reads and writes of the store.
type Store interface {
	rest.Store
	store.Memberships
	Read(ctx context.Context, c store.Conv, from uint64, limit int) ([]store.Stored, error)
	RegisterDevice(ctx context.Context, u store.User, d store.Device) error
}

// Mark is how far a user has come in a conversation.
type Mark struct {
	// Delivered is the mark of the device that was asked for.
	Delivered uint64
	Read      uint64
}

// Marks is the fast copy of marks. It may forget everything at any moment.
type Marks interface {
	// RaiseMarks raises both; zero leaves one as it is.
	RaiseMarks(ctx context.Context, u store.User, c store.Conv, device string, delivered, read uint64) error
	// DeviceMarks returns a mark for each of convs, in their order.
	DeviceMarks(ctx context.Context, u store.User, device string, convs []store.Conv) ([]Mark, error)
	// MemberMarks returns the marks of members of a conversation, in the order of users; zero where it knows none.
	MemberMarks(ctx context.Context, c store.Conv, users []store.User) ([]cache.Marks, error)
}

// Routes is where users are connected, for all pods to know. It may forget everything at any moment; package cache says how that
// is noticed.
type Routes interface {
	RenewGateway(ctx context.Context, instance string) (kept bool, err error)
	BeginGateway(ctx context.Context, instance string) error
	FinishGateway(ctx context.Context, instance string) (ok bool, err error)
	EndGateway(ctx context.Context, instance string) error
	PutRoutes(ctx context.Context, instance string, routes []cache.Route) ([]cache.Held, error)
	DropRoutes(ctx context.Context, instance string, routes []cache.Route) error
	// Presence says who of users is connected, in their order.
	Presence(ctx context.Context, users []store.User) ([]cache.Presence, error)
	rest.Routes
}

// MarkLog publishes read marks. It must not wait: done is called once, later, with nil when the mark is safe.
type MarkLog interface {
	PublishMark(u store.User, c store.Conv, read uint64, done func(error))
}

// AuditLog takes what is to be audited. It must not wait: done is called once, later, with nil when the record is safe.
type AuditLog interface {
	PublishAudit(r eventlog.AuditRecord, done func(error))
}

// Figures takes how soon devices have messages. It must not wait.
type Figures interface {
	// Delivered notes that a device has a message since at, so long after it was committed.
	Delivered(t store.Tenant, at time.Time, after time.Duration)
}

// Inbox lists a user's conversations by last activity.
type Inbox = rest.Inbox

// History pages through a conversation as its member may see it: the oldest entries with a greater seq than after, or the newest
// with a smaller one than before, or, with neither, the newest of all. The page is in order of seq. It wraps store.ErrNotFound for
// whoever never was a member.
type History interface {
	History(ctx context.Context, u store.User, c store.Conv, after, before *uint64, limit int) (protocol.HistoryPage, error)
}
