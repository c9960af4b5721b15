package host

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestReadersOfProc(t *testing.T) {
	if got, err := effectiveCaps([]byte("CapPrm:\t0\nCapEff:\t000001fffeffffff\n")); err != nil || got != 0x1fffeffffff {
		t.Errorf("caps %x, %v", got, err)
	}
	if _, err := effectiveCaps([]byte("nothing")); err == nil {
		t.Error("no CapEff: want an error")
	}
	if got, err := memAvailable([]byte("MemTotal: 9 kB\nMemAvailable:   2048 kB\n")); err != nil || got != 2<<20 {
		t.Errorf("memory %d, %v, want 2 MiB", got, err)
	}
	if _, err := memAvailable(nil); err == nil {
		t.Error("no MemAvailable: want an error")
	}
}

func TestJavaMajor(t *testing.T) {
	for name, tc := range map[string]struct {
		reason, out string
		want        int
	}{
		"Debian": {reason: "OpenJDK's form.", out: "openjdk version \"17.0.15\" 2025-04-15\nOpenJDK…", want: 17},
		"Newer":  {reason: "A version without minor.", out: "openjdk version \"21\" 2023-09-19", want: 21},
		"Old":    {reason: "Java 8 calls itself 1.8: too old either way.", out: "java version \"1.8.0_392\"", want: 1},
		"Other":  {reason: "What is no Java has no version.", out: "command not found"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := javaMajor([]byte(tc.out))
			if got != tc.want || (err == nil) != (tc.want != 0) {
				t.Errorf("%s got %d, %v, want %d", tc.reason, got, err, tc.want)
			}
		})
	}
}

func TestMissingToolsNameTheirPackage(t *testing.T) {
	f := tool{pkg: "conntrack", paths: []string{filepath.Join(t.TempDir(), "conntrack")}}.check()
	if f.OK || len(f.Install) != 1 || f.Install[0] != "conntrack" {
		t.Errorf("got %+v, want the package that mends it", f)
	}
	there := filepath.Join(t.TempDir(), "conntrack")
	if err := os.WriteFile(there, nil, 0o755); err != nil {
		t.Fatal(err)
	}
	if f := (tool{pkg: "conntrack", paths: []string{there}}).check(); !f.OK {
		t.Errorf("got %+v, want it found", f)
	}
}

func TestCheckLooksAtEverythingOnce(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range Check(t.Context(), Needs{Kubernetes: true, Fetch: true, State: t.TempDir(), Cache: t.TempDir()}) {
		if seen[f.What] || f.Detail == "" {
			t.Errorf("%q: repeated or without a word of explanation: %+v", f.What, f)
		}
		seen[f.What] = true
	}
	for _, want := range []string{"root", "memory", "state folder", "containerd", "postgresql", "Java", "Maven", "cgroups"} {
		if !seen[want] {
			t.Errorf("%s is not checked", want)
		}
	}
}

// The mask must keep a package's scripts from starting services, and must end with the command.
func TestMaskScript(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Fatal("the world's tests run as root, as the world does")
	}
	out, err := exec.CommandContext(t.Context(), "unshare", "--mount", "--propagation", "private", "sh", "-c", maskScript, "sh", t.TempDir(),
		"sh", "-c", "invoke-rc.d no-such-service start && echo masked").CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != "masked" {
		t.Errorf("starting a service inside the mask: %v, %q; want nothing to happen", err, out)
	}
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil || bytes.Contains(mounts, []byte("invoke-rc.d")) {
		t.Errorf("the mask is still there (%v)", err)
	}
}
