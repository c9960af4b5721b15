package supervisor

import (
	"context"
	"os"
	"syscall"
	"time"
)

// Stages: stopping goes from the highest down, all of a stage at once.
const (
	StageEngine  = iota // databases, brokers and etcd
	StageAPI            // the API server
	StageControl        // what talks to the API server
	StageNode           // the kubelet, whose pods talk to everything
)

// Component is one process to keep running.
type Component struct {
	Name  string
	Stage int
	After []string // ready before this one starts

	// Prepare runs before the first start, and once only: files to write, data folders to initialize.
	Prepare func(ctx context.Context) error
	// Path, Args, Env, Dir say what to run. Env is the whole environment.
	Path string
	Args []string
	Env  []string
	Dir  string
	// Credential is whom to run as; nil is root.
	Credential *syscall.Credential

	// Ready probes once; it is asked again until it returns nil, for at most ReadyWithin.
	Ready       func(ctx context.Context) error
	ReadyWithin time.Duration
	// Started runs each time the component has become ready and before others see it so.
	Started func(ctx context.Context) error

	StopSignal os.Signal     // SIGTERM by default
	Grace      time.Duration // until SIGKILL; 10 s by default
	// Stopped runs after the component's process has ended in an orderly stop.
	Stopped func(ctx context.Context)
}

// State is where a component is in its life.
type State string

// States of a component.
const (
	Waiting  State = "waiting"
	Starting State = "starting"
	Ready    State = "ready"
	Failed   State = "failed"
	Stopped  State = "stopped"
)

// Status is what a component is doing.
type Status struct {
	Name     string    `json:"name"`
	State    State     `json:"state"`
	Since    time.Time `json:"since"`
	PID      int       `json:"pid,omitempty"`    // inside the world's PID namespace
	Memory   int64     `json:"memory,omitempty"` // bytes, with its children; where asked for
	Restarts int       `json:"restarts"`
	Error    string    `json:"error,omitempty"` // of the last death or failed step
	Log      string    `json:"log"`
}
