//go:build engines

package readmodel

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatcluster/chatcluster/runtime/config"
	"github.com/chatcluster/chatcluster/runtime/readmodel/readmodeltest"
)

var quiet = slog.New(slog.DiscardHandler)

func deadline(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func openModel(t *testing.T, cfg config.Postgres) *Model {
	t.Helper()
	m, err := Open(cfg, Options{Application: t.Name()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m
}

func TestMigrateTwice(t *testing.T) {
	ctx, cfg := deadline(t), readmodeltest.Database(t)
	m := openModel(t, cfg)
	if err := m.Compatible(ctx); !errors.Is(err, ErrIncompatible) {
		t.Fatalf("Compatible on an empty database: %v, want ErrIncompatible", err)
	}
	want := Result{Current: Target(), Target: Target()}
	for range 2 {
		got, err := Migrate(ctx, cfg, quiet)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("result (-want +got):\n%s", diff)
		}
	}
	if err := m.Compatible(ctx); err != nil {
		t.Fatal(err)
	}
}

func TestMigrateAtTheSameTime(t *testing.T) {
	ctx, cfg := deadline(t), readmodeltest.Database(t)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			got, err := Migrate(ctx, cfg, quiet)
			if err != nil || got.Current != Target() {
				t.Errorf("Migrate: %+v, %v", got, err)
			}
		})
	}
	wg.Wait()
}

// withBroken returns the real migrations and one more that fails.
func withBroken(t *testing.T, statement string) fs.FS {
	t.Helper()
	fsys := fstest.MapFS{"09001_broken.sql": {Data: []byte("-- +goose Up\n" + statement + "\n")}}
	names, err := fs.Glob(migrations(), "*.sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		data, err := fs.ReadFile(migrations(), name)
		if err != nil {
			t.Fatal(err)
		}
		fsys[name] = &fstest.MapFile{Data: data}
	}
	return fsys
}

func TestMigrateFailureIsInTheWordsOfTheDatabase(t *testing.T) {
	for _, tc := range []struct {
		name, statement string
		want            []string
		reason          string
	}{
		{
			"missing table", "ALTER TABLE nowhere ADD COLUMN x int;",
			[]string{"09001_broken.sql", `relation "nowhere" does not exist`, "42P01"},
			"the file, the words and the code are what a person searches for",
		},
		{
			"row refused", "CREATE TABLE u (body text PRIMARY KEY); INSERT INTO u VALUES ('hunter2'), ('hunter2');",
			[]string{"09001_broken.sql", "duplicate key value", "23505"},
			"the detail holds the row's content and stays out",
		},
		{
			"syntax", "CREATE TABEL x ();",
			[]string{"09001_broken.sql", "syntax error", "42601"},
			"a typo is found at once",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ctx, cfg := deadline(t), readmodeltest.Database(t)
			got, err := migrate(ctx, cfg, withBroken(t, tc.statement), quiet)
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range tc.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q lacks %q: %s", err, want, tc.reason)
				}
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%q holds a row's content", err)
			}
			if diff := cmp.Diff(Result{Current: Target(), Target: 9001, Pending: []string{"09001_broken.sql"}}, got); diff != "" {
				t.Errorf("what was applied before stays (-want +got):\n%s", diff)
			}
		})
	}
}

func TestMigrateRefusedPassword(t *testing.T) {
	ctx, cfg := deadline(t), readmodeltest.Database(t)
	cfg.User = "nobody_here"
	if err := os.WriteFile(cfg.PasswordFile, []byte("hunter2"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Migrate(ctx, cfg, quiet)
	if err == nil || !strings.Contains(err.Error(), "SQLSTATE 28") || strings.Contains(err.Error(), "hunter2") {
		t.Fatalf("got %v, want the refusal without the password", err)
	}
}

func TestMigrateGoesOnWhenALockIsReleased(t *testing.T) {
	ctx, cfg := deadline(t), readmodeltest.Database(t)
	if _, err := Migrate(ctx, cfg, quiet); err != nil {
		t.Fatal(err)
	}
	m := openModel(t, cfg)
	tx, err := m.writer.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(ctx, "LOCK TABLE conversations IN ACCESS SHARE MODE"); err != nil {
		t.Fatal(err)
	}
	retried := make(chan struct{})
	log := slog.New(onWarn{quiet.Handler(), sync.OnceFunc(func() { close(retried) })})
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() {
		select {
		case <-retried:
		case <-ctx.Done():
		}
		_ = tx.Rollback(ctx)
	})
	got, err := migrate(ctx, cfg, withBroken(t, "ALTER TABLE conversations ADD COLUMN extra int;"), log)
	if err != nil || got.Current != 9001 {
		t.Fatalf("got %+v, %v", got, err)
	}
}

// onWarn calls warned at each warning.
type onWarn struct {
	slog.Handler
	warned func()
}

func (h onWarn) Enabled(context.Context, slog.Level) bool { return true }

func (h onWarn) Handle(_ context.Context, r slog.Record) error {
	if r.Level == slog.LevelWarn {
		h.warned()
	}
	return nil
}

func TestNewerSchema(t *testing.T) {
	for _, tc := range []struct {
		name    string
		version int64
		ok      bool
		reason  string
	}{
		{"next release's", MaxSchema(), true, "a rollback is a change of image and no more"},
		{"the one after", MaxSchema() + 1, false, "that one may have contracted what this binary needs"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ctx, cfg := deadline(t), readmodeltest.Database(t)
			if _, err := Migrate(ctx, cfg, quiet); err != nil {
				t.Fatal(err)
			}
			m := openModel(t, cfg)
			if _, err := m.writer.Exec(ctx, "INSERT INTO "+versionTable+" (version_id, is_applied) VALUES ($1, true)", tc.version); err != nil {
				t.Fatal(err)
			}
			_, migrateErr := Migrate(ctx, cfg, quiet)
			for what, err := range map[string]error{"Compatible": m.Compatible(ctx), "Migrate": migrateErr} {
				if (err == nil) != tc.ok || (err != nil && !errors.Is(err, ErrIncompatible)) {
					t.Errorf("%s: %v: %s", what, err, tc.reason)
				}
			}
		})
	}
}

func TestMigrateUnreachable(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
	defer cancel()
	cfg := readmodeltest.Database(t)
	cfg.Port = 1
	if err := os.WriteFile(cfg.PasswordFile, []byte("hunter2"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Migrate(ctx, cfg, quiet)
	if err == nil || !strings.Contains(err.Error(), "127.0.0.1") || strings.Contains(err.Error(), "hunter2") {
		t.Fatalf("got %v, want where it could not connect to, without the password", err)
	}
}
