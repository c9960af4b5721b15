package rest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/chatcluster/chatcluster/runtime/protocol"
)

// ask is a request of a test.
type ask struct {
	method, path, token string
	// body is JSON unless head says otherwise.
	body string
	head http.Header
}

// answered is what came back.
type answered struct {
	*http.Response
	body string
}

// call makes the request.
func call(t testing.TB, url string, q ask) answered {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), q.method, strings.Replace(url, "ws://", "http://", 1)+q.path, strings.NewReader(q.body))
	if err != nil {
		t.Fatal(err)
	}
	if q.method != http.MethodGet && q.method != http.MethodHead && q.method != http.MethodOptions {
		req.Header.Set("Content-Type", "application/json")
	}
	for k, v := range q.head {
		req.Header[k] = v
	}
	if q.token != "" {
		req.Header.Set("Authorization", "Bearer "+q.token)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	var data []byte
	if res.StatusCode != http.StatusSwitchingProtocols {
		if data, err = io.ReadAll(res.Body); err != nil {
			t.Fatal(err)
		}
	}
	theDocument(t).Check(t, q.body, res, string(data))
	return answered{res, string(data)}
}

// get is call of a GET, into a value.
func get[T any](t testing.TB, url, path, token string) T {
	t.Helper()
	return into[T](t, call(t, url, ask{method: http.MethodGet, path: path, token: token}), http.StatusOK)
}

// into reads a good answer.
func into[T any](t testing.TB, a answered, status int) T {
	t.Helper()
	var out T
	if a.StatusCode != status {
		t.Fatalf("%s %s: status %d, not %d: %s", a.Request.Method, a.Request.URL.Path, a.StatusCode, status, a.body)
	}
	if err := json.Unmarshal([]byte(a.body), &out); err != nil {
		t.Fatalf("%s: %v", a.body, err)
	}
	return out
}

// do is call of a change, which is taken.
func do(t testing.TB, url, method, path, token, body string) protocol.Appended {
	t.Helper()
	return into[protocol.Appended](t, call(t, url, ask{method: method, path: path, token: token, body: body}), http.StatusOK)
}

// wantProblem requires the answer to be the problem of a code.
func wantProblem(t testing.TB, a answered, code protocol.Code, reason string) protocol.Problem {
	t.Helper()
	var got protocol.Problem
	if err := json.Unmarshal([]byte(a.body), &got); err != nil {
		t.Fatalf("%s: status %d: %q: %v", reason, a.StatusCode, a.body, err)
	}
	if got.Code != code || a.StatusCode != code.Status() || got.Status != a.StatusCode || got.Type != protocol.ProblemType+string(code) {
		t.Errorf("%s: status %d, %+v: want code %s", reason, a.StatusCode, got, code)
	}
	if ct := a.Header.Get("Content-Type"); ct != "application/problem+json" {
		t.Errorf("content type = %q", ct)
	}
	return got
}
