package web_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/web"
)

// script is long enough to be worth packing.
var script = strings.Repeat("export const answer = 42;\n", 100)

func build() fstest.MapFS {
	return fstest.MapFS{
		".gitkeep":                 {Data: []byte("\n")},
		"index.html":               {Data: []byte("<!doctype html><script type=module src=/app/assets/main-abc123.js></script>")},
		"assets/main-abc123.js":    {Data: []byte(script)},
		"assets/more-abc123.js":    {Data: []byte(script)},
		"assets/more-abc123.js.br": {Data: []byte("brotli of the build")},
		"assets/more-abc123.js.gz": {Data: []byte("gzip of the build")},
		"manifest.webmanifest":     {Data: []byte("{}")},
		"sw.js":                    {Data: []byte("self;")},
		"icon.png":                 {Data: bytes.Repeat([]byte("p"), 1000)},
	}
}

func handler(t *testing.T, o web.Options) *web.Handler {
	t.Helper()
	if o.Files == nil {
		o.Files = build()
	}
	h, err := web.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func get(t *testing.T, h http.Handler, method, path string, head ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(method, path, http.NoBody)
	for i := 0; i < len(head); i += 2 {
		r.Header.Add(head[i], head[i+1])
	}
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	return rec.Result()
}

func body(t *testing.T, res *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func wantProblem(t *testing.T, res *http.Response, status int, detail string) {
	t.Helper()
	var p protocol.Problem
	if err := json.NewDecoder(res.Body).Decode(&p); err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != status || p.Status != status || !strings.Contains(p.Detail, detail) || res.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("answer %d %s, problem %+v; want %d that says %q", res.StatusCode, res.Header.Get("Content-Type"), p, status, detail)
	}
}

func TestFilesAreServedWithTheirTypeAndLife(t *testing.T) {
	h := handler(t, web.Options{})
	const forever, askAgain = "public, max-age=31536000, immutable", "no-cache"
	for path, want := range map[string][2]string{
		"/app/":                      {"text/html; charset=utf-8", askAgain},
		"/app/index.html":            {"text/html; charset=utf-8", askAgain},
		"/app/?code=c&state=s":       {"text/html; charset=utf-8", askAgain},
		"/app/sw.js":                 {"text/javascript; charset=utf-8", askAgain},
		"/app/manifest.webmanifest":  {"application/manifest+json", askAgain},
		"/app/icon.png":              {"image/png", askAgain},
		"/app/config.json":           {"application/json", askAgain},
		"/app/assets/main-abc123.js": {"text/javascript; charset=utf-8", forever},
	} {
		res := get(t, h, http.MethodGet, path)
		got := [2]string{res.Header.Get("Content-Type"), res.Header.Get("Cache-Control")}
		if res.StatusCode != http.StatusOK || got != want {
			t.Errorf("%s: %d %v, want 200 %v", path, res.StatusCode, got, want)
		}
		full := body(t, res)
		again := get(t, h, http.MethodGet, path, "If-None-Match", res.Header.Get("ETag"))
		if again.StatusCode != http.StatusNotModified || body(t, again) != "" || again.Header.Get("ETag") != res.Header.Get("ETag") {
			t.Errorf("%s: who has it gets %d, want 304 and nothing", path, again.StatusCode)
		}
		head := get(t, h, http.MethodHead, path)
		if body(t, head) != "" || head.Header.Get("Content-Length") != res.Header.Get("Content-Length") || head.ContentLength != int64(len(full)) {
			t.Errorf("%s: HEAD says %v, and GET sends %d bytes", path, head.Header, len(full))
		}
	}
}

func TestWhatIsNotThereIsAProblem(t *testing.T) {
	h := handler(t, web.Options{})
	for _, path := range []string{"/app/none.js", "/app/assets/", "/app/assets", "/app/.gitkeep", "/app/../index.html", "/app//", "/app/assets/more-abc123.js.br"} {
		r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
		r.URL.Path = path
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, r)
		wantProblem(t, rec.Result(), http.StatusNotFound, "no such file")
	}
}

