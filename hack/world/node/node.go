package node

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/chatcluster/chatcluster/hack/world/pki"
	"github.com/chatcluster/chatcluster/hack/world/supervisor"
	"github.com/chatcluster/chatcluster/hack/world/world"
)

// Name is the node's.
const Name = "node1"

const (
	readyWithin = 2 * time.Minute
	path        = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	apiServer   = "https://" + world.NodeIP + ":6443"
	etcdClient  = "http://127.0.0.1:2379"
	etcdPeer    = "http://127.0.0.1:2380"
	serviceCIDR = "10.96.0.0/16"
	podCIDR     = "10.244.0.0/16"

	// Sockets and everything that must not outlive the namespaces: /run is a tmpfs of the world's own.
	containerdSocket = "/run/containerd/containerd.sock"
	containerdState  = "/run/containerd/state"
)

// Node declares one world's Kubernetes.
type Node struct {
	Config      world.Config
	Snapshotter string
	PodsEnd     func(ctx context.Context) // ends what runs in pods, once the kubelet is down
}

// Components are the control plane and the node, in an order in which each follows what it needs.
func (n Node) Components() []supervisor.Component {
	return []supervisor.Component{
		n.etcd(), n.apiServer(), n.controllerManager(), n.scheduler(), n.containerd(), n.kubelet(), n.proxy(),
	}
}

func (n Node) file(elem ...string) string { return n.Config.Layout.Path(elem...) }
func (n Node) cert(name string) string    { return n.file("pki", name) }
func (n Node) program(name string) string { return filepath.Join(n.Config.Kubernetes, "bin", name) }
func (n Node) kubeconfig(who string) string {
	return n.file("pki", who+".kubeconfig")
}

func (n Node) etcd() supervisor.Component {
	return supervisor.Component{
		Name: "etcd", Stage: supervisor.StageEngine, Env: []string{path}, Dir: "/",
		Prepare: func(context.Context) error { return os.MkdirAll(n.file("etcd"), 0o700) },
		Path:    filepath.Join(n.Config.Etcd, "bin", "etcd"),
		Args: []string{
			"--data-dir", n.file("etcd"), "--listen-client-urls", etcdClient, "--advertise-client-urls", etcdClient,
			"--listen-peer-urls", etcdPeer, "--initial-advertise-peer-urls", etcdPeer, "--initial-cluster", "default=" + etcdPeer,
		},
		Ready: healthz(nil, etcdClient+"/health"), ReadyWithin: readyWithin,
	}
}

func (n Node) apiServer() supervisor.Component {
	return supervisor.Component{
		Name: "kube-apiserver", Stage: supervisor.StageAPI, After: []string{"etcd"}, Env: []string{path}, Dir: "/",
		Path: n.program("kube-apiserver"),
		Args: []string{
			"--etcd-servers", etcdClient, "--bind-address", world.NodeIP, "--advertise-address", world.NodeIP, "--secure-port", "6443",
			"--service-cluster-ip-range", serviceCIDR, "--client-ca-file", n.cert("ca.crt"),
			"--tls-cert-file", n.cert("apiserver.crt"), "--tls-private-key-file", n.cert("apiserver.key"),
			"--service-account-issuer", "https://kubernetes.default.svc",
			"--service-account-key-file", n.cert("sa.pub"), "--service-account-signing-key-file", n.cert("sa.key"),
			"--authorization-mode", "Node,RBAC", "--enable-admission-plugins", "NodeRestriction", "--allow-privileged",
			"--kubelet-client-certificate", n.cert("admin.crt"), "--kubelet-client-key", n.cert("admin.key"),
			"--kubelet-preferred-address-types", "InternalIP", "--profiling=false",
			"--shutdown-delay-duration", "0s",
		},
		Ready: n.apiReady, ReadyWithin: readyWithin,
	}
}

func (n Node) controllerManager() supervisor.Component {
	return supervisor.Component{
		Name: "kube-controller-manager", Stage: supervisor.StageControl, After: []string{"kube-apiserver"}, Env: []string{path}, Dir: "/",
		Prepare: n.writeKubeconfig("controller-manager"), Path: n.program("kube-controller-manager"),
		Args: []string{
			"--kubeconfig", n.kubeconfig("controller-manager"), "--bind-address", "127.0.0.1", "--use-service-account-credentials",
			"--service-account-private-key-file", n.cert("sa.key"), "--root-ca-file", n.cert("ca.crt"),
			"--cluster-cidr", podCIDR, "--allocate-node-cidrs=false", "--service-cluster-ip-range", serviceCIDR, "--leader-elect=false",
		},
		Ready: healthz(anyCertificate(), "https://127.0.0.1:10257/healthz"), ReadyWithin: readyWithin,
	}
}

