package process

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

const (
	// besideCore is the load generator's: in production roles do not share the gateway's.
	besideCore   = "1"
	frozenWithin = 5 * time.Second
	// goneFor is how many looks in a row a process that is gone may take to be told as ended.
	lookEvery, goneFor = 50 * time.Millisecond, 20
)

// Role is a role of the product, run by its own program, that can be frozen.
type Role struct {
	Name string
	cmd  *exec.Cmd
	done chan struct{}
	err  error
}

// StartRole runs a role by the chatd in this program's folder, with that configuration and, beside PATH, that environment.
func StartRole(ctx context.Context, name, configFile string, environment ...string) (*Role, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	chatd := filepath.Join(filepath.Dir(self), "chatd")
	if _, err := os.Stat(chatd); err != nil {
		return nil, fmt.Errorf("find the product's program, which make bench builds: %w", err)
	}
	// It gives way to who measures. Both programs in front of chatd become it: the process's id is the role's.
	return startRole(ctx, name, environment, "nice", "-n", "10", "taskset", "-c", besideCore,
		chatd, name, "--config", configFile, "--pod", name+"-0", "--ops-listen", "127.0.0.1:0", "--log-level", "error")
}

func startRole(ctx context.Context, name string, environment []string, program string, args ...string) (*Role, error) {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH")}, environment...)
	cmd.Stderr = os.Stderr
	// However this program ends, nothing frozen is left.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error {
		return errors.Join(cmd.Process.Signal(syscall.SIGCONT), cmd.Process.Signal(syscall.SIGTERM))
	}
	cmd.WaitDelay = stopWithin
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	r := &Role{Name: name, cmd: cmd, done: make(chan struct{})}
	go func() {
		defer close(r.done)
		r.err = cmd.Wait()
	}()
	return r, nil
}

// Running says why it does not run, if it does not.
func (r *Role) Running() error {
	select {
	case <-r.done:
		return fmt.Errorf("%s has ended: %w", r.Name, cause(r.err))
	default:
		return nil
	}
}

// Freeze has it do nothing more, until Thaw: it holds what it holds, its connections too, and answers nobody. It returns when every thread has stopped.
func (r *Role) Freeze(ctx context.Context) error {
	if err := r.signal(syscall.SIGSTOP); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, frozenWithin)
	defer cancel()
	for {
		frozen, err := r.frozen()
		if frozen || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("freeze %s: %w", r.Name, ctx.Err())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// Thaw has it go on.
func (r *Role) Thaw() error { return r.signal(syscall.SIGCONT) }

// Stop ends it in its own time, frozen or not. It goes by the kernel: os/exec has been seen to wait for a minute and more for roles that were
// gone. Why is not known; from then on this process has been busy to the full.
func (r *Role) Stop() error {
	if err := errors.Join(r.Thaw(), r.signal(syscall.SIGTERM)); err != nil {
		return err
	}
	late := time.After(stopWithin)
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for gone := 0; gone < goneFor; {
		select {
		case <-r.done:
			if r.err != nil {
				return fmt.Errorf("stop %s: %w", r.Name, r.err)
			}
			return nil
		case <-look.C:
			if r.state() == "" {
				gone++
			}
		case <-late:
			was := r.state()
			return errors.Join(fmt.Errorf("%s (process %d, %s) does not stop", r.Name, r.cmd.Process.Pid, was), r.cmd.Process.Kill())
		}
	}
	return nil
}

func (r *Role) signal(s syscall.Signal) error {
	if err := r.Running(); err != nil {
		return err
	}
	if err := r.cmd.Process.Signal(s); err != nil {
		return fmt.Errorf("signal %s: %w", r.Name, err)
	}
	return nil
}

// frozen says whether all of its threads are stopped.
func (r *Role) frozen() (bool, error) {
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", r.cmd.Process.Pid))
	if err != nil || len(files) == 0 {
		return false, errors.Join(fmt.Errorf("%s has no threads", r.Name), err)
	}
	stats := make([][]byte, 0, len(files))
	for _, f := range files {
		data, err := os.ReadFile(f)
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
			continue // this thread has ended
		}
		if err != nil {
			return false, fmt.Errorf("look at %s: %w", r.Name, err)
		}
		stats = append(stats, data)
	}
	return !slices.ContainsFunc(stats, func(stat []byte) bool { return !stopped(stat) }), nil
}

// state is what the kernel says of the process, in a few words for who has to find out why it stays; empty when there is none.
func (r *Role) state() string {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", r.cmd.Process.Pid))
	if err != nil {
		return ""
	}
	var words []string
	for line := range strings.Lines(string(data)) {
		if name, value, ok := strings.Cut(line, ":"); ok && slices.Contains([]string{"State", "PPid", "Threads", "SigPnd", "ShdPnd"}, name) {
			words = append(words, name+" "+strings.TrimSpace(value))
		}
	}
	return strings.Join(words, ", ")
}

// stopped reads a thread's state: what follows its name, which is in parentheses and may hold any.
func stopped(stat []byte) bool {
	return bytes.HasPrefix(stat[bytes.LastIndexByte(stat, ')')+1:], []byte(" T "))
}

// cause makes an end without an error one.
func cause(err error) error {
	if err == nil {
		return errors.New("nobody has told it to")
	}
	return err
}
