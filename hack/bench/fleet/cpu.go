package fleet

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// ticks a second: what /proc counts CPU time in, on every Linux that Go runs on.
const ticks = 100

// CPU is what the control plane's processes have used since they began, in seconds: "kube-apiserver", "etcd", and "bench", which is this
// process: the hands, and who applies.
func (p *Plane) CPU() (map[string]float64, error) {
	self := os.Getpid()
	used := map[string]float64{}
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	for _, file := range stats {
		data, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended meanwhile
		}
		s, err := parseStat(string(data))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		switch {
		case s.pid == self:
			used["bench"] = s.seconds
		case s.parent == self && (s.name == "kube-apiserver" || s.name == "etcd"):
			used[s.name] = s.seconds
		}
	}
	if len(used) != 3 {
		return nil, fmt.Errorf("of this process, kube-apiserver and etcd only %v were found", used)
	}
	return used, nil
}

type stat struct {
	pid, parent int
	name        string
	seconds     float64
}

// parseStat reads a line of /proc/pid/stat. The name is in parentheses and may hold anything.
func parseStat(line string) (s stat, err error) {
	front, rest, _ := strings.Cut(line, " (")
	end := strings.LastIndex(rest, ") ")
	if end < 0 {
		return s, fmt.Errorf("%q is no stat", line)
	}
	s.name = rest[:end]
	fields := strings.Fields(rest[end+2:])
	const parent, user, system = 1, 11, 12 // counted from the state, which is the third field
	if len(fields) <= system {
		return s, fmt.Errorf("%q is no stat", line)
	}
	numbers := [4]int{}
	for i, text := range []string{front, fields[parent], fields[user], fields[system]} {
		if numbers[i], err = strconv.Atoi(text); err != nil {
			return s, err
		}
	}
	s.pid, s.parent, s.seconds = numbers[0], numbers[1], float64(numbers[2]+numbers[3])/ticks
	return s, nil
}
