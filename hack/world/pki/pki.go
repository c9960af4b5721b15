package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

const (
	lifetime = 365 * 24 * time.Hour
	renewAt  = 30 * 24 * time.Hour // before the end
)

// Subject is one certificate to issue, signed by the world's CA.
type Subject struct {
	File  string // <File>.crt and <File>.key
	CN    string
	Orgs  []string
	IPs   []string
	Names []string
}

// Subjects are the certificates of a single-node cluster whose node and API server are at nodeIP.
func Subjects(nodeIP, node string) []Subject {
	return []Subject{
		{File: "apiserver", CN: "kube-apiserver", IPs: []string{"127.0.0.1", nodeIP, "10.96.0.1"},
			Names: []string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"}},
		{File: "admin", CN: "admin", Orgs: []string{"system:masters"}},
		{File: "controller-manager", CN: "system:kube-controller-manager"},
		{File: "scheduler", CN: "system:kube-scheduler"},
		{File: "proxy", CN: "system:kube-proxy"},
		{File: "kubelet", CN: "system:node:" + node, Orgs: []string{"system:nodes"}, IPs: []string{nodeIP}, Names: []string{node}},
	}
}

// Ensure makes the CA, the service account key pair (sa.key, sa.pub) and every subject's certificate in dir, unless
// all of them are there and good for another month.
func Ensure(dir string, subjects []Subject, now time.Time) error {
	if fresh(dir, subjects, now) {
		return nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	ca, err := newCA(dir, now)
	if err != nil {
		return fmt.Errorf("certificate authority: %w", err)
	}
	for _, s := range subjects {
		if err := ca.issue(dir, s, now); err != nil {
			return fmt.Errorf("certificate %s: %w", s.File, err)
		}
	}
	return serviceAccountKey(dir)
}

// fresh reports whether the folder is whole. The service account key is written last, so it stands for the rest.
func fresh(dir string, subjects []Subject, now time.Time) bool {
	if _, err := os.Stat(filepath.Join(dir, "sa.pub")); err != nil {
		return false
	}
	files := []string{"ca"}
	for _, s := range subjects {
		files = append(files, s.File)
	}
	for _, f := range files {
		b, err := os.ReadFile(filepath.Join(dir, f+".crt"))
		if err != nil {
			return false
		}
		block, _ := pem.Decode(b)
		if block == nil {
			return false
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil || now.Add(renewAt).After(c.NotAfter) {
			return false
		}
	}
	return true
}

type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newCA(dir string, now time.Time) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	t := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "chatcluster local world"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(lifetime),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, t, t, key.Public(), key)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &authority{cert: cert, key: key}, writePair(dir, "ca", der, key)
}

func (a *authority) issue(dir string, s Subject, now time.Time) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	serial, err := newSerial()
	if err != nil {
		return err
	}
	t := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: s.CN, Organization: s.Orgs}, DNSNames: s.Names,
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(lifetime), KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}
	for _, ip := range s.IPs {
		parsed := net.ParseIP(ip)
		if parsed == nil {
			return fmt.Errorf("%q is no IP address", ip)
		}
		t.IPAddresses = append(t.IPAddresses, parsed)
	}
	der, err := x509.CreateCertificate(rand.Reader, t, a.cert, key.Public(), a.key)
	if err != nil {
		return err
	}
	return writePair(dir, s.File, der, key)
}

func serviceAccountKey(dir string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	if err := writeKey(filepath.Join(dir, "sa.key"), key); err != nil {
		return err
	}
	pub, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return err
	}
	return writePEM(filepath.Join(dir, "sa.pub"), "PUBLIC KEY", pub, 0o644)
}

func newSerial() (*big.Int, error) {
	return rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
}

func writePair(dir, name string, der []byte, key *ecdsa.PrivateKey) error {
	if err := writeKey(filepath.Join(dir, name+".key"), key); err != nil {
		return err
	}
	return writePEM(filepath.Join(dir, name+".crt"), "CERTIFICATE", der, 0o644)
}

func writeKey(file string, key *ecdsa.PrivateKey) error {
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	return writePEM(file, "EC PRIVATE KEY", der, 0o600)
}

func writePEM(file, kind string, der []byte, mode os.FileMode) error {
	return os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), mode)
}
