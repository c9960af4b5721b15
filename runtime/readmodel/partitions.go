package readmodel

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	// monthsAhead is how many months are made before they begin.
	monthsAhead = 3
	// upkeepTimeout bounds a round.
	upkeepTimeout = 2 * time.Minute
	// upkeepLock is the advisory lock of whoever keeps the partitions: "chatcluster messages" in no other use.
	upkeepLock = 0x63686174_6d736773
	// upkeepChunk is how many rows a statement deletes or changes at a time.
	upkeepChunk = 5000

	partitionPrefix = "messages_p"
	monthFormat     = "200601"
)

// Upkeep is what a round of keeping the partitions did and found.
type Upkeep struct {
	// Busy is true when another process is at it: nothing else is known then.
	Busy bool
	// Held is true when months would have been dropped, and a legal hold keeps them.
	Held bool
	// Created and Dropped are months, as 202611.
	Created, Dropped []string
	// Partitions is how many months there are. Stray says that there are entries of no month that is to be there: from a clock that is wrong.
	Partitions int
	Stray      bool
}

// Retain says for how long entries are kept, by whole months; zero, the default, is for ever. Call it before the first Apply.
func (w *Writer) Retain(d time.Duration) { w.retention = d }

// keptFrom is since when entries are kept: the beginning of a month. Zero: since ever.
func (w *Writer) keptFrom() time.Time {
	if w.retention <= 0 {
		return time.Time{}
	}
	return monthOf(w.now().Add(-w.retention))
}

func monthOf(t time.Time) time.Time {
	t = t.UTC()
	return time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC)
}

// KeepPartitions makes the months to come, drops those beyond the retention, and gives entries that came for a month that is not there
// that month. Any number of processes may call it: one works, the others find it busy. What a lock that is held elsewhere
// keeps it from doing is an error, and is done by the next round.
func (w *Writer) KeepPartitions(ctx context.Context) (Upkeep, error) {
	ctx, cancel := context.WithTimeout(ctx, upkeepTimeout)
	defer cancel()
	var done Upkeep
	err := w.m.writer.AcquireFunc(ctx, func(conn *pgxpool.Conn) error {
		var mine bool
		if err := conn.QueryRow(ctx, "SELECT pg_try_advisory_lock($1)", int64(upkeepLock)).Scan(&mine); err != nil {
			return err
		}
		if !mine {
			done.Busy = true
			return nil
		}
		err := (&keeper{conn: conn, now: w.now(), keptFrom: w.keptFrom(), done: &done}).round(ctx)
		return errors.Join(err, unlock(ctx, conn))
	})
	if err != nil {
		w.m.noticeFailover(err)
		return done, fmt.Errorf("keep the partitions: %w", err)
	}
	return done, nil
}

// unlock gives the lock back, or with it the connection.
func unlock(ctx context.Context, conn *pgxpool.Conn) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), connectTimeout)
	defer cancel()
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_unlock($1)", int64(upkeepLock)); err != nil {
		return errors.Join(err, conn.Conn().Close(ctx))
	}
	return nil
}

// keeper is one round.
type keeper struct {
	conn          *pgxpool.Conn
	now, keptFrom time.Time
	done          *Upkeep
}

func (k *keeper) round(ctx context.Context) error {
	there, err := k.months(ctx, `
		SELECT substr(c.relname, $1) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
		WHERE i.inhparent = 'messages'::regclass AND c.relname LIKE $2`, len(partitionPrefix)+1, strings.ReplaceAll(partitionPrefix, "_", `\_`)+"%")
	if err != nil {
		return err
	}
	k.done.Partitions = len(there)
	var failed []error
	if err := k.forget(ctx, there); err != nil {
		failed = append(failed, err)
	}
	wanted, err := k.wanted(ctx)
	if err != nil {
		return errors.Join(append(failed, err)...)
	}
	for _, month := range wanted {
		if there[month] {
			continue
		}
		if err := k.create(ctx, month); err != nil {
			failed = append(failed, fmt.Errorf("create %s: %w", month.Format(monthFormat), err))
		}
	}
	err = k.conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM messages_default)").Scan(&k.done.Stray)
	return errors.Join(append(failed, err)...)
}

// months returns the months that the query names.
func (k *keeper) months(ctx context.Context, query string, args ...any) (map[time.Time]bool, error) {
	rows, err := k.conn.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	found := map[time.Time]bool{}
	for _, name := range names {
		if month, err := time.Parse(monthFormat, name); err == nil {
			found[month] = true
		}
	}
	return found, err
}

