package readmodel

import (
	"context"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"github.com/chatcluster/chatcluster/runtime/store"
)

// Bounds of a hold, in bytes.
const (
	maxHoldName   = 128
	maxHoldReason = 1024
)

// ErrHeld is wrapped by who would remove what a legal hold covers.
var ErrHeld = errors.New("a legal hold covers it")

// ErrHoldExists says that the tenant has another hold of that name.
var ErrHoldExists = errors.New("a hold of that name is there already")

// Hold is a legal hold: what it covers is not erased, purged or dropped until it is released.
type Hold struct {
	Tenant store.Tenant `json:"tenant"`
	// Name is unlike any other hold's of the tenant.
	Name string `json:"name"`
	// User is whom it covers, empty for all of the tenant.
	User     string    `json:"user,omitempty"`
	Reason   string    `json:"reason"`
	PlacedBy string    `json:"placed_by"`
	PlacedAt time.Time `json:"placed_at"`
}

// Check says what is wrong with a hold, if anything.
func (h Hold) Check() error {
	who := h.User
	if who == "" {
		who = "anybody"
	}
	if _, err := store.NewUser(h.Tenant, who); err != nil {
		return err
	}
	switch {
	case h.Name == "" || len(h.Name) > maxHoldName || !utf8.ValidString(h.Name):
		return fmt.Errorf("%w: a hold's name has 1 to %d bytes of UTF-8", store.ErrInvalid, maxHoldName)
	case h.Reason == "" || len(h.Reason) > maxHoldReason || !utf8.ValidString(h.Reason):
		return fmt.Errorf("%w: a hold's reason has 1 to %d bytes of UTF-8", store.ErrInvalid, maxHoldReason)
	case len(h.PlacedBy) > maxHoldName || !utf8.ValidString(h.PlacedBy):
		return fmt.Errorf("%w: who places a hold has at most %d bytes of UTF-8", store.ErrInvalid, maxHoldName)
	}
	return nil
}

// Held says that holds cover something, nil when there are none. The error names them and wraps ErrHeld.
func Held(holds []Hold) error {
	if len(holds) == 0 {
		return nil
	}
	h := holds[0]
	more := ""
	if n := len(holds) - 1; n > 0 {
		more = fmt.Sprintf(", and %d more", n)
	}
	return fmt.Errorf("%w: %q of %s%s", ErrHeld, h.Name, h.PlacedAt.Format(time.DateOnly), more)
}

// PlaceHold keeps the hold, and returns it as it is kept: the time is the database's. Placing the same again is no error; ErrHoldExists
// when another of that name covers somebody else, store.ErrInvalid or store.ErrInvalidID when Check refuses it.
func (m *Model) PlaceHold(ctx context.Context, h Hold) (Hold, error) {
	if err := h.Check(); err != nil {
		return Hold{}, err
	}
	_, err := m.writer.Exec(ctx, `
		INSERT INTO legal_holds (tenant, name, user_id, reason, placed_by, placed_at) VALUES ($1, $2, $3, $4, $5, now())
		ON CONFLICT DO NOTHING`, string(h.Tenant), column(h.Name), h.User, column(h.Reason), column(h.PlacedBy))
	if err != nil {
		return Hold{}, fmt.Errorf("place a hold: %w", err)
	}
	holds, err := m.holds(ctx, "WHERE tenant = $1 AND name = $2", string(h.Tenant), column(h.Name))
	switch {
	case err != nil:
		return Hold{}, err
	case len(holds) == 0:
		return Hold{}, fmt.Errorf("hold %q was released at once", h.Name)
	case holds[0].User != h.User:
		return holds[0], fmt.Errorf("%w: %q", ErrHoldExists, h.Name)
	}
	return holds[0], nil
}

// ReleaseHold ends a hold. store.ErrNotFound when there is none of that name.
func (m *Model) ReleaseHold(ctx context.Context, t store.Tenant, name string) error {
	tag, err := m.writer.Exec(ctx, "DELETE FROM legal_holds WHERE tenant = $1 AND name = $2", string(t), column(name))
	if err != nil {
		return fmt.Errorf("release a hold: %w", err)
	}
	if tag.RowsAffected() == 0 {
		return fmt.Errorf("hold %q: %w", name, store.ErrNotFound)
	}
	return nil
}

// Holds returns the tenant's holds, its users' included, by name.
func (m *Model) Holds(ctx context.Context, t store.Tenant) ([]Hold, error) {
	return m.holds(ctx, "WHERE tenant = $1", string(t))
}

// HoldsOn returns the holds that cover the user: the user's own and the whole tenant's.
func (m *Model) HoldsOn(ctx context.Context, u store.User) ([]Hold, error) {
	return m.holds(ctx, "WHERE tenant = $1 AND user_id IN ('', $2)", string(u.Tenant()), u.ID())
}

// anyHold says whether there is a hold on anything. A month holds everybody's messages.
func anyHold(ctx context.Context, q rowQuerier) (held bool, err error) {
	if err := q.QueryRow(ctx, "SELECT EXISTS (SELECT FROM legal_holds)").Scan(&held); err != nil {
		return false, fmt.Errorf("look for legal holds: %w", err)
	}
	return held, nil
}

// keptNow is since when the entries of these groups are kept: as the retention says, since ever while there is a legal hold.
func (w *Writer) keptNow(ctx context.Context, groups []*group) (time.Time, error) {
	from := w.keptFrom()
	if from.IsZero() || !anyBefore(groups, from) {
		return from, nil
	}
	// Rare: a rebuild, or a topic that is longer than the retention.
	held, err := anyHold(ctx, w.m.writer)
	if held {
		from = time.Time{}
	}
	return from, err
}

func anyBefore(groups []*group, from time.Time) bool {
	for _, g := range groups {
		for _, b := range g.batches {
			for _, e := range b.GetEntries() {
				if e.GetSeq() > g.head && time.UnixMilli(e.GetAtMs()).Before(from) {
					return true
				}
			}
		}
	}
	return false
}

func (m *Model) holds(ctx context.Context, where string, args ...any) ([]Hold, error) {
	// From the writer: a hold counts from when it was placed, not from when a replica knows.
	rows, err := m.writer.Query(ctx, "SELECT tenant, name, user_id, reason, placed_by, placed_at FROM legal_holds "+where+" ORDER BY tenant, name", args...)
	if err != nil {
		return nil, fmt.Errorf("read legal holds: %w", err)
	}
	holds, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Hold, error) {
		var h Hold
		var tenant string
		err := row.Scan(&tenant, &h.Name, &h.User, &h.Reason, &h.PlacedBy, &h.PlacedAt)
		h.Tenant, h.PlacedAt = store.Tenant(tenant), h.PlacedAt.UTC()
		return h, err
	})
	if err != nil {
		return nil, fmt.Errorf("read legal holds: %w", err)
	}
	return holds, nil
}
