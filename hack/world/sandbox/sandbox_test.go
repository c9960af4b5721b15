package sandbox

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatcluster/chatcluster/hack/world/world"
)

func TestFindHierarchies(t *testing.T) {
	for name, tc := range map[string]struct {
		reason string
		mounts string
		want   hierarchies
		roots  []string
		err    bool
	}{
		"V1": {
			reason: "Every controller has a mount, and cpuset is to be filled in.",
			mounts: "tmpfs /sys/fs/cgroup tmpfs rw 0 0\ncgroup /cg/cpu,cpuacct cgroup rw,cpu,cpuacct 0 0\ncgroup /cg/cpuset cgroup rw,cpuset 0 0\n",
			want:   hierarchies{v1: []string{"/cg/cpu,cpuacct", "/cg/cpuset"}, cpuset: "/cg/cpuset"},
			roots:  []string{"/cg/cpu,cpuacct", "/cg/cpuset"},
		},
		"Hybrid": {
			reason: "The controllers are v1's, but runc makes cgroups in the unified hierarchy too: they must be swept.",
			mounts: "cgroup /cg/memory cgroup rw,memory 0 0\ncgroup2 /cg/unified cgroup2 rw 0 0\n",
			want:   hierarchies{v1: []string{"/cg/memory"}, hybrid: "/cg/unified"},
			roots:  []string{"/cg/unified", "/cg/memory"},
		},
		"V2": {
			reason: "One hierarchy holds everything.",
			mounts: "cgroup2 /sys/fs/cgroup cgroup2 rw,nsdelegate 0 0\n",
			want:   hierarchies{v2: "/sys/fs/cgroup"}, roots: []string{"/sys/fs/cgroup"},
		},
		"None": {reason: "A machine without cgroups cannot run pods.", mounts: "proc /proc proc rw 0 0\n", err: true},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := findHierarchies([]byte(tc.mounts))
			if (err != nil) != tc.err {
				t.Fatalf("%s got error %v", tc.reason, err)
			}
			if diff := cmp.Diff(tc.want, got, cmp.AllowUnexported(hierarchies{})); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.reason, diff)
			}
			if diff := cmp.Diff(tc.roots, got.roots()); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.reason, diff)
			}
		})
	}
}

func TestRemoveTree(t *testing.T) {
	root := filepath.Join(t.TempDir(), "world")
	if err := os.MkdirAll(filepath.Join(root, "kubepods", "burstable", "pod1"), 0o755); err != nil {
		t.Fatal(err)
	}
	for range 2 { // what is gone already is fine
		if err := removeTree(root); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(root); !os.IsNotExist(err) {
		t.Errorf("the folder is still there: %v", err)
	}
}

func TestRunningTellsAProcessFromALaterOne(t *testing.T) {
	l := world.Layout{Name: "dev", State: t.TempDir()}
	if _, ok := Running(l); ok {
		t.Error("a world that never ran counts as running")
	}
	self, err := identify(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if err := self.save(l.PIDFile()); err != nil {
		t.Fatal(err)
	}
	if got, ok := Running(l); !ok || got != self {
		t.Errorf("got %+v, %t; want this process", got, ok)
	}
	impostor := Process{PID: self.PID, Start: self.Start + "1"}
	if err := impostor.save(l.PIDFile()); err != nil {
		t.Fatal(err)
	}
	if _, ok := Running(l); ok {
		t.Error("another process with a recycled id counts as the world: `down` would kill it")
	}
}

func TestStopEndsTheProcessAndIsRepeatable(t *testing.T) {
	for name, tc := range map[string]struct{ reason, script string }{
		"Polite": {reason: "What listens is asked.", script: "exec sleep 600"},
		"Deaf":   {reason: "What does not listen is killed after its grace.", script: "trap '' TERM; echo ready; while :; do sleep 0.05; done"},
	} {
		t.Run(name, func(t *testing.T) {
			l := world.Layout{Name: "dev", State: t.TempDir()}
			cmd := exec.CommandContext(t.Context(), "sh", "-c", "echo ready; "+tc.script)
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
				t.Fatal(err)
			}
			p, err := identify(cmd.Process.Pid)
			if err != nil {
				t.Fatal(err)
			}
			if err := p.save(l.PIDFile()); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if err := Stop(t.Context(), l, 300*time.Millisecond); err != nil {
					t.Fatalf("%s %v", tc.reason, err)
				}
			}
			if _, ok := Running(l); ok {
				t.Errorf("%s It still runs.", tc.reason)
			}
			_ = cmd.Wait()
		})
	}
}

func TestStartTime(t *testing.T) {
	if got, err := startTime([]byte("1 (a) b) S 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 4242 23")); err != nil || got != "4242" {
		t.Errorf("got %q, %v, want the 22nd field", got, err)
	}
	for _, bad := range []string{"", "1 (a)", "1 (a) S 2"} {
		if got, err := startTime([]byte(bad)); err == nil {
			t.Errorf("startTime(%q) = %q, want an error", bad, got)
		}
	}
}

