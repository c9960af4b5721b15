package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"

	"github.com/chatcluster/chatcluster/hack/world/supervisor"
	"github.com/chatcluster/chatcluster/hack/world/world"
)

func (n Node) containerd() supervisor.Component {
	return supervisor.Component{
		Name: "containerd", Stage: supervisor.StageControl, Env: []string{path}, Dir: "/",
		Prepare: func(context.Context) error {
			if err := world.WriteFile(n.file("cni", "net.d", "10-bridge.conflist"), n.cniConfig(), 0o644); err != nil {
				return err
			}
			return world.WriteFile(n.file("containerd", "config.toml"), n.containerdConfig(), 0o644)
		},
		Path: "containerd", Args: []string{"--config", n.file("containerd", "config.toml"), "--log-level", "info"},
		Ready: func(ctx context.Context) error { return ctr(ctx, "version") }, ReadyWithin: readyWithin,
		Started: func(ctx context.Context) error {
			for _, img := range n.Config.NodeImages {
				if err := Import(ctx, img); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

// Import loads an image archive into the node unless its image is there: references name the content.
func Import(ctx context.Context, img world.Image) error {
	out, err := exec.CommandContext(ctx, "ctr", "-a", containerdSocket, "-n", "k8s.io", "images", "ls", "-q", "name=="+canonical(img.Ref)).CombinedOutput()
	if err != nil {
		return fmt.Errorf("list images: %w: %s", err, bytes.TrimSpace(out))
	}
	if len(bytes.TrimSpace(out)) > 0 {
		return nil
	}
	return ctr(ctx, "images", "import", img.Archive)
}

// canonical is a reference as containerd keeps it: with a registry.
func canonical(ref string) string {
	if first, _, ok := strings.Cut(ref, "/"); ok && strings.ContainsAny(first, ".:") {
		return ref
	}
	return "docker.io/" + ref
}

func ctr(ctx context.Context, args ...string) error {
	out, err := exec.CommandContext(ctx, "ctr", append([]string{"-a", containerdSocket, "-n", "k8s.io"}, args...)...).CombinedOutput()
	if errors.Is(err, exec.ErrNotFound) {
		return err
	}
	if err != nil {
		return fmt.Errorf("ctr %s: %w: %s", strings.Join(args, " "), err, bytes.TrimSpace(out))
	}
	return nil
}

// cniConfig: pods are on a bridge of the world's network namespace, which routes between them, the node and nothing else.
func (n Node) cniConfig() []byte {
	return fmt.Appendf(nil, `{"cniVersion":"0.4.0","name":"world","plugins":[
 {"type":"bridge","bridge":"cni0","isGateway":true,"ipMasq":false,"hairpinMode":true,
  "ipam":{"type":"host-local","dataDir":"%s","ranges":[[{"subnet":"10.244.0.0/24"}]],"routes":[{"dst":"0.0.0.0/0"}]}},
 {"type":"portmap","capabilities":{"portMappings":true}}]}
`, "/run/cni/ipam")
}

// containerdConfig: restrict_oom_score_adj for roots without CAP_SYS_RESOURCE; no AppArmor and no hugetlb, which not
// every kernel has. The content store and snapshots are kept below the state folder; running state is in /run.
func (n Node) containerdConfig() []byte {
	return fmt.Appendf(nil, `version = 2
root = "%[1]s"
state = "%[2]s"
oom_score = 0
[grpc]
  address = "%[3]s"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "%[4]s"
  restrict_oom_score_adj = true
  disable_apparmor = true
  tolerate_missing_hugetlb_controller = true
  disable_hugetlb_controller = true
  stream_server_address = "127.0.0.1"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "%[5]s"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "%[6]s"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
[plugins."io.containerd.internal.v1.opt"]
  path = "%[7]s"
`, n.file("containerd", "root"), containerdState, containerdSocket, n.Config.PauseImage, n.file("cni", "net.d"), n.Snapshotter, n.file("containerd", "opt"))
}

// kubeletConfig: see hack/world/README.md for what each unusual setting is for.
func (n Node) kubeletConfig() []byte {
	return fmt.Appendf(nil, `apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
failCgroupV1: false
cgroupDriver: cgroupfs
cgroupsPerQOS: true
enforceNodeAllocatable: [pods]
cgroupRoot: /%[1]s
containerRuntimeEndpoint: unix://%[2]s
address: %[3]s
healthzBindAddress: 127.0.0.1
authentication: {anonymous: {enabled: false}, webhook: {enabled: false}, x509: {clientCAFile: "%[4]s/ca.crt"}}
authorization: {mode: AlwaysAllow}
tlsCertFile: %[4]s/kubelet.crt
tlsPrivateKeyFile: %[4]s/kubelet.key
clusterDomain: cluster.local
clusterDNS: [%[5]s]
resolvConf: %[6]s/resolv.conf
oomScoreAdj: 0
failSwapOn: false
registerNode: true
podLogsDir: %[7]s
volumePluginDir: %[6]s/volumeplugins
evictionHard: {memory.available: "100Mi", nodefs.available: "1%%", imagefs.available: "1%%"}
imageGCHighThresholdPercent: 100
makeIPTablesUtilChains: false
syncFrequency: 10s
nodeStatusUpdateFrequency: 5s
`, n.Config.Layout.Cgroup(), containerdSocket, world.NodeIP, n.file("pki"), world.DNSIP, n.file("kubelet"), n.file("log", "pods"))
}

// proxyConfig: conntrack's limits are the whole machine's, so they stay as they are.
func (n Node) proxyConfig() []byte {
	return fmt.Appendf(nil, `apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: nftables
clientConnection: {kubeconfig: "%s"}
hostnameOverride: %s
clusterCIDR: %s
bindAddress: 127.0.0.1
healthzBindAddress: 127.0.0.1:10256
metricsBindAddress: 127.0.0.1:10249
oomScoreAdj: 0
conntrack: {maxPerCore: 0, min: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}
nodePortAddresses: ["10.99.0.0/24"]
`, n.kubeconfig("proxy"), Name, podCIDR)
}
