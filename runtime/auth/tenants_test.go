package auth_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/chatcluster/chatcluster/runtime/auth"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// records are the tenants that have one, by audience; "down" cannot be looked up.
type records map[string]store.TenantRecord

func (r records) ByIssuer(_ context.Context, issuer, audience string) (store.TenantRecord, error) {
	if audience == "down" {
		return store.TenantRecord{}, errBoom
	}
	if rec, ok := r[audience]; ok && rec.Issuer.URL == issuer {
		return rec, nil
	}
	return store.TenantRecord{}, store.ErrNotFound
}

func tenantOf(id, issuer, audience, keys string, state store.TenantState) store.TenantRecord {
	return store.TenantRecord{
		Tenant: store.Tenant(id), State: state, Owner: store.TenantOwner{UID: "u"},
		Issuer: store.TenantIssuer{URL: issuer, Audience: audience, JWKSURL: keys},
	}
}

func TestATenantsIssuerSpeaksForItAlone(t *testing.T) {
	mine, theirs := newSigner(t, "1", jwt.SigningMethodES256), newSigner(t, "2", jwt.SigningMethodES256)
	const initech = "https://id.initech"
	tenants := records{
		"chat":      tenantOf("initech", initech, "chat", initech+"/keys", store.TenantActive),
		"other":     tenantOf("umbrella", initech, "other", initech+"/keys", store.TenantActive),
		"closed":    tenantOf("closed", initech, "closed", initech+"/keys", store.TenantSuspended),
		"going":     tenantOf("going", initech, "going", initech+"/keys", store.TenantDeleting),
		"left":      tenantOf("left", initech, "left", initech+"/keys", store.TenantRetained),
		"forAcme":   tenantOf("acme", initech, "forAcme", initech+"/keys", store.TenantActive),
		"forAdmin":  tenantOf(string(auth.Admin), initech, "forAdmin", initech+"/keys", store.TenantActive),
		"plain":     tenantOf("plain", initech, "plain", "http://id.initech/keys", store.TenantActive),
		"acmeAgain": tenantOf("thief", "https://id.acme", "acmeAgain", initech+"/keys", store.TenantActive),
	}
	config, own := &keyServer{set: keySetOf(t, theirs)}, &keyServer{set: keySetOf(t, mine)}
	v, err := auth.New(issuers, auth.Options{Transport: config, TenantTransport: own, Tenants: tenants})
	if err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		reason string
		by     signer
		claims jwt.MapClaims
		tenant store.Tenant
		err    error
	}{
		"Own":           {"its users are its own", mine, jwt.MapClaims{"iss": initech}, "initech", nil},
		"Configured":    {"the configuration speaks beside it", theirs, nil, "acme", nil},
		"ForeignKey":    {"its keys are its own", theirs, jwt.MapClaims{"iss": initech}, "", auth.ErrBadSignature},
		"OthersIssuer":  {"it cannot sign for another's issuer", mine, nil, "", auth.ErrBadSignature},
		"TwoTenants":    {"it could be replayed", mine, jwt.MapClaims{"iss": initech, "aud": []string{"chat", "other"}}, "", auth.ErrUnknownIssuer},
		"MixedTenants":  {"it could be replayed", mine, jwt.MapClaims{"iss": "https://id.acme", "aud": []string{"chat", "acmeAgain"}}, "", auth.ErrUnknownIssuer},
		"Strange":       {"audiences of nobody are none", mine, jwt.MapClaims{"iss": initech, "aud": []string{"chat", "x"}}, "initech", nil},
		"Suspended":     {"nobody of it is served", mine, jwt.MapClaims{"iss": initech, "aud": "closed"}, "", auth.ErrSuspended},
		"Deleting":      {"nobody of it is served", mine, jwt.MapClaims{"iss": initech, "aud": "going"}, "", auth.ErrSuspended},
		"Retained":      {"nobody of it is served", mine, jwt.MapClaims{"iss": initech, "aud": "left"}, "", auth.ErrSuspended},
		"ClosedForgery": {"whoever cannot sign learns nothing", theirs, jwt.MapClaims{"iss": initech, "aud": "closed"}, "", auth.ErrBadSignature},
		"ForConfigured": {"no record speaks for a tenant of the configuration's", mine, jwt.MapClaims{"iss": initech, "aud": "forAcme"}, "", auth.ErrUnknownIssuer},
		"ForAdmin":      {"no record speaks for who tends the platform", mine, jwt.MapClaims{"iss": initech, "aud": "forAdmin"}, "", auth.ErrUnknownIssuer},
		"PlainHTTP":     {"whoever is on the way could be the issuer", mine, jwt.MapClaims{"iss": initech, "aud": "plain"}, "", auth.ErrKeysUnavailable},
		"Unknown":       {"nobody knows it", mine, jwt.MapClaims{"iss": "https://id.nobody"}, "", auth.ErrUnknownIssuer},
		"Down":          {"later it may be good", mine, jwt.MapClaims{"iss": initech, "aud": "down"}, "", auth.ErrTenantUnknown},
		"HalfDown": {
			"what it is for beside is not known", mine, jwt.MapClaims{"iss": initech, "aud": []string{"chat", "down"}}, "", auth.ErrTenantUnknown,
		},
		"ManyAudiences": {"each costs a look-up", mine, jwt.MapClaims{"iss": initech, "aud": []string{"a", "b", "c", "d", "e", "f", "g", "h", "i"}}, "", auth.ErrMalformed},
		"Control":       {"such an issuer cannot be one", mine, jwt.MapClaims{"iss": "a\x00b"}, "", auth.ErrUnknownIssuer},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			p, err := v.Verify(t.Context(), tc.by.sign(t, good(tc.claims)))
			if !errors.Is(err, tc.err) || p.User.Tenant() != tc.tenant {
				t.Errorf("%s: %q, %v; want %q, %v", tc.reason, p.User.Tenant(), err, tc.tenant, tc.err)
			}
			if retry := auth.Retryable(err); retry != (errors.Is(tc.err, auth.ErrTenantUnknown) || errors.Is(tc.err, auth.ErrKeysUnavailable)) {
				t.Errorf("%s: retryable is %v", tc.reason, retry)
			}
		})
	}
}

