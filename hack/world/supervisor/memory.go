package supervisor

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
)

// measure fills in each component's memory and returns that of every process in this PID namespace, pods included.
// It is the proportional set size, so that pages shared between processes count once.
func measure(statuses []Status) (total int64) {
	parent, memory := map[int]int{}, map[int]int64{}
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return 0
	}
	for _, dir := range dirs {
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil {
			continue
		}
		stat, err := os.ReadFile(filepath.Join(dir, "stat"))
		if err != nil {
			continue // it ended meanwhile
		}
		parent[pid] = parentOf(stat)
		if rollup, err := os.ReadFile(filepath.Join(dir, "smaps_rollup")); err == nil {
			memory[pid] = pss(rollup)
			total += memory[pid]
		}
	}
	for i := range statuses {
		root := statuses[i].PID
		for pid := range parent {
			if root != 0 && descends(pid, root, parent) {
				statuses[i].Memory += memory[pid]
			}
		}
	}
	return total
}

func descends(pid, root int, parent map[int]int) bool {
	for range len(parent) { // a bound: processes come and go while /proc is read
		if pid == root {
			return true
		}
		next, ok := parent[pid]
		if !ok || next == 0 {
			return false
		}
		pid = next
	}
	return false
}

// parentOf reads the fourth field of /proc/<pid>/stat; the second is in parentheses and may hold anything.
func parentOf(stat []byte) int {
	i := bytes.LastIndexByte(stat, ')')
	f := bytes.Fields(stat[i+1:])
	if i < 0 || len(f) < 2 {
		return 0
	}
	n, err := strconv.Atoi(string(f[1]))
	if err != nil {
		return 0
	}
	return n
}

func pss(rollup []byte) int64 {
	for line := range bytes.Lines(rollup) {
		v, ok := bytes.CutPrefix(line, []byte("Pss:"))
		if !ok {
			continue
		}
		kib, err := strconv.ParseInt(string(bytes.TrimSpace(bytes.TrimSuffix(bytes.TrimSpace(v), []byte("kB")))), 10, 64)
		if err != nil {
			return 0
		}
		return kib << 10
	}
	return 0
}
