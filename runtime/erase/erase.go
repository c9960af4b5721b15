package erase

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/chatcluster/chatcluster/runtime/chat/chatpb"
	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/readmodel"
	"github.com/chatcluster/chatcluster/runtime/store"
)

const (
	// rounds is how often it looks at everything until nothing is left.
	rounds = 5
	// DefaultSettle is longer than it takes until every pod refuses the user's tokens, and a put whose outcome is unknown has landed.
	DefaultSettle = time.Minute
	// betweenRounds is the part of the settling time that a later round waits: an outbox may still have what the last one asked for.
	betweenRounds = 6
)

// ErrLeft says that something of the user's is left that should not be: a conversation whose records are parked, above all.
var ErrLeft = errors.New("not everything is erased yet")

// Store is where the data is.
type Store interface {
	Tenants(ctx context.Context, ids ...store.Tenant) ([]store.TenantRecord, error)
	Memberships(ctx context.Context, u store.User) ([]store.Membership, error)
	Devices(ctx context.Context, u store.User) ([]store.Device, error)
	Read(ctx context.Context, c store.Conv, from uint64, limit int) ([]store.Stored, error)
	RedactEdits(ctx context.Context, c store.Conv, seqs ...uint64) error
	PurgeDeferrals(ctx context.Context, u store.User) (deleted int, err error)
	PurgeUser(ctx context.Context, u store.User) error
}

// Model is the read model: package readmodel has it.
type Model interface {
	BeginErasure(ctx context.Context, u store.User) (readmodel.Erasure, error)
	NoteErasure(ctx context.Context, u store.User, e readmodel.Erasure) error
	HoldsOn(ctx context.Context, u store.User) ([]readmodel.Hold, error)
	UserConversations(ctx context.Context, u store.User) ([]string, error)
	Head(ctx context.Context, c store.Conv) (uint64, error)
	OwnEntries(ctx context.Context, u store.User, c store.Conv, from, to uint64) ([]*logpb.Entry, error)
	EntriesAt(ctx context.Context, c store.Conv, seqs []uint64) ([]*logpb.Entry, error)
	RedactEdits(ctx context.Context, c store.Conv, seqs ...uint64) error
	PurgeUser(ctx context.Context, u store.User) error
}

// Chat has the chat service append what is asked for. It returns when that is in the log, or was, or there is nothing to do.
type Chat interface {
	Ask(ctx context.Context, s *chatpb.Send) error
}

// Tokens takes back what was issued: auth.Revocations.
type Tokens interface {
	Revoke(ctx context.Context, r store.Revocation) error
}

// Cache is what is in Redis.
type Cache interface {
	ForgetUser(ctx context.Context, u store.User, convs []store.Conv) error
}

// Pseudonyms keeps the key by which the audit log knows the user. Forget notes the erasure, once by its id, and destroys the key;
// forgetting again is no error.
type Pseudonyms interface {
	Forget(ctx context.Context, erasure string, u store.User) error
}

// Options of Run. All but Pseudonyms, Settle, Copies and Log are required.
type Options struct {
	User   store.User
	Store  Store
	Model  Model
	Chat   Chat
	Tokens Tokens
	Cache  Cache
	// Pseudonyms may be nil: then there is no audit log.
	Pseudonyms Pseudonyms
	// Projected returns when what was published until now has been applied to the read model.
	Projected func(context.Context) error
	// Settle is how long to wait after the tokens are taken back; 0 is DefaultSettle, below that is not at all.
	Settle time.Duration
	// Copies are for the report.
	Copies Copies
	Log    *slog.Logger
}

// erasure is one run.
type erasure struct {
	Options
	record readmodel.Erasure
	report Report
}

// Run erases the user and returns what is gone. It may be repeated, and goes on where it was cut off. Its error wraps readmodel.ErrHeld
// when a legal hold covers the user, and ErrLeft when something is left that only time, or a person, can free.
func Run(ctx context.Context, o Options) (Report, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Settle == 0 {
		o.Settle = DefaultSettle
	}
	e := &erasure{Options: o}
	err := e.run(ctx)
	return e.report, err
}

func (e *erasure) run(ctx context.Context) error {
	if err := e.allowed(ctx); err != nil {
		return err
	}
	if err := e.begin(ctx); err != nil {
		return err
	}
	if err := e.enter(ctx, PhaseRevoking); err != nil {
		return err
	}
	if err := e.Tokens.Revoke(ctx, store.Revocation{User: e.User}); err != nil {
		return fmt.Errorf("take the user's tokens back: %w", err)
	}
	if err := sleep(ctx, e.Settle); err != nil {
		return err
	}
	convs, err := e.logs(ctx)
	if err != nil {
		return err
	}
	if err := e.rest(ctx, convs); err != nil {
		return err
	}
	e.report.FinishedAt = time.Now().UTC().Truncate(time.Second)
	e.report.Final, e.report.Remains = e.Copies.final(e.report.FinishedAt), remains
	e.record.Done = true
	return e.enter(ctx, PhaseDone)
}

