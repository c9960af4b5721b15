package mtls

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"
)

// Paths are where a process's certificate, its key and the CAs that it trusts are, in PEM.
type Paths struct{ Cert, Key, CA string }

// Files are read at every handshake. Make them with Open.
type Files struct {
	paths Paths

	mu   sync.Mutex
	last material
}

// Open reads the files for the first time: what is wrong with them is said at the start.
func Open(p Paths) (*Files, error) {
	m, err := p.load()
	if err != nil {
		return nil, err
	}
	return &Files{paths: p, last: m}, nil
}

// read returns what the files hold, or held when they could be read the last time.
func (f *Files) read() material {
	m, err := f.paths.load()
	f.mu.Lock()
	defer f.mu.Unlock()
	if err == nil {
		f.last = m
	}
	return f.last
}

// Check says what is wrong with the files: nothing that they held before hides it, and a certificate whose time is up is
// wrong, too.
func (f *Files) Check() error {
	m, err := f.paths.load()
	if err != nil {
		return err
	}
	if end := m.own.Leaf.NotAfter; time.Now().After(end) {
		return fmt.Errorf("the internal certificate %s expired at %s", f.paths.Cert, end.UTC().Format(time.RFC3339))
	}
	return nil
}

// NotAfter is until when the certificate is valid that the next handshake uses.
func (f *Files) NotAfter() time.Time {
	return f.read().own.Leaf.NotAfter
}

func (p Paths) load() (material, error) {
	own, err := tls.LoadX509KeyPair(p.Cert, p.Key)
	if err != nil {
		return material{}, fmt.Errorf("read the internal certificate: %w", err)
	}
	data, err := os.ReadFile(p.CA)
	if err != nil {
		return material{}, fmt.Errorf("read the internal CAs: %w", err)
	}
	trusted := x509.NewCertPool()
	if !trusted.AppendCertsFromPEM(data) {
		return material{}, errors.New("read the internal CAs: there is no certificate in " + p.CA)
	}
	return material{own, trusted}, nil
}
