package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// hierarchies are the cgroup mounts of this machine.
type hierarchies struct {
	v2     string   // the unified hierarchy when it is the one with controllers, else ""
	v1     []string // a mount per controller
	hybrid string   // the unified hierarchy beside v1, without controllers: runc keeps cgroups there too
	cpuset string   // the one of v1 that must be filled in by hand
}

// findHierarchies reads /proc/self/mounts. A machine in hybrid mode counts as v1: its controllers are there.
func findHierarchies(mounts []byte) (hierarchies, error) {
	var h hierarchies
	unified := ""
	seen := map[string]bool{}
	for line := range strings.Lines(string(mounts)) {
		f := strings.Fields(line)
		if len(f) < 4 || seen[f[1]] {
			continue
		}
		switch f[2] {
		case "cgroup2":
			unified = f[1]
		case "cgroup":
			seen[f[1]] = true
			h.v1 = append(h.v1, f[1])
			for opt := range strings.SplitSeq(f[3], ",") {
				if opt == "cpuset" {
					h.cpuset = f[1]
				}
			}
		}
	}
	if len(h.v1) > 0 {
		h.hybrid = unified
		return h, nil
	}
	if unified == "" {
		return h, errors.New("no cgroup hierarchy is mounted")
	}
	h.v2 = unified
	return h, nil
}

func readHierarchies() (hierarchies, error) {
	b, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return hierarchies{}, err
	}
	return findHierarchies(b)
}

func (h hierarchies) roots() []string {
	var all []string
	for _, root := range append([]string{h.v2, h.hybrid}, h.v1...) {
		if root != "" {
			all = append(all, root)
		}
	}
	return all
}

// controllers are what the kubelet will not start without on cgroup v2.
var controllers = []string{"cpu", "cpuset", "memory", "pids"}

// makeCgroups makes the world's cgroup in every hierarchy, for the kubelet to keep pods in.
func makeCgroups(name string) error {
	h, err := readHierarchies()
	if err != nil {
		return err
	}
	if h.v2 != "" {
		return makeV2(h.v2, name)
	}
	for _, root := range h.v1 {
		if err := os.MkdirAll(filepath.Join(root, name), 0o755); err != nil {
			return err
		}
	}
	if h.cpuset == "" {
		return nil
	}
	for _, f := range []string{"cpuset.cpus", "cpuset.mems"} { // v1 starts them empty and takes no process until they are set
		b, err := os.ReadFile(filepath.Join(h.cpuset, f))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(h.cpuset, name, f), b, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func makeV2(root, name string) error {
	dir := filepath.Join(root, name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, at := range []string{root, dir} {
		if err := enable(at); err != nil {
			return err
		}
	}
	return nil
}

// enable gives the children of a v2 cgroup the controllers that the kubelet needs, where they lack them.
func enable(dir string) error {
	have, err := os.ReadFile(filepath.Join(dir, "cgroup.subtree_control"))
	if err != nil {
		return err
	}
	on := strings.Fields(string(have))
	for _, c := range controllers {
		if slices.Contains(on, c) {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, "cgroup.subtree_control"), []byte("+"+c), 0o644); err != nil {
			return fmt.Errorf("enable the %s controller below %s (a container needs a cgroup namespace whose root holds no process): %w", c, dir, err)
		}
	}
	return nil
}

// Sweep removes the world's cgroups. Its processes are gone already, or about to be: a cgroup that is still busy is
// tried again until the context ends.
func Sweep(ctx context.Context, name string) error {
	h, err := readHierarchies()
	if err != nil {
		return err
	}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		var left error
		for _, root := range h.roots() {
			if err := removeTree(filepath.Join(root, name)); err != nil {
				left = err
			}
		}
		if left == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("cgroup stays: %w", left)
		case <-tick.C:
		}
	}
}

// removeTree removes a cgroup and those below it, deepest first; the files in them go by themselves.
func removeTree(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.IsDir() {
			if err := removeTree(filepath.Join(dir, e.Name())); err != nil {
				return err
			}
		}
	}
	if err := os.Remove(dir); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// PodProcesses lists the processes of the world's pods.
func PodProcesses(name string) ([]int, error) {
	h, err := readHierarchies()
	if err != nil {
		return nil, err
	}
	var pids []int
	root := h.v2
	if root == "" {
		root = h.v1[0]
	}
	err = filepath.WalkDir(filepath.Join(root, name), func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // it ended meanwhile
		}
		if err != nil || d.Name() != "cgroup.procs" {
			return err
		}
		b, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENODEV) {
			return nil // so did this one
		}
		for f := range strings.FieldsSeq(string(b)) {
			if pid, err := strconv.Atoi(f); err == nil && pid > 1 {
				pids = append(pids, pid)
			}
		}
		return err
	})
	return pids, err
}
