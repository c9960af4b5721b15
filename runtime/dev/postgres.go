package dev

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/chatcluster/chatcluster/runtime/config"
)

// ErrNoPostgres says that the machine has no PostgreSQL server.
var ErrNoPostgres = errors.New("there is no PostgreSQL server on this machine: install the Debian package postgresql (apt-get install postgresql), " +
	"or put initdb and postgres into the PATH")

const (
	// debianServers is where Debian's packages put the servers, by major version.
	debianServers = "/usr/lib/postgresql"
	// pgUser owns the cluster; only those get to the socket who may enter its folder.
	pgUser     = "chatcluster"
	pgDatabase = "postgres"
	// pgPort is a part of the socket's name, nothing more.
	pgPort = 5432
	// maxSocketDir keeps the socket's path within the kernel's 107 bytes.
	maxSocketDir = 107 - len("/.s.PGSQL.5432.lock")

	pgReadyWithin = 30 * time.Second
	pgStopWithin  = 20 * time.Second
	pgPoll        = 20 * time.Millisecond
)

// postgres is the server, this process's child.
type postgres struct {
	data, socket, logPath string
	temporary             bool // the socket's folder is to be removed
	process               *os.Process
	ended                 chan struct{}
	err                   error // how it ended
}

// startPostgres starts the server on dir/postgres, which is made the first time, and does not wait until it is ready.
func startPostgres(ctx context.Context, dir string, log *slog.Logger) (_ *postgres, err error) {
	p := &postgres{data: filepath.Join(dir, "postgres"), logPath: filepath.Join(dir, "postgres.log"), ended: make(chan struct{})}
	bin, err := findPostgres(debianServers, p.data)
	if err != nil {
		return nil, err
	}
	as, err := serverUser()
	if err != nil {
		return nil, err
	}
	if err := reachable(ctx, dir, as); err != nil {
		return nil, err
	}
	if err := p.clearOrphan(ctx, log); err != nil {
		return nil, err
	}
	if err := p.makeSocketDir(dir, as); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			p.removeSocketDir()
		}
	}()
	if err := p.initialize(ctx, bin, as); err != nil {
		return nil, err
	}
	if err := p.start(filepath.Join(bin, "postgres"), as); err != nil {
		return nil, err
	}
	return p, nil
}

// config is how to reach the server.
func (p *postgres) config() config.Postgres {
	return config.Postgres{Host: p.socket, Port: pgPort, Database: pgDatabase, User: pgUser, SSLMode: "disable"}
}

// findPostgres returns the folder with initdb and postgres: the version that made the data, else the newest.
func findPostgres(root, data string) (string, error) {
	version, err := os.ReadFile(filepath.Join(data, "PG_VERSION"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read PostgreSQL's version: %w", err)
	}
	if v := strings.TrimSpace(string(version)); v != "" {
		if bin := filepath.Join(root, v, "bin"); hasServer(bin) {
			return bin, nil
		}
	}
	found, newest := "", 0
	servers, err := filepath.Glob(filepath.Join(root, "*", "bin"))
	if err != nil {
		return "", err
	}
	for _, bin := range servers {
		if major, err := strconv.Atoi(filepath.Base(filepath.Dir(bin))); err == nil && major > newest && hasServer(bin) {
			found, newest = bin, major
		}
	}
	if found != "" {
		return found, nil
	}
	if path, err := exec.LookPath("postgres"); err == nil && hasServer(filepath.Dir(path)) {
		return filepath.Dir(path), nil
	}
	return "", ErrNoPostgres
}

func hasServer(bin string) bool {
	for _, program := range []string{"initdb", "postgres"} {
		if _, err := exec.LookPath(filepath.Join(bin, program)); err != nil {
			return false
		}
	}
	return true
}

// serverUser is whom the server runs as: it refuses to be root. Nil: as this process.
func serverUser() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil // this process's own
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		if u, err = user.Lookup("nobody"); err != nil {
			return nil, fmt.Errorf("PostgreSQL refuses to run as root, and there is no user postgres or nobody: %w", err)
		}
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}

// reachable says whether the server's user gets to dir: root's home, for one, lets nobody through.
func reachable(ctx context.Context, dir string, as *syscall.Credential) error {
	if as == nil {
		return nil
	}
	probe := exec.CommandContext(ctx, "/bin/sh", "-c", `cd "$1"`, "sh", dir)
	probe.Dir, probe.SysProcAttr = "/", &syscall.SysProcAttr{Credential: as}
	if err := probe.Run(); err != nil {
		return fmt.Errorf("PostgreSQL runs as user id %d, who cannot enter %s: choose another data folder", as.Uid, dir)
	}
	return nil
}

