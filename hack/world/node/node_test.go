package node

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chatcluster/chatcluster/hack/world/supervisor"
	"github.com/chatcluster/chatcluster/hack/world/world"
)

var update = flag.Bool("update", false, "write the golden files")

func testNode(t *testing.T) Node {
	t.Helper()
	l, err := world.NewLayout("dev", "/state", "/cache", "/repo")
	if err != nil {
		t.Fatal(err)
	}
	return Node{
		Snapshotter: "overlayfs",
		Config:      world.Config{Layout: l, Etcd: "/cache/etcd", Kubernetes: "/cache/kubernetes", PauseImage: "chatcluster.local/pause:dev-1"},
	}
}

func TestConfigurationFiles(t *testing.T) {
	n := testNode(t)
	for name, got := range map[string][]byte{
		"kubelet.yaml": n.kubeletConfig(), "proxy.yaml": n.proxyConfig(),
		"containerd.toml": n.containerdConfig(), "cni.conflist": n.cniConfig(),
	} {
		file := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(file, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("%s (-update writes it)\n-want +got:\n%s", name, diff)
		}
	}
}

// What a component needs must be declared before it, and must outlast it: stages only fall along dependencies.
func TestComponentsAreInOrder(t *testing.T) {
	stage := map[string]int{}
	for _, c := range testNode(t).Components() {
		for _, dep := range c.After {
			s, ok := stage[dep]
			if !ok {
				t.Errorf("%s starts after %s, which is not declared before it", c.Name, dep)
			}
			if s > c.Stage {
				t.Errorf("%s (stage %d) loses %s (stage %d) before it stops", c.Name, c.Stage, dep, s)
			}
		}
		stage[c.Name] = c.Stage
	}
	if stage["kubelet"] != supervisor.StageNode {
		t.Error("the kubelet must stop first: pods drain while everything else still runs")
	}
	if !slices.Contains(testNode(t).kubelet().After, "containerd") {
		t.Error("the kubelet starts before containerd has the pause image")
	}
}

func TestCanonicalReferences(t *testing.T) {
	for ref, want := range map[string]string{
		"chatcluster/chatd:dev-1":       "docker.io/chatcluster/chatd:dev-1",
		"chatcluster.local/pause:dev-1": "chatcluster.local/pause:dev-1",
	} {
		if got := canonical(ref); got != want {
			t.Errorf("canonical(%s) = %s, want %s, which is how containerd lists it", ref, got, want)
		}
	}
}