// pages answers by URL.
type pages map[string][]byte

func (p pages) RoundTrip(r *http.Request) (*http.Response, error) {
	data, ok := p[r.URL.String()]
	status := http.StatusOK
	if !ok {
		status = http.StatusNotFound
	}
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(data)), Request: r}, nil
}

func TestKeysAreDiscovered(t *testing.T) {
	key := newSigner(t, "1", jwt.SigningMethodES256)
	const keys = "https://cdn.example/keys"
	cases := map[string]struct {
		reason, issuer, at, says string
		err                      error
	}{
		"Good":         {"OpenID Connect says where", "https://id.example", "https://id.example", `{"issuer":"https://id.example","jwks_uri":"` + keys + `"}`, nil},
		"Slash":        {"its own slash is not doubled", "https://id.example/", "https://id.example", `{"issuer":"https://id.example/","jwks_uri":"` + keys + `"}`, nil},
		"OtherIssuer":  {"it is another's", "https://id.example", "https://id.example", `{"issuer":"https://id.evil","jwks_uri":"` + keys + `"}`, auth.ErrKeysUnavailable},
		"PlainKeys":    {"whoever is on the way could be the issuer", "https://id.example", "https://id.example", `{"issuer":"https://id.example","jwks_uri":"http://cdn.example/keys"}`, auth.ErrKeysUnavailable},
		"NoKeys":       {"it says nothing", "https://id.example", "https://id.example", `{"issuer":"https://id.example"}`, auth.ErrKeysUnavailable},
		"NotJSON":      {"it says nothing", "https://id.example", "https://id.example", `<html>`, auth.ErrKeysUnavailable},
		"NotThere":     {"it says nothing", "https://id.example", "https://elsewhere.example", `{}`, auth.ErrKeysUnavailable},
		"IssuerNoURL":  {"nobody can be asked", "acme", "acme", `{}`, auth.ErrKeysUnavailable},
		"IssuerIsHTTP": {"whoever is on the way could be the issuer", "http://id.example", "http://id.example", `{"issuer":"http://id.example","jwks_uri":"` + keys + `"}`, auth.ErrKeysUnavailable},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			v, err := auth.New(issuers, auth.Options{
				Tenants:         records{"chat": tenantOf("initech", tc.issuer, "chat", "", store.TenantActive)},
				TenantTransport: pages{tc.at + "/.well-known/openid-configuration": []byte(tc.says), keys: keySetOf(t, key)},
			})
			if err != nil {
				t.Fatal(err)
			}
			p, err := v.Verify(t.Context(), key.sign(t, good(jwt.MapClaims{"iss": tc.issuer})))
			if !errors.Is(err, tc.err) || (err == nil) != (p.User.Tenant() == "initech") {
				t.Errorf("%s: %v, %v; want %v", tc.reason, p.User, err, tc.err)
			}
		})
	}
}

