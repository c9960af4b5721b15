package world

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func testLayout(t *testing.T, name string) Layout {
	t.Helper()
	l, err := NewLayout(name, t.TempDir(), t.TempDir(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestNewLayoutRefusesWhatCannotWork(t *testing.T) {
	for name, tc := range map[string]struct {
		reason      string
		world       string
		state       string
		wantInError string
	}{
		"Good":      {reason: "A plain name works.", world: "test-e2e", state: "/tmp/x"},
		"Slash":     {reason: "A name becomes a cgroup and a folder: it cannot leave them.", world: "../x", state: "/tmp/x", wantInError: "world name"},
		"UpperCase": {reason: "A name becomes a host name.", world: "Dev", state: "/tmp/x", wantInError: "world name"},
		"Empty":     {reason: "A name is needed.", state: "/tmp/x", wantInError: "world name"},
		"TooDeep":   {reason: "A Unix socket's path has a limit that fails late and obscurely.", world: "dev", state: "/" + strings.Repeat("d", 120), wantInError: "too deep"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := NewLayout(tc.world, tc.state, "/tmp/cache", "/tmp/repo")
			if tc.wantInError == "" && err != nil {
				t.Errorf("%s: NewLayout(%q): %v", tc.reason, tc.world, err)
			}
			if tc.wantInError != "" && (err == nil || !strings.Contains(err.Error(), tc.wantInError)) {
				t.Errorf("%s: NewLayout(%q): want an error with %q, got %v", tc.reason, tc.world, tc.wantInError, err)
			}
		})
	}
}

func TestWorldsOfOneNameDoNotShareACgroup(t *testing.T) {
	a, b := testLayout(t, "dev"), testLayout(t, "dev")
	if a.Cgroup() == b.Cgroup() {
		t.Errorf("two state folders, one cgroup %s: stopping one world would end the other", a.Cgroup())
	}
}

func TestFindRepo(t *testing.T) {
	root := t.TempDir()
	deep := filepath.Join(root, "hack", "world")
	if err := os.MkdirAll(deep, 0o755); err != nil {
		t.Fatal(err)
	}
	for file, module := range map[string]string{
		filepath.Join(root, "go.mod"): "module github.com/chatcluster/chatcluster\n\ngo 1.26.0\n",
		filepath.Join(deep, "go.mod"): "module github.com/chatcluster/chatcluster/hack/world\n",
	} {
		if err := os.WriteFile(file, []byte(module), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := FindRepo(deep)
	if err != nil || got != root {
		t.Errorf("FindRepo: a nested module is not the product's: got %q, %v, want %q", got, err, root)
	}
	if got, err := FindRepo(t.TempDir()); err == nil {
		t.Errorf("FindRepo outside a work tree: got %q, want an error", got)
	}
}

func TestPlanPorts(t *testing.T) {
	recorded := map[string]int{PortKafka: 40001, PortAPI: 40002}
	for name, tc := range map[string]struct {
		reason      string
		base        int
		enginesOnly bool
		want        map[string]int
	}{
		"Fixed": {
			reason: "The default world's ports are ones that a person can remember.", base: 18000,
			want: map[string]int{PortDynamoDB: 18000, PortSink: 18081, PortIssuer: 18082, PortKafka: 18092, PortRedis: 18379, PortPostgres: 18432, PortProxy: 18088, PortGateway: 18080, PortAPI: 18443},
		},
		"Ephemeral": {
			reason: "Other worlds keep the ports that they had, and take free ones (0) for the rest.",
			want:   map[string]int{PortDynamoDB: 0, PortSink: 0, PortIssuer: 0, PortKafka: 40001, PortRedis: 0, PortPostgres: 0, PortProxy: 0, PortGateway: 0, PortAPI: 40002},
		},
		"EnginesOnly": {
			reason: "What has no server inside has no port.", enginesOnly: true,
			want: map[string]int{PortDynamoDB: 0, PortSink: 0, PortIssuer: 0, PortKafka: 40001, PortRedis: 0, PortPostgres: 0, PortProxy: 0},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, PlanPorts(tc.base, tc.enginesOnly, recorded)); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.reason, diff)
			}
		})
	}
}

func TestListenOnATakenPort(t *testing.T) {
	taken, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := taken.Addr().(*net.TCPAddr).Port
	plan := map[string]int{PortKafka: port, PortRedis: 0}

	if _, _, err := Listen(t.Context(), plan, true); err == nil || !strings.Contains(err.Error(), PortKafka) {
		t.Errorf("a fixed port that is taken: want an error that names %s, got %v", PortKafka, err)
	}
	listeners, got, err := Listen(t.Context(), plan, false)
	if err != nil {
		t.Fatalf("a recorded port that is taken by now: want a free one, got %v", err)
	}
	for _, l := range listeners {
		t.Cleanup(func() { _ = l.Close() })
	}
	if len(listeners) != 2 || got[PortKafka] == port || got[PortKafka] == 0 || got[PortRedis] == 0 {
		t.Errorf("got %d listeners on %v, want two on free ports", len(listeners), got)
	}
}

func TestWorldFile(t *testing.T) {
	l := testLayout(t, "dev")
	if _, found, err := Load(l); found || err != nil {
		t.Fatalf("before the first up: found %t, %v; want nothing and no error", found, err)
	}
	want := Describe(l, PlanPorts(18000, false, nil), false)
	if err := want.Save(l); err != nil {
		t.Fatal(err)
	}
	got, found, err := Load(l)
	if err != nil || !found {
		t.Fatalf("found %t, %v", found, err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-saved +loaded:\n%s", diff)
	}
	if want.GatewayURL != "ws://127.0.0.1:18080" || want.Kafka.Address != "127.0.0.1:18092" || want.Kafka.Inside != "10.99.0.1:9092" {
		t.Errorf("addresses are wrong: %+v", want)
	}
	info, err := os.Stat(l.File())
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("world.json: mode %v, %v; want it to be its owner's alone", info.Mode(), err)
	}
	if err := os.WriteFile(l.File(), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Load(l); err == nil {
		t.Error("a broken world.json: want an error that names it")
	}
}

func TestWriteFileLeavesNothingBehind(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "a", "file")
	for _, content := range []string{"one", "two"} {
		if err := WriteFile(file, []byte(content), 0o640); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(file)
		if err != nil || string(got) != content {
			t.Errorf("got %q, %v, want %q", got, err, content)
		}
	}
	entries, err := os.ReadDir(filepath.Dir(file))
	if err != nil || len(entries) != 1 {
		t.Errorf("%d files in the folder, %v; want the one written", len(entries), err)
	}
}
