package purge

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/chatcluster/chatcluster/runtime/readmodel"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// Phases, as the progress names them.
const (
	PhaseSettling      = "settling"
	PhaseProjecting    = "waiting for the projector"
	PhaseConversations = "conversations"
	PhaseUsers         = "users"
	PhaseDevices       = "devices"
	PhaseCache         = "cache"
	PhaseDone          = "done"
)

const (
	// page is how many conversations, or users, are listed at a time.
	page = 100
	// atATime is how many are deleted side by side.
	atATime = 8
	// rounds is how often it begins again when something is left.
	rounds = 3
	// DefaultSettle is longer than it takes until every pod has read a record, and a put whose outcome is unknown has landed.
	DefaultSettle = time.Minute
	// NoteEvery is how often the progress is noted.
	NoteEvery = 5 * time.Second
)

// ErrServed says that the tenant is served: it must not be purged.
var ErrServed = errors.New("the tenant is served")

// Store is where the data is.
type Store interface {
	PurgeConversation(ctx context.Context, c store.Conv, through uint64) error
	PurgeUser(ctx context.Context, u store.User) error
	PurgeDevices(ctx context.Context, t store.Tenant) (deleted int, err error)
	Tenants(ctx context.Context, ids ...store.Tenant) ([]store.TenantRecord, error)
	NotePurge(ctx context.Context, t store.Tenant, p store.PurgeProgress) error
}

// Model is the read model: package readmodel has it.
type Model interface {
	// TenantConversations lists some of the tenant's, with a seq that each has reached.
	TenantConversations(ctx context.Context, t store.Tenant, limit int) ([]readmodel.Reached, error)
	CountConversations(ctx context.Context, t store.Tenant) (int64, error)
	PurgeConversation(ctx context.Context, c store.Conv) error
	// TenantUsers lists some of the tenant's.
	TenantUsers(ctx context.Context, t store.Tenant, limit int) ([]store.User, error)
	PurgeUser(ctx context.Context, u store.User) error
	// PurgeFigures deletes what was counted of the tenant.
	PurgeFigures(ctx context.Context, t store.Tenant) error
	// Holds are the legal holds of the tenant and of its users.
	Holds(ctx context.Context, t store.Tenant) ([]readmodel.Hold, error)
	// PurgeErasures forgets the reports of the tenant's erasures.
	PurgeErasures(ctx context.Context, t store.Tenant) error
}

// Cache is what is in Redis.
type Cache interface {
	ForgetTenant(ctx context.Context, t store.Tenant) error
}

// Options of Run. Tenant, Store, Model, Cache and Projected are required.
type Options struct {
	Tenant store.Tenant
	Store  Store
	Model  Model
	Cache  Cache
	// Projected returns when what was published until now has been applied to the read model.
	Projected func(context.Context) error
	// Settle is how long to wait before; 0 is DefaultSettle, below that is not at all.
	Settle time.Duration
	Log    *slog.Logger
}

// purge is one run.
type purge struct {
	Options
	progress store.PurgeProgress
	noted    time.Time
	recorded bool
}

// Run purges the tenant and returns how much it deleted. It may be repeated, and goes on where it was cut off.
func Run(ctx context.Context, o Options) (store.PurgeProgress, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Settle == 0 {
		o.Settle = DefaultSettle
	}
	p := &purge{Options: o}
	err := p.run(ctx)
	return p.progress, err
}

func (p *purge) run(ctx context.Context) error {
	found, err := p.Store.Tenants(ctx, p.Tenant)
	if err != nil {
		return fmt.Errorf("read the tenant's record: %w", err)
	}
	if len(found) > 0 {
		if found[0].State != store.TenantDeleting {
			return fmt.Errorf("%w: the state of %q is %q, not %q", ErrServed, p.Tenant, found[0].State, store.TenantDeleting)
		}
		// Attempts add up.
		p.recorded, p.progress = true, found[0].Purge
	}
	if err := p.free(ctx); err != nil {
		return err
	}
	p.enter(ctx, PhaseSettling)
	if err := sleep(ctx, p.Settle); err != nil {
		return err
	}
	p.enter(ctx, PhaseProjecting)
	if err := p.Projected(ctx); err != nil {
		return fmt.Errorf("wait for the projector: %w", err)
	}
	for range rounds {
		deleted, err := p.round(ctx)
		if err != nil {
			return err
		}
		if deleted == 0 {
			p.enter(ctx, PhaseDone)
			return nil
		}
	}
	return errors.New("something of the tenant's is written all the time: is it served somewhere?")
}

