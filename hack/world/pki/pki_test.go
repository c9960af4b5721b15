package pki

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"os"
	"path/filepath"
	"testing"
	"time"

	"sigs.k8s.io/yaml"
)

func load(t *testing.T, dir, subject string) (*x509.Certificate, *x509.CertPool) {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, subject+".crt"), filepath.Join(dir, subject+".key"))
	if err != nil {
		t.Fatal(err)
	}
	ca, err := os.ReadFile(filepath.Join(dir, "ca.crt"))
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(ca) {
		t.Fatal("ca.crt holds no certificate")
	}
	return pair.Leaf, pool
}

func TestEnsureIssuesWhatKubernetesChecks(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	if err := Ensure(dir, Subjects("10.99.0.1", "node1"), now); err != nil {
		t.Fatal(err)
	}
	server, pool := load(t, dir, "apiserver")
	for _, host := range []string{"127.0.0.1", "10.99.0.1", "10.96.0.1", "kubernetes.default.svc"} {
		if _, err := server.Verify(x509.VerifyOptions{DNSName: host, Roots: pool, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}); err != nil {
			t.Errorf("the API server's certificate is no good for %s: %v", host, err)
		}
	}
	node, _ := load(t, dir, "kubelet")
	if node.Subject.CommonName != "system:node:node1" || len(node.Subject.Organization) != 1 || node.Subject.Organization[0] != "system:nodes" {
		t.Errorf("the kubelet is %v; the Node authorizer wants system:node:node1 in system:nodes", node.Subject)
	}
	for _, key := range []string{"ca.key", "admin.key", "sa.key"} {
		if info, err := os.Stat(filepath.Join(dir, key)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %v, %v; want 0600", key, info.Mode(), err)
		}
	}
}

func TestEnsureKeepsAndRenews(t *testing.T) {
	subjects := Subjects("10.99.0.1", "node1")
	for name, tc := range map[string]struct {
		reason string
		spoil  func(t *testing.T, dir string)
		later  time.Duration
		same   bool
	}{
		"Fresh":       {reason: "Tokens and kubeconfigs of a world stay valid over a restart.", same: true},
		"NearItsEnd":  {reason: "A world that was down for long starts again.", later: 340 * 24 * time.Hour},
		"Interrupted": {reason: "A run that died half-way left no service account key.", spoil: func(t *testing.T, dir string) { remove(t, filepath.Join(dir, "sa.pub")) }},
		"Incomplete":  {reason: "A new version wants one more certificate.", spoil: func(t *testing.T, dir string) { remove(t, filepath.Join(dir, "proxy.crt")) }},
	} {
		t.Run(name, func(t *testing.T) {
			dir, now := t.TempDir(), time.Now()
			if err := Ensure(dir, subjects, now); err != nil {
				t.Fatal(err)
			}
			before, _ := load(t, dir, "admin")
			if tc.spoil != nil {
				tc.spoil(t, dir)
			}
			if err := Ensure(dir, subjects, now.Add(tc.later)); err != nil {
				t.Fatal(err)
			}
			after, _ := load(t, dir, "admin")
			if same := before.Equal(after); same != tc.same {
				t.Errorf("%s kept the certificates: %t, want %t", tc.reason, same, tc.same)
			}
		})
	}
}

func remove(t *testing.T, file string) {
	t.Helper()
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
}

func TestKubeconfigIsSelfContained(t *testing.T) {
	dir := t.TempDir()
	if err := Ensure(dir, Subjects("10.99.0.1", "node1"), time.Now()); err != nil {
		t.Fatal(err)
	}
	b, err := Kubeconfig(dir, "admin", "chatcluster-dev", "https://127.0.0.1:18443")
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		CurrentContext string `json:"current-context"`
		Clusters       []struct {
			Cluster struct {
				Server string `json:"server"`
				CA     string `json:"certificate-authority-data"`
			} `json:"cluster"`
		} `json:"clusters"`
	}
	if err := yaml.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	ca, err := base64.StdEncoding.DecodeString(got.Clusters[0].Cluster.CA)
	if err != nil || !x509.NewCertPool().AppendCertsFromPEM(ca) {
		t.Errorf("no certificate authority in the file: %v", err)
	}
	if got.CurrentContext != "chatcluster-dev" || got.Clusters[0].Cluster.Server != "https://127.0.0.1:18443" {
		t.Errorf("got %+v", got)
	}
}
