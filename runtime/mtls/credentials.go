package mtls

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"

	"google.golang.org/grpc/credentials"
)

// Server returns credentials of a server that takes nobody but clients with one of these names in their certificate.
func Server(f *Files, clients ...string) credentials.TransportCredentials {
	return &handshakes{files: f, configure: func(m material) *tls.Config {
		return &tls.Config{
			MinVersion:   tls.VersionTLS13,
			Certificates: []tls.Certificate{m.own},
			ClientAuth:   tls.RequireAndVerifyClientCert,
			ClientCAs:    m.trusted,
			// A resumed session would have been verified by the CAs of before.
			SessionTicketsDisabled: true,
			VerifyConnection:       named(clients),
		}
	}}
}

// Client returns credentials of a client that talks to nobody but servers with the name server in their certificate.
func Client(f *Files, server string) credentials.TransportCredentials {
	return &handshakes{files: f, peer: server, configure: func(m material) *tls.Config {
		return &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{m.own}, RootCAs: m.trusted, ServerName: server}
	}}
}

func named(names []string) func(tls.ConnectionState) error {
	return func(s tls.ConnectionState) error {
		if len(s.PeerCertificates) == 0 {
			return errors.New("mtls: the client has no certificate")
		}
		err := errors.New("mtls: nobody is a client")
		for _, name := range names {
			if err = s.PeerCertificates[0].VerifyHostname(name); err == nil {
				break
			}
		}
		return err
	}
}

// material is what the files held at one time.
type material struct {
	own     tls.Certificate
	trusted *x509.CertPool
}

// handshakes are credentials that are made anew for every handshake.
type handshakes struct {
	files     *Files
	peer      string
	configure func(material) *tls.Config
}

func (h *handshakes) current() credentials.TransportCredentials {
	return credentials.NewTLS(h.configure(h.files.read()))
}

// ClientHandshake implements credentials.TransportCredentials.
func (h *handshakes) ClientHandshake(ctx context.Context, _ string, conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return h.current().ClientHandshake(ctx, h.peer, conn)
}

// ServerHandshake implements credentials.TransportCredentials.
func (h *handshakes) ServerHandshake(conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return h.current().ServerHandshake(conn)
}

// Info implements credentials.TransportCredentials.
func (h *handshakes) Info() credentials.ProtocolInfo {
	return credentials.ProtocolInfo{SecurityProtocol: "tls"}
}

// Clone implements credentials.TransportCredentials.
func (h *handshakes) Clone() credentials.TransportCredentials {
	c := *h
	return &c
}

// OverrideServerName implements credentials.TransportCredentials, and refuses: the name is the configuration's.
func (h *handshakes) OverrideServerName(string) error {
	return errors.New("mtls: the server's name cannot be changed")
}
