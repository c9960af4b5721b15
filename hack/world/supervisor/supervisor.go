package supervisor

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// Supervisor runs a fixed set of components.
type Supervisor struct {
	log     *slog.Logger
	logFile func(name string) string
	units   []*unit
	byName  map[string]*unit
}

// New checks the set (unique names, known dependencies, no cycle) and returns a Supervisor that has started nothing.
// logFile says where a component's output goes.
func New(log *slog.Logger, logFile func(name string) string, components []Component) (*Supervisor, error) {
	s := &Supervisor{log: log, logFile: logFile, byName: map[string]*unit{}}
	for _, c := range components {
		if s.byName[c.Name] != nil {
			return nil, fmt.Errorf("component %s is declared twice", c.Name)
		}
		for _, dep := range c.After {
			if s.byName[dep] == nil {
				return nil, fmt.Errorf("component %s starts after %s, which is not declared before it", c.Name, dep)
			}
		}
		u := newUnit(c, log.With("component", c.Name), logFile(c.Name))
		for _, dep := range c.After {
			u.deps = append(u.deps, s.byName[dep])
		}
		s.units, s.byName[c.Name] = append(s.units, u), u
	}
	return s, nil
}

// Run starts everything, keeps it running until ctx ends, then stops it stage by stage. It returns when no process is left.
func (s *Supervisor) Run(ctx context.Context) {
	var wg sync.WaitGroup
	highest := 0
	for _, u := range s.units {
		highest = max(highest, u.Stage)
		wg.Go(u.run)
	}
	<-ctx.Done()
	s.log.Info("stopping")
	for stage := highest; stage >= 0; stage-- {
		var ending sync.WaitGroup
		for _, u := range s.units {
			if u.Stage == stage {
				ending.Go(u.end)
			}
		}
		ending.Wait()
	}
	wg.Wait()
}

// Status lists the components in their declared order.
func (s *Supervisor) Status() []Status {
	out := make([]Status, 0, len(s.units))
	for _, u := range s.units {
		out = append(out, u.current())
	}
	return out
}

// Do asks one component to start, stop, restart or kill itself, and returns once it has taken the request. A killed
// component is restarted as one that died; a stopped one stays down until a start.
func (s *Supervisor) Do(ctx context.Context, name string, a Action) error {
	u := s.byName[name]
	if u == nil {
		return fmt.Errorf("no component %q", name)
	}
	r := request{action: a, done: make(chan error, 1)}
	select {
	case u.requests <- r:
	case <-u.ended:
		return fmt.Errorf("%s has ended", name)
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-r.done:
		return err
	case <-u.ended:
		return fmt.Errorf("%s has ended", name)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Action is a request to one component.
type Action string

// Actions.
const (
	Start   Action = "start"
	Stop    Action = "stop"
	Restart Action = "restart"
	Kill    Action = "kill"
)

const (
	maxRestarts   = 10
	healthyFor    = time.Minute // after which deaths are counted from zero
	firstPause    = 500 * time.Millisecond
	longestPause  = 10 * time.Second
	probeInterval = 150 * time.Millisecond
	probeTimeout  = 5 * time.Second
	defaultGrace  = 10 * time.Second
)

// pause grows with each death in a row.
func pause(deaths int) time.Duration {
	d := firstPause
	for range deaths - 1 {
		if d *= 2; d >= longestPause {
			return longestPause
		}
	}
	return d
}
