package issuer

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// Paths of the two documents (OpenID Connect Discovery 1.0, section 4; the second is our choice and stands in the first).
const (
	DiscoveryPath = "/.well-known/openid-configuration"
	JWKSPath      = "/.well-known/jwks.json"
)

type discovery struct {
	Issuer        string   `json:"issuer"`
	JWKSURI       string   `json:"jwks_uri"`
	ResponseTypes []string `json:"response_types_supported"`
	SubjectTypes  []string `json:"subject_types_supported"`
	Algorithms    []string `json:"id_token_signing_alg_values_supported"`
}

type jwk struct {
	KeyType   string `json:"kty"`
	Curve     string `json:"crv"`
	X         string `json:"x"`
	Y         string `json:"y"`
	ID        string `json:"kid"`
	Use       string `json:"use"`
	Algorithm string `json:"alg"`
}

// Handler serves the discovery document and the key set of the issuer whose URL is issuer, at that URL's root.
// Everything else is 404.
func Handler(issuer string, keys ...*Key) (http.Handler, error) {
	if issuer == "" || len(keys) == 0 {
		return nil, fmt.Errorf("serve an issuer: it needs its URL and at least one key")
	}
	doc, err := json.Marshal(discovery{
		Issuer:        issuer,
		JWKSURI:       strings.TrimRight(issuer, "/") + JWKSPath,
		ResponseTypes: []string{"id_token"},
		SubjectTypes:  []string{"public"},
		Algorithms:    []string{"ES256"},
	})
	if err != nil {
		return nil, fmt.Errorf("serve an issuer: %w", err)
	}
	set := struct {
		Keys []jwk `json:"keys"`
	}{}
	for _, k := range keys {
		set.Keys = append(set.Keys, jwk{KeyType: "EC", Curve: "P-256", X: k.x, Y: k.y, ID: k.id, Use: "sig", Algorithm: "ES256"})
	}
	jwks, err := json.Marshal(set)
	if err != nil {
		return nil, fmt.Errorf("serve an issuer: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET "+DiscoveryPath, document(doc))
	mux.Handle("GET "+JWKSPath, document(jwks))
	return mux, nil
}

func document(body []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "public, max-age=300")
		_, _ = w.Write(body) // the client is gone: nobody is left to tell
	}
}
