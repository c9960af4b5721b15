package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// besideCore is the load generator's: in production roles do not share the gateway's.
	besideCore   = "1"
	frozenWithin = 5 * time.Second
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

// Stop ends it in its own time, frozen or not.
func (r *Role) Stop() error {
	if err := errors.Join(r.Thaw(), r.signal(syscall.SIGTERM)); err != nil {
		return err
	}
	select {
	case <-r.done:
		if r.err != nil {
			return fmt.Errorf("stop %s: %w", r.Name, r.err)
		}
		return nil
	case <-time.After(stopWithin):
		return errors.Join(fmt.Errorf("%s (process %d) does not stop", r.Name, r.cmd.Process.Pid), r.cmd.Process.Kill())
	}
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

// frozen says whether all of its threads are stopped. It asks waitid(2), which takes nothing away from who waits for the end. It does not look
// into /proc: whoever did makes the kernel forget the threads' entries there while it reaps the role, and on one core, beside threads that give
// way, it has been seen to spin over that for half a minute, in the name of this process, which measures.
func (r *Role) frozen() (bool, error) {
	var told unix.Siginfo
	if err := unix.Waitid(unix.P_PID, r.cmd.Process.Pid, &told, unix.WSTOPPED|unix.WNOHANG|unix.WNOWAIT, nil); err != nil {
		return false, fmt.Errorf("look at %s: %w", r.Name, err)
	}
	return told.Signo != 0, nil
}

// cause makes an end without an error one.
func cause(err error) error {
	if err == nil {
		return errors.New("nobody has told it to")
	}
	return err
}
