package gateway_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gorilla/websocket"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/chatcluster/chatcluster/runtime/gateway"
	"github.com/chatcluster/chatcluster/runtime/gateway/gatewaytest"
	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/web"
)

// pages is the web client, with a page of ours in its place.
func pages(t *testing.T) http.Handler {
	t.Helper()
	h, err := web.New(web.Options{Files: fstest.MapFS{"index.html": {Data: []byte("<!doctype html>")}}})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func visit(t *testing.T, method, url string, head http.Header) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, strings.Replace(url, "ws://", "http://", 1), http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range head {
		req.Header[name] = values
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(text)
}

// A page that the gateway served itself needs no entry in a list to connect, and no other page gains by that.
func TestTheWebClientMayConnect(t *testing.T) {
	w := gatewaytest.New(t)
	with := w.Gateway("g1", func(o *gateway.Options) { o.Pages = pages(t) })
	without := w.Gateway("g2", nil)
	dial := func(g *gatewaytest.Gateway, head http.Header) int {
		t.Helper()
		ws, res, err := (&websocket.Dialer{Subprotocols: []string{protocol.Subprotocol}}).Dial(g.URL+"/v1/ws", head)
		if res == nil {
			t.Fatal(err)
		}
		if ws != nil {
			_ = ws.Close()
		}
		return res.StatusCode
	}
	own := func(g *gatewaytest.Gateway) string { return strings.Replace(g.URL, "ws://", "http://", 1) }
	for name, tc := range map[string]struct {
		g    *gatewaytest.Gateway
		head http.Header
		want int
	}{
		"Own":           {with, http.Header{"Origin": {own(with)}}, http.StatusSwitchingProtocols},
		"OtherGateway":  {with, http.Header{"Origin": {own(without)}}, http.StatusForbidden},
		"OtherSite":     {with, http.Header{"Origin": {"https://evil.example"}}, http.StatusForbidden},
		"Ingress":       {with, http.Header{"Origin": {"https://chat.example"}, "X-Forwarded-Host": {"chat.example"}, "X-Forwarded-Proto": {"https"}}, http.StatusSwitchingProtocols},
		"IngressByHTTP": {with, http.Header{"Origin": {"http://chat.example"}, "X-Forwarded-Host": {"chat.example"}, "X-Forwarded-Proto": {"https"}}, http.StatusForbidden},
		"NoWebClient":   {without, http.Header{"Origin": {own(without)}}, http.StatusForbidden},
	} {
		if got := dial(tc.g, tc.head); got != tc.want {
			t.Errorf("%s: a handshake answers %d, want %d", name, got, tc.want)
		}
	}
	// What a browser asks before a page of another site may send a header of its own does not carry that header.
	res, _ := visit(t, http.MethodOptions, with.URL+"/v1/inbox", http.Header{
		"Origin": {"https://evil.example"}, "Access-Control-Request-Method": {"GET"}, "Access-Control-Request-Headers": {"x-forwarded-host"},
	})
	if res.StatusCode != http.StatusForbidden || res.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("another site's preflight answers %d, %v", res.StatusCode, res.Header)
	}
}

func TestPagesAreServedBesideTheAPI(t *testing.T) {
	w := gatewaytest.New(t)
	metrics := prometheus.NewRegistry()
	with := w.Gateway("g1", func(o *gateway.Options) { o.Pages, o.Registerer = pages(t), metrics })
	without := w.Gateway("g2", nil)
	for _, tc := range []struct {
		method, path string
		head         http.Header
		status       int
		text         string
	}{
		{http.MethodGet, "/app/", nil, http.StatusOK, "<!doctype html>"},
		{http.MethodHead, "/app/", nil, http.StatusOK, ""},
		{http.MethodGet, "/", nil, http.StatusTemporaryRedirect, ""},
		{http.MethodGet, "/app", nil, http.StatusTemporaryRedirect, ""},
		{http.MethodGet, "/app/?access_token=x", nil, http.StatusBadRequest, "never in a URL"},
		{http.MethodGet, "/app/none", nil, http.StatusNotFound, "not_found"},
		{http.MethodGet, "/app//", nil, http.StatusNotFound, "not_found"},
		{http.MethodPost, "/app/", nil, http.StatusMethodNotAllowed, "method_not_allowed"},
		{http.MethodGet, "/app/", http.Header{"Origin": {"https://evil.example"}}, http.StatusForbidden, "origin"},
		{http.MethodGet, "/apple", nil, http.StatusNotFound, "not_found"},
		{http.MethodGet, "/v1/inbox", nil, http.StatusUnauthorized, "unauthenticated"},
	} {
		res, text := visit(t, tc.method, with.URL+tc.path, tc.head)
		if res.StatusCode != tc.status || !strings.Contains(text, tc.text) {
			t.Errorf("%s %s: %d %q, want %d and %q", tc.method, tc.path, res.StatusCode, text, tc.status, tc.text)
		}
		if res.Header.Get("X-Request-Id") == "" {
			t.Errorf("%s %s: the answer has no request id", tc.method, tc.path)
		}
	}
	if got := counted(t, metrics, "chatcluster_gateway_http_requests_total", "GET /app"); got < 6 {
		t.Errorf("%v requests of pages are counted", got)
	}
	for _, path := range []string{"/app/", "/app", "/"} {
		if res, _ := visit(t, http.MethodGet, without.URL+path, nil); res.StatusCode != http.StatusNotFound {
			t.Errorf("without a web client %s answers %d, want 404", path, res.StatusCode)
		}
	}
}
