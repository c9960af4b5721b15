package clients

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"testing"
)

// maxLineBytes bounds an answer of the other process.
const maxLineBytes = 16 << 20

// Process is a Driver of clients in another process, one after the other. It writes a Command a line, and reads an answer a line: an
// object with state, or with error. Op state asks for the state, reset ends the client and forgets what it kept.
type Process struct {
	cmd   *exec.Cmd
	in    io.WriteCloser
	lines chan []byte
	done  chan error
}

// StartProcess starts the command. What it writes to stderr is the test's log.
func StartProcess(t testing.TB, name string, args ...string) (*Process, error) {
	// It ends with Close, which comes after the test's context has ended.
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), name, args...)
	cmd.Stderr = t.Output()
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the client under test: %w", err)
	}
	p := &Process{cmd: cmd, in: in, lines: make(chan []byte), done: make(chan error, 1)}
	go func() {
		defer close(p.lines)
		scan := bufio.NewScanner(out)
		scan.Buffer(nil, maxLineBytes)
		for scan.Scan() {
			p.lines <- append([]byte(nil), scan.Bytes()...)
		}
		p.done <- errors.Join(scan.Err(), cmd.Wait())
	}()
	return p, nil
}

type answered struct {
	State *State `json:"state"`
	Error string `json:"error"`
}

func (p *Process) call(ctx context.Context, c Command) (answered, error) {
	line, err := json.Marshal(c)
	if err != nil {
		return answered{}, err
	}
	if _, err := p.in.Write(append(line, '\n')); err != nil {
		return answered{}, fmt.Errorf("the client under test has ended: %w", err)
	}
	select {
	case line, ok := <-p.lines:
		if !ok {
			return answered{}, errors.New("the client under test has ended")
		}
		var a answered
		if err := json.Unmarshal(line, &a); err != nil {
			return answered{}, fmt.Errorf("the driver's answer %q: %w", line, err)
		}
		if a.Error != "" {
			return answered{}, errors.New(a.Error)
		}
		return a, nil
	case <-ctx.Done():
		return answered{}, ctx.Err()
	}
}

// Do implements Driver.
func (p *Process) Do(ctx context.Context, c Command) error {
	_, err := p.call(ctx, c)
	return err
}

// State implements Driver.
func (p *Process) State(ctx context.Context) (State, error) {
	a, err := p.call(ctx, Command{Op: "state"})
	if err != nil {
		return State{}, err
	}
	if a.State == nil {
		return State{}, errors.New("the driver's answer has no state")
	}
	return *a.State, nil
}

// Close ends the client; the next one has a new device.
func (p *Process) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_, err := p.call(ctx, Command{Op: "reset"})
	return err
}

// End ends the other process by the end of its input.
func (p *Process) End() error {
	if err := p.in.Close(); err != nil {
		return err
	}
	for range p.lines { // what it still says is of no interest
	}
	return <-p.done
}
