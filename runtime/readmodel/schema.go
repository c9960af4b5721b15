package readmodel

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Versions are release×releaseSteps + step. Migrations only expand, and what a release makes obsolete is contracted by the
// next one after its rollout: so a release runs on its own schema and on the next release's.
const releaseSteps = 1000

// MinSchema is the oldest schema that this binary runs on.
const MinSchema int64 = 1008

// versionTable is where goose keeps what was applied.
const versionTable = "chatcluster_schema"

// contractionTable is the same for what was taken away.
const contractionTable = "chatcluster_contractions"

// ErrIncompatible is wrapped when the database's schema is not one that this binary runs on.
var ErrIncompatible = errors.New("incompatible schema")

//go:embed migrations/*.sql contractions
var embedded embed.FS

func migrations() fs.FS  { return embeddedIn("migrations") }
func contracting() fs.FS { return embeddedIn("contractions") }

func embeddedIn(name string) fs.FS {
	sub, err := fs.Sub(embedded, name)
	if err != nil {
		return embedded // fs.Sub fails for an invalid path only, and these are constants
	}
	return sub
}

// Target returns the schema version to which this binary migrates.
func Target() int64 { return targetOf(migrations()) }

// MaxSchema returns the newest schema that this binary runs on: any of the next release.
func MaxSchema() int64 { return (Target()/releaseSteps+2)*releaseSteps - 1 }

func targetOf(fsys fs.FS) int64 {
	var target int64
	for _, name := range sqlFiles(fsys) {
		target = max(target, versionOf(name))
	}
	return target
}

// sqlFiles are the migrations of a folder, oldest first.
func sqlFiles(fsys fs.FS) []string {
	names, err := fs.Glob(fsys, "*.sql")
	if err != nil {
		return nil // the pattern is a constant
	}
	return names
}

// versionOf is 0 for a name that has none.
func versionOf(name string) int64 {
	version, _, _ := strings.Cut(path.Base(name), "_")
	v, err := strconv.ParseInt(version, 10, 64)
	if err != nil {
		return 0
	}
	return v
}

// Compatible returns nil when the database can be reached and its schema is one that this binary runs on, an error that
// wraps ErrIncompatible when it is not, and any other error when that could not be found out. Roles are not ready before.
func (m *Model) Compatible(ctx context.Context) error {
	v, err := schemaVersion(ctx, m.writer)
	if err != nil {
		return fmt.Errorf("read the schema's version: %w", err)
	}
	return checkSchema(v)
}

func checkSchema(v int64) error {
	if v < MinSchema || v > MaxSchema() {
		return fmt.Errorf("%w: the database has version %d, this release runs on %d to %d", ErrIncompatible, v, MinSchema, MaxSchema())
	}
	return nil
}

type rowQuerier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// schemaVersion returns 0 for a database that was never migrated.
func schemaVersion(ctx context.Context, q rowQuerier) (int64, error) {
	return appliedVersion(ctx, q, versionTable)
}

func appliedVersion(ctx context.Context, q rowQuerier, table string) (int64, error) {
	var v int64
	err := q.QueryRow(ctx, "SELECT coalesce(max(version_id), 0) FROM "+table+" WHERE is_applied").Scan(&v)
	if pgErr, ok := errors.AsType[*pgconn.PgError](err); ok && pgErr.Code == codeUndefinedTable {
		return 0, nil
	}
	return v, err
}
