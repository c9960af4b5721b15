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
	fine := check{name: "store", run: func(context.Context) error { return nil }}
	broken := check{name: "cache", run: func(context.Context) error { return errors.New("connection refused") }}
	brokenAtStart, brokenButTold := broken, broken
	brokenAtStart.weight, brokenButTold.weight = toStart, told
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
		"OneBrokenThatIsNeededToStart": {
			reason: "it has not been there yet", checks: []check{fine, brokenAtStart},
			status: http.StatusServiceUnavailable, body: map[string]string{"store": "ok", "cache": "connection refused"},
		},
		"OneBrokenThatCanBeDoneWithout": {
			reason: "the truth is told, and traffic may come", checks: []check{fine, brokenButTold},
			status: http.StatusOK, body: map[string]string{"store": "ok", "cache": "degraded: connection refused"},
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

func TestABackendThatGoesAwayLaterIsToldOf(t *testing.T) {
	var err error
	c := &checked{check: check{name: "store", weight: toStart, run: func(context.Context) error { return err }}}
	err = errBoom
	if text, unready := c.outcome(t.Context()); text != errBoom.Error() || !unready {
		t.Errorf("before it has passed: %q, unready = %t", text, unready)
	}
	err = nil
	if text, unready := c.outcome(t.Context()); text != "ok" || unready {
		t.Errorf("as it passes: %q, unready = %t", text, unready)
	}
	err = errBoom
	c.at = c.at.Add(-checkLife)
	if text, unready := c.outcome(t.Context()); text != "degraded: "+errBoom.Error() || unready {
		t.Errorf("after it has passed: %q, unready = %t", text, unready)
	}
}

func TestProfilesHaveAPortOfTheirOwn(t *testing.T) {
	o := newOps(slog.New(slog.DiscardHandler))
	get := func(h http.Handler, path string) int {
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, path, http.NoBody))
		return rec.Code
	}
	if code := get(o.handler(), "/debug/pprof/"); code != http.StatusNotFound {
		t.Errorf("the probes' port answers for profiles: %d", code)
	}
	for _, path := range []string{"/debug/pprof/", "/debug/pprof/heap", "/debug/pprof/cmdline"} {
		if code := get(profiles(), path); code != http.StatusOK {
			t.Errorf("%s: %d", path, code)
		}
	}
	if code := get(profiles(), "/metrics"); code != http.StatusNotFound {
		t.Errorf("the profiles' port answers for metrics: %d", code)
	}
}