func TestTheWayToTheClient(t *testing.T) {
	h := handler(t, web.Options{})
	for path, want := range map[string]string{"/": "/app/", "/app": "/app/", "/app?code=c": "/app/?code=c"} {
		if res := get(t, h, http.MethodGet, path); res.StatusCode != http.StatusTemporaryRedirect || res.Header.Get("Location") != want {
			t.Errorf("%s leads to %q (%d), want %q", path, res.Header.Get("Location"), res.StatusCode, want)
		}
	}
}

func TestFormsAreChosenByWhatIsAccepted(t *testing.T) {
	h := handler(t, web.Options{})
	const own, packed = "/app/assets/main-abc123.js", "/app/assets/more-abc123.js"
	for _, tc := range []struct{ path, accept, want string }{
		{own, "", ""},
		{own, "gzip", "gzip"},
		{own, "br, gzip", "gzip"},
		{own, "gzip;q=0", ""},
		{own, "*", "gzip"},
		{own, "*;q=0, br", ""},
		{own, "gzip;q=0, *", ""},
		{packed, "gzip, deflate, br, zstd", "br"},
		{packed, "gzip;q=1.0", "gzip"},
		{packed, "br;q=0, gzip", "gzip"},
		{packed, "identity", ""},
		{"/app/icon.png", "gzip", ""},
	} {
		res := get(t, h, http.MethodGet, tc.path, "Accept-Encoding", tc.accept)
		if got := res.Header.Get("Content-Encoding"); got != tc.want {
			t.Errorf("%s for %q comes as %q, want %q", tc.path, tc.accept, got, tc.want)
		}
		if tc.path != "/app/icon.png" && res.Header.Get("Vary") != "Accept-Encoding" {
			t.Errorf("%s: a cache would give one form to everybody: Vary is %q", tc.path, res.Header.Get("Vary"))
		}
	}
	if got := body(t, get(t, h, http.MethodGet, packed, "Accept-Encoding", "br")); got != "brotli of the build" {
		t.Errorf("the build's own form is not served, but %q", got)
	}
	r, err := gzip.NewReader(get(t, h, http.MethodGet, own, "Accept-Encoding", "gzip").Body)
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := io.ReadAll(r); err != nil || string(plain) != script {
		t.Errorf("unpacked it is something else (%v)", err)
	}
	plain, small := get(t, h, http.MethodGet, own), get(t, h, http.MethodGet, own, "Accept-Encoding", "gzip")
	if plain.Header.Get("ETag") == small.Header.Get("ETag") {
		t.Error("two forms have one ETag")
	}
}

func TestEveryAnswerCarriesThePolicy(t *testing.T) {
	h := handler(t, web.Options{Issuers: []web.Issuer{
		{Name: "acme", Issuer: "https://id.acme.example/realms/acme", ClientID: "chat-web", Audience: "chat", Origins: []string{"https://login.acme.example:8443"}},
		{Name: "globex", Issuer: "https://ID.acme.example/realms/globex", ClientID: "chat-web", Audience: "chat"},
	}})
	want := "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; manifest-src 'self'; worker-src 'self'; " +
		"connect-src 'self' https://id.acme.example https://login.acme.example:8443; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	for _, path := range []string{"/", "/app", "/app/", "/app/none", "/app/config.json", "/app/assets/main-abc123.js"} {
		res := get(t, h, http.MethodGet, path)
		if diff := cmp.Diff(want, res.Header.Get("Content-Security-Policy")); diff != "" {
			t.Errorf("%s: policy, -want +got:\n%s", path, diff)
		}
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
		} {
			if got := res.Header.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", path, name, got, want)
			}
		}
		if !strings.Contains(res.Header.Get("Permissions-Policy"), "geolocation=()") {
			t.Errorf("%s: Permissions-Policy is %q", path, res.Header.Get("Permissions-Policy"))
		}
	}
}

