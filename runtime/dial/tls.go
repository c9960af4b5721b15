package dial

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"
)

// Source returns a secret as it is now. A nil Source is no secret.
type Source func() ([]byte, error)

// File reads the file at path each time; it is nil for an empty path.
func File(path string) Source {
	if path == "" {
		return nil
	}
	return func() ([]byte, error) {
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("read secret: %w", err)
		}
		return data, nil
	}
}

// Value is always the same; it is nil for an empty one.
func Value(v string) Source {
	if v == "" {
		return nil
	}
	return func() ([]byte, error) { return []byte(v), nil }
}

// text is a source's content without its trailing newline; it is empty for a nil source.
func text(s Source) (string, error) {
	if s == nil {
		return "", nil
	}
	data, err := s()
	return strings.TrimRight(string(data), "\r\n"), err
}

// TLS is what a connection is made with, PEM.
type TLS struct {
	// CA are the authorities that the server's certificate must come from; nil: the public ones.
	CA Source
	// Cert and Key are shown to the server; nil: none are.
	Cert, Key Source
}

// Config is for a connection to the server of that name.
func (t TLS) Config(server string) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: server}
	if t.CA != nil {
		pem, err := t.CA()
		if err != nil {
			return nil, err
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, errors.New("tls: no certificate authority was found in the bundle, which must be PEM")
		}
	}
	if t.Cert != nil && t.Key != nil {
		cert, err := t.Cert()
		if err != nil {
			return nil, err
		}
		key, err := t.Key()
		if err != nil {
			return nil, err
		}
		pair, err := tls.X509KeyPair(cert, key)
		if err != nil {
			return nil, fmt.Errorf("tls: client certificate: %w", err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}

// Dialer connects with what the sources hold then, within timeout.
func (t TLS) Dialer(timeout time.Duration) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		c, err := t.Config(host)
		if err != nil {
			return nil, err
		}
		d := tls.Dialer{NetDialer: &net.Dialer{Timeout: timeout}, Config: c}
		ctx, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		return d.DialContext(ctx, network, address)
	}
}
