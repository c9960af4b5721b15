package admin

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/chatcluster/chatcluster/runtime/audit"
	"github.com/chatcluster/chatcluster/runtime/auth"
	"github.com/chatcluster/chatcluster/runtime/chat/chatpb"
	"github.com/chatcluster/chatcluster/runtime/eventlog"
	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/readmodel"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// Verifier judges tokens. Errors are package auth's.
type Verifier interface {
	Verify(ctx context.Context, token string) (auth.Principal, error)
}

// Revocations knows what is revoked, and revokes.
type Revocations interface {
	Check(p auth.Principal, device string) error
	Revoke(ctx context.Context, v store.Revocation) error
}

// AuditTopic takes what is to be audited. Audit returns when it is safe; after an error it may be so all the same.
type AuditTopic interface {
	Audit(ctx context.Context, r eventlog.AuditRecord) error
}

// Store is what is read and written of the store.
type Store interface {
	Devices(ctx context.Context, u store.User) ([]store.Device, error)
	RemoveDevice(ctx context.Context, u store.User, device string) error
	MembersPage(ctx context.Context, c store.Conv, after string, limit int) ([]store.Member, error)
}

// Model is what is read of the read model.
type Model interface {
	Users(ctx context.Context, t store.Tenant, prefix, after string, limit int) ([]string, error)
	CountPlaces(ctx context.Context, u store.User) (in, left int, err error)
	Conversations(ctx context.Context, t store.Tenant, q readmodel.ConversationQuery) (found []readmodel.Summary, next string, err error)
	Summaries(ctx context.Context, t store.Tenant, conversations []string) ([]readmodel.Summary, error)
	Reviews(ctx context.Context, t store.Tenant, q readmodel.ReviewQuery) ([]readmodel.Review, error)
	Review(ctx context.Context, c store.Conv, seq uint64) (readmodel.Review, error)
}

// History reads entries as the log has them.
type History interface {
	Around(ctx context.Context, c store.Conv, seq uint64, side int) ([]*logpb.Entry, error)
}

// Chat is the chat service.
type Chat interface {
	Send(s *chatpb.Send, done func(*chatpb.Result))
}

// Tenants are those that there are.
type Tenants interface {
	// Tenant returns the tenant's record, of one that the configuration names at least its id and state; store.ErrNotFound.
	Tenant(ctx context.Context, t store.Tenant) (store.TenantRecord, error)
}

// AuditLog is where the audit topic ends up.
type AuditLog interface {
	End(ctx context.Context, tenant string) (head audit.Head, last int64, err error)
	Entries(ctx context.Context, tenant string, after, upTo int64, limit int) ([]audit.Entry, error)
	// Pseudonym wraps audit.ErrNoPseudonym.
	Pseudonym(ctx context.Context, u store.User) (string, error)
}

// Mutes keeps who may send nothing.
type Mutes interface {
	// Mute has the user send nothing until then. by is who says so.
	Mute(ctx context.Context, u store.User, until time.Time, by string) error
	Unmute(ctx context.Context, u store.User, by string) error
	// MutedUntil is zero for who is not muted.
	MutedUntil(ctx context.Context, u store.User) (time.Time, error)
}

// Stats are the rollups.
type Stats interface {
	// Stats returns the tenant's figures of the steps that begin from one moment on and before another. It wraps ErrBadRange.
	Stats(ctx context.Context, t store.Tenant, from, to time.Time, step string) (Figures, error)
}

// Errors of what is optional, in this package's words.
var (
	// ErrBadRange is a range that is none, or has too many steps.
	ErrBadRange = errors.New("not a range of so many steps")
	// ErrHeld says that a legal hold keeps what was to be removed.
	ErrHeld = errors.New("a legal hold keeps it")
)

// Erasures remove what is kept of users, each in its own time.
type Erasures interface {
	// Begin has the user's data removed, by and by. Begun again, it is the same erasure while that is not done. It wraps ErrHeld.
	Begin(ctx context.Context, u store.User) (Erasure, error)
	// Erasures returns the user's, the latest first.
	Erasures(ctx context.Context, u store.User) ([]Erasure, error)
}

// Exports write archives of what is kept of users.
type Exports interface {
	// Export writes a zip archive. When it fails before anything was written, the caller may be told why.
	Export(ctx context.Context, u store.User, w io.Writer) error
}

// Holds are legal holds, of a tenant or of one of its users.
type Holds interface {
	// PlaceHold keeps the hold and returns it as it is kept: placed again under the same name for the same user, it is the first one. It wraps
	// store.ErrExists for the name of another one, and store.ErrInvalid.
	PlaceHold(ctx context.Context, t store.Tenant, h Hold) (Hold, error)
	// ReleaseHold ends the hold; store.ErrNotFound when there is none.
	ReleaseHold(ctx context.Context, t store.Tenant, name string) error
	// Holds returns the tenant's.
	Holds(ctx context.Context, t store.Tenant) ([]Hold, error)
}
