package notify

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/chatcluster/chatcluster/runtime/cache"
	"github.com/chatcluster/chatcluster/runtime/push"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// Store is what is read and written of the store.
type Store interface {
	Conversation(ctx context.Context, c store.Conv) (store.Conversation, error)
	Members(ctx context.Context, c store.Conv) ([]store.Member, error)
	Membership(ctx context.Context, u store.User, c store.Conv) (store.Membership, error)
	RaisePushed(ctx context.Context, u store.User, c store.Conv, seq uint64) error
	Devices(ctx context.Context, u store.User) ([]store.Device, error)
	RemovePushToken(ctx context.Context, u store.User, device, token string) error
}

// Marks is the fast copy of marks. It may forget everything at any moment.
type Marks interface {
	// Marks returns the user's marks in each of the conversations, in their order.
	Marks(ctx context.Context, u store.User, convs ...store.Conv) ([]cache.Marks, error)
}

// Defaults of the options.
const (
	DefaultWindows  = 32
	DefaultMembers  = 64
	DefaultAttempts = 12
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
	memberTimeout  = time.Minute
	membersTimeout = 30 * time.Second
	// registrationSlack is how far the clocks of a gateway and a chat pod may be apart.
	registrationSlack = time.Minute
	firstBackoff      = time.Second
	maxBackoff        = time.Minute
)

// Options of a Notifier. Store, Marks, Sender, Application and Delay are required; zero values of the rest mean the
// defaults.
type Options struct {
	Store  Store
	Marks  Marks
	Sender push.Sender
	// Application is the push application.
	Application string
	// Delay is how long a device has to confirm a message.
	Delay time.Duration
	// Windows is how many windows are decided at once.
	Windows int
	// Members is how many members are looked at side by side, over all windows.
	Members int
	// Attempts is how often a platform may answer a push without taking it or refusing it for good.
	Attempts int
	// Log takes what a person should know; nil discards it.
	Log *slog.Logger
	// Registerer takes the metrics; nil keeps them unseen.
	Registerer prometheus.Registerer
}

func (o Options) withDefaults() (Options, error) {
	if o.Store == nil || o.Marks == nil || o.Sender == nil {
		return o, errors.New("notify: store, marks and sender are required")
	}
	if o.Application == "" || o.Delay <= 0 {
		return o, errors.New("notify: the push application and a positive delay are required")
	}
	if o.Windows <= 0 {
		o.Windows = DefaultWindows
	}
	if o.Members <= 0 {
		o.Members = DefaultMembers
	}
	if o.Attempts <= 0 {
		o.Attempts = DefaultAttempts
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o, nil
}
