package world

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
)

// DefaultName is the world that `make up` starts. Its host ports are fixed.
const DefaultName = "dev"

// nameShape keeps names usable as file, cgroup and host names.
var nameShape = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$`)

// maxSocketPath is what Linux takes in sockaddr_un, less the terminating zero.
const maxSocketPath = 107

// Layout says where a world keeps its files.
type Layout struct {
	Name  string `json:"name"`
	State string `json:"state"` // data, logs, keys: this world's alone
	Cache string `json:"cache"` // built binaries: shared by all worlds
	Repo  string `json:"repo"`  // the work tree
}

// NewLayout resolves a world's folders; empty arguments take the defaults of the XDG base directory specification.
func NewLayout(name, state, cache, repo string) (Layout, error) {
	if !nameShape.MatchString(name) {
		return Layout{}, fmt.Errorf("world name %q: use up to 32 of a-z, 0-9 and inner hyphens", name)
	}
	if state == "" {
		base, err := xdg("XDG_STATE_HOME", ".local/state")
		if err != nil {
			return Layout{}, err
		}
		state = filepath.Join(base, "chatcluster", name)
	}
	if cache == "" {
		base, err := xdg("XDG_CACHE_HOME", ".cache")
		if err != nil {
			return Layout{}, err
		}
		cache = filepath.Join(base, "chatcluster")
	}
	if repo == "" {
		wd, err := os.Getwd()
		if err != nil {
			return Layout{}, err
		}
		if repo, err = FindRepo(wd); err != nil {
			return Layout{}, err
		}
	}
	l := Layout{Name: name}
	for _, p := range []struct {
		to   *string
		from string
	}{{&l.State, state}, {&l.Cache, cache}, {&l.Repo, repo}} {
		abs, err := filepath.Abs(p.from)
		if err != nil {
			return Layout{}, err
		}
		*p.to = abs
	}
	if n := len(l.ControlSocket()); n > maxSocketPath {
		return Layout{}, fmt.Errorf("state folder %s is too deep: its socket's path has %d characters, Linux takes %d", l.State, n, maxSocketPath)
	}
	return l, nil
}

func xdg(variable, fallback string) (string, error) {
	if dir := os.Getenv(variable); filepath.IsAbs(dir) {
		return dir, nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("no home folder, and %s is not set: %w", variable, err)
	}
	return filepath.Join(home, fallback), nil
}

// FindRepo walks up from dir to the folder that holds the product's go.mod.
func FindRepo(dir string) (string, error) {
	want := []byte("module github.com/chatcluster/chatcluster\n")
	for at := dir; ; at = filepath.Dir(at) {
		b, err := os.ReadFile(filepath.Join(at, "go.mod"))
		if err == nil && len(b) >= len(want) && string(b[:len(want)]) == string(want) {
			return at, nil
		}
		if at == filepath.Dir(at) {
			return "", fmt.Errorf("no work tree of github.com/chatcluster/chatcluster at or above %s (use --repo)", dir)
		}
	}
}

// Path joins elements below the state folder.
func (l Layout) Path(elem ...string) string {
	return filepath.Join(append([]string{l.State}, elem...)...)
}

// File is world.json.
func (l Layout) File() string { return l.Path("world.json") }

// Log is the log of a component or of a step.
func (l Layout) Log(name string) string { return l.Path("log", name+".log") }

// ControlSocket is where the supervisor listens. A socket with a path is reachable across network namespaces.
func (l Layout) ControlSocket() string { return l.Path("control.sock") }

// PIDFile holds the supervisor's process id on the host, and its start time.
func (l Layout) PIDFile() string { return l.Path("supervisor.pid") }

// Cgroup is the name of the world's cgroup, in every hierarchy. Worlds of one name in two state folders differ.
func (l Layout) Cgroup() string {
	sum := sha256.Sum256([]byte(l.State))
	return "chatcluster-" + l.Name + "-" + hex.EncodeToString(sum[:3])
}
