package redistest

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// masters share the slots: the least that Redis takes for a cluster.
	masters = 3
	// slots is how many hash slots a Redis cluster has (Redis cluster specification).
	slots = 16384
	// formWithin bounds the time until every node knows all others and their slots.
	formWithin = 30 * time.Second
)

// Cluster starts a cluster and returns its nodes' addresses. The test fails if it cannot be started.
func Cluster(t testing.TB) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), formWithin)
	defer cancel()
	nodes := make([]*node, masters)
	for i := range nodes {
		nodes[i] = start(ctx, t)
	}
	for i, n := range nodes {
		if err := n.client.ClusterAddSlotsRange(ctx, i*slots/masters, (i+1)*slots/masters-1).Err(); err != nil {
			t.Fatalf("give node %d its slots: %v", i, err)
		}
		if err := nodes[0].client.Do(ctx, "CLUSTER", "MEET", "127.0.0.1", n.port, n.bus).Err(); err != nil {
			t.Fatalf("have nodes meet: %v", err)
		}
	}
	addresses := make([]string, masters)
	for i, n := range nodes {
		addresses[i] = n.addr()
		await(ctx, t, "the cluster is whole", func() error { return n.joined(ctx) })
	}
	return addresses
}

type node struct {
	port, bus int
	client    *redis.Client
}

func (n *node) addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(n.port)) }

// joined says why the node does not serve as a part of the whole yet.
func (n *node) joined(ctx context.Context) error {
	info, err := n.client.ClusterInfo(ctx).Result()
	if err != nil {
		return err
	}
	for _, want := range []string{"cluster_state:ok", "cluster_known_nodes:" + strconv.Itoa(masters), "cluster_slots_ok:" + strconv.Itoa(slots), "cluster_size:" + strconv.Itoa(masters)} {
		if !strings.Contains(info, want+"\r\n") {
			return fmt.Errorf("not %s", want)
		}
	}
	return nil
}

// start runs one node.
func start(ctx context.Context, t testing.TB) *node {
	t.Helper()
	n := &node{port: freePort(t), bus: freePort(t)}
	dir := t.TempDir()
	log := filepath.Join(dir, "log")
	cmd := exec.Command("redis-server", "--bind", "127.0.0.1", "--port", strconv.Itoa(n.port), "--dir", dir, "--logfile", log, "--save", "", "--appendonly", "no",
		"--cluster-enabled", "yes", "--cluster-port", strconv.Itoa(n.bus), "--cluster-node-timeout", "5000", "--maxmemory", "64mb")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatalf("start redis-server, which this test needs: %v", err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
	})
	n.client = redis.NewClient(&redis.Options{Addr: n.addr()})
	t.Cleanup(func() { _ = n.client.Close() })
	await(ctx, t, "a node answers", func() error {
		if err := n.client.Ping(ctx).Err(); err != nil {
			said, _ := os.ReadFile(log) // there is none where it has not begun
			return fmt.Errorf("%w; it said: %s", err, said)
		}
		return nil
	})
	return n
}

// freePort is one that nobody listens at. Somebody may take it before the node does: then the node does not answer, and the test says so.
func freePort(t testing.TB) int {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().(*net.TCPAddr).Port
}

func await(ctx context.Context, t testing.TB, what string, holds func() error) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for err := holds(); err != nil; err = holds() {
		select {
		case <-ctx.Done():
			t.Fatalf("not within %v: %s: %v", formWithin, what, err)
		case <-tick.C:
		}
	}
}
