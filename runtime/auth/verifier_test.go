package auth_test

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"github.com/chatcluster/chatcluster/runtime/auth"
	"github.com/chatcluster/chatcluster/runtime/config"
	"github.com/chatcluster/chatcluster/runtime/store"
)

func TestVerify(t *testing.T) {
	es := newSigner(t, "es", jwt.SigningMethodES256)
	rs := newSigner(t, "rs", jwt.SigningMethodRS256)
	ed := newSigner(t, "ed", jwt.SigningMethodEdDSA)
	ps := newSigner(t, "rs", jwt.SigningMethodPS256)
	stranger := newSigner(t, "es", jwt.SigningMethodES256)
	unnamed := es
	unnamed.id = ""
	v := newVerifier(t, &keyServer{set: keySetOf(t, es, rs, ed)})
	now := time.Now()

	hmac, err := jwt.NewWithClaims(jwt.SigningMethodHS256, good(nil)).SignedString([]byte("key"))
	if err != nil {
		t.Fatal(err)
	}
	none, err := jwt.NewWithClaims(jwt.SigningMethodNone, good(nil)).SignedString(jwt.UnsafeAllowNoneSignatureType)
	if err != nil {
		t.Fatal(err)
	}
	signed := es.sign(t, good(nil))
	parts := strings.Split(signed, ".")
	forged := parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(claimsOf(good(nil)), "alice", "admin", 1))) + "." + parts[2]

	cases := map[string]struct {
		reason string
		token  string
		tenant store.Tenant
		err    error
	}{
		"ES256":         {"an accepted algorithm", signed, "acme", nil},
		"RS256":         {"an accepted algorithm", rs.sign(t, good(nil)), "acme", nil},
		"EdDSA":         {"an accepted algorithm", ed.sign(t, good(nil)), "acme", nil},
		"NoKid":         {"one of the set's keys signed it", unnamed.sign(t, good(nil)), "acme", nil},
		"OtherTenant":   {"the issuer names the tenant", es.sign(t, good(jwt.MapClaims{"iss": "https://id.globex"})), "globex", nil},
		"OtherAudience": {"so does the audience", es.sign(t, good(jwt.MapClaims{"aud": []string{"x", "chat-2"}})), "acme-2", nil},
		"SkewPast":      {"clocks differ a little", es.sign(t, good(jwt.MapClaims{"exp": now.Add(-20 * time.Second).Unix()})), "acme", nil},
		"SkewFuture":    {"clocks differ a little", es.sign(t, good(jwt.MapClaims{"nbf": now.Add(20 * time.Second).Unix()})), "acme", nil},

		"Expired":     {"it is past its expiry", es.sign(t, good(jwt.MapClaims{"exp": now.Add(-time.Minute).Unix()})), "", auth.ErrExpired},
		"NotYet":      {"it is before its time", es.sign(t, good(jwt.MapClaims{"nbf": now.Add(time.Minute).Unix()})), "", auth.ErrNotYetValid},
		"NoExpiry":    {"it would live for ever", es.sign(t, good(jwt.MapClaims{"exp": nil})), "", auth.ErrMalformed},
		"Immortal":    {"its revocation would be forgotten first", es.sign(t, good(jwt.MapClaims{"exp": now.Add(auth.MaxTokenLife + time.Hour).Unix()})), "", auth.ErrMalformed},
		"LongID":      {"ids are bounded", es.sign(t, good(jwt.MapClaims{"jti": strings.Repeat("j", 257)})), "", auth.ErrMalformed},
		"Device":      {"a token may be a device's", es.sign(t, good(jwt.MapClaims{"device": "phone"})), "acme", nil},
		"BadDevice":   {"ids are printable", es.sign(t, good(jwt.MapClaims{"device": "a\nb"})), "", auth.ErrMalformed},
		"OddDevice":   {"a device is a string", es.sign(t, good(jwt.MapClaims{"device": 7})), "", auth.ErrMalformed},
		"NoIssuer":    {"it is of nobody", es.sign(t, good(jwt.MapClaims{"iss": nil})), "", auth.ErrUnknownIssuer},
		"Issuer":      {"nobody trusts this issuer", es.sign(t, good(jwt.MapClaims{"iss": "https://id.evil"})), "", auth.ErrUnknownIssuer},
		"Audience":    {"it is for something else", es.sign(t, good(jwt.MapClaims{"aud": "mail"})), "", auth.ErrUnknownIssuer},
		"TwoTenants":  {"it could be replayed from one to the other", es.sign(t, good(jwt.MapClaims{"aud": []string{"chat", "chat-2"}})), "", auth.ErrUnknownIssuer},
		"NoSubject":   {"it is of no user", es.sign(t, good(jwt.MapClaims{"sub": nil})), "", auth.ErrMalformed},
		"LongSubject": {"ids are bounded", es.sign(t, good(jwt.MapClaims{"sub": strings.Repeat("a", store.MaxIDBytes+1)})), "", auth.ErrMalformed},
		"Control":     {"ids are printable", es.sign(t, good(jwt.MapClaims{"sub": "a\nb"})), "", auth.ErrMalformed},
		"Stranger":    {"another key signed it", stranger.sign(t, good(nil)), "", auth.ErrBadSignature},
		"Forged":      {"it was changed after it was signed", forged, "", auth.ErrBadSignature},
		"OldForged":   {"an expired token that nobody signed is forged first", stranger.sign(t, good(jwt.MapClaims{"exp": 1})), "", auth.ErrBadSignature},
		"PS256":       {"the algorithm is not accepted", ps.sign(t, good(nil)), "", auth.ErrBadSignature},
		"HS256":       {"a shared key is no signature", hmac, "", auth.ErrBadSignature},
		"None":        {"nobody signed it", none, "", auth.ErrBadSignature},
		"Confused":    {"the key is of another kind", signer{"rs", jwt.SigningMethodES256, es.key}.sign(t, good(nil)), "", auth.ErrBadSignature},
		"Empty":       {"there is nothing", "", "", auth.ErrMalformed},
		"Text":        {"it is no token", "hello", "", auth.ErrMalformed},
		"Long":        {"tokens are bounded", strings.Repeat("a", auth.MaxTokenBytes+1), "", auth.ErrMalformed},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			p, err := v.Verify(t.Context(), tc.token)
			if !errors.Is(err, tc.err) || (err == nil) != (tc.err == nil) {
				t.Fatalf("%s: %v, want %v", tc.reason, err, tc.err)
			}
			if err != nil {
				for _, part := range strings.Split(tc.token, ".") {
					if len(part) > 4 && strings.Contains(err.Error(), part) {
						t.Errorf("the error quotes the token: %v", err)
					}
				}
				if auth.Retryable(err) != (errors.Is(tc.err, auth.ErrNotYetValid)) {
					t.Errorf("Retryable is %v", auth.Retryable(err))
				}
				return
			}
			if diff := cmp.Diff([]string{string(tc.tenant), "alice", "t-1"}, []string{string(p.User.Tenant()), p.User.ID(), p.TokenID}); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
			if until := time.Until(p.Expires); until > time.Hour || until < -time.Minute {
				t.Errorf("expires in %v", until)
			}
		})
	}
}

