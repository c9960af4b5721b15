package issuer_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"github.com/chatcluster/chatcluster/runtime/auth/issuer"
)

func newKey(t *testing.T) *issuer.Key {
	t.Helper()
	k, err := issuer.LoadOrCreateKey(filepath.Join(t.TempDir(), "issuer.key"))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func get(t *testing.T, h http.Handler, path string) *httptest.ResponseRecorder {
	t.Helper()
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, path, nil))
	return rec
}

func TestAMintedTokenVerifiesWithTheServedKeys(t *testing.T) {
	k := newKey(t)
	h, err := issuer.Handler("http://issuer.test", k)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := keyfunc.NewJWKSetJSON(get(t, h, issuer.JWKSPath).Body.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	raw, err := issuer.Mint(k, issuer.Claims{Issuer: "http://issuer.test", Audience: "chat", User: "alice", TTL: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	var claims jwt.RegisteredClaims
	token, err := jwt.ParseWithClaims(raw, &claims, keys.Keyfunc, jwt.WithValidMethods([]string{"ES256"}), jwt.WithExpirationRequired(),
		jwt.WithIssuer("http://issuer.test"), jwt.WithAudience("chat"), jwt.WithSubject("alice"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(k.ID(), token.Header["kid"]); diff != "" {
		t.Errorf("kid (-want +got):\n%s", diff)
	}
	if claims.ID == "" || claims.ExpiresAt.Sub(claims.IssuedAt.Time) != time.Hour {
		t.Errorf("jti is %q, life %v; want an id and 1h", claims.ID, claims.ExpiresAt.Sub(claims.IssuedAt.Time))
	}
}

func TestDiscoveryNamesTheKeySet(t *testing.T) {
	h, err := issuer.Handler("http://issuer.test/", newKey(t))
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := json.Unmarshal(get(t, h, issuer.DiscoveryPath).Body.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("http://issuer.test/.well-known/jwks.json", doc["jwks_uri"]); diff != "" {
		t.Errorf("jwks_uri (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff("http://issuer.test/", doc["issuer"]); diff != "" {
		t.Errorf("the issuer must be exactly what tokens say (-want +got):\n%s", diff)
	}
	if body := get(t, h, issuer.JWKSPath).Body.String(); strings.Contains(body, `"d"`) {
		t.Error("the key set holds a private key")
	}
	if got := get(t, h, "/token").Code; got != http.StatusNotFound {
		t.Errorf("another path answers %d, want 404", got)
	}
}

func TestTheKeyFileIsCreatedOnceAndKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "issuer.key")
	ids := make([]string, 8)
	var wg sync.WaitGroup
	for i := range ids {
		wg.Go(func() {
			k, err := issuer.LoadOrCreateKey(path)
			if err != nil {
				t.Error(err)
				return
			}
			ids[i] = k.ID()
		})
	}
	wg.Wait()
	for _, id := range ids {
		if id != ids[0] {
			t.Fatalf("processes that start together hold different keys: %v", ids)
		}
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode is %v, want 0600: the key makes anybody", info.Mode().Perm())
	}
	left, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	if len(left) != 1 {
		t.Errorf("%d files are left, want the key alone", len(left))
	}
}

func TestBadKeyFiles(t *testing.T) {
	p384 := "-----BEGIN PRIVATE KEY-----\nMIG2AgEAMBAGByqGSM49AgEGBSuBBAAiBIGeMIGbAgEBBDA=\n-----END PRIVATE KEY-----\n"
	cases := map[string]struct {
		reason  string
		content string
	}{
		"Empty":   {"an empty file is not silently replaced", ""},
		"NotPEM":  {"what is no PEM is refused", "hello-secret"},
		"RSAKind": {"PKCS#1 is another format", "-----BEGIN RSA PRIVATE KEY-----\naGVsbG8tc2VjcmV0\n-----END RSA PRIVATE KEY-----\n"},
		"Garbage": {"a block that is no key", "-----BEGIN PRIVATE KEY-----\naGVsbG8tc2VjcmV0\n-----END PRIVATE KEY-----\n"},
		"Cut":     {"half a key of another curve", p384},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "k")
			if err := os.WriteFile(path, []byte(tc.content), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := issuer.LoadOrCreateKey(path)
			if err == nil {
				t.Fatalf("%s: no error", tc.reason)
			}
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("the error quotes the file: %v", err)
			}
			after, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(after, []byte(tc.content)) {
				t.Error("the file was changed")
			}
		})
	}
}

func TestMintRefuses(t *testing.T) {
	k := newKey(t)
	good := issuer.Claims{Issuer: "i", Audience: "a", User: "u", TTL: time.Hour}
	cases := map[string]struct {
		reason string
		change func(*issuer.Claims)
	}{
		"NoIssuer":   {"nobody could verify it", func(c *issuer.Claims) { c.Issuer = "" }},
		"NoAudience": {"it would be for nobody", func(c *issuer.Claims) { c.Audience = "" }},
		"NoUser":     {"it would be of nobody", func(c *issuer.Claims) { c.User = "" }},
		"Expired":    {"it would be born expired", func(c *issuer.Claims) { c.TTL = -time.Hour }},
		"TooLong":    {"it could not be called back", func(c *issuer.Claims) { c.TTL = issuer.MaxTTL + 1 }},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			c := good
			tc.change(&c)
			if _, err := issuer.Mint(k, c); err == nil {
				t.Errorf("minted, but %s", tc.reason)
			}
		})
	}
}
