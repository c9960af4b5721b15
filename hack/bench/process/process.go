package process

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/chatcluster/chatcluster/hack/bench/admin"
	"github.com/chatcluster/chatcluster/hack/bench/load"
)

const (
	// serverCore is where servers run; the load generator has the other one.
	serverCore  = "0"
	everyCore   = "0,1"
	readyWithin = 3 * time.Minute
	stopWithin  = 40 * time.Second
)

// Server is a running process.
type Server struct {
	// Addr is the gateway's.
	Addr netip.AddrPort
	// life is the run's: questions to the server end with it.
	life  context.Context
	admin string
	cmd   *exec.Cmd
	done  chan error
}

// Start runs this program again with the arguments, on the server's core, and waits until it serves.
func Start(ctx context.Context, args ...string) (*Server, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return start(ctx, serverCore, self, args...)
}

// StartBeside runs the program of that name from this one's folder, on every core, and waits until it serves.
func StartBeside(ctx context.Context, name string, args ...string) (*Server, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return start(ctx, everyCore, filepath.Join(filepath.Dir(self), name), args...)
}

func start(ctx context.Context, cores, program string, args ...string) (*Server, error) {
	cmd := exec.CommandContext(ctx, "taskset", append([]string{"-c", cores, program}, args...)...)
	cmd.Stderr = os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = stopWithin
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	s := &Server{life: ctx, cmd: cmd, done: make(chan error, 1)}
	ready := make(chan admin.Ready, 1)
	go func() {
		var r admin.Ready
		if json.NewDecoder(stdout).Decode(&r) == nil {
			ready <- r
		}
		_, _ = io.Copy(io.Discard, stdout)
		s.done <- cmd.Wait()
		close(s.done)
	}()
	timeout := time.NewTimer(readyWithin)
	defer timeout.Stop()
	select {
	case r := <-ready:
		s.admin = r.Admin
		var err error
		if s.Addr, err = netip.ParseAddrPort(r.Gateway); err != nil {
			return nil, errors.Join(err, s.Kill())
		}
		return s, nil
	case err := <-s.done:
		return nil, fmt.Errorf("the server ended before it was ready: %w", err)
	case <-timeout.C:
		return nil, errors.Join(errors.New("the server is not ready in time"), s.Kill())
	}
}

// Stop ends the server in its own time.
func (s *Server) Stop() error {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-s.done:
		return err
	case <-time.After(stopWithin):
		return errors.Join(errors.New("the server does not stop"), s.Kill())
	}
}

// Kill ends the server at once.
func (s *Server) Kill() error {
	if err := s.cmd.Process.Kill(); err != nil {
		return err
	}
	for range s.done { // how it ended is no news
	}
	return nil
}

// Stats asks the server what it has used.
func (s *Server) Stats() (st admin.Stats, err error) {
	return st, s.get("/stats", func(r io.Reader) error { return json.NewDecoder(r).Decode(&st) })
}

// Settle has the server collect its garbage and return what is free.
func (s *Server) Settle() error {
	return s.ask(http.MethodPost, "/settle", func(io.Reader) error { return nil })
}

// Get reads a page of the server's private port.
func (s *Server) Get(path string) ([]byte, error) {
	var out []byte
	err := s.get(path, func(r io.Reader) (err error) {
		out, err = io.ReadAll(r)
		return err
	})
	return out, err
}

func (s *Server) get(path string, read func(io.Reader) error) error {
	return s.ask(http.MethodGet, path, read)
}

func (s *Server) ask(method, path string, read func(io.Reader) error) error {
	req, err := http.NewRequestWithContext(s.life, method, "http://"+s.admin+path, http.NoBody)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", path, res.Status)
	}
	return read(res.Body)
}

// Logs reads what the server's store has.
func (s *Server) Logs() (load.Stored, error) {
	stored := load.Stored{}
	err := s.get("/logs", func(r io.Reader) error {
		lines := bufio.NewScanner(r)
		for lines.Scan() {
			var name, id string
			var seq uint64
			if lines.Text() == "end" {
				return nil
			}
			if _, err := fmt.Sscan(lines.Text(), &name, &seq, &id); err != nil {
				return fmt.Errorf("a line of the log: %w", err)
			}
			stored[name] = append(stored[name], load.StoredEntry{Seq: seq, ID: strings.TrimSuffix(id, ".")})
		}
		return errors.New("the logs end early")
	})
	return stored, err
}

// Profile writes profiles of the coming d: path.cpu.pprof and, what was allocated, path.allocs.pprof.
func (s *Server) Profile(path string, d time.Duration) error {
	seconds := int(d.Seconds())
	var g errgroup.Group
	for file, from := range map[string]string{"cpu": "profile", "allocs": "allocs"} {
		g.Go(func() error {
			data, err := s.Get(fmt.Sprintf("/debug/pprof/%s?seconds=%d", from, seconds))
			if err != nil {
				return err
			}
			return os.WriteFile(path+"."+file+".pprof", data, 0o600)
		})
	}
	return g.Wait()
}
