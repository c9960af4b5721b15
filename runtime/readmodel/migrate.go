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
}

// Migrate brings the database's schema to Target. It may run any number of times and at the same time: one migrates, the others wait
// and find nothing to do. It retries what a lock or a missing connection stopped, a bounded number of times, until ctx ends. A schema
// that is newer than Target is left as it is, and is an error only where this binary cannot run on it.
//
// An error is in the words of the database and holds no secret and no row's content.
func Migrate(ctx context.Context, cfg config.Postgres, log *slog.Logger) (Result, error) {
	return migrate(ctx, cfg, migrations(), log)
}

func migrate(ctx context.Context, cfg config.Postgres, fsys fs.FS, log *slog.Logger) (Result, error) {
	result := Result{Target: targetOf(fsys)}
	cc, err := connConfig(cfg, cfg.Host, "chatd migrate", map[string]string{"lock_timeout": milliseconds(lockTimeout)})
	if err != nil {
		return result, err
	}
	db := stdlib.OpenDB(*cc, stdlib.OptionBeforeConnect(setPassword(cfg.PasswordFile)))
	defer db.Close() //nolint:errcheck // every statement's own error was looked at

	policy := backoff.NewExponentialBackOff()
	policy.InitialInterval = 500 * time.Millisecond
	policy.MaxInterval = 10 * time.Second
	var last error
	_, err = backoff.Retry(ctx, func() (struct{}, error) {
		err := up(ctx, db, fsys, log)
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

	version, versionErr := currentVersion(context.WithoutCancel(ctx), db)
	result.Current = version
	switch {
	case err != nil:
		return result, describe(err)
	case versionErr != nil:
		return result, fmt.Errorf("read the schema's version: %w", describe(versionErr))
	case result.Current > result.Target && result.Target == Target():
		return result, checkSchema(result.Current)
	}
	return result, nil
}

func up(ctx context.Context, db *sql.DB, fsys fs.FS, log *slog.Logger) error {
	// A locker that polls: one that blocks in pg_advisory_lock deadlocks with CREATE INDEX CONCURRENTLY.
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, sessionLockSeconds), lock.WithUnlockTimeout(1, 5))
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, db, fsys, goose.WithSessionLocker(locker),
		goose.WithTableName(versionTable), goose.WithDisableGlobalRegistry(true))
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

func currentVersion(ctx context.Context, db *sql.DB) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	conn, err := db.Conn(ctx)
	if err != nil {
		return 0, err
	}
	defer conn.Close() //nolint:errcheck // it goes back to a pool that is about to close
	var v int64
	err = conn.Raw(func(driver any) error {
		c, ok := driver.(interface{ Conn() *pgx.Conn })
		if !ok {
			return fmt.Errorf("unexpected driver %T", driver)
		}
		v, err = schemaVersion(ctx, c.Conn())
		return err
	})
	return v, err
}