func TestConfigurationSaysHowToSignIn(t *testing.T) {
	h := handler(t, web.Options{Version: "1.2.3", Issuers: []web.Issuer{
		{Name: "acme", Issuer: "https://id.acme.example", ClientID: "chat-web", Audience: "chat"},
		{
			Name: "globex", Issuer: "https://id.globex.example", ClientID: "x", Audience: "x", Scopes: []string{"openid", "offline_access"},
			Token: web.IDToken, Origins: []string{"https://login.globex.example"},
		},
	}})
	want := `{"issuers":[` +
		`{"name":"acme","issuer":"https://id.acme.example","clientID":"chat-web","audience":"chat","scopes":["openid"],"token":"access_token"},` +
		`{"name":"globex","issuer":"https://id.globex.example","clientID":"x","audience":"x","scopes":["openid","offline_access"],"token":"id_token"}` +
		`],"version":"1.2.3"}`
	if diff := cmp.Diff(want, body(t, get(t, h, http.MethodGet, "/app/config.json"))); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got := body(t, get(t, handler(t, web.Options{}), http.MethodGet, "/app/config.json")); got != `{"issuers":[],"version":""}` {
		t.Errorf("without an issuer it says %s", got)
	}
}

func TestAProgramWithoutTheClientSaysHowToGetIt(t *testing.T) {
	h := handler(t, web.Options{Files: fstest.MapFS{".gitkeep": {Data: []byte("\n")}}})
	if h.Built() {
		t.Error("it thinks that it has a client")
	}
	for _, path := range []string{"/app/", "/app/config.json", "/app/index.html"} {
		wantProblem(t, get(t, h, http.MethodGet, path), http.StatusServiceUnavailable, "make web")
	}
	if res := get(t, h, http.MethodGet, "/"); res.StatusCode != http.StatusTemporaryRedirect {
		t.Errorf("/ answers %d", res.StatusCode)
	}
}

func TestIssuersThatAreRefused(t *testing.T) {
	good := web.Issuer{Name: "acme", Issuer: "https://id.acme.example", ClientID: "chat-web", Audience: "chat"}
	for name, tc := range map[string]struct {
		reason string
		change func(*web.Issuer)
	}{
		"NoClient":    {"nobody could sign in", func(i *web.Issuer) { i.ClientID = "" }},
		"NoName":      {"nobody could choose it", func(i *web.Issuer) { i.Name = "" }},
		"NoAudience":  {"no token would be taken", func(i *web.Issuer) { i.Audience = "" }},
		"OtherToken":  {"there are two kinds", func(i *web.Issuer) { i.Token = "refresh_token" }},
		"NoURL":       {"nothing can be looked up there", func(i *web.Issuer) { i.Issuer = "acme" }},
		"Directive":   {"it would end the policy's directive", func(i *web.Issuer) { i.Origins = []string{"https://x.example;script-src"} }},
		"Keyword":     {"it would add to the policy", func(i *web.Issuer) { i.Origins = []string{"https://x.example 'unsafe-inline'"} }},
		"Wildcard":    {"it would open the policy to many", func(i *web.Issuer) { i.Origins = []string{"https://*.example"} }},
		"Credentials": {"they are no part of an origin", func(i *web.Issuer) { i.Origins = []string{"https://user@x.example"} }},
		"OtherScheme": {"a page could be anything", func(i *web.Issuer) { i.Origins = []string{"data:text/html,x"} }},
	} {
		t.Run(name, func(t *testing.T) {
			i := good
			tc.change(&i)
			if _, err := web.New(web.Options{Files: build(), Issuers: []web.Issuer{i}}); err == nil {
				t.Errorf("it is taken, but %s", tc.reason)
			}
		})
	}
	if _, err := web.New(web.Options{Files: build(), Issuers: []web.Issuer{good}}); err != nil {
		t.Error(err)
	}
}

// The build that is embedded, if there is one, is served like the one of the tests.
func TestWhatIsEmbeddedIsServed(t *testing.T) {
	h, err := web.New(web.Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := http.StatusServiceUnavailable
	if h.Built() {
		want = http.StatusOK
	}
	if res := get(t, h, http.MethodGet, "/app/"); res.StatusCode != want {
		t.Errorf("/app/ answers %d, want %d", res.StatusCode, want)
	}
}
