package inbox

import (
	"context"
	"fmt"
	"log/slog"
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/chatcluster/chatcluster/runtime/cache"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/readmodel"
	"github.com/chatcluster/chatcluster/runtime/store"
)

const (
	// DefaultLimit is a page's length where none is asked for.
	DefaultLimit = 50
	// MaxLimit is the longest page.
	MaxLimit = 200
)

// Model is the read model.
type Model interface {
	Places(ctx context.Context, u store.User) ([]readmodel.Place, error)
	Summaries(ctx context.Context, t store.Tenant, conversations []string) ([]readmodel.Summary, error)
	Counts(ctx context.Context, t store.Tenant, ats []readmodel.At) (map[readmodel.At]uint64, error)
}

// Cache is the fast copy, which may forget everything at any moment.
type Cache interface {
	List(ctx context.Context, u store.User) (list []string, ok bool, err error)
	// ListVersion is taken before the database is read; PutList stores nothing when the list was dropped since.
	ListVersion(ctx context.Context, u store.User) (string, error)
	PutList(ctx context.Context, u store.User, list []string, version string) error
	// Summaries are in the order of convs, nil where one is not known.
	Summaries(ctx context.Context, convs []store.Conv) ([][]byte, error)
	// OfferSummaries stores what was read from the database, where nothing newer is known.
	OfferSummaries(ctx context.Context, summaries []cache.Summary) error
	// ReadMarks are the marks as of now, where they are known.
	ReadMarks(ctx context.Context, u store.User, convs []store.Conv) (map[store.Conv]uint64, error)
}

// Memberships is where preferences are kept: the store.
type Memberships interface {
	Memberships(ctx context.Context, u store.User) ([]store.Membership, error)
}

// Options are what a Reader needs. All but Memberships, Log and Registerer are required.
type Options struct {
	Model Model
	// Memberships has the preferences; without it nobody has any.
	Memberships Memberships
	Cache       Cache
	Log         *slog.Logger
	Registerer  prometheus.Registerer
}

// Reader reads inboxes.
type Reader struct {
	model       Model
	memberships Memberships
	cache       Cache
	log         *slog.Logger
	metrics     *metrics
}

// NewReader returns a reader, or an error when its metrics cannot be registered.
func NewReader(o Options) (*Reader, error) {
	m, err := newMetrics(o.Registerer)
	if err != nil {
		return nil, err
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Reader{model: o.Model, memberships: o.Memberships, cache: o.Cache, log: o.Log, metrics: m}, nil
}

// Query says which page is asked for.
type Query struct {
	// Limit is the page's length: 0 means DefaultLimit, one above MaxLimit means that.
	Limit int
	// Cursor is the Next of the page before, empty for the first.
	Cursor string
	// Archived asks for the archived conversations instead of the others.
	Archived bool
}

// Inbox is List for the conversations that are not archived.
func (r *Reader) Inbox(ctx context.Context, u store.User, limit int, cursor string) (protocol.InboxPage, error) {
	return r.List(ctx, u, Query{Limit: limit, Cursor: cursor})
}

// List returns a page of the user's conversations: the pinned first, then the latest activity. It wraps ErrBadCursor for a cursor that
// no page gave out. A conversation that becomes active or is pinned between two pages moves to the front and may be missed by the later
// one: clients read the first page again.
func (r *Reader) List(ctx context.Context, u store.User, ask Query) (protocol.InboxPage, error) {
	var from *position
	if ask.Cursor != "" {
		p, err := parseCursor(u.Tenant(), ask.Cursor)
		if err != nil {
			return protocol.InboxPage{}, err
		}
		from = &p
	}
	if ask.Limit <= 0 {
		ask.Limit = DefaultLimit
	}
	q := &query{r: r, user: u}
	page, err := q.page(ctx, min(ask.Limit, MaxLimit), from, ask.Archived)
	if err != nil {
		return protocol.InboxPage{}, fmt.Errorf("inbox: %w", err)
	}
	return page, nil
}

// query is one request. Its cached field turns false at the cache's first error.
type query struct {
	r       *Reader
	user    store.User
	noCache bool
}

func (q *query) page(ctx context.Context, limit int, from *position, archived bool) (protocol.InboxPage, error) {
	places, err := q.places(ctx)
	if err != nil {
		return protocol.InboxPage{}, err
	}
	places = slices.DeleteFunc(places, func(p place) bool { return p.Archived != archived })
	entries, err := q.entries(ctx, places)
	if err != nil {
		return protocol.InboxPage{}, err
	}
	slices.SortFunc(entries, func(a, b entry) int { return a.position().compare(b.position()) })
	if from != nil {
		entries = slices.DeleteFunc(entries, func(e entry) bool { return e.position().compare(*from) <= 0 })
	}
	page := protocol.InboxPage{Items: []protocol.InboxItem{}}
	if len(entries) > limit {
		entries = entries[:limit]
		page.Next = entries[limit-1].position().cursor()
	}
	if err := q.freshen(ctx, entries); err != nil {
		return protocol.InboxPage{}, err
	}
	for _, e := range entries {
		page.Items = append(page.Items, e.item())
	}
	return page, nil
}

// notice takes the cache's errors: the first one ends its use for this request.
func (q *query) notice(err error) {
	if err == nil {
		return
	}
	q.noCache = true
	q.r.metrics.cacheErrors.Inc()
	q.r.log.Debug("inbox goes on without the cache", "error", err)
}
