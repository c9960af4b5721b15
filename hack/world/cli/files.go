package cli

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"time"

	"github.com/chatcluster/chatcluster/hack/world/node"
	"github.com/chatcluster/chatcluster/hack/world/pki"
	"github.com/chatcluster/chatcluster/hack/world/world"
)

// tokenTTL is how long the demo users' tokens live. Every `up` mints new ones.
const tokenTTL = 7 * 24 * time.Hour

// localCredentials is what DynamoDB Local and the sink take: anything, so long as it is always the same.
const localCredentials = "[default]\naws_access_key_id = local\naws_secret_access_key = local\n"

// secrets makes the passwords, keys and certificates that a world keeps for its life.
func secrets(l world.Layout) error {
	dir := l.Path("secrets")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for _, name := range []string{"postgres-password", "redis-password"} {
		if err := ensurePassword(filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	if err := world.WriteFile(filepath.Join(dir, "aws-credentials"), []byte(localCredentials), 0o600); err != nil {
		return err
	}
	return pki.Ensure(l.Path("pki"), pki.Subjects(world.NodeIP, node.Name), time.Now())
}

func ensurePassword(file string) error {
	if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	b := make([]byte, 16)
	if _, err := rand.Read(b); err != nil {
		return err
	}
	return world.WriteFile(file, []byte(hex.EncodeToString(b)), 0o600)
}

// writeUserFiles writes what depends on host ports: the kubeconfig, and the demo users' tokens.
func writeUserFiles(ctx context.Context, l world.Layout, w world.World, standins string) error {
	for user, file := range w.Issuer.Tokens {
		token, err := exec.CommandContext(ctx, standins, "token", "--key", w.Issuer.KeyFile, "--issuer", w.Issuer.ID,
			"--audience", w.Issuer.Audience, "--user", user, "--ttl", tokenTTL.String()).Output()
		if err != nil {
			return fmt.Errorf("mint a token for %s: %w", user, err)
		}
		if err := world.WriteFile(file, token, 0o600); err != nil {
			return err
		}
	}
	if w.EnginesOnly {
		return nil
	}
	kubeconfig, err := pki.Kubeconfig(l.Path("pki"), "admin", "chatcluster-"+l.Name, fmt.Sprintf("https://127.0.0.1:%d", w.Ports[world.PortAPI]))
	if err != nil {
		return err
	}
	return world.WriteFile(w.Kubeconfig, kubeconfig, 0o600)
}

// sameWorld compares what runs with what is wanted. A planned port of 0 takes any.
func sameWorld(want world.Config, running world.World, plan map[string]int) bool {
	have, err := world.LoadConfig(want.Layout.State)
	if err != nil {
		return false
	}
	for name, port := range plan {
		if port != 0 && port != running.Ports[name] {
			return false
		}
	}
	if !maps.Equal(have.Ports, running.Ports) {
		return false
	}
	have.Ports, want.Ports = nil, nil
	return reflect.DeepEqual(have, want)
}

// rotateLogs keeps the last run's logs beside this one's.
func rotateLogs(l world.Layout) error {
	logs, err := filepath.Glob(l.Path("log", "*.log"))
	if err != nil {
		return err
	}
	for _, log := range logs {
		if strings.HasSuffix(log, ".previous.log") {
			continue
		}
		if err := os.Rename(log, strings.TrimSuffix(log, ".log")+".previous.log"); err != nil {
			return err
		}
	}
	return nil
}
