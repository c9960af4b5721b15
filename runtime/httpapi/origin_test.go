package httpapi

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestAPageOfOurOwn(t *testing.T) {
	cases := map[string]struct {
		reason string
		origin string
		host   string
		head   map[string]string
		tls    bool
		want   bool
	}{
		"Plain":            {"the local world", "http://127.0.0.1:18080", "127.0.0.1:18080", nil, false, true},
		"OtherPort":        {"another server on the same machine", "http://127.0.0.1:3000", "127.0.0.1:18080", nil, false, false},
		"OtherHost":        {"another site", "https://evil.example", "chat.example", nil, false, false},
		"LongerHost":       {"another site whose name ends alike", "https://evil-chat.example", "chat.example", nil, false, false},
		"HostAsPath":       {"no origin at all", "https://evil.example/chat.example", "chat.example", nil, false, false},
		"HostAsUser":       {"no origin at all", "https://chat.example@evil.example", "chat.example", nil, false, false},
		"Opaque":           {"a sandboxed frame", "null", "chat.example", nil, false, false},
		"OtherScheme":      {"an extension's page", "chrome-extension://chat.example", "chat.example", nil, false, false},
		"TLSHere":          {"TLS ends in this process", "https://chat.example", "chat.example", nil, true, true},
		"TLSHereAndHTTP":   {"a page that anybody may have written", "http://chat.example", "chat.example", nil, true, false},
		"Ingress":          {"TLS ends at a proxy that says so", "https://chat.example", "chat.example", map[string]string{"X-Forwarded-Proto": "https"}, false, true},
		"IngressAndHTTP":   {"a page that anybody may have written", "http://chat.example", "chat.example", map[string]string{"X-Forwarded-Proto": "https"}, false, false},
		"IngressInChain":   {"the proxy nearest to the client counts", "http://chat.example", "chat.example", map[string]string{"X-Forwarded-Proto": "HTTPS, http"}, false, false},
		"SilentBalancer":   {"TLS ends at a load balancer that says nothing", "https://chat.example", "chat.example", nil, false, true},
		"BehindABalancer":  {"TLS ends before the proxy that speaks", "https://chat.example", "chat.example", map[string]string{"X-Forwarded-Proto": "http"}, false, true},
		"HostRewritten":    {"a proxy that puts the Service's name into Host", "https://chat.example", "demo-gateway.chat.svc", map[string]string{"X-Forwarded-Host": "chat.example"}, false, true},
		"HostInChain":      {"the proxy nearest to the client counts", "https://inner.example", "demo-gateway", map[string]string{"X-Forwarded-Host": "chat.example, inner.example"}, false, false},
		"NoForwardedHost":  {"an empty host is nobody's", "https://", "chat.example", nil, false, false},
		"ImpliedPort":      {"a proxy may name the port that https implies", "https://chat.example", "chat.example:443", nil, false, true},
		"OtherImpliedPort": {"443 is not what http implies", "http://chat.example", "chat.example:443", nil, false, false},
		"Case":             {"hosts have no case", "https://chat.example", "Chat.Example", nil, false, true},
		"IPv6":             {"an address in brackets", "http://[::1]:18080", "[::1]:18080", nil, false, true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, "http://x/v1/ws", http.NoBody)
			r.Host = tc.host
			for k, v := range tc.head {
				r.Header.Set(k, v)
			}
			if tc.tls {
				r.TLS = &tls.ConnectionState{}
			}
			if got := sameOrigin(r, tc.origin); got != tc.want {
				t.Errorf("%s: sameOrigin(%q at %q) = %v, want %v", tc.reason, tc.origin, tc.host, got, tc.want)
			}
		})
	}
}
