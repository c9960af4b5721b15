package deploy

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"github.com/chatcluster/chatcluster/hack/world/report"
	"github.com/chatcluster/chatcluster/hack/world/world"
)

// Deployment is what is put into one world, and with what.
type Deployment struct {
	Layout  world.Layout
	World   world.World
	Kubectl string
	Helm    string
	Report  *report.Reporter

	CoreDNSImage, Manager, Chatd string // image references
}

// kubectl runs kubectl against the world and returns what it printed.
func (d Deployment) kubectl(ctx context.Context, stdin []byte, args ...string) ([]byte, error) {
	return kubectl(ctx, d.Kubectl, d.World.Kubeconfig, stdin, args...)
}

func kubectl(ctx context.Context, program, kubeconfig string, stdin []byte, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, program, append([]string{"--kubeconfig", kubeconfig}, args...)...)
	cmd.Stdin = bytes.NewReader(stdin)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("kubectl %s: %w: %s", args[0], err, bytes.TrimSpace(errs.Bytes()))
	}
	return out.Bytes(), nil
}

// apply server-side-applies manifests as one field owner.
func (d Deployment) apply(ctx context.Context, manifests []byte) error {
	_, err := d.kubectl(ctx, manifests, "apply", "--server-side", "--force-conflicts", "--field-manager", "chatcluster-world", "-f", "-")
	return err
}

// helm installs or upgrades a chart; its output goes to the log.
func (d Deployment) helm(ctx context.Context, logFile string, args ...string) error {
	log, err := os.Create(logFile)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.CommandContext(ctx, d.Helm, append([]string{"--kubeconfig", d.World.Kubeconfig}, args...)...)
	cmd.Env = append(os.Environ(), "HELM_CACHE_HOME="+d.Layout.Path("helm", "cache"), "HELM_CONFIG_HOME="+d.Layout.Path("helm", "config"), "HELM_DATA_HOME="+d.Layout.Path("helm", "data"))
	var errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = log, &errs
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("helm %s: %w: %s", strings.Join(args[:2], " "), err, bytes.TrimSpace(errs.Bytes()))
	}
	return nil
}
