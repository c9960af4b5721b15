package provider

import (
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/chatcluster/chatcluster/runtime/auth/issuer"
)

// Lives of what is given out.
const (
	codeTTL    = time.Minute
	tokenTTL   = 15 * time.Minute
	refreshTTL = 7 * 24 * time.Hour
)

// Options of a Provider. All are required.
type Options struct {
	// Issuer is the URL at which browsers find it, and the tokens' iss.
	Issuer string
	Key    *issuer.Key
	// Audience is the access tokens'. An ID token's is the client.
	Audience string
	// Client is the id of the one client that it knows: a public one.
	Client string
	// Users are whom one can be.
	Users []string
}

// Provider serves sign-in. Make it with New.
type Provider struct {
	o         Options
	mux       *http.ServeMux
	codes     *once
	refreshes *once
}

// New returns a provider.
func New(o Options) (*Provider, error) {
	if o.Key == nil || o.Audience == "" || o.Client == "" || len(o.Users) == 0 {
		return nil, errors.New("sign-in needs a key, an audience, a client and users")
	}
	keys, err := issuer.Handler(o.Issuer, o.Key)
	if err != nil {
		return nil, err
	}
	base := strings.TrimRight(o.Issuer, "/")
	doc, err := json.Marshal(map[string]any{
		"issuer":                                         o.Issuer,
		"jwks_uri":                                       base + issuer.JWKSPath,
		"authorization_endpoint":                         base + "/authorize",
		"token_endpoint":                                 base + "/token",
		"response_types_supported":                       []string{"code"},
		"response_modes_supported":                       []string{"query"},
		"grant_types_supported":                          []string{"authorization_code", "refresh_token"},
		"subject_types_supported":                        []string{"public"},
		"id_token_signing_alg_values_supported":          []string{"ES256"},
		"token_endpoint_auth_methods_supported":          []string{"none"},
		"code_challenge_methods_supported":               []string{"S256"},
		"scopes_supported":                               []string{"openid", "offline_access"},
		"authorization_response_iss_parameter_supported": true,
	})
	if err != nil {
		return nil, err
	}
	p := &Provider{o: o, mux: http.NewServeMux(), codes: newOnce(codeTTL), refreshes: newOnce(refreshTTL)}
	p.mux.Handle("GET "+issuer.DiscoveryPath, shared(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(doc) // the client is gone: nobody is left to tell
	}))
	p.mux.Handle("GET "+issuer.JWKSPath, shared(keys.ServeHTTP))
	p.mux.HandleFunc("GET /authorize", p.authorize)
	p.mux.HandleFunc("GET /authorize/{user}", p.authorize)
	p.mux.Handle("POST /token", shared(p.token))
	p.mux.Handle("OPTIONS /token", shared(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	p.mux.HandleFunc("GET /style.css", style)
	return p, nil
}

// ServeHTTP implements http.Handler.
func (p *Provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	head := w.Header()
	head.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	head.Set("X-Content-Type-Options", "nosniff")
	head.Set("Referrer-Policy", "no-referrer")
	p.mux.ServeHTTP(w, r)
}

// shared lets pages of this machine read an answer.
func shared(h http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		head := w.Header()
		head.Add("Vary", "Origin")
		if origin := r.Header.Get("Origin"); loopback(origin) {
			head.Set("Access-Control-Allow-Origin", origin)
			head.Set("Access-Control-Allow-Methods", "GET, POST")
			head.Set("Access-Control-Allow-Headers", "Accept, Authorization, Content-Type")
		}
		h(w, r)
	})
}

// loopback says whether a URL is of this machine, by plain HTTP.
func loopback(s string) bool {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" || u.User != nil {
		return false
	}
	host := u.Hostname()
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}