// free refuses a tenant of which a legal hold covers anything. Its error wraps readmodel.ErrHeld.
func (p *purge) free(ctx context.Context) error {
	holds, err := p.Model.Holds(ctx, p.Tenant)
	if err != nil {
		return err
	}
	return readmodel.Held(holds)
}

// round deletes all that is found, and returns how much that was.
func (p *purge) round(ctx context.Context) (deleted int64, err error) {
	if err := p.free(ctx); err != nil {
		return 0, err
	}
	if p.progress.Left, err = p.Model.CountConversations(ctx, p.Tenant); err != nil {
		return 0, fmt.Errorf("count conversations: %w", err)
	}
	p.enter(ctx, PhaseConversations)
	n, err := each(ctx, p, func(ctx context.Context) ([]readmodel.Reached, error) {
		return p.Model.TenantConversations(ctx, p.Tenant, page)
	}, p.conversation, func(n int64) {
		p.progress.Conversations += n
		p.progress.Left = max(p.progress.Left-n, 0)
	})
	if deleted += n; err != nil {
		return deleted, err
	}
	p.enter(ctx, PhaseUsers)
	n, err = each(ctx, p, func(ctx context.Context) ([]store.User, error) {
		return p.Model.TenantUsers(ctx, p.Tenant, page)
	}, p.user, func(n int64) { p.progress.Users += n })
	if deleted += n; err != nil {
		return deleted, err
	}
	if err := p.Model.PurgeFigures(ctx, p.Tenant); err != nil {
		return deleted, err
	}
	p.enter(ctx, PhaseDevices)
	devices, err := p.Store.PurgeDevices(ctx, p.Tenant)
	if deleted += int64(devices); err != nil {
		return deleted, fmt.Errorf("delete devices: %w", err)
	}
	if err := p.Model.PurgeErasures(ctx, p.Tenant); err != nil {
		return deleted, err
	}
	p.enter(ctx, PhaseCache)
	if err := p.Cache.ForgetTenant(ctx, p.Tenant); err != nil {
		return deleted, fmt.Errorf("empty the cache: %w", err)
	}
	return deleted, nil
}

func (p *purge) conversation(ctx context.Context, r readmodel.Reached) error {
	if err := p.Store.PurgeConversation(ctx, r.Conv, r.Seq); err != nil {
		return fmt.Errorf("delete conversation %s in the store: %w", r.Conv, err)
	}
	if err := p.Model.PurgeConversation(ctx, r.Conv); err != nil {
		return fmt.Errorf("delete conversation %s in the read model: %w", r.Conv, err)
	}
	return nil
}

func (p *purge) user(ctx context.Context, u store.User) error {
	if err := p.Store.PurgeUser(ctx, u); err != nil {
		return fmt.Errorf("delete user %s in the store: %w", u, err)
	}
	if err := p.Model.PurgeUser(ctx, u); err != nil {
		return fmt.Errorf("delete user %s in the read model: %w", u, err)
	}
	return nil
}

// each lists and deletes until nothing is listed, some side by side.
func each[T any](ctx context.Context, p *purge, list func(context.Context) ([]T, error), remove func(context.Context, T) error, count func(int64)) (deleted int64, err error) {
	for {
		some, err := list(ctx)
		if err != nil {
			return deleted, fmt.Errorf("list what is left: %w", err)
		}
		if len(some) == 0 {
			return deleted, nil
		}
		group, gctx := errgroup.WithContext(ctx)
		group.SetLimit(atATime)
		for _, one := range some {
			group.Go(func() error { return remove(gctx, one) })
		}
		if err := group.Wait(); err != nil {
			return deleted, err
		}
		deleted += int64(len(some))
		count(int64(len(some)))
		p.note(ctx, false)
	}
}

// enter begins a phase.
func (p *purge) enter(ctx context.Context, phase string) {
	p.progress.Phase = phase
	p.Log.InfoContext(ctx, "purge", "tenant", p.Tenant, "phase", phase,
		"conversations", p.progress.Conversations, "left", p.progress.Left, "users", p.progress.Users)
	p.note(ctx, true)
}

// note tells of the progress. Where that fails, it fails alone.
func (p *purge) note(ctx context.Context, now bool) {
	if !p.recorded || !now && time.Since(p.noted) < NoteEvery {
		return
	}
	p.noted = time.Now()
	if err := p.Store.NotePurge(ctx, p.Tenant, p.progress); err != nil && ctx.Err() == nil {
		p.Log.WarnContext(ctx, "the purge's progress is not noted", "error", err)
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
