package readmodel

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"

	"github.com/chatcluster/chatcluster/runtime/fold"
	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// Erasure is the erasure of a user. Report is JSON; who erases knows what it says.
type Erasure struct {
	ID     string
	Done   bool
	Report []byte
}

// BeginErasure returns the user's erasure that is under way, or begins one. Its id is like no other's, and nobody's to guess.
func (m *Model) BeginErasure(ctx context.Context, u store.User) (Erasure, error) {
	var e Erasure
	err := pgx.BeginFunc(ctx, m.writer, func(tx pgx.Tx) error {
		// Two that begin at once are one.
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", "erasure "+u.String()); err != nil {
			return err
		}
		err := tx.QueryRow(ctx, "SELECT id, done, report FROM erasures WHERE tenant = $1 AND user_id = $2 AND NOT done LIMIT 1", string(u.Tenant()), u.ID()).
			Scan(&e.ID, &e.Done, &e.Report)
		if !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		e = Erasure{ID: uuid.NewString(), Report: []byte("{}")}
		_, err = tx.Exec(ctx, "INSERT INTO erasures (tenant, user_id, id, begun_at, done, report) VALUES ($1, $2, $3, now(), false, '{}')",
			string(u.Tenant()), u.ID(), e.ID)
		return err
	})
	if err != nil {
		return Erasure{}, fmt.Errorf("begin an erasure: %w", err)
	}
	return e, nil
}

// NoteErasure keeps how far it is.
func (m *Model) NoteErasure(ctx context.Context, u store.User, e Erasure) error {
	_, err := m.writer.Exec(ctx, "UPDATE erasures SET done = $4, report = $5 WHERE tenant = $1 AND user_id = $2 AND id = $3",
		string(u.Tenant()), u.ID(), e.ID, e.Done, e.Report)
	if err != nil {
		return fmt.Errorf("note an erasure: %w", err)
	}
	return nil
}

// Erasures returns the user's erasures, the latest first.
func (m *Model) Erasures(ctx context.Context, u store.User) ([]Erasure, error) {
	rows, err := m.writer.Query(ctx, "SELECT id, done, report FROM erasures WHERE tenant = $1 AND user_id = $2 ORDER BY begun_at DESC, id",
		string(u.Tenant()), u.ID())
	if err != nil {
		return nil, fmt.Errorf("read erasures: %w", err)
	}
	found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Erasure, error) {
		var e Erasure
		err := row.Scan(&e.ID, &e.Done, &e.Report)
		return e, err
	})
	if err != nil {
		return nil, fmt.Errorf("read erasures: %w", err)
	}
	return found, nil
}

// UnfinishedErasures returns users whose erasure is begun and not done, limit at most, drawn anew each time: those that cannot be finished, being
// held or stuck, keep none of the others from their turn.
func (m *Model) UnfinishedErasures(ctx context.Context, limit int) ([]store.User, error) {
	rows, err := m.writer.Query(ctx, "SELECT tenant, user_id FROM erasures WHERE NOT done ORDER BY random() LIMIT $1", limit)
	if err != nil {
		return nil, fmt.Errorf("list erasures: %w", err)
	}
	users, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (store.User, error) {
		var tenant, id string
		if err := row.Scan(&tenant, &id); err != nil {
			return store.User{}, err
		}
		return store.NewUser(store.Tenant(tenant), id)
	})
	if err != nil {
		return nil, fmt.Errorf("list erasures: %w", err)
	}
	return users, nil
}

// PurgeErasures forgets what is kept of the erasures of a tenant's users.
func (m *Model) PurgeErasures(ctx context.Context, t store.Tenant) error {
	if _, err := m.writer.Exec(ctx, "DELETE FROM erasures WHERE tenant = $1", string(t)); err != nil {
		return fmt.Errorf("delete erasures: %w", err)
	}
	return nil
}

