package audit

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

// maxAppend bounds the entries of one transaction.
const maxAppend = 1000

// Database is where the audit log is: package readmodel has it.
type Database interface {
	// Write runs f in a transaction of its own, which is committed when f returns nil.
	Write(ctx context.Context, f func(pgx.Tx) error) error
	// Read runs f in a transaction that sees one state and changes nothing.
	Read(ctx context.Context, f func(pgx.Tx) error) error
}

// Log is the audit log. It is safe for concurrent use, by any number of processes.
type Log struct{ db Database }

// NewLog returns the log in db.
func NewLog(db Database) *Log { return &Log{db: db} }

// Event is what is to become an entry. Its ids are users': they are in no entry.
type Event struct {
	// Source is unique within the tenant: of two events with the same, the first one counts.
	Source string
	At     time.Time
	Kind   string
	// Actor and Subject are users, empty where there is none. Device is the subject's.
	Actor, Subject, Device string
	Details                map[string]string
	// Forget destroys the subject's key once the entry is there.
	Forget bool
}

// Append adds the events that the log does not have, in their order, and returns how many those were. It may be repeated. An error says that
// some or none were added.
func (l *Log) Append(ctx context.Context, tenant string, events []Event) (added int, err error) {
	for chunk := range slices.Chunk(events, maxAppend) {
		n := 0
		err := l.db.Write(ctx, func(tx pgx.Tx) (err error) {
			n, err = appendAll(ctx, tx, tenant, chunk)
			return err
		})
		if err != nil {
			return added, fmt.Errorf("append to the audit log: %w", err)
		}
		added += n
	}
	return added, nil
}

// Head is the end of a chain: its last entry's place and hash.
type Head struct {
	N    int64
	Hash Hash
}

// lockHead locks the tenant's chain until the transaction ends.
func lockHead(ctx context.Context, tx pgx.Tx, tenant string) (Head, error) {
	genesis := Genesis(tenant)
	if _, err := tx.Exec(ctx, "INSERT INTO audit_heads (tenant, n, hash) VALUES ($1, 0, $2) ON CONFLICT DO NOTHING", tenant, genesis[:]); err != nil {
		return Head{}, err
	}
	return scanHead(tx.QueryRow(ctx, "SELECT n, hash FROM audit_heads WHERE tenant = $1 FOR UPDATE", tenant))
}

func scanHead(row pgx.Row) (h Head, err error) {
	var hash []byte
	if err := row.Scan(&h.N, &hash); err != nil {
		return h, err
	}
	h.Hash, err = hashOf(hash)
	return h, err
}

func appendAll(ctx context.Context, tx pgx.Tx, tenant string, events []Event) (int, error) {
	head, err := lockHead(ctx, tx, tenant)
	if err != nil {
		return 0, err
	}
	// Nobody else appends now: what is not there will not be.
	events, err = news(ctx, tx, tenant, events)
	if err != nil || len(events) == 0 {
		return 0, err
	}
	users := map[string]bool{}
	var forgotten []string
	for _, e := range events {
		users[e.Actor], users[e.Subject] = true, true
		if e.Forget {
			forgotten = append(forgotten, e.Subject)
		}
	}
	delete(users, "")
	keys, err := keysOf(ctx, tx, tenant, slices.Sorted(maps.Keys(users)))
	if err != nil {
		return 0, err
	}
	var out columns
	for _, e := range events {
		entry, err := e.entry(tenant, keys)
		if err != nil {
			return 0, err
		}
		entry.N, entry.Prev = head.N+1, head.Hash
		entry.Hash = entry.Sum()
		head = Head{entry.N, entry.Hash}
		out.add(entry)
	}
	if err := out.insert(ctx, tx, tenant); err != nil {
		return 0, err
	}
	if _, err := tx.Exec(ctx, "UPDATE audit_heads SET n = $2, hash = $3 WHERE tenant = $1", tenant, head.N, head.Hash[:]); err != nil {
		return 0, err
	}
	if len(forgotten) > 0 {
		err = forget(ctx, tx, tenant, forgotten)
	}
	return len(events), err
}

// news are the events whose source no entry has.
func news(ctx context.Context, tx pgx.Tx, tenant string, events []Event) ([]Event, error) {
	sources := make([]string, len(events))
	for i, e := range events {
		sources[i] = e.Source
	}
	rows, err := tx.Query(ctx, "SELECT source FROM audit_entries WHERE tenant = $1 AND source = ANY ($2)", tenant, sources)
	if err != nil {
		return nil, err
	}
	have, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, err
	}
	seen := make(map[string]bool, len(events))
	for _, s := range have {
		seen[s] = true
	}
	var fresh []Event
	for _, e := range events {
		if !seen[e.Source] {
			seen[e.Source] = true
			fresh = append(fresh, e)
		}
	}
	return fresh, nil
}

// entry is the event under pseudonyms, not yet in its place.
func (e Event) entry(tenant string, keys map[string]key) (Entry, error) {
	details := e.Details
	if e.Device != "" && e.Subject != "" {
		details = maps.Clone(details)
		if details == nil {
			details = map[string]string{}
		}
		details["device"] = keys[e.Subject].device(tenant, e.Device)
	}
	text, err := detailsOf(details)
	entry := Entry{Tenant: tenant, AtMS: e.At.UnixMilli(), Kind: e.Kind, Details: text, Source: e.Source}
	if e.Actor != "" {
		entry.Actor = keys[e.Actor].user(tenant, e.Actor)
	}
	if e.Subject != "" {
		entry.Subject = keys[e.Subject].user(tenant, e.Subject)
	}
	return entry, err
}

// columns are entries as one statement inserts them.
type columns struct {
	n, at                                 []int64
	kind, actor, subject, details, source []string
	prev, hash                            [][]byte
}

func (c *columns) add(e Entry) {
	c.n, c.at = append(c.n, e.N), append(c.at, e.AtMS)
	c.kind, c.actor, c.subject = append(c.kind, e.Kind), append(c.actor, e.Actor), append(c.subject, e.Subject)
	c.details, c.source = append(c.details, e.Details), append(c.source, e.Source)
	c.prev, c.hash = append(c.prev, e.Prev[:]), append(c.hash, e.Hash[:])
}

func (c *columns) insert(ctx context.Context, tx pgx.Tx, tenant string) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO audit_entries (tenant, n, at_ms, kind, actor, subject, details, source, prev, hash)
		SELECT $1, * FROM unnest($2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::bytea[], $10::bytea[])`,
		tenant, c.n, c.at, c.kind, c.actor, c.subject, c.details, c.source, c.prev, c.hash)
	return err
}
