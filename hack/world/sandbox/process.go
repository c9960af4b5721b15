package sandbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/chatcluster/chatcluster/hack/world/world"
)

// Process is the world's PID 1 as the host sees it: its start time tells it from a later process of the same id.
type Process struct {
	PID   int
	Start string // clock ticks since boot
}

func identify(pid int) (Process, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return Process{}, err
	}
	start, err := startTime(stat)
	return Process{PID: pid, Start: start}, err
}

// startTime is the 22nd field of /proc/<pid>/stat: the 20th after the name, which is in parentheses.
func startTime(stat []byte) (string, error) {
	i := bytes.LastIndexByte(stat, ')')
	if f := bytes.Fields(stat[i+1:]); i >= 0 && len(f) >= 20 {
		return string(f[19]), nil
	}
	return "", fmt.Errorf("unexpected /proc stat line")
}

func (p Process) save(file string) error {
	return world.WriteFile(file, fmt.Appendf(nil, "%d %s\n", p.PID, p.Start), 0o644)
}

// Running finds the world's process. ok is false when none was started or it has ended.
func Running(l world.Layout) (p Process, ok bool) {
	b, err := os.ReadFile(l.PIDFile())
	if err != nil {
		return Process{}, false
	}
	if _, err := fmt.Sscanf(string(b), "%d %s", &p.PID, &p.Start); err != nil {
		return Process{}, false
	}
	now, err := identify(p.PID)
	return p, err == nil && now.Start == p.Start && !zombie(p.PID)
}

func zombie(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	i := bytes.LastIndexByte(stat, ')')
	return err != nil || i < 0 || bytes.HasPrefix(stat[i+1:], []byte(" Z"))
}

// Stop ends the world's process: politely at first, and after grace by force, which takes every process of the world
// with it. It returns when it is gone.
func Stop(ctx context.Context, l world.Layout, grace time.Duration) error {
	p, ok := Running(l)
	if !ok {
		return nil
	}
	fd, err := unix.PidfdOpen(p.PID, 0)
	if errors.Is(err, unix.ESRCH) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("pidfd of %d: %w", p.PID, err)
	}
	defer func() { _ = unix.Close(fd) }()
	if still, ok := Running(l); !ok || still != p {
		return nil // it ended, and the id may be another's: the pidfd may be too
	}
	for _, step := range []struct {
		signal unix.Signal
		within time.Duration
	}{{unix.SIGTERM, grace}, {unix.SIGKILL, 30 * time.Second}} {
		if err := unix.PidfdSendSignal(fd, step.signal, nil, 0); errors.Is(err, unix.ESRCH) {
			return nil
		} else if err != nil {
			return err
		}
		if gone, err := awaitExit(ctx, fd, step.within); gone || err != nil {
			return err
		}
	}
	return fmt.Errorf("process %d does not end, not even when killed", p.PID)
}

// awaitExit polls a pidfd, which becomes readable when its process has ended.
func awaitExit(ctx context.Context, pidfd int, within time.Duration) (bool, error) {
	for deadline := time.Now().Add(within); time.Now().Before(deadline); {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}, 250)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return false, err
		}
		if n > 0 {
			return true, nil
		}
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
	}
	return false, nil
}
