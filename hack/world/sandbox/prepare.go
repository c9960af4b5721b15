package sandbox

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"time"

	"github.com/chatcluster/chatcluster/hack/world/world"
)

// Bridge carries the node's address: not every kernel has the dummy driver that one would expect here.
const Bridge = "node0"

// Prepare runs inside the new namespaces, before anything else does.
func Prepare(ctx context.Context, l world.Layout) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	if err := mounts([]string{l.State, l.Cache, l.Repo}); err != nil {
		return err
	}
	if err := makeCgroups(l.Cgroup()); err != nil {
		return fmt.Errorf("cgroups: %w", err)
	}
	for _, args := range [][]string{
		{"link", "set", "lo", "up"},
		{"link", "add", Bridge, "type", "bridge"},
		{"addr", "add", world.NodeIP + "/24", "dev", Bridge},
		{"link", "set", Bridge, "up"},
		{"route", "add", "default", "dev", Bridge},
	} {
		if out, err := exec.CommandContext(ctx, "ip", args...).CombinedOutput(); err != nil {
			return fmt.Errorf("ip %v: %w: %s", args, err, bytes.TrimSpace(out))
		}
	}
	// Per network namespace: the host's own setting is another.
	return os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0o644)
}