// wanted returns the months that are to be there: this one, those ahead, and those of entries that came without one.
func (k *keeper) wanted(ctx context.Context) ([]time.Time, error) {
	this := monthOf(k.now)
	var wanted []time.Time
	for n := range monthsAhead + 1 {
		wanted = append(wanted, this.AddDate(0, n, 0))
	}
	stray, err := k.months(ctx, `
		SELECT DISTINCT to_char(at AT TIME ZONE 'UTC', 'YYYYMM') FROM messages_default WHERE at >= '0001-01-01' AND at < $1`, this)
	for month := range stray {
		wanted = append(wanted, month)
	}
	return wanted, err
}

// change is a short transaction: it gives up where it would make others wait behind it.
func (k *keeper) change(ctx context.Context, f func(pgx.Tx) error) error {
	return pgx.BeginFunc(ctx, k.conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SET LOCAL lock_timeout = "+milliseconds(lockTimeout)); err != nil {
			return err
		}
		return f(tx)
	})
}

// create makes a month of what the default partition has of it, and attaches it.
func (k *keeper) create(ctx context.Context, month time.Time) error {
	name := partitionPrefix + month.Format(monthFormat)
	from, to := bound(month), bound(month.AddDate(0, 1, 0))
	err := k.change(ctx, func(tx pgx.Tx) error {
		for _, statement := range []string{
			"CREATE TABLE " + name + " (LIKE messages INCLUDING ALL)",
			// The lock keeps entries of the month out of the default partition until the month is there.
			"LOCK TABLE messages_default IN ACCESS EXCLUSIVE MODE",
			"INSERT INTO " + name + " SELECT * FROM messages_default WHERE at >= " + from + " AND at < " + to,
			"DELETE FROM messages_default WHERE at >= " + from + " AND at < " + to,
			"ALTER TABLE messages ATTACH PARTITION " + name + " FOR VALUES FROM (" + from + ") TO (" + to + ")",
		} {
			if _, err := tx.Exec(ctx, statement); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		k.done.Created = append(k.done.Created, month.Format(monthFormat))
		k.done.Partitions++
	}
	return err
}

func bound(t time.Time) string { return "'" + t.Format("2006-01-02") + " 00:00:00+00'" }

func (k *keeper) drop(ctx context.Context, month time.Time) error {
	err := k.change(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, "DROP TABLE "+partitionPrefix+month.Format(monthFormat))
		return err
	})
	if err == nil {
		k.done.Dropped = append(k.done.Dropped, month.Format(monthFormat))
		k.done.Partitions--
	}
	return err
}

// forget drops the months beyond the retention, and takes out what else is left of their entries.
func (k *keeper) forget(ctx context.Context, there map[time.Time]bool) error {
	if k.keptFrom.IsZero() {
		return nil
	}
	if held, err := anyHold(ctx, k.conn); err != nil || held {
		k.done.Held = held
		return err
	}
	// Entries that came after their month was dropped; those that are being changed are left to the next time.
	err := k.inChunks(ctx, `
		DELETE FROM messages_default
		WHERE ctid = ANY (ARRAY(SELECT ctid FROM messages_default WHERE at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED))`, k.keptFrom)
	if err != nil {
		return err
	}
	// What is to be reviewed goes with its message.
	err = k.inChunks(ctx, `
		DELETE FROM reviews
		WHERE ctid = ANY (ARRAY(SELECT ctid FROM reviews WHERE opened_at_ms < $1 LIMIT $2 FOR UPDATE SKIP LOCKED))`, k.keptFrom.UnixMilli())
	if err != nil {
		return err
	}
	over := slices.DeleteFunc(slices.SortedFunc(maps.Keys(there), time.Time.Compare), func(m time.Time) bool { return !m.Before(k.keptFrom) })
	if len(over) == 0 {
		return nil
	}
	// Previews go before the months: whoever dies in between finds the months, and begins again. The condition is looked at under the
	// row's lock once more: the conversation may have a new message meanwhile.
	err = k.inChunks(ctx, `
		UPDATE conversations c SET last_sender = '', last_preview = ''
		FROM (
		    SELECT tenant, conversation FROM conversations WHERE last_at_ms < $1 AND (last_preview <> '' OR last_sender <> '')
		    ORDER BY tenant, conversation LIMIT $2 FOR UPDATE
		) o
		WHERE c.tenant = o.tenant AND c.conversation = o.conversation AND c.last_at_ms < $1`, k.keptFrom.UnixMilli())
	if err != nil {
		return err
	}
	for _, month := range over {
		if err := k.drop(ctx, month); err != nil {
			return fmt.Errorf("drop %s: %w", month.Format(monthFormat), err)
		}
	}
	return nil
}

// inChunks repeats the statement until it has nothing more to do.
func (k *keeper) inChunks(ctx context.Context, statement string, before any) error {
	for {
		tag, err := k.conn.Exec(ctx, statement, before, upkeepChunk)
		if err != nil {
			return fmt.Errorf("forget: %w", err)
		}
		if tag.RowsAffected() < upkeepChunk {
			return nil
		}
	}
}
