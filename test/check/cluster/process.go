package cluster

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

const (
	readyWithin = time.Minute
	stopWithin  = 30 * time.Second
)

// process is a role's process.
type process struct {
	name    string
	program string
	args    []string
	env     []string
	ops     string // address of its probes
	logPath string
	// died is told when it ended without having been told to.
	died func(p *process, err error)

	mu    sync.Mutex
	cmd   *exec.Cmd
	ended chan struct{}
	// told is true once it was told to end.
	told bool
}

// start starts it, unless it runs.
func (p *process) start() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd != nil {
		select {
		case <-p.ended:
		default:
			return nil
		}
	}
	out, err := os.OpenFile(p.logPath, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer out.Close()
	cmd := exec.CommandContext(context.Background(), p.program, p.args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = append(os.Environ(), p.env...), out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // an interrupt from the keyboard is for the checker
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", p.name, err)
	}
	ended := make(chan struct{})
	p.cmd, p.ended, p.told = cmd, ended, false
	go func() { // ends with the process
		err := cmd.Wait()
		p.mu.Lock()
		told := p.told
		p.mu.Unlock()
		close(ended)
		if !told {
			p.died(p, err)
		}
	}()
	return nil
}

// signal tells it something; true when that is to end it.
func (p *process) signal(s syscall.Signal, ends bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		return
	}
	p.told = p.told || ends
	_ = p.cmd.Process.Signal(s) // it may have ended
}

// stop ends it with s and waits.
func (p *process) stop(ctx context.Context, s syscall.Signal) error {
	p.signal(s, true)
	p.mu.Lock()
	ended := p.ended
	p.mu.Unlock()
	if ended == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, stopWithin)
	defer cancel()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		p.signal(syscall.SIGKILL, true)
		<-ended
		return fmt.Errorf("%s did not stop in time", p.name)
	}
}

// ready waits until it says so.
func (p *process) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	for {
		last := p.probe(ctx)
		if last == nil {
			return nil
		}
		if pause(ctx, 50*time.Millisecond) != nil {
			return fmt.Errorf("%s is not ready: %w; its log is %s", p.name, last, p.logPath)
		}
	}
}

func (p *process) probe(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.ops+"/readyz", http.NoBody)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("it answers %s", res.Status)
	}
	return nil
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