// clearOrphan stops a server that outlived the process that started it. Nobody else can be using the folder.
func (p *postgres) clearOrphan(ctx context.Context, log *slog.Logger) error {
	file, err := os.ReadFile(filepath.Join(p.data, "postmaster.pid"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read PostgreSQL's lock: %w", err)
	}
	line, _, _ := strings.Cut(string(file), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		return nil // half a file: the server knows what to do with it
	}
	ours := func() bool {
		at, err := os.Readlink(filepath.Join("/proc", strconv.Itoa(pid), "cwd"))
		return err == nil && at == p.data
	}
	if !ours() {
		return nil
	}
	log.Info("stopping a PostgreSQL that was left over", "pid", pid)
	_ = syscall.Kill(pid, syscall.SIGQUIT) // it may be gone by now
	ctx, cancel := context.WithTimeout(ctx, pgStopWithin)
	defer cancel()
	for ours() {
		if err := pause(ctx, pgPoll); err != nil {
			return fmt.Errorf("a PostgreSQL that was left over does not stop (process %d)", pid)
		}
	}
	return nil
}

// makeSocketDir makes the folder of the socket, which only the server's user and this one may enter.
func (p *postgres) makeSocketDir(dir string, as *syscall.Credential) error {
	p.socket = filepath.Join(dir, "postgres-socket")
	var err error
	if len(p.socket) > maxSocketDir {
		p.temporary = true
		p.socket, err = os.MkdirTemp("", "chatd-postgres-")
	} else if err = os.Mkdir(p.socket, 0o700); errors.Is(err, fs.ErrExist) {
		err = nil
	}
	if err == nil && as != nil {
		err = os.Chown(p.socket, int(as.Uid), int(as.Gid))
	}
	if err != nil {
		return fmt.Errorf("PostgreSQL's socket: %w", err)
	}
	return nil
}

func (p *postgres) removeSocketDir() {
	if p.temporary {
		_ = os.RemoveAll(p.socket)
	}
}

// initialize makes the data folder where there is none. Half a one is never left under its name.
func (p *postgres) initialize(ctx context.Context, bin string, as *syscall.Credential) error {
	if _, err := os.Stat(filepath.Join(p.data, "PG_VERSION")); err == nil {
		return nil
	}
	made := p.data + ".new"
	if err := errors.Join(os.RemoveAll(made), os.RemoveAll(p.data), os.Mkdir(made, 0o700)); err != nil {
		return fmt.Errorf("PostgreSQL's data: %w", err)
	}
	if as != nil {
		if err := os.Chown(made, int(as.Uid), int(as.Gid)); err != nil {
			return fmt.Errorf("PostgreSQL's data: %w", err)
		}
	}
	cmd := exec.CommandContext(ctx, filepath.Join(bin, "initdb"), "-D", made, "-U", pgUser,
		"--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync")
	cmd.Dir, cmd.Env, cmd.SysProcAttr = "/", serverEnv(), &syscall.SysProcAttr{Credential: as}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, bytes.TrimSpace(out))
	}
	if err := os.Rename(made, p.data); err != nil {
		return fmt.Errorf("PostgreSQL's data: %w", err)
	}
	return nil
}

func serverEnv() []string { return []string{"PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8"} }

// start starts the server.
func (p *postgres) start(program string, as *syscall.Credential) error {
	out, err := os.OpenFile(p.logPath, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("PostgreSQL's log: %w", err)
	}
	defer func() { _ = out.Close() }()
	args := []string{"-D", p.data, "-k", p.socket, "-p", strconv.Itoa(pgPort), "-c", "listen_addresses="}
	for _, setting := range []string{
		"fsync=off", "synchronous_commit=off", "full_page_writes=off", "shared_buffers=64MB", "max_connections=200", "jit=off",
	} {
		args = append(args, "-c", setting)
	}
	// It is ended by stop, last of all, and not by a context.
	cmd := exec.CommandContext(context.Background(), program, args...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = "/", serverEnv(), out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Credential: as,
		Setpgid:    true, // an interrupt from the keyboard is for this process, which stops the server last
		Pdeathsig:  syscall.SIGINT,
	}
	started := make(chan error, 1)
	go func() {
		defer close(p.ended)
		// The kernel signals a child when the thread that started it ends, so that one must live as long.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		p.process = cmd.Process
		started <- err
		if err == nil {
			p.err = cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("start PostgreSQL: %w", err)
	}
	return nil
}

// ready waits until the server takes connections.
func (p *postgres) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, pgReadyWithin)
	defer cancel()
	dsn := fmt.Sprintf("host='%s' port=%d user=%s dbname=%s sslmode=disable", strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(p.socket), pgPort, pgUser, pgDatabase)
	for {
		conn, err := pgx.Connect(ctx, dsn)
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-p.ended:
			return fmt.Errorf("PostgreSQL does not start: %w; its log is %s", p.failure(), p.logPath)
		default:
		}
		if pause(ctx, pgPoll) != nil {
			return fmt.Errorf("PostgreSQL is not ready: %w; its log is %s", err, p.logPath)
		}
	}
}

// failure is how the server ended, once it has.
func (p *postgres) failure() error {
	if p.err == nil {
		return errors.New("it was told to")
	}
	return p.err
}

// stop ends sessions and then the server, and waits for it.
func (p *postgres) stop() error {
	defer p.removeSocketDir()
	for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGQUIT, syscall.SIGKILL} {
		_ = p.process.Signal(s) // it may have ended
		select {
		case <-p.ended:
			return nil
		case <-time.After(pgStopWithin):
		}
	}
	return errors.New("PostgreSQL does not stop")
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
