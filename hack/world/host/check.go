package host

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Needs says what a world is for.
type Needs struct {
	Kubernetes bool // else only the engines
	Fetch      bool // Maven must fetch Kafka and DynamoDB Local
	Web        bool // the web client must be built
	State      string
	Cache      string
	Cached     bool // all components are built already
	Running    bool // the world runs: it has its memory already
}

// Finding is the result of one check.
type Finding struct {
	What    string
	OK      bool
	Detail  string   // what was found, or what to do
	Install []string // Debian packages that mend it
}

// tool is a file that must exist, and the Debian package that brings it.
type tool struct {
	pkg        string
	paths      []string // globs; one match is enough
	kubernetes bool
}

func tools() []tool {
	bin := func(name string) []string {
		return []string{"/usr/local/sbin/" + name, "/usr/local/bin/" + name, "/usr/sbin/" + name, "/usr/bin/" + name, "/sbin/" + name, "/bin/" + name}
	}
	return []tool{
		{pkg: "iproute2", paths: bin("ip")},
		{pkg: "redis-server", paths: bin("redis-server")},
		{pkg: "postgresql", paths: []string{"/usr/lib/postgresql/*/bin/postgres"}},
		{pkg: "containerd", paths: bin("containerd"), kubernetes: true},
		{pkg: "runc", paths: bin("runc"), kubernetes: true},
		{pkg: "containernetworking-plugins", paths: []string{"/usr/lib/cni/bridge"}, kubernetes: true},
		{pkg: "iptables", paths: bin("iptables"), kubernetes: true},
		{pkg: "nftables", paths: bin("nft"), kubernetes: true},
		{pkg: "conntrack", paths: bin("conntrack"), kubernetes: true},
	}
}

// CapSysAdmin and the others are what namespaces, mounts and bridges take.
const (
	capSysAdmin = 21
	capNetAdmin = 12

	memoryNeeded     = 6 << 30
	diskNeededCold   = 12 << 30 // build caches and binaries
	diskNeededCached = 3 << 30
)

// Check looks at the machine; it changes nothing.
func Check(ctx context.Context, n Needs) []Finding {
	f := []Finding{platform()}
	if !f[0].OK {
		return f
	}
	f = append(f, root(), processors(), disk("state folder", n.State, diskNeededCached))
	if !n.Running {
		f = append(f, memory())
	}
	cold := uint64(diskNeededCold)
	if n.Cached {
		cold = diskNeededCached
	}
	f = append(f, disk("cache folder", n.Cache, cold))
	for _, t := range tools() {
		if t.kubernetes && !n.Kubernetes {
			continue
		}
		f = append(f, t.check())
	}
	f = append(f, java(ctx))
	if n.Fetch {
		f = append(f, maven())
	}
	if n.Web {
		f = append(f, npm())
	}
	if n.Kubernetes {
		f = append(f, cgroups())
	}
	return f
}

func platform() Finding {
	ok := runtime.GOOS == "linux" && runtime.GOARCH == "amd64"
	d := runtime.GOOS + "/" + runtime.GOARCH
	if !ok {
		d += ": the local world needs Linux on amd64. Elsewhere use kind (https://kind.sigs.k8s.io), or `helm install` on an existing cluster"
	}
	return Finding{What: "platform", OK: ok, Detail: d}
}

func root() Finding {
	if os.Geteuid() != 0 {
		return Finding{What: "root", Detail: "run as root (namespaces, mounts and cgroups need it), or use kind, or `helm install` on an existing cluster"}
	}
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return Finding{What: "root", Detail: err.Error()}
	}
	caps, err := effectiveCaps(b)
	if err != nil {
		return Finding{What: "root", Detail: err.Error()}
	}
	for bit, name := range map[uint]string{capSysAdmin: "CAP_SYS_ADMIN", capNetAdmin: "CAP_NET_ADMIN"} {
		if caps&(1<<bit) == 0 {
			return Finding{What: "root", Detail: "this root lacks " + name + " (an unprivileged container?): run on the machine itself or in a privileged container"}
		}
	}
	return Finding{What: "root", OK: true, Detail: "with the capabilities that namespaces need"}
}

// effectiveCaps reads CapEff out of /proc/<pid>/status.
func effectiveCaps(status []byte) (uint64, error) {
	for line := range strings.Lines(string(status)) {
		if v, ok := strings.CutPrefix(line, "CapEff:"); ok {
			return strconv.ParseUint(strings.TrimSpace(v), 16, 64)
		}
	}
	return 0, fmt.Errorf("no CapEff in /proc/self/status")
}

