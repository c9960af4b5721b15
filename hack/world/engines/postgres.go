package engines

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/chatcluster/chatcluster/hack/world/supervisor"
	"github.com/chatcluster/chatcluster/hack/world/world"
)

// PostgreSQL refuses to run as root, and its own user cannot walk through root's home: inside, the data folder of the
// world is mounted where it can.
const (
	pgData   = "/run/postgres/data"
	pgSocket = "/run/postgres/socket"
)

// pgHBA lets the system's user postgres in over the socket, and everybody else by password.
//
//nolint:dupword // any database, any user
const pgHBA = `local all postgres peer
host all all 0.0.0.0/0 scram-sha-256
`

func postgres(c world.Config, w world.World) (supervisor.Component, error) {
	as, err := user.Lookup("postgres")
	if err != nil {
		return supervisor.Component{}, fmt.Errorf("postgresql's package makes a user postgres: %w", err)
	}
	uid, err := strconv.Atoi(as.Uid)
	if err != nil {
		return supervisor.Component{}, err
	}
	gid, err := strconv.Atoi(as.Gid)
	if err != nil {
		return supervisor.Component{}, err
	}
	host, port, _ := strings.Cut(w.Postgres.Inside, ":")
	p := postgresServer{bin: c.Postgres, data: c.Layout.Path("postgres"), uid: uid, gid: gid, port: port, w: w.Postgres}
	return supervisor.Component{
		Name: "postgres", Prepare: p.prepare, Credential: p.credential(), Dir: "/",
		Path: filepath.Join(p.bin, "postgres"),
		Args: []string{
			"-D", pgData, "-c", "listen_addresses=" + host, "-c", "port=" + port, "-c", "unix_socket_directories=" + pgSocket,
			"-c", "shared_buffers=64MB", "-c", "max_connections=200", "-c", "max_wal_size=256MB", "-c", "jit=off",
		},
		Env: []string{path, "LC_ALL=C.UTF-8"}, Ready: accepts(w.Postgres.Inside), Started: p.setUp, ReadyWithin: readyWithin,
		StopSignal: syscall.SIGINT, // a fast shutdown: ends sessions instead of waiting for them
	}, nil
}

type postgresServer struct {
	bin, data, port string
	uid, gid        int
	w               world.Postgres
}

func (p postgresServer) credential() *syscall.Credential {
	return &syscall.Credential{Uid: uint32(p.uid), Gid: uint32(p.gid)}
}

func (p postgresServer) prepare(ctx context.Context) error {
	if err := os.MkdirAll(p.data, 0o700); err != nil {
		return err
	}
	for _, d := range []string{pgData, pgSocket} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return err
		}
	}
	if err := unix.Mount(p.data, pgData, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("mount %s: %w", p.data, err)
	}
	for _, d := range []string{pgData, pgSocket} {
		if err := os.Chown(d, p.uid, p.gid); err != nil {
			return err
		}
	}
	if _, err := os.Stat(filepath.Join(pgData, "PG_VERSION")); err != nil {
		if err := p.run(ctx, "", "initdb", "-D", pgData, "--encoding=UTF8", "--locale=C.UTF-8", "--auth-local=peer", "--auth-host=scram-sha-256"); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(pgData, "pg_hba.conf"), []byte(pgHBA), 0o644)
}

// setUp makes the role and its database, or brings the role's password up to date. It may be repeated.
func (p postgresServer) setUp(ctx context.Context) error {
	password, err := secret(p.w.PasswordFile)
	if err != nil {
		return err
	}
	return p.run(ctx, setUpSQL(p.w.User, p.w.Database, password), "psql", "-h", pgSocket, "-p", p.port, "-d", "postgres", "-X", "-q", "-v", "ON_ERROR_STOP=1")
}

// setUpSQL goes through psql's standard input: a password has no place among a process's arguments. The role may
// create databases, so that a test can have one of its own.
func setUpSQL(role, database, password string) string {
	ident := func(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }
	literal := func(s string) string { return `'` + strings.ReplaceAll(s, `'`, `''`) + `'` }
	return fmt.Sprintf(`SELECT 'CREATE ROLE %[2]s' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = %[1]s)\gexec
ALTER ROLE %[2]s LOGIN CREATEDB PASSWORD %[5]s;
SELECT 'CREATE DATABASE %[4]s OWNER %[2]s' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = %[3]s)\gexec
`, literal(role), ident(role), literal(database), ident(database), literal(password))
}

func (p postgresServer) run(ctx context.Context, stdin, program string, args ...string) error {
	cmd := exec.CommandContext(ctx, filepath.Join(p.bin, program), args...)
	cmd.Dir, cmd.Env, cmd.Stdin = "/", []string{path, "LC_ALL=C.UTF-8"}, strings.NewReader(stdin)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: p.credential()}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", program, err, bytes.TrimSpace(out))
	}
	return nil
}
