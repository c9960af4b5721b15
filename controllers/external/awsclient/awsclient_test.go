package awsclient

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"net/http"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/time/rate"
)

func TestParseCredentials(t *testing.T) {
	cases := map[string]struct {
		reason string
		file   string
		want   Static
		fails  bool
	}{
		"Default": {
			reason: "the default profile is used, whatever stands around it",
			file:   "# mine\n[other]\naws_access_key_id=x\n\n[default]\naws_access_key_id = AKID\naws_secret_access_key=a=b\n; end\n",
			want:   Static{AccessKeyID: "AKID", SecretAccessKey: "a=b"},
		},
		"Session": {
			reason: "temporary credentials have a token",
			file:   "[default]\naws_access_key_id=A\naws_secret_access_key=B\naws_session_token=C",
			want:   Static{AccessKeyID: "A", SecretAccessKey: "B", SessionToken: "C"},
		},
		"OtherProfile": {reason: "another profile is not guessed", file: "[prod]\naws_access_key_id=A\naws_secret_access_key=B", fails: true},
		"Half":         {reason: "half of a pair is none", file: "[default]\naws_access_key_id=A", fails: true},
		"Empty":        {reason: "an empty file has no credentials", fails: true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := ParseCredentials([]byte(tc.file))
			if (err != nil) != tc.fails {
				t.Fatalf("%s: err = %v", tc.reason, err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

func FuzzParseCredentials(f *testing.F) {
	f.Add([]byte("[default]\naws_access_key_id=A\naws_secret_access_key=hunter2\n"))
	f.Add([]byte("[\n=\n[default"))
	f.Fuzz(func(t *testing.T, file []byte) {
		s, err := ParseCredentials(file)
		if err == nil && (s.AccessKeyID == "" || s.SecretAccessKey == "") {
			t.Error("incomplete credentials were accepted")
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Error("the error holds a secret")
		}
	})
}

type doFunc func(*http.Request) (*http.Response, error)

func (f doFunc) Do(r *http.Request) (*http.Response, error) { return f(r) }

func TestCallsShareARate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		l := &limited{limiter: rate.NewLimiter(10, 1), client: doFunc(func(*http.Request) (*http.Response, error) {
			calls++
			return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}, nil
		})}
		start := time.Now()
		for range 11 {
			r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, "http://x.invalid", nil)
			if err != nil {
				t.Fatal(err)
			}
			res, err := l.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			if err := res.Body.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(start); calls != 11 || took < time.Second {
			t.Errorf("%d calls in %s, want 11 in at least a second", calls, took)
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
		defer cancel()
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://x.invalid", nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := l.Do(r); err == nil {
			t.Error("a call waited beyond its deadline")
		}
	})
}

// AWS counts by account and Region, whatever role a call is made in.
func TestRolesOfAnAccountShareARate(t *testing.T) {
	f, err := NewFactory(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	limiter := func(a Access) *rate.Limiter {
		cfg, err := f.config(a.identity())
		if err != nil {
			t.Fatal(err)
		}
		return cfg.HTTPClient.(*limited).limiter
	}
	base := Access{Region: "r", Role: "arn:aws:iam::1:role/a", ExternalID: "op/x"}
	cases := map[string]struct {
		reason string
		other  Access
		same   bool
	}{
		"Role":     {"another role of the account", Access{Region: "r", Role: "arn:aws:iam::1:role/b", ExternalID: "op/y"}, true},
		"Endpoint": {"another service", Access{Region: "r", Role: "arn:aws:iam::1:role/a", Endpoint: "http://x"}, true},
		"Account":  {"another account", Access{Region: "r", Role: "arn:aws:iam::2:role/a"}, false},
		"Region":   {"another Region", Access{Region: "s", Role: "arn:aws:iam::1:role/a"}, false},
		"Own":      {"the operator's own account, which no role tells", Access{Region: "r"}, false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := limiter(base) == limiter(tc.other); got != tc.same {
				t.Errorf("%s shares the rate: %t", tc.reason, got)
			}
		})
	}
}