func TestConfigurationsThatAreRefused(t *testing.T) {
	is := config.Issuer{Tenant: "a", Issuer: "i", Audience: "x", JWKSURL: "https://i/keys"}
	other := is
	other.Tenant = "b"
	cases := map[string]struct {
		reason  string
		issuers []config.Issuer
	}{
		"Shared":   {"an issuer and audience speak for one tenant", []config.Issuer{is, other}},
		"Scheme":   {"keys are fetched by http", []config.Issuer{{Tenant: "a", Issuer: "i", Audience: "x", JWKSURL: "file:///keys"}}},
		"Password": {"a URL is logged", []config.Issuer{{Tenant: "a", Issuer: "i", Audience: "x", JWKSURL: "https://u:p@i/keys"}}},
		"Tenant":   {"a tenant has an id", []config.Issuer{{Tenant: "", Issuer: "i", Audience: "x", JWKSURL: "https://i/keys"}}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if _, err := auth.New(tc.issuers, auth.Options{}); err == nil {
				t.Errorf("accepted, but %s", tc.reason)
			}
		})
	}
}

func FuzzVerify(f *testing.F) {
	es := newSigner(f, "es", jwt.SigningMethodES256)
	v := newVerifier(f, &keyServer{set: keySetOf(f, es)})
	signed := es.sign(f, good(jwt.MapClaims{"exp": time.Now().Add(24 * time.Hour).Unix()}))
	f.Add(signed)
	f.Add(signed[:len(signed)/2])
	f.Add("..")
	f.Add("eyJhbGciOiJFUzI1NiIsImtpZCI6MX0.e30.AA")
	f.Add("eyJhbGciOiJub25lIn0.eyJpc3MiOiJodHRwczovL2lkLmFjbWUiLCJhdWQiOiJjaGF0In0.")
	f.Fuzz(func(t *testing.T, token string) {
		p, err := v.Verify(context.Background(), token)
		if err == nil {
			if token != signed {
				t.Fatalf("accepted a token that nobody signed, for %v", p.User)
			}
			return
		}
		known := 0
		for _, e := range []error{auth.ErrMalformed, auth.ErrUnknownIssuer, auth.ErrBadSignature, auth.ErrExpired, auth.ErrNotYetValid, auth.ErrKeysUnavailable} {
			if errors.Is(err, e) {
				known++
			}
		}
		if known != 1 {
			t.Fatalf("%v wraps %d of the package's errors, want 1", err, known)
		}
		if len(token) > 16 && strings.Contains(err.Error(), token) {
			t.Fatal("the error quotes the token")
		}
	})
}

func TestScopesAreOurs(t *testing.T) {
	es := newSigner(t, "es", jwt.SigningMethodES256)
	v := newVerifier(t, &keyServer{set: keySetOf(t, es)})
	for name, tc := range map[string]struct {
		reason string
		claim  any
		want   string
	}{
		"Words":  {"scopes have a space between two", "openid chat.moderate  chat.audit email", "chat.moderate chat.audit"},
		"None":   {"who only chats has none", nil, ""},
		"Others": {"other services' are nothing to us", "openid moderate", ""},
		"List":   {"an issuer's own form is no scope, and locks nobody out", []string{"chat.admin"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := v.Verify(t.Context(), es.sign(t, good(jwt.MapClaims{"scope": tc.claim})))
			if err != nil || p.Scope != tc.want {
				t.Errorf("%s: %q, %v", tc.reason, p.Scope, err)
			}
		})
	}
	p := auth.Principal{Scope: "chat.moderate chat.audit"}
	if !p.Has("chat.audit") || p.Has("chat.admin") || p.Has("chat.mod") || p.Has("") {
		t.Error("a scope is a whole word")
	}
}