// A key that a tenant's issuer withdrew stops working, though nobody runs for it; a key server that is down locks nobody out.
func TestATenantsKeysAreFetchedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := newSigner(t, "1", jwt.SigningMethodES256), newSigner(t, "2", jwt.SigningMethodES256)
		s := &keyServer{set: keySetOf(t, first)}
		v, err := auth.New(issuers, auth.Options{
			TenantTransport: s, Tenants: records{"chat": tenantOf("initech", "https://id.initech", "chat", "https://id.initech/keys", store.TenantActive)},
		})
		if err != nil {
			t.Fatal(err)
		}
		verify := func(by signer) error {
			_, err := v.Verify(t.Context(), by.sign(t, good(jwt.MapClaims{"iss": "https://id.initech"})))
			return err
		}
		for range 10 {
			if err := verify(first); err != nil {
				t.Fatal(err)
			}
		}
		if n := s.count(); n != 1 {
			t.Fatalf("%d fetches, want 1", n)
		}
		s.change(func(s *keyServer) { s.down = true })
		time.Sleep(auth.DefaultRefreshInterval + time.Second) // the bubble's clock
		for range 10 {
			if err := verify(first); err != nil {
				t.Fatalf("%v: the key server is down", err)
			}
		}
		if n := s.count(); n != 2 {
			t.Fatalf("%d fetches while the key server is down, want 2", n)
		}
		s.change(func(s *keyServer) { s.down, s.set = false, keySetOf(t, second) })
		time.Sleep(time.Minute)
		if err := verify(second); err != nil {
			t.Errorf("%v: the issuer has rotated its keys", err)
		}
		if err := verify(first); !errors.Is(err, auth.ErrBadSignature) {
			t.Errorf("%v: the issuer has withdrawn the first key", err)
		}
	})
}

// A tenant must not have us knock at doors inside, whatever a name resolves to.
func TestKeysComeFromPublicAddresses(t *testing.T) {
	hits := 0
	inside := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits++ }))
	defer inside.Close()
	client := http.Client{Transport: auth.PublicTransport(), Timeout: 5 * time.Second}
	if _, err := client.Get(inside.URL); err == nil {
		t.Error("a key set was fetched from the loopback")
	}
	for addr, public := range map[string]bool{
		"1.1.1.1": true, "93.184.215.14": true, "2606:4700:4700::1111": true,
		"127.0.0.1": false, "10.1.2.3": false, "172.16.0.1": false, "192.168.1.1": false, "169.254.169.254": false, "100.64.0.1": false,
		"0.0.0.0": false, "224.0.0.1": false, "255.255.255.255": false, "198.18.0.1": false, "::1": false, "::": false, "fe80::1": false,
		"fd00::1": false, "::ffff:10.0.0.1": false, "64:ff9b::a00:1": false, "2002:a00:1::": false, "::10.0.0.1": false, "fd00:ec2::254": false,
	} {
		if got := auth.IsPublic(addr); got != public {
			t.Errorf("%s is public: %v", addr, got)
		}
	}
	if hits != 0 {
		t.Errorf("%d knocks inside", hits)
	}
}
