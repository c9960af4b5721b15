package supervisor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

type request struct {
	action Action
	done   chan error
}

// unit owns one component's process.
type unit struct {
	Component
	log     *slog.Logger
	logFile string
	deps    []*unit

	requests chan request
	stop     chan struct{} // closed to end the unit
	stopOnce sync.Once
	ended    chan struct{} // closed when run has returned

	mu      sync.Mutex
	status  Status
	changed chan struct{} // closed and replaced at each change of state

	// Owned by run.
	prepared bool
	deaths   int
}

func newUnit(c Component, log *slog.Logger, logFile string) *unit {
	if c.StopSignal == nil {
		c.StopSignal = syscall.SIGTERM
	}
	if c.Grace == 0 {
		c.Grace = defaultGrace
	}
	return &unit{
		Component: c, log: log, logFile: logFile,
		requests: make(chan request), stop: make(chan struct{}), ended: make(chan struct{}),
		status:  Status{Name: c.Name, State: Waiting, Since: time.Now(), Log: logFile},
		changed: make(chan struct{}),
	}
}

func (u *unit) current() Status {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.status
}

func (u *unit) set(state State, pid int, err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.status.State, u.status.PID, u.status.Since = state, pid, time.Now()
	if err != nil {
		u.status.Error = err.Error()
	}
	close(u.changed)
	u.changed = make(chan struct{})
	u.log.Info("state", "state", state, "pid", pid, "err", err)
}

func (u *unit) end() {
	u.stopOnce.Do(func() { close(u.stop) })
	<-u.ended
}

// run is the unit's life.
func (u *unit) run() {
	defer close(u.ended)
	defer u.set(Stopped, 0, nil)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() { // owned by run: both its channels are closed by the time run has returned
		select {
		case <-u.stop:
			cancel()
		case <-ctx.Done():
		}
	}()
	if !u.awaitDeps(ctx) {
		return
	}
	for {
		down, err := u.live(ctx)
		if ctx.Err() != nil {
			return
		}
		if !down {
			u.deaths++
			u.mu.Lock()
			u.status.Restarts++
			u.mu.Unlock()
		}
		if down || u.deaths > maxRestarts {
			state := Stopped
			if !down {
				state = Failed
				u.log.Error("given up", "deaths", u.deaths, "err", err)
			}
			u.set(state, 0, err)
			if !u.awaitStart(ctx) {
				return
			}
			u.deaths = 0
			continue
		}
		u.set(Starting, 0, err)
		if !u.rest(ctx, pause(u.deaths)) {
			return
		}
	}
}

func (u *unit) awaitDeps(ctx context.Context) bool {
	for _, d := range u.deps {
		for {
			d.mu.Lock()
			state, changed := d.status.State, d.changed
			d.mu.Unlock()
			if state == Ready {
				break
			}
			select {
			case <-changed:
			case r := <-u.requests:
				r.done <- fmt.Errorf("%s waits for %s", u.Name, d.Name)
			case <-ctx.Done():
				return false
			}
		}
	}
	return true
}

// awaitStart waits for a request to start a component that is down.
func (u *unit) awaitStart(ctx context.Context) bool {
	for {
		select {
		case r := <-u.requests:
			r.done <- nil
			if r.action == Start || r.action == Restart {
				return true
			}
		case <-ctx.Done():
			return false
		}
	}
}

// rest pauses before a restart; a request to start ends the pause.
func (u *unit) rest(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case r := <-u.requests:
		r.done <- nil
		if r.action == Stop {
			u.set(Stopped, 0, nil)
			return u.awaitStart(ctx)
		}
	case <-ctx.Done():
		return false
	}
	return true
}

// live runs one process from start to end. down is true when it ended because someone asked it to stay down.
func (u *unit) live(ctx context.Context) (down bool, err error) {
	u.set(Starting, 0, nil)
	if !u.prepared && u.Prepare != nil {
		if err := u.Prepare(ctx); err != nil {
			return false, fmt.Errorf("prepare: %w", err)
		}
	}
	u.prepared = true
	p, err := u.spawn()
	if err != nil {
		return false, err
	}
	u.set(Starting, p.cmd.Process.Pid, nil)

	probeCtx, stopProbing := context.WithTimeout(ctx, u.ReadyWithin)
	probed := make(chan error, 1)
	var prober sync.WaitGroup
	prober.Go(func() { probed <- u.awaitReady(probeCtx) })
	defer func() { stopProbing(); prober.Wait() }()

	var healthy <-chan time.Time
	for {
		select {
		case err := <-probed:
			switch {
			case err == nil:
				u.set(Ready, p.cmd.Process.Pid, nil)
				healthy = time.After(healthyFor)
			case ctx.Err() == nil:
				p.end(u.StopSignal, u.Grace)
				return false, fmt.Errorf("not ready after %s: %w", u.ReadyWithin, err)
			}
		case <-healthy:
			u.deaths = 0
		case <-p.exited:
			return false, p.err
		case r := <-u.requests:
			if ended, err := u.obey(r, p); ended {
				return r.action == Stop, err
			}
		case <-ctx.Done():
			p.end(u.StopSignal, u.Grace)
			if u.Stopped != nil {
				u.Stopped(context.WithoutCancel(ctx))
			}
			return true, nil
		}
	}
}

// obey carries out a request against a running process; ended is true when the process is gone.
func (u *unit) obey(r request, p *process) (ended bool, err error) {
	defer func() { r.done <- nil }()
	switch r.action {
	case Stop, Restart:
		p.end(u.StopSignal, u.Grace)
		return true, nil
	case Kill:
		p.end(syscall.SIGKILL, u.Grace)
		return true, errors.New("killed on request")
	default:
		return false, nil
	}
}

func (u *unit) awaitReady(ctx context.Context) error {
	tick := time.NewTicker(probeInterval)
	defer tick.Stop()
	last := errors.New("not probed")
	for {
		probe, cancel := context.WithTimeout(ctx, probeTimeout)
		err := u.Ready(probe)
		cancel()
		if err == nil {
			if u.Started != nil {
				err = u.Started(ctx)
			}
			if err == nil {
				return nil
			}
		}
		if ctx.Err() == nil {
			last = err
		}
		select {
		case <-ctx.Done():
			return last
		case <-tick.C:
		}
	}
}

// process is a started command; exited is closed when it has ended, and err is set before.
type process struct {
	cmd    *exec.Cmd
	exited chan struct{}
	err    error
}

func (u *unit) spawn() (*process, error) {
	log, err := os.OpenFile(u.logFile, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }() // the child has its own
	//nolint:noctx // its end is p.end: a signal and a grace, not a kill
	cmd := exec.Command(u.Path, u.Args...)
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = u.Env, u.Dir, log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: u.Credential}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, exited: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		if p.err == nil {
			p.err = errors.New("ended by itself")
		}
		close(p.exited)
	}()
	return p, nil
}

// end signals the process, and kills its group when it is still there after grace. It returns when it is gone.
func (p *process) end(sig os.Signal, grace time.Duration) {
	_ = p.cmd.Process.Signal(sig) // it may be gone already
	t := time.NewTimer(grace)
	defer t.Stop()
	select {
	case <-p.exited:
	case <-t.C:
		_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
		<-p.exited
	}
}
