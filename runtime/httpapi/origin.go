package httpapi

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// origin says whether the request comes from no web page or from one that may call, and tells the browser so.
func (m *Mux) origin(w http.ResponseWriter, r *http.Request, allow string) bool {
	head := w.Header()
	head.Add("Vary", "Origin")
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	if !slices.Contains(m.o.AllowedOrigins, origin) && (m.o.Pages == nil || !sameOrigin(r, origin)) {
		return false
	}
	head.Set("Access-Control-Allow-Origin", origin)
	head.Set("Access-Control-Expose-Headers", "ETag, Idempotency-Key, Retry-After, "+requestHeader)
	if r.Method == http.MethodOptions {
		head.Set("Access-Control-Allow-Methods", allow)
		head.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Idempotency-Key, If-None-Match, Traceparent, "+requestHeader)
		head.Set("Access-Control-Max-Age", "600")
	}
	return true
}

// sameOrigin says whether the origin is the one that the request was made to: a page of our own.
//
// The host is the one that the browser named, be it that a proxy passes it on as X-Forwarded-Host. No page can choose either: a browser sets
// Host itself, and before it sends a header of a page's own to another origin it asks, without that header. TLS may end at a load balancer
// that does not say so, or in front of a proxy that says otherwise: https is always as good as what is seen. A page that came by plain HTTP may
// have been written by anybody on the way, and is none of ours where TLS is known to be in use.
func sameOrigin(r *http.Request, origin string) bool {
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" || u.Scheme+"://"+u.Host != origin {
		return false
	}
	switch u.Scheme {
	case "https":
	case "http":
		if r.TLS != nil || first(r.Header.Get("X-Forwarded-Proto")) == "https" {
			return false
		}
	default:
		return false
	}
	host := bare(u.Host, u.Scheme)
	return host == bare(r.Host, u.Scheme) || host == bare(first(r.Header.Get("X-Forwarded-Host")), u.Scheme)
}

// first is the value that the proxy nearest to the client wrote.
func first(list string) string {
	value, _, _ := strings.Cut(list, ",")
	return strings.ToLower(strings.TrimSpace(value))
}

// bare is a host without the port that its scheme implies.
func bare(host, scheme string) string {
	return strings.TrimSuffix(strings.ToLower(host), map[string]string{"http": ":80", "https": ":443"}[scheme])
}