func processors() Finding {
	n := runtime.NumCPU()
	return Finding{What: "processors", OK: n >= 2, Detail: fmt.Sprintf("%d (at least 2)", n)}
}

func memory() Finding {
	b, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return Finding{What: "memory", Detail: err.Error()}
	}
	avail, err := memAvailable(b)
	if err != nil {
		return Finding{What: "memory", Detail: err.Error()}
	}
	return Finding{What: "memory", OK: avail >= memoryNeeded, Detail: fmt.Sprintf("%s available (at least %s)", gib(avail), gib(memoryNeeded))}
}

// memAvailable reads MemAvailable, in bytes, out of /proc/meminfo.
func memAvailable(meminfo []byte) (uint64, error) {
	for line := range strings.Lines(string(meminfo)) {
		v, ok := strings.CutPrefix(line, "MemAvailable:")
		if !ok {
			continue
		}
		kib, err := strconv.ParseUint(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(v), "kB")), 10, 64)
		return kib << 10, err
	}
	return 0, fmt.Errorf("no MemAvailable in /proc/meminfo")
}

func disk(what, dir string, need uint64) Finding {
	at := dir
	for {
		if _, err := os.Stat(at); err == nil || at == filepath.Dir(at) {
			break
		}
		at = filepath.Dir(at)
	}
	var s unix.Statfs_t
	if err := unix.Statfs(at, &s); err != nil {
		return Finding{What: what, Detail: err.Error()}
	}
	free := s.Bavail * uint64(s.Bsize)
	return Finding{What: what, OK: free >= need, Detail: fmt.Sprintf("%s: %s free (at least %s)", dir, gib(free), gib(need))}
}

func gib(n uint64) string { return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30)) }

func (t tool) check() Finding {
	for _, p := range t.paths {
		if m, err := filepath.Glob(p); err == nil && len(m) > 0 {
			return Finding{What: t.pkg, OK: true, Detail: m[len(m)-1]}
		}
	}
	return Finding{What: t.pkg, Detail: "missing", Install: []string{t.pkg}}
}

var javaVersion = regexp.MustCompile(`version "(\d+)`)

// JavaNeeded is the oldest Java that runs DynamoDB Local 2.6 and Kafka 4.
const JavaNeeded = 17

func java(ctx context.Context) Finding {
	f := Finding{What: "Java", Install: []string{"openjdk-17-jre-headless|default-jre-headless"}}
	path, err := exec.LookPath("java")
	if err != nil {
		f.Detail = fmt.Sprintf("missing (%d or newer)", JavaNeeded)
		return f
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, path, "-version").CombinedOutput()
	if err != nil {
		f.Detail = fmt.Sprintf("%s -version: %v", path, err)
		return f
	}
	major, err := javaMajor(out)
	if err != nil || major < JavaNeeded {
		f.Detail = fmt.Sprintf("%s is %s; %d or newer is needed (set PATH so that it comes first)", path, bytes.TrimSpace(firstLine(out)), JavaNeeded)
		return f
	}
	return Finding{What: "Java", OK: true, Detail: fmt.Sprintf("%s, version %d", path, major)}
}

func javaMajor(out []byte) (int, error) {
	m := javaVersion.FindSubmatch(out)
	if m == nil {
		return 0, fmt.Errorf("no version in %q", firstLine(out))
	}
	return strconv.Atoi(string(m[1]))
}

func firstLine(b []byte) []byte {
	line, _, _ := bytes.Cut(b, []byte("\n"))
	return line
}

func maven() Finding {
	if path, err := exec.LookPath("mvn"); err == nil {
		return Finding{What: "Maven", OK: true, Detail: path}
	}
	return Finding{What: "Maven", Detail: "missing (fetches Kafka and DynamoDB Local once)", Install: []string{"maven"}}
}

// npm builds the web client. That of any age does: it fetches a Node.js where the machine's own is too old.
func npm() Finding {
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			return Finding{What: "npm", Detail: program + " is missing (builds the web client)", Install: []string{"nodejs", "npm"}}
		}
	}
	return Finding{What: "npm", OK: true, Detail: "with Node.js"}
}

func cgroups() Finding {
	b, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return Finding{What: "cgroups", Detail: err.Error()}
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) > 3 && (f[2] == "cgroup2" || f[2] == "cgroup") && strings.HasPrefix(f[3], "rw") {
			return Finding{What: "cgroups", OK: true, Detail: f[1]}
		}
	}
	return Finding{What: "cgroups", Detail: "no writable cgroup file system is mounted"}
}