// allowed refuses who is held, and a tenant all of whose data goes anyway.
func (e *erasure) allowed(ctx context.Context) error {
	holds, err := e.Model.HoldsOn(ctx, e.User)
	if err != nil {
		return err
	}
	if err := readmodel.Held(holds); err != nil {
		return err
	}
	found, err := e.Store.Tenants(ctx, e.User.Tenant())
	if err != nil {
		return fmt.Errorf("read the tenant's record: %w", err)
	}
	if len(found) > 0 && found[0].State == store.TenantDeleting {
		return fmt.Errorf("tenant %q is being purged: that erases everybody", e.User.Tenant())
	}
	return nil
}

// begin goes on with the erasure that is under way, if there is one.
func (e *erasure) begin(ctx context.Context) error {
	var err error
	if e.record, err = e.Model.BeginErasure(ctx, e.User); err != nil {
		return err
	}
	if err := json.Unmarshal(e.record.Report, &e.report); err != nil {
		return fmt.Errorf("the erasure's report cannot be read: %w", err)
	}
	e.report.ID, e.report.Tenant, e.report.User = e.record.ID, e.User.Tenant(), e.User.ID()
	if e.report.BegunAt.IsZero() {
		e.report.BegunAt = time.Now().UTC().Truncate(time.Second)
	}
	return nil
}

// logs erases what the user is in conversations' logs, and returns which those are.
func (e *erasure) logs(ctx context.Context) ([]store.Conv, error) {
	for round := range rounds {
		if err := e.enter(ctx, PhaseProjecting); err != nil {
			return nil, err
		}
		if round > 1 {
			if err := sleep(ctx, e.Settle/betweenRounds); err != nil {
				return nil, err
			}
		}
		if err := e.Projected(ctx); err != nil {
			return nil, fmt.Errorf("wait for the projector: %w", err)
		}
		if err := e.enter(ctx, PhaseConversations); err != nil {
			return nil, err
		}
		seen, err := e.round(ctx)
		if err != nil {
			return nil, err
		}
		e.report.raise(seen.Counts)
		if seen.left == 0 {
			return seen.convs, nil
		}
		if round == rounds-1 {
			return nil, fmt.Errorf("%w: %d things, in conversation %s first: are its records parked?", ErrLeft, seen.left, seen.where)
		}
	}
	return nil, nil
}

// rest deletes what is the user's alone. What names the rest goes last.
func (e *erasure) rest(ctx context.Context, convs []store.Conv) error {
	devices, err := e.Store.Devices(ctx, e.User)
	if err != nil {
		return fmt.Errorf("read the devices: %w", err)
	}
	tokens := 0
	for _, d := range devices {
		if d.PushToken != "" {
			tokens++
		}
	}
	e.report.Devices, e.report.Tokens = max(e.report.Devices, len(devices)), max(e.report.Tokens, tokens)
	if err := e.enter(ctx, PhaseDevices); err != nil {
		return err
	}
	if _, err := e.Store.PurgeDeferrals(ctx, e.User); err != nil {
		return fmt.Errorf("delete deferred pushes: %w", err)
	}
	if err := e.Model.PurgeUser(ctx, e.User); err != nil {
		return fmt.Errorf("delete the user's places in the read model: %w", err)
	}
	if err := e.Cache.ForgetUser(ctx, e.User, convs); err != nil {
		return fmt.Errorf("empty the cache: %w", err)
	}
	if e.Pseudonyms != nil {
		if err := e.Pseudonyms.Forget(ctx, e.record.ID, e.User); err != nil {
			return fmt.Errorf("forget the pseudonym's key: %w", err)
		}
		e.report.Pseudonym = true
	}
	if err := e.Store.PurgeUser(ctx, e.User); err != nil {
		return fmt.Errorf("delete memberships and devices: %w", err)
	}
	return nil
}

// enter begins a phase, and keeps what is known so far.
func (e *erasure) enter(ctx context.Context, phase string) error {
	e.report.Phase = phase
	var err error
	if e.record.Report, err = json.Marshal(e.report); err != nil {
		return fmt.Errorf("encode the report: %w", err)
	}
	e.Log.InfoContext(ctx, "erasure", "tenant", e.User.Tenant(), "erasure", e.record.ID, "phase", phase,
		"conversations", e.report.Conversations, "messages", e.report.Messages)
	return e.Model.NoteErasure(ctx, e.User, e.record)
}