func (n Node) scheduler() supervisor.Component {
	return supervisor.Component{
		Name: "kube-scheduler", Stage: supervisor.StageControl, After: []string{"kube-apiserver"}, Env: []string{path}, Dir: "/",
		Prepare: n.writeKubeconfig("scheduler"), Path: n.program("kube-scheduler"),
		Args:  []string{"--kubeconfig", n.kubeconfig("scheduler"), "--bind-address", "127.0.0.1", "--leader-elect=false"},
		Ready: healthz(anyCertificate(), "https://127.0.0.1:10259/healthz"), ReadyWithin: readyWithin,
	}
}

func (n Node) kubelet() supervisor.Component {
	return supervisor.Component{
		Name: "kubelet", Stage: supervisor.StageNode, After: []string{"containerd", "kube-apiserver"}, Env: []string{path}, Dir: "/",
		Prepare: func(ctx context.Context) error {
			if err := n.writeKubeconfig("kubelet")(ctx); err != nil {
				return err
			}
			if err := world.WriteFile(n.file("kubelet", "resolv.conf"), []byte("nameserver "+world.DNSIP+"\n"), 0o644); err != nil {
				return err
			}
			return world.WriteFile(n.file("kubelet", "config.yaml"), n.kubeletConfig(), 0o644)
		},
		Path: n.program("kubelet"),
		Args: []string{
			"--config", n.file("kubelet", "config.yaml"), "--kubeconfig", n.kubeconfig("kubelet"),
			"--root-dir", n.file("kubelet", "root"), "--hostname-override", Name, "--node-ip", world.NodeIP,
		},
		Ready: healthz(nil, "http://127.0.0.1:10248/healthz"), ReadyWithin: readyWithin,
		Stopped: n.PodsEnd,
	}
}

func (n Node) proxy() supervisor.Component {
	return supervisor.Component{
		Name: "kube-proxy", Stage: supervisor.StageControl, After: []string{"kube-apiserver"}, Env: []string{path}, Dir: "/",
		Prepare: func(ctx context.Context) error {
			if err := n.writeKubeconfig("proxy")(ctx); err != nil {
				return err
			}
			return world.WriteFile(n.file("proxy", "config.yaml"), n.proxyConfig(), 0o644)
		},
		Path: n.program("kube-proxy"), Args: []string{"--config", n.file("proxy", "config.yaml")},
		Ready: healthz(nil, "http://127.0.0.1:10256/healthz"), ReadyWithin: readyWithin,
	}
}

func (n Node) writeKubeconfig(who string) func(context.Context) error {
	return func(context.Context) error {
		b, err := pki.Kubeconfig(n.file("pki"), who, "world", apiServer)
		if err != nil {
			return err
		}
		return world.WriteFile(n.kubeconfig(who), b, 0o600)
	}
}

// apiReady asks /readyz as admin: anonymous requests get it too, but not on every configuration.
func (n Node) apiReady(ctx context.Context) error {
	pair, err := tls.LoadX509KeyPair(n.cert("admin.crt"), n.cert("admin.key"))
	if err != nil {
		return err
	}
	ca, err := os.ReadFile(n.cert("ca.crt"))
	if err != nil {
		return err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(ca) {
		return fmt.Errorf("%s holds no certificate", n.cert("ca.crt"))
	}
	return healthz(&tls.Config{RootCAs: pool, Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}, apiServer+"/readyz")(ctx)
}

// anyCertificate is for health endpoints on this namespace's loopback that make themselves a certificate.
func anyCertificate() *tls.Config {
	return &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12} //nolint:gosec // see the comment above: nobody else listens there
}

// healthz probes that a URL answers 200.
func healthz(t *tls.Config, url string) func(context.Context) error {
	return func(ctx context.Context) error {
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: t, DisableKeepAlives: true}}
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		res, err := client.Do(req)
		if err != nil {
			return err
		}
		defer res.Body.Close()
		if res.StatusCode != http.StatusOK {
			return fmt.Errorf("%s answers %s", url, res.Status)
		}
		return nil
	}
}