// echo serves lines back until the test ends.
func echo(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer c.Close()
				_, _ = io.Copy(c, c)
			})
		}
	})
	t.Cleanup(func() { _ = l.Close(); wg.Wait() })
	return l.Addr().String()
}

// forward serves one port until the test ends and returns its host address.
func forward(t *testing.T, p world.Port) string {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		NewForwarder(slog.New(slog.DiscardHandler)).Serve(ctx, []net.Listener{l}, []world.Port{p})
	})
	t.Cleanup(func() { cancel(); wg.Wait() })
	return l.Addr().String()
}

func dial(t *testing.T, addr string) *net.TCPConn {
	t.Helper()
	c, err := net.Dial("tcp4", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return c.(*net.TCPConn)
}

func TestForwarderCarriesBothWaysAndHalfClose(t *testing.T) {
	c := dial(t, forward(t, world.Port{Name: "echo", Inside: echo(t)}))
	want := strings.Repeat("hello ", 10_000)
	var wg sync.WaitGroup
	wg.Go(func() {
		_, _ = io.WriteString(c, want)
		_ = c.CloseWrite()
	})
	got, err := io.ReadAll(c)
	wg.Wait()
	if err != nil || string(got) != want {
		t.Errorf("%d bytes came back of %d, %v", len(got), len(want), err)
	}
}

func TestForwarderClosesWhatItCannotReach(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := l.Addr().String()
	_ = l.Close()
	c := dial(t, forward(t, world.Port{Name: "none", Inside: nobody}))
	if n, err := c.Read(make([]byte, 1)); err == nil {
		t.Errorf("read %d bytes from a port with no server", n)
	}
}

func TestProxy(t *testing.T) {
	addr, target := forward(t, world.Port{Name: world.PortProxy}), echo(t)
	for name, tc := range map[string]struct{ reason, request, want string }{
		"Connect": {reason: "An address inside is reached.", request: "CONNECT " + target + " HTTP/1.1\r\nHost: x\r\n\r\n", want: "HTTP/1.1 200 "},
		"Get":     {reason: "It is no ordinary proxy.", request: "GET http://" + target + "/ HTTP/1.1\r\nHost: x\r\n\r\n", want: "HTTP/1.1 405 "},
		"Nobody":  {reason: "An address that nobody serves is said so.", request: "CONNECT 127.0.0.1:1 HTTP/1.1\r\nHost: x\r\n\r\n", want: "HTTP/1.1 502 "},
	} {
		t.Run(name, func(t *testing.T) {
			c := dial(t, addr)
			if _, err := io.WriteString(c, tc.request); err != nil {
				t.Fatal(err)
			}
			br := bufio.NewReader(c)
			status, err := br.ReadString('\n')
			if err != nil || !strings.HasPrefix(status, tc.want) {
				t.Fatalf("%s got %q, %v, want %q", tc.reason, status, err, tc.want)
			}
			if tc.want != "HTTP/1.1 200 " {
				return
			}
			if _, err := br.ReadString('\n'); err != nil { // the empty line
				t.Fatal(err)
			}
			if _, err := io.WriteString(c, "ping\n"); err != nil {
				t.Fatal(err)
			}
			if got, err := br.ReadString('\n'); err != nil || got != "ping\n" {
				t.Errorf("%s got %q, %v through the tunnel", tc.reason, got, err)
			}
		})
	}
}

// TestMain lets this test binary be PID 1's stand-in for TestInit.
func TestMain(m *testing.M) {
	if argv := os.Getenv("SANDBOX_TEST_INIT"); argv != "" {
		code, err := Init([]string{"/bin/sh", "-c", argv}, 0)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		os.Exit(code)
	}
	os.Exit(m.Run())
}

func TestInit(t *testing.T) {
	for name, tc := range map[string]struct {
		reason, script string
		signal         bool
		want           int
	}{
		"ExitCode": {reason: "The child's exit code is the world's.", script: "exit 7", want: 7},
		"Signal":   {reason: "A signal is passed on to the child, which ends as it likes.", script: "trap 'exit 5' INT; echo ready; while :; do sleep 0.02; done", signal: true, want: 5},
		"Killed":   {reason: "A child that is killed is told apart from one that ends.", script: "kill -9 $$", want: 128 + 9},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), os.Args[0])
			cmd.Env = append(os.Environ(), "SANDBOX_TEST_INIT="+tc.script)
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			if tc.signal {
				if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
					t.Fatal(err)
				}
				if err := cmd.Process.Signal(os.Interrupt); err != nil {
					t.Fatal(err)
				}
			}
			_ = cmd.Wait()
			if got := cmd.ProcessState.ExitCode(); got != tc.want {
				t.Errorf("%s got %s, want %s", tc.reason, strconv.Itoa(got), strconv.Itoa(tc.want))
			}
		})
	}
}
