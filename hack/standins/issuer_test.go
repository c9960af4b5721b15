package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"github.com/chatcluster/chatcluster/hack/standins/provider"
	"github.com/chatcluster/chatcluster/runtime/auth/issuer"
)

func TestEachIssuerHasItsOwnKey(t *testing.T) {
	dir := t.TempDir()
	h, err := issuers(provider.Options{Issuer: "http://id", Client: "web", Audience: "chat", Users: []string{"alice"}}, filepath.Join(dir, "own.key"), "http://inside", map[string]string{"initech": filepath.Join(dir, "initech.key")})
	if err != nil {
		t.Fatal(err)
	}
	get := func(path string, into any) {
		t.Helper()
		res := httptest.NewRecorder()
		h.ServeHTTP(res, httptest.NewRequest(http.MethodGet, path, http.NoBody))
		if res.Code != http.StatusOK {
			t.Fatalf("GET %s answers %d", path, res.Code)
		}
		if err := json.Unmarshal(res.Body.Bytes(), into); err != nil {
			t.Fatal(err)
		}
	}
	seen := map[string]string{}
	for path, want := range map[string]string{"": "http://id", "/initech": "http://inside/initech"} {
		var doc struct {
			Issuer string `json:"issuer"`
			JWKS   string `json:"jwks_uri"`
		}
		get(path+issuer.DiscoveryPath, &doc)
		if doc.Issuer != want || doc.JWKS != want+issuer.JWKSPath {
			t.Errorf("%s: the OpenID configuration says %+v", want, doc)
		}
		var set struct {
			Keys []struct {
				ID string `json:"kid"`
			} `json:"keys"`
		}
		get(path+issuer.JWKSPath, &set)
		if len(set.Keys) != 1 || seen[set.Keys[0].ID] != "" {
			t.Fatalf("%s: keys %+v, want one that nobody else has", want, set.Keys)
		}
		seen[set.Keys[0].ID] = want
	}
}
