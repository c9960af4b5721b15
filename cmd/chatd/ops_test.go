package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReadyTellsWhatIsWrong(t *testing.T) {
	fine := check{"store", func(context.Context) error { return nil }}
	broken := check{"cache", func(context.Context) error { return errors.New("connection refused") }}
	cases := map[string]struct {
		reason   string
		checks   []check
		draining bool
		status   int
		body     map[string]string
	}{
		"AllFine": {
			reason: "traffic may come", checks: []check{fine},
			status: http.StatusOK, body: map[string]string{"store": "ok"},
		},
		"OneBroken": {
			reason: "the answer names the broken one", checks: []check{fine, broken},
			status: http.StatusServiceUnavailable, body: map[string]string{"store": "ok", "cache": "connection refused"},
		},
		"Starting": {
			reason: "nothing is known to be there yet",
			status: http.StatusServiceUnavailable, body: map[string]string{"starting": "the process has not come so far yet"},
		},
		"Draining": {
			reason: "a stopping process takes no new traffic", checks: []check{fine}, draining: true,
			status: http.StatusServiceUnavailable, body: map[string]string{"store": "ok", "draining": "the process is stopping"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			o := newOps(slog.New(slog.DiscardHandler))
			o.require(tc.checks...)
			o.draining.Store(tc.draining)
			rec := httptest.NewRecorder()
			o.handler().ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/readyz", http.NoBody))
			if rec.Code != tc.status {
				t.Errorf("%s: status = %d, want %d", tc.reason, rec.Code, tc.status)
			}
			var body map[string]string
			if err := json.Unmarshal(rec.Body.Bytes(), &body); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.body, body); diff != "" {
				t.Errorf("%s: -want +got:\n%s", tc.reason, diff)
			}
		})
	}
}
