package provider_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"

	"github.com/chatcluster/chatcluster/hack/standins/provider"
	"github.com/chatcluster/chatcluster/runtime/auth/issuer"
)

const (
	at       = "http://127.0.0.1:18082"
	page     = "http://127.0.0.1:18080"
	redirect = page + "/app/"
	verifier = "a-verifier-that-is-long-enough-to-be-one-0123456789"
)

func serve(t *testing.T) http.Handler {
	t.Helper()
	key, err := issuer.LoadOrCreateKey(filepath.Join(t.TempDir(), "key"))
	if err != nil {
		t.Fatal(err)
	}
	p, err := provider.New(provider.Options{Issuer: at, Key: key, Audience: "chatcluster", Client: "web", Users: []string{"alice", "bob"}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func ask(h http.Handler, method, target string, form url.Values, head ...string) *httptest.ResponseRecorder {
	var body io.Reader = http.NoBody
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r := httptest.NewRequest(method, target, body)
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i < len(head); i += 2 {
		r.Header.Set(head[i], head[i+1])
	}
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	return rec
}

// request is what a client asks for, with changes: name, value, name, value.
func request(changes ...string) url.Values {
	sum := sha256.Sum256([]byte(verifier))
	q := url.Values{
		"client_id": {"web"}, "redirect_uri": {redirect}, "response_type": {"code"}, "scope": {"openid offline_access"}, "state": {"s&1"}, "nonce": {"n1"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
	}
	for i := 0; i < len(changes); i += 2 {
		q.Set(changes[i], changes[i+1])
	}
	return q
}

var link = regexp.MustCompile(`<a href="([^"]+)">Continue as (\w+)</a>`)

// signIn chooses a user on the page, as a person would, and gives the code.
func signIn(t *testing.T, h http.Handler, user string) string {
	t.Helper()
	shown := ask(h, http.MethodGet, "/authorize?"+request().Encode(), nil)
	for _, m := range link.FindAllStringSubmatch(shown.Body.String(), -1) {
		if m[2] != user {
			continue
		}
		back := ask(h, http.MethodGet, html.UnescapeString(m[1]), nil)
		to, err := url.Parse(back.Header().Get("Location"))
		if err != nil || back.Code != http.StatusFound {
			t.Fatalf("the choice leads to %q (%d)", back.Header().Get("Location"), back.Code)
		}
		q := to.Query()
		if to.Scheme+"://"+to.Host+to.Path != redirect || q.Get("state") != "s&1" || q.Get("iss") != at || q.Get("code") == "" {
			t.Fatalf("the choice leads to %s", to)
		}
		return q.Get("code")
	}
	t.Fatalf("%s cannot be chosen: %s", user, shown.Body)
	return ""
}

func exchange(code string, changes ...string) url.Values {
	f := url.Values{"grant_type": {"authorization_code"}, "client_id": {"web"}, "code": {code}, "redirect_uri": {redirect}, "code_verifier": {verifier}}
	for i := 0; i < len(changes); i += 2 {
		f.Set(changes[i], changes[i+1])
	}
	return f
}

type answer struct {
	AccessToken  string `json:"access_token"`
	IDToken      string `json:"id_token"`
	RefreshToken string `json:"refresh_token"`
	ExpiresIn    int    `json:"expires_in"`
	Error        string `json:"error"`
}

func token(t *testing.T, h http.Handler, form url.Values) answer {
	t.Helper()
	rec := ask(h, http.MethodPost, "/token", form)
	var a answer
	if err := json.Unmarshal(rec.Body.Bytes(), &a); err != nil {
		t.Fatal(err)
	}
	if (rec.Code == http.StatusOK) != (a.Error == "") || rec.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("status %d, error %q, head %v", rec.Code, a.Error, rec.Header())
	}
	return a
}

func TestAPersonSignsIn(t *testing.T) {
	h := serve(t)
	keys, err := keyfunc.NewJWKSetJSON(ask(h, http.MethodGet, issuer.JWKSPath, nil).Body.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	a := token(t, h, exchange(signIn(t, h, "bob")))
	for name, tc := range map[string]struct{ raw, audience, nonce string }{"access": {a.AccessToken, "chatcluster", ""}, "id": {a.IDToken, "web", "n1"}} {
		var claims struct {
			jwt.RegisteredClaims
			Nonce string `json:"nonce"`
		}
		_, err := jwt.ParseWithClaims(tc.raw, &claims, keys.Keyfunc, jwt.WithIssuer(at), jwt.WithAudience(tc.audience), jwt.WithSubject("bob"), jwt.WithExpirationRequired())
		if err != nil || claims.Nonce != tc.nonce {
			t.Errorf("%s token: %v, nonce %q", name, err, claims.Nonce)
		}
	}
	b := token(t, h, url.Values{"grant_type": {"refresh_token"}, "client_id": {"web"}, "refresh_token": {a.RefreshToken}})
	if b.AccessToken == "" || b.RefreshToken == "" || b.RefreshToken == a.RefreshToken {
		t.Fatalf("refreshed: %+v", b)
	}
	// A refresh token that comes again was stolen, by the one or by the other: neither goes on.
	if again := token(t, h, url.Values{"grant_type": {"refresh_token"}, "client_id": {"web"}, "refresh_token": {a.RefreshToken}}); again.Error != "invalid_grant" {
		t.Errorf("a refresh token is used twice: %+v", again)
	}
	if after := token(t, h, url.Values{"grant_type": {"refresh_token"}, "client_id": {"web"}, "refresh_token": {b.RefreshToken}}); after.Error != "invalid_grant" {
		t.Errorf("what came from a stolen refresh token goes on: %+v", after)
	}
}

func TestCodesThatAreRefused(t *testing.T) {
	h := serve(t)
	for name, form := range map[string]url.Values{
		"Verifier":      exchange(signIn(t, h, "alice"), "code_verifier", strings.Repeat("x", 50)),
		"NoVerifier":    exchange(signIn(t, h, "alice"), "code_verifier", ""),
		"OtherRedirect": exchange(signIn(t, h, "alice"), "redirect_uri", page+"/other"),
		"Guessed":       exchange("AAAAAAAAAAAAAAAAAAAAAAAAAA"),
	} {
		if a := token(t, h, form); a.Error != "invalid_grant" {
			t.Errorf("%s: %+v", name, a)
		}
	}
	if a := token(t, h, exchange(signIn(t, h, "alice"), "client_id", "other")); a.Error != "invalid_client" {
		t.Errorf("another client: %+v", a)
	}
	code := signIn(t, h, "alice")
	first := token(t, h, exchange(code))
	if a := token(t, h, exchange(code)); first.Error != "" || a.Error != "invalid_grant" {
		t.Errorf("a code is used twice: %+v", a)
	}
	if a := token(t, h, url.Values{"grant_type": {"refresh_token"}, "client_id": {"web"}, "refresh_token": {first.RefreshToken}}); a.Error != "invalid_grant" {
		t.Errorf("what came from a code that was used twice goes on: %+v", a)
	}
	if a := token(t, h, exchange(code, "grant_type", "password")); a.Error != "unsupported_grant_type" {
		t.Errorf("another grant: %+v", a)
	}
}

func TestRequestsThatAreRefused(t *testing.T) {
	h := serve(t)
	for name, q := range map[string]url.Values{
		"Client":      request("client_id", "other"),
		"Elsewhere":   request("redirect_uri", "https://evil.example/app/"),
		"ElsewhereIP": request("redirect_uri", "http://127.0.0.1.evil.example/app/"),
		"AsUser":      request("redirect_uri", "http://127.0.0.1@evil.example/app/"),
		"Fragment":    request("redirect_uri", redirect+"#x"),
	} {
		for _, path := range []string{"/authorize", "/authorize/alice"} {
			if rec := ask(h, http.MethodGet, path+"?"+q.Encode(), nil); rec.Code != http.StatusBadRequest || rec.Header().Get("Location") != "" {
				t.Errorf("%s: %d, to %q: want no way there", name, rec.Code, rec.Header().Get("Location"))
			}
		}
	}
	for want, q := range map[string]url.Values{
		"unsupported_response_type": request("response_type", "token"),
		"invalid_scope":             request("scope", "profile"),
		"invalid_request":           request("code_challenge_method", "plain"),
		"login_required":            request("prompt", "none"),
	} {
		rec := ask(h, http.MethodGet, "/authorize/alice?"+q.Encode(), nil)
		to, err := url.Parse(rec.Header().Get("Location"))
		if err != nil || to.Query().Get("error") != want || to.Query().Get("state") != "s&1" || to.Query().Has("code") {
			t.Errorf("%s: leads to %s", want, to)
		}
	}
	if rec := ask(h, http.MethodGet, "/authorize/mallory?"+request().Encode(), nil); rec.Code != http.StatusBadRequest {
		t.Errorf("somebody unknown signs in: %d", rec.Code)
	}
}

func TestPagesOfThisMachineMayAsk(t *testing.T) {
	h := serve(t)
	for origin, want := range map[string]string{page: page, "http://localhost:5173": "http://localhost:5173", "https://evil.example": "", "null": ""} {
		for _, path := range []string{issuer.DiscoveryPath, issuer.JWKSPath} {
			if got := ask(h, http.MethodGet, path, nil, "Origin", origin).Header().Get("Access-Control-Allow-Origin"); got != want {
				t.Errorf("%s for %s: %q, want %q", path, origin, got, want)
			}
		}
		if got := ask(h, http.MethodPost, "/token", exchange("x"), "Origin", origin).Header().Get("Access-Control-Allow-Origin"); got != want {
			t.Errorf("/token for %s: %q, want %q", origin, got, want)
		}
	}
}

func TestThePageRunsNothing(t *testing.T) {
	h := serve(t)
	rec := ask(h, http.MethodGet, "/authorize?"+request("state", `"><script>alert(1)</script>`).Encode(), nil)
	if policy := rec.Header().Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "script-src") {
		t.Errorf("policy %q", policy)
	}
	if strings.Contains(rec.Body.String(), "<script") {
		t.Error("the state is markup on the page")
	}
	var doc map[string]any
	if err := json.Unmarshal(ask(h, http.MethodGet, issuer.DiscoveryPath, nil).Body.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	if doc["authorization_endpoint"] != at+"/authorize" || doc["token_endpoint"] != at+"/token" || doc["issuer"] != at {
		t.Errorf("the OpenID configuration: %v", doc)
	}
}
