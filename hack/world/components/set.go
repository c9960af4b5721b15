package components

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/chatcluster/chatcluster/hack/world/report"
)

// Set is a folder of programs that are made together.
type Set struct {
	Name   string
	Title  string        // what a person reads while it is made
	Within time.Duration // how long making it may take on 2 cores

	dir    string   // sources, below the work tree
	inputs []string // files whose content decides the stamp, relative to dir
	flags  []string // what else decides it
	make   func(ctx context.Context, src, out string, log io.Writer, s *report.Status) error
}

// Stamp names the set's content: a hash of its inputs and flags.
func (s Set) Stamp(repo string) (string, error) {
	h := sha256.New()
	for _, f := range s.inputs {
		b, err := os.ReadFile(filepath.Join(repo, s.dir, f))
		if err != nil {
			return "", err
		}
		fmt.Fprintf(h, "%s %d\n", f, len(b))
		h.Write(b)
	}
	for _, f := range s.flags {
		fmt.Fprintf(h, "%q\n", f)
	}
	return hex.EncodeToString(h.Sum(nil))[:12], nil
}

// Path is the set's folder in the cache, whether or not it is made yet.
func (s Set) Path(repo, cache string) (string, error) {
	stamp, err := s.Stamp(repo)
	if err != nil {
		return "", err
	}
	return filepath.Join(cache, s.Name+"-"+stamp), nil
}

// Ready says whether the set is made.
func (s Set) Ready(repo, cache string) bool {
	p, err := s.Path(repo, cache)
	if err != nil {
		return false
	}
	_, err = os.Stat(p)
	return err == nil
}

// Ensure makes the set unless it is made, and returns its folder.
func (s Set) Ensure(ctx context.Context, repo, cache string, r *report.Reporter) (string, error) {
	path, err := s.Path(repo, cache)
	if err != nil {
		return "", err
	}
	if s.Ready(repo, cache) {
		return path, nil
	}
	logPath := filepath.Join(cache, "log", s.Name+".log")
	if err := os.MkdirAll(filepath.Dir(logPath), 0o755); err != nil {
		return "", err
	}
	return path, r.Step(ctx, s.Title, logPath, s.Within, func(ctx context.Context, st *report.Status) error {
		unlock, err := lock(ctx, path+".lock", st)
		if err != nil {
			return err
		}
		defer unlock()
		if s.Ready(repo, cache) { // another process made it meanwhile
			return nil
		}
		log, err := os.Create(logPath)
		if err != nil {
			return err
		}
		defer func() { _ = log.Close() }()
		tmp, err := os.MkdirTemp(cache, "."+s.Name+"-*")
		if err != nil {
			return err
		}
		defer func() { _ = os.RemoveAll(tmp) }()
		if err := s.make(ctx, filepath.Join(repo, s.dir), tmp, log, st); err != nil {
			return err
		}
		if err := os.Chmod(tmp, 0o755); err != nil {
			return err
		}
		return os.Rename(tmp, path)
	})
}

// lock takes an exclusive lock on a file, waiting for as long as the context allows.
func lock(ctx context.Context, path string, s *report.Status) (func(), error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return func() { _ = f.Close() }, nil // the file stays: removing it would let two hold the lock
		}
		s.Set("another process is making it")
		select {
		case <-ctx.Done():
			_ = f.Close()
			return nil, fmt.Errorf("waiting for %s: %w", path, ctx.Err())
		case <-tick.C:
		}
	}
}
