package readmodel

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/chatcluster/chatcluster/runtime/config"
)

const (
	// lockTimeout is how long a migration's statement waits for a table: readers behind it wait as long.
	lockTimeout = 3 * time.Second
	// migrateAttempts bounds how often a migration that a lock or a connection stopped is tried again.
	migrateAttempts = 12
	// sessionLockSeconds bounds the wait for another migration that is running.
	sessionLockSeconds = 1800
)

// Result is what a migration left behind.
type Result struct {
	// Current is the schema's version, 0 when it is not known.
	Current int64
	// Target is the version that was asked for.
	Target int64
	// Pending are the files of the migrations that the database has not had.
	Pending []string
	// Contractions are the files of those that Contract would apply.
	Contractions []string
}

// source is a set of migrations and the table in which goose keeps what was applied of it.
type source struct {
	files fs.FS
	table string
}

func expansions() source   { return source{migrations(), versionTable} }
func contractions() source { return source{contracting(), contractionTable} }

// Migrate brings the database's schema to Target. It may run any number of times and at the same time: one migrates, the others wait
// and find nothing to do. It retries what a lock or a missing connection stopped, a bounded number of times, until ctx ends. A schema
// that is newer than Target is left as it is, and is an error only where this binary cannot run on it.
//
// An error is in the words of the database and holds no secret and no row's content.
func Migrate(ctx context.Context, cfg config.Postgres, log *slog.Logger) (Result, error) {
	return run(ctx, cfg, expansions(), contractions(), expansions().up, log)
}

// Contract takes away what the release before the previous one needed, on the same terms as Migrate. It is for when every process
// runs this release. What it takes away, neither this release nor the one before it needs.
func Contract(ctx context.Context, cfg config.Postgres, log *slog.Logger) (Result, error) {
	return run(ctx, cfg, expansions(), contractions(), contractions().up, log)
}

// Preview changes nothing and tells what Migrate and Contract would do.
func Preview(ctx context.Context, cfg config.Postgres, log *slog.Logger) (Result, error) {
	nothing := func(ctx context.Context, db *sql.DB, _ *slog.Logger) error { return db.PingContext(ctx) }
	return run(ctx, cfg, expansions(), contractions(), nothing, log)
}

func migrate(ctx context.Context, cfg config.Postgres, fsys fs.FS, log *slog.Logger) (Result, error) {
	s := source{fsys, versionTable}
	return run(ctx, cfg, s, source{}, s.up, log)
}

func run(ctx context.Context, cfg config.Postgres, expand, contract source, step func(context.Context, *sql.DB, *slog.Logger) error, log *slog.Logger) (Result, error) {
	result := Result{Target: targetOf(expand.files)}
	cc, err := connConfig(cfg, cfg.Host, "chatd migrate", map[string]string{"lock_timeout": milliseconds(lockTimeout)})
	if err != nil {
		return result, err
	}
	db := stdlib.OpenDB(*cc, stdlib.OptionBeforeConnect(login(cfg, cfg.Host)))
	defer db.Close() //nolint:errcheck // every statement's own error was looked at

	policy := backoff.NewExponentialBackOff()
	policy.InitialInterval = 500 * time.Millisecond
	policy.MaxInterval = 10 * time.Second
	var last error
	_, err = backoff.Retry(ctx, func() (struct{}, error) {
		err := step(ctx, db, log)
		last = err
		if err != nil && !passes(err) {
			err = backoff.Permanent(err)
		}
		return struct{}{}, err
	}, backoff.WithBackOff(policy), backoff.WithMaxTries(migrateAttempts), backoff.WithMaxElapsedTime(0),
		backoff.WithNotify(func(err error, wait time.Duration) {
			log.Warn("migration will be tried again", "error", describe(err).Error(), "wait", wait)
		}))
	if err != nil && last != nil {
		err = last // the end of ctx says less than what it ended
	}

	found, foundErr := examine(context.WithoutCancel(ctx), db, expand, contract)
	found.Target = result.Target
	switch {
	case err != nil:
		return found, describe(err)
	case foundErr != nil:
		return found, fmt.Errorf("read the schema's version: %w", describe(foundErr))
	case found.Current > found.Target && found.Target == Target():
		return found, checkSchema(found.Current)
	}
	return found, nil
}

func (s source) up(ctx context.Context, db *sql.DB, log *slog.Logger) error {
	if s.files == nil || targetOf(s.files) == 0 {
		return nil
	}
	// A locker that polls: one that blocks in pg_advisory_lock deadlocks with CREATE INDEX CONCURRENTLY.
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, sessionLockSeconds), lock.WithUnlockTimeout(1, 5))
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, db, s.files, goose.WithSessionLocker(locker),
		goose.WithTableName(s.table), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return err
	}
	applied, err := provider.Up(ctx)
	for _, r := range applied {
		log.Info("migration applied", "file", path.Base(r.Source.Path), "version", r.Source.Version, "duration", r.Duration)
	}
	return err
}

// passes says whether what stopped a migration can pass by itself.
func passes(err error) bool {
	state := sqlState(err)
	switch {
	case state == codeLockNotAvailable, state == codeCannotConnectNow, state == codeTooManyConns, strings.HasPrefix(state, classConnection):
		return true
	case state != "":
		return false
	}
	_, failedToConnect := errors.AsType[*pgconn.ConnectError](err)
	return failedToConnect || pgconn.Timeout(err) || pgconn.SafeToRetry(err)
}

// describe puts a migration's failure in the words of the database.
func describe(err error) error {
	if partial, ok := errors.AsType[*goose.PartialError](err); ok {
		return fmt.Errorf("migration %s: %s", path.Base(partial.Failed.Source.Path), sqlWords(partial.Err))
	}
	if state := sqlState(err); strings.HasPrefix(state, classInvalidAuth) {
		return fmt.Errorf("the database refuses the user: %s", sqlWords(err))
	} else if state != "" {
		return errors.New(sqlWords(err))
	}
	return err
}

// examine reads what the database has had. It changes nothing.
func examine(ctx context.Context, db *sql.DB, expand, contract source) (Result, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	var r Result
	conn, err := db.Conn(ctx)
	if err != nil {
		return r, err
	}
	defer conn.Close() //nolint:errcheck // it goes back to a pool that is about to close
	err = conn.Raw(func(driver any) error {
		c, ok := driver.(interface{ Conn() *pgx.Conn })
		if !ok {
			return fmt.Errorf("unexpected driver %T", driver)
		}
		var err error
		if r.Current, r.Pending, err = expand.behind(ctx, c.Conn()); err == nil {
			_, r.Contractions, err = contract.behind(ctx, c.Conn())
		}
		return err
	})
	return r, err
}

// behind returns the newest version that was applied, and the files of those that are newer.
func (s source) behind(ctx context.Context, conn *pgx.Conn) (version int64, files []string, err error) {
	if s.files == nil {
		return 0, nil, nil
	}
	if version, err = appliedVersion(ctx, conn, s.table); err != nil {
		return 0, nil, err
	}
	for _, name := range sqlFiles(s.files) {
		if versionOf(name) > version {
			files = append(files, name)
		}
	}
	return version, files, nil
}
