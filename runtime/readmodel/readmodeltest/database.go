package readmodeltest

import (
	"context"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/chatcluster/chatcluster/runtime/config"
)

// Env names the variable that holds the administrator's connection string.
const Env = "CHATCLUSTER_TEST_POSTGRES"

// insufficientPrivilege is an SQLSTATE (PostgreSQL, appendix A).
const insufficientPrivilege = "42501"

// Database creates an empty database and returns how to connect to it.
func Database(t *testing.T) config.Postgres {
	t.Helper()
	dsn := os.Getenv(Env)
	if dsn == "" {
		t.Fatalf("%s is not set: it is the connection string of a PostgreSQL administrator", Env)
	}
	name := "test_" + strings.ToLower(rand.Text())
	admin(t, dsn, "CREATE DATABASE "+name)
	t.Cleanup(func() { admin(t, dsn, "DROP DATABASE "+name+" WITH (FORCE)") })

	cc, err := pgx.ParseConfig(dsn)
	if err != nil {
		t.Fatalf("%s: %v", Env, err)
	}
	passwordFile := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(passwordFile, []byte(cc.Password+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return config.Postgres{
		Host: cc.Host, Port: int(cc.Port), Database: name, User: cc.User, PasswordFile: passwordFile, SSLMode: "disable",
	}
}

func admin(t *testing.T, dsn, statement string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		t.Fatalf("connect to %s: %v", Env, err)
	}
	defer conn.Close(ctx) //nolint:errcheck // the statement's own error is what counts
	for {
		_, err := conn.Exec(ctx, statement)
		if err == nil {
			return
		}
		// An autovacuum worker is in the database, and that only a superuser may end: it goes by itself.
		if refused, ok := errors.AsType[*pgconn.PgError](err); !ok || refused.Code != insufficientPrivilege {
			t.Fatalf("%s: %v", statement, err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(200 * time.Millisecond):
		}
	}
}
