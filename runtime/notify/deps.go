package notify

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/chatcluster/chatcluster/runtime/cache"
	"github.com/chatcluster/chatcluster/runtime/eventlog"
	"github.com/chatcluster/chatcluster/runtime/push"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// Store is what is read and written of the store.
type Store interface {
	Conversation(ctx context.Context, c store.Conv) (store.Conversation, error)
	Members(ctx context.Context, c store.Conv) ([]store.Member, error)
	Membership(ctx context.Context, u store.User, c store.Conv) (store.Membership, error)
	RaisePushed(ctx context.Context, u store.User, c store.Conv, seq uint64) error
	Read(ctx context.Context, c store.Conv, from uint64, limit int) ([]store.Stored, error)
	Devices(ctx context.Context, u store.User) ([]store.Device, error)
	RemovePushToken(ctx context.Context, u store.User, device, token string) error
	StrikeToken(ctx context.Context, u store.User, device, token string) (int, error)
	ClearStrikes(ctx context.Context, u store.User, device, token string) error
	store.Deferrals
}

// Cache is the fast copy of marks, and what is kept of users' rates. It may forget everything at any moment.
type Cache interface {
	// MemberMarks returns the marks of each of the users in the conversation, in their order.
	MemberMarks(ctx context.Context, c store.Conv, users []store.User) ([]cache.Marks, error)
	// ReservePush takes a place for a push to the user, and returns how long to wait for it.
	ReservePush(ctx context.Context, u store.User, r cache.PushRate) (wait time.Duration, reserved bool, err error)
	// ClaimSweep makes the pod the one who looks after a shard of deferred pushes for a time.
	ClaimSweep(ctx context.Context, shard, pod string, ttl time.Duration) (bool, error)
}

// Badges tells how many messages users have not read, in all conversations.
type Badges interface {
	// Unread returns it for those of the users who are known.
	Unread(ctx context.Context, t store.Tenant, users []string) (map[string]int, error)
}

// Applications tells through which push application a tenant's pushes go.
type Applications interface {
	// Application returns it; an error means that it cannot be told now.
	Application(ctx context.Context, t store.Tenant) (string, error)
}

// Figures takes how platforms answer. It must not wait.
type Figures interface {
	Pushed(t store.Tenant, at time.Time, channel, outcome string)
}

// DeadLetters takes what was given up. After a nil it is kept.
type DeadLetters interface {
	PublishPushFailure(ctx context.Context, f eventlog.PushFailure) error
}

// Defaults of the options.
const (
	DefaultWindows   = 128
	DefaultMembers   = 64
	DefaultAttempts  = 12
	DefaultStrikes   = 5
	DefaultPerMinute = 30
	DefaultSweep     = 5 * time.Second
)

// How many records of a partition may wait for their windows; the consumer pauses beyond. As each waits for a delay, this is
// what bounds the rate: 2,000 records a second up to a delay of 30 s. A record that waits takes up to about 1 KB.
const (
	pendingPerSecond = 2_000
	minPending       = 10_000
	maxPending       = 60_000
)

// Bounds of single steps.
const (
	chunkTimeout   = time.Minute
	membersTimeout = 30 * time.Second
	badgeTimeout   = time.Second
	// registrationSlack is how far the clocks of a gateway and a chat pod may be apart.
	registrationSlack = time.Minute
	firstBackoff      = time.Second
	maxBackoff        = time.Minute
	// chunkMembers is how many members are decided together: as many as a call takes addresses.
	chunkMembers = 100
	// chunkReaders is how many of them are read from the store at once.
	chunkReaders = 8
)

// Options of a Notifier. Store, Cache, Sender, Application and Delay are required; zero values of the rest mean the
// defaults.
type Options struct {
	Store  Store
	Cache  Cache
	Sender push.Sender
	// Badges is where the unread totals come from; nil: pushes have no badge.
	Badges Badges
	// DeadLetters takes pushes that were given up; nil: only the log does.
	DeadLetters DeadLetters
	// Figures learns how platforms answer; nil: the metrics alone do.
	Figures Figures
	// Application is the push application.
	Application string
	// Applications are tenants' own; nil: nobody has one, and all pushes go through Application.
	Applications Applications
	// Delay is how long a device has to confirm a message.
	Delay time.Duration
	// Pod names this process where several look after the deferred pushes.
	Pod string
	// Windows is how many windows are decided at once.
	Windows int
	// Members is how many members are looked at side by side, over all windows.
	Members int
	// Attempts is how often a platform may answer a push without taking it or refusing it for good.
	Attempts int
	// Strikes is how often in a row a platform may refuse a token before it gets no pushes any more.
	Strikes int
	// PerMinute is how many pushes a minute a user gets before they wait.
	PerMinute int
	// Sweep is how long a shard of deferred pushes is left alone between two looks at it at least, and so about how late what is due
	// may be. One of which nothing is known is looked at after 24 times as long at most.
	Sweep time.Duration
	// Log takes what a person should know; nil discards it.
	Log *slog.Logger
	// Registerer takes the metrics; nil keeps them unseen.
	Registerer prometheus.Registerer
}

func (o Options) withDefaults() (Options, error) {
	if o.Store == nil || o.Cache == nil || o.Sender == nil {
		return o, errors.New("notify: store, cache and sender are required")
	}
	if o.Application == "" || o.Delay <= 0 {
		return o, errors.New("notify: the push application and a positive delay are required")
	}
	for n, otherwise := range map[*int]int{
		&o.Windows: DefaultWindows, &o.Members: DefaultMembers, &o.Attempts: DefaultAttempts, &o.Strikes: DefaultStrikes, &o.PerMinute: DefaultPerMinute,
	} {
		if *n <= 0 {
			*n = otherwise
		}
	}
	if o.Sweep <= 0 {
		o.Sweep = DefaultSweep
	}
	if o.Pod == "" {
		o.Pod = "notify"
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o, nil
}
