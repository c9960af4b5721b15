package auth_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/golang-jwt/jwt/v5"

	"github.com/chatcluster/chatcluster/runtime/auth"
	"github.com/chatcluster/chatcluster/runtime/config"
)

var errBoom = errors.New("boom")

// keyServer answers fetches of key sets without a network, so that tests may run in a bubble of their own time.
type keyServer struct {
	mu      sync.Mutex
	set     []byte
	down    bool
	slow    bool
	fetches int
}

func (s *keyServer) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fetches++
	switch {
	case s.slow:
		<-r.Context().Done()
		return nil, r.Context().Err()
	case s.down:
		return nil, errBoom
	}
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(s.set)), Request: r}, nil
}

func (s *keyServer) change(f func(*keyServer)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(s)
}

func (s *keyServer) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fetches
}

// signer is a key with its id and algorithm.
type signer struct {
	id     string
	method jwt.SigningMethod
	key    crypto.Signer
}

func newSigner(t testing.TB, id string, method jwt.SigningMethod) signer {
	t.Helper()
	s := signer{id: id, method: method}
	var err error
	switch method {
	case jwt.SigningMethodRS256, jwt.SigningMethodPS256:
		s.key, err = rsa.GenerateKey(rand.Reader, 2048)
	case jwt.SigningMethodEdDSA:
		_, s.key, err = ed25519.GenerateKey(rand.Reader)
	default:
		s.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// keySetOf renders the public halves.
func keySetOf(t testing.TB, signers ...signer) []byte {
	t.Helper()
	storage := jwkset.NewMemoryStorage()
	for _, s := range signers {
		jwk, err := jwkset.NewJWKFromKey(s.key.Public(), jwkset.JWKOptions{Metadata: jwkset.JWKMetadataOptions{KID: s.id}})
		if err != nil {
			t.Fatal(err)
		}
		if err := storage.KeyWrite(t.Context(), jwk); err != nil {
			t.Fatal(err)
		}
	}
	data, err := storage.JSONPublic(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func (s signer) sign(t testing.TB, claims jwt.MapClaims) string {
	t.Helper()
	token := jwt.NewWithClaims(s.method, claims)
	if s.id != "" {
		token.Header["kid"] = s.id
	}
	out, err := token.SignedString(s.key)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// good are the claims of a token that is accepted, with changes; nil removes a claim.
func good(change jwt.MapClaims) jwt.MapClaims {
	claims := jwt.MapClaims{"iss": "https://id.acme", "aud": "chat", "sub": "alice", "exp": time.Now().Add(time.Hour).Unix(), "jti": "t-1"}
	for k, v := range change {
		if v == nil {
			delete(claims, k)
		} else {
			claims[k] = v
		}
	}
	return claims
}

var issuers = []config.Issuer{
	{Tenant: "acme", Issuer: "https://id.acme", Audience: "chat", JWKSURL: "https://id.acme/keys"},
	{Tenant: "globex", Issuer: "https://id.globex", Audience: "chat", JWKSURL: "https://id.globex/keys"},
	{Tenant: "acme-2", Issuer: "https://id.acme", Audience: "chat-2", JWKSURL: "https://id.acme/keys"},
}

func newVerifier(t testing.TB, s *keyServer) *auth.Verifier {
	t.Helper()
	v, err := auth.New(issuers, auth.Options{Transport: s})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// claimsOf reads the part of a token that holds its claims.
func claimsOf(v any) string {
	b, _ := json.Marshal(v)
	return string(b)
}
