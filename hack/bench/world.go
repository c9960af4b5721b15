package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// inWorld runs this very command again in a world of its own. A world takes no less than two cores, so its engines are on both. The JSON
// comes last on out, after what the world has to say, which goes to standard error.
func inWorld(ctx context.Context, out io.Writer) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	top, err := exec.CommandContext(ctx, "git", "rev-parse", "--show-toplevel").Output()
	if err != nil {
		return fmt.Errorf("find the work tree: %w", err)
	}
	args := []string{"-c", "0,1", "go", "run", "-C", filepath.Join(strings.TrimSpace(string(top)), "hack", "world"), ".",
		"run", "--name", "bench", "--engines-only", "--", "taskset", "-c", "1", self}
	cmd := exec.CommandContext(ctx, "taskset", append(args, os.Args[1:]...)...)
	cmd.Stderr = os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGINT) }
	cmd.WaitDelay = 5 * time.Minute
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	var results []string
	lines := bufio.NewScanner(stdout)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), `{"scenario"`) {
			results = append(results, lines.Text())
			continue
		}
		fmt.Fprintln(os.Stderr, lines.Text())
	}
	err = errors.Join(lines.Err(), cmd.Wait())
	for _, r := range results {
		fmt.Fprintln(out, r)
	}
	return err
}
