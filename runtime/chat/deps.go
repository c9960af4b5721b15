package chat

import (
	"context"
	"time"

	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// Store is what the chat service needs of the store.
type Store interface {
	store.Log
	store.Conversations
	// Membership tells which entries a user who came back may see of an earlier stay.
	Membership(ctx context.Context, u store.User, c store.Conv) (store.Membership, error)
}

// Publisher takes committed batches to Kafka. PublishBatch never blocks and calls done exactly once, within a bounded time:
// with nil when Kafka has accepted the record. done does not block and may be called before PublishBatch returns.
type Publisher interface {
	PublishBatch(c store.Conv, kind string, b *logpb.Batch, done func(error))
}

// TracePublisher is what a Publisher may be besides: it passes on which trace a batch belongs to, its W3C trace context.
type TracePublisher interface {
	PublishTraced(traceParent string, c store.Conv, kind string, b *logpb.Batch, done func(error))
}

// Registry remembers which pod has which lanes open, so that others settle the lanes of a pod that died. It may forget
// everything at any moment: the next Renew tells it again. All of it is repeatable, and two pods taking the same lane is
// harmless.
type Registry interface {
	// Renew renews the pod's lease and registers all of its open lanes.
	Renew(ctx context.Context, pod string, lanes []store.Conv) error
	// Register adds lanes to the pod's.
	Register(ctx context.Context, pod string, lanes ...store.Conv) error
	// Unregister removes lanes from the pod's.
	Unregister(ctx context.Context, pod string, lanes ...store.Conv) error
	// TakeLapsed moves lanes of pods whose lease has lapsed to the pod's own, at most limit, and returns them.
	TakeLapsed(ctx context.Context, pod string, limit int) ([]store.Conv, error)
}

// Routes is where users are connected.
type Routes interface {
	// Away says of each group of users, and in it of each of the gateways' instances, whether it is certain that no device of the
	// group is connected there.
	Away(ctx context.Context, instances []string, groups [][]store.User) ([][]bool, error)
}

// Mutes know who may send nothing; package mutes has them.
type Mutes interface {
	// Until returns when the user's mute ends, false when there is none.
	Until(u store.User) (time.Time, bool)
}

// Tenants know the tenants' records; package tenants has them.
type Tenants interface {
	// Peek returns a record as far as it is known, without waiting. Tenants of the configuration's have none.
	Peek(t store.Tenant) (store.TenantRecord, bool)
	// Tenant waits for a read where the record is not known.
	Tenant(ctx context.Context, t store.Tenant) (store.TenantRecord, error)
}