// UserConversations returns the ids of the conversations in which the user is or was, or has read, in order.
func (m *Model) UserConversations(ctx context.Context, u store.User) ([]string, error) {
	rows, err := m.writer.Query(ctx, "SELECT conversation FROM members WHERE tenant = $1 AND user_id = $2 ORDER BY conversation", string(u.Tenant()), u.ID())
	if err != nil {
		return nil, fmt.Errorf("list a user's conversations: %w", err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("list a user's conversations: %w", err)
	}
	return ids, nil
}

// Head returns the seq up to which the model has the conversation, 0 for none.
func (m *Model) Head(ctx context.Context, c store.Conv) (uint64, error) {
	var head int64
	err := m.writer.QueryRow(ctx, "SELECT head FROM conversations WHERE tenant = $1 AND conversation = $2", string(c.Tenant()), c.ID()).Scan(&head)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read the head of %s: %w", c, err)
	}
	return uint64(head), nil
}

// OwnEntries returns the entries that the user has caused, from seq from to seq to, both included, in order, as the writer has them.
func (m *Model) OwnEntries(ctx context.Context, u store.User, c store.Conv, from, to uint64) ([]*logpb.Entry, error) {
	return m.written(ctx, "own entries", `
		SELECT entry FROM messages WHERE tenant = $1 AND conversation = $2 AND seq BETWEEN $3 AND $4 AND sender = $5 ORDER BY seq`,
		string(c.Tenant()), c.ID(), int64(min(from, maxSeq)), int64(min(to, maxSeq)), u.ID())
}

// EntriesAt returns the entries with these seqs, as far as the writer has them, in order.
func (m *Model) EntriesAt(ctx context.Context, c store.Conv, seqs []uint64) ([]*logpb.Entry, error) {
	at := make([]int64, len(seqs))
	for i, s := range seqs {
		at[i] = int64(min(s, maxSeq))
	}
	return m.written(ctx, "entries", "SELECT entry FROM messages WHERE tenant = $1 AND conversation = $2 AND seq = ANY ($3) ORDER BY seq",
		string(c.Tenant()), c.ID(), at)
}

// written reads entries from the writer: a replica may lag behind what has just been erased.
func (m *Model) written(ctx context.Context, what, sql string, args ...any) ([]*logpb.Entry, error) {
	rows, err := m.writer.Query(ctx, sql, args...)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", what, err)
	}
	entries, err := pgx.CollectRows(rows, scanEntry)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", what, err)
	}
	return entries, nil
}

// RedactEdits takes the bodies out of edits with these seqs, as the store's does.
func (m *Model) RedactEdits(ctx context.Context, c store.Conv, seqs ...uint64) error {
	if len(seqs) == 0 {
		return ctx.Err()
	}
	err := pgx.BeginFunc(ctx, m.writer, func(tx pgx.Tx) error {
		// Whoever folds holds this lock.
		if _, err := tx.Exec(ctx, "SELECT FROM conversations WHERE tenant = $1 AND conversation = $2 FOR UPDATE", string(c.Tenant()), c.ID()); err != nil {
			return err
		}
		at := make([]int64, len(seqs))
		for i, s := range seqs {
			at[i] = int64(min(s, maxSeq))
		}
		rows, err := tx.Query(ctx, "SELECT entry FROM messages WHERE tenant = $1 AND conversation = $2 AND seq = ANY ($3)", string(c.Tenant()), c.ID(), at)
		if err != nil {
			return err
		}
		entries, err := pgx.CollectRows(rows, scanEntry)
		if err != nil {
			return err
		}
		var changed foldedColumns
		for _, e := range entries {
			if !fold.Redact(e) {
				continue
			}
			data, err := proto.MarshalOptions{Deterministic: true}.Marshal(e)
			if err != nil {
				return fmt.Errorf("seq %d of %s cannot be encoded", e.GetSeq(), c)
			}
			changed.add(c, row{entry: e, bytes: data})
		}
		out := &pgx.Batch{}
		changed.queue(out)
		if out.Len() == 0 {
			return nil
		}
		return tx.SendBatch(ctx, out).Close()
	})
	if err != nil {
		return fmt.Errorf("redact edits of %s: %w", c, err)
	}
	return nil
}
