package auth

import (
	"errors"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"
)

// errNotPublic is a key server where tenants must not make us knock.
var errNotPublic = errors.New("the key server's address is not public, which is not allowed here")

// notPublic are the ranges that belong to nobody in particular, beyond those that package netip knows (IANA's special-purpose registries), and
// those that embed IPv4 addresses of any kind.
var notPublic = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),
	netip.MustParsePrefix("100.64.0.0/10"),
	netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("192.0.2.0/24"),
	netip.MustParsePrefix("192.88.99.0/24"),
	netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("198.51.100.0/24"),
	netip.MustParsePrefix("203.0.113.0/24"),
	netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("::/96"),
	netip.MustParsePrefix("64:ff9b::/96"),
	netip.MustParsePrefix("64:ff9b:1::/48"),
	netip.MustParsePrefix("100::/64"),
	netip.MustParsePrefix("2001::/23"),
	netip.MustParsePrefix("2001:db8::/32"),
	netip.MustParsePrefix("2002::/16"),
	netip.MustParsePrefix("fec0::/10"),
}

// PublicTransport connects to public addresses alone, whatever a name resolves to when it is dialed. It takes no proxy: that one would
// connect to any.
func PublicTransport() http.RoundTripper { return tenantTransport(publicOnly) }

// AnyTransport is PublicTransport without that bound.
func AnyTransport() http.RoundTripper { return tenantTransport(nil) }

func tenantTransport(control func(network, address string, c syscall.RawConn) error) http.RoundTripper {
	dialer := &net.Dialer{Timeout: DefaultFetchTimeout, Control: control}
	return &http.Transport{
		DialContext:         dialer.DialContext,
		TLSHandshakeTimeout: DefaultFetchTimeout,
		ForceAttemptHTTP2:   true,
		// Key sets are fetched seldom, and from very many.
		MaxIdleConns: 100, MaxIdleConnsPerHost: 1, IdleConnTimeout: 30 * time.Second, MaxResponseHeaderBytes: 64 << 10,
	}
}

// publicOnly looks at the address that is about to be dialed: a name that resolves to another one at each look gains nothing.
func publicOnly(_, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil || !isPublic(ap.Addr()) {
		return errNotPublic
	}
	return nil
}

func isPublic(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	if !a.IsGlobalUnicast() || a.IsPrivate() {
		return false
	}
	for _, p := range notPublic {
		if p.Contains(a) {
			return false
		}
	}
	return true
}
