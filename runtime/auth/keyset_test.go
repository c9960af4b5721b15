package auth_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/chatcluster/chatcluster/runtime/auth"
	"github.com/chatcluster/chatcluster/runtime/auth/issuer"
	"github.com/chatcluster/chatcluster/runtime/config"
)

func TestAnUnknownKeyIsFetchedButNotInStorms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := newSigner(t, "1", jwt.SigningMethodES256), newSigner(t, "2", jwt.SigningMethodES256)
		s := &keyServer{set: keySetOf(t, first)}
		v := newVerifier(t, s)
		verify := func(by signer) error {
			_, err := v.Verify(t.Context(), by.sign(t, good(nil)))
			return err
		}
		if err := verify(first); err != nil {
			t.Fatal(err)
		}
		for range 50 {
			if err := verify(second); !errors.Is(err, auth.ErrBadSignature) {
				t.Fatalf("%v, want a bad signature: the set has no such key", err)
			}
		}
		if got := s.count(); got != 1 {
			t.Fatalf("%d fetches within a moment, want 1", got)
		}
		s.change(func(s *keyServer) { s.set = keySetOf(t, second) })
		time.Sleep(auth.DefaultMinRefetch) // the bubble's clock
		if err := verify(second); err != nil {
			t.Fatalf("%v: the issuer has rotated its keys", err)
		}
		if err := verify(first); !errors.Is(err, auth.ErrBadSignature) {
			t.Errorf("%v: the issuer has withdrawn the first key", err)
		}
	})
}

func TestAKeyServerThatIsDownLocksNobodyOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key, other := newSigner(t, "1", jwt.SigningMethodES256), newSigner(t, "2", jwt.SigningMethodES256)
		s := &keyServer{set: keySetOf(t, key), down: true}
		v := newVerifier(t, s)
		ctx, cancel := context.WithCancel(t.Context())
		var run sync.WaitGroup
		run.Go(func() {
			if err := v.Run(ctx); err != nil {
				t.Error(err)
			}
		})
		verify := func(by signer) error {
			_, err := v.Verify(t.Context(), by.sign(t, good(nil)))
			return err
		}
		synctest.Wait()
		if err := verify(key); !errors.Is(err, auth.ErrKeysUnavailable) || !auth.Retryable(err) {
			t.Errorf("%v, want keys unavailable: nothing is known of the token", err)
		}
		s.change(func(s *keyServer) { s.down = false })
		time.Sleep(20 * time.Second) // the bubble's clock: Run tries again soon after a failure
		if err := verify(key); err != nil {
			t.Fatal(err)
		}
		s.change(func(s *keyServer) { s.down = true })
		time.Sleep(25 * time.Minute)
		if err := verify(key); err != nil {
			t.Errorf("%v: the key that was known is still good", err)
		}
		if err := verify(other); !errors.Is(err, auth.ErrKeysUnavailable) {
			t.Errorf("%v, want keys unavailable: the key may be a new one", err)
		}
		cancel()
		run.Wait()
	})
}

func TestRunWithdrawsKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		old, current := newSigner(t, "1", jwt.SigningMethodES256), newSigner(t, "2", jwt.SigningMethodES256)
		s := &keyServer{set: keySetOf(t, old)}
		v := newVerifier(t, s)
		ctx, cancel := context.WithCancel(t.Context())
		var run sync.WaitGroup
		run.Go(func() { _ = v.Run(ctx) })
		synctest.Wait()
		if _, err := v.Verify(t.Context(), old.sign(t, good(nil))); err != nil {
			t.Fatal(err)
		}
		s.change(func(s *keyServer) { s.set = keySetOf(t, current) })
		time.Sleep(auth.DefaultRefreshInterval + time.Second) // the bubble's clock
		if _, err := v.Verify(t.Context(), old.sign(t, good(nil))); !errors.Is(err, auth.ErrBadSignature) {
			t.Errorf("%v: the key was withdrawn and nobody asked for another", err)
		}
		cancel()
		run.Wait()
	})
}

func TestAFetchEndsWithItsDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key := newSigner(t, "1", jwt.SigningMethodES256)
		s := &keyServer{set: keySetOf(t, key), slow: true}
		v := newVerifier(t, s)
		start := time.Now()
		_, err := v.Verify(t.Context(), key.sign(t, good(nil)))
		if took := time.Since(start); !errors.Is(err, auth.ErrKeysUnavailable) || took != auth.DefaultFetchTimeout {
			t.Errorf("%v after %v, want keys unavailable after %v", err, took, auth.DefaultFetchTimeout)
		}

		time.Sleep(auth.DefaultMinRefetch)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := v.Verify(ctx, key.sign(t, good(nil))); !errors.Is(err, auth.ErrKeysUnavailable) {
			t.Errorf("%v: the caller's own deadline ended it", err)
		}
		s.change(func(s *keyServer) { s.slow = false })
		if _, err := v.Verify(t.Context(), key.sign(t, good(nil))); err != nil {
			t.Errorf("%v: a caller that went away must not count as a failed fetch", err)
		}
	})
}

func TestCallersShareAFetch(t *testing.T) {
	key := newSigner(t, "1", jwt.SigningMethodES256)
	s := &keyServer{set: keySetOf(t, key)}
	v := newVerifier(t, s)
	token := key.sign(t, good(nil))
	var wg sync.WaitGroup
	for range 32 {
		wg.Go(func() {
			if _, err := v.Verify(t.Context(), token); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := s.count(); got != 1 {
		t.Errorf("%d fetches, want 1", got)
	}
}

func TestKeySetsAsServersServeThem(t *testing.T) {
	key := newSigner(t, "1", jwt.SigningMethodES256)
	good1 := strings.TrimSuffix(strings.TrimPrefix(string(keySetOf(t, key)), `{"keys":[`), `]}`)
	cases := map[string]struct {
		reason string
		status int
		body   string
		ok     bool
	}{
		"Mixed":   {"keys that are of no use here are passed over", 200, `{"keys":[{"kty":"XX","kid":"a"},{"kty":"oct","k":"AAAA","kid":"1"},` + good1 + `]}`, true},
		"Empty":   {"no key can verify", 200, `{"keys":[]}`, false},
		"Shared":  {"a shared secret verifies nothing", 200, `{"keys":[{"kty":"oct","k":"AAAA","kid":"1"}]}`, false},
		"NotJSON": {"it is a page of some proxy", 200, `<html>`, false},
		"Error":   {"the server fails", 503, `{"keys":[` + good1 + `]}`, false},
		"Moved":   {"keys come from the URL that was trusted", 302, ``, false},
		"Huge":    {"a set is bounded", 200, `{"keys":[` + good1 + `],"x":"` + strings.Repeat("x", 1<<20) + `"}`, false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/elsewhere" {
					_, _ = fmt.Fprintf(w, `{"keys":[%s]}`, good1)
					return
				}
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(tc.status)
				_, _ = w.Write([]byte(tc.body))
			}))
			defer srv.Close()
			v, err := auth.New([]config.Issuer{{Tenant: "acme", Issuer: "https://id.acme", Audience: "chat", JWKSURL: srv.URL}}, auth.Options{})
			if err != nil {
				t.Fatal(err)
			}
			_, err = v.Verify(t.Context(), key.sign(t, good(nil)))
			if (err == nil) != tc.ok || (!tc.ok && !errors.Is(err, auth.ErrKeysUnavailable)) {
				t.Errorf("%s: %v", tc.reason, err)
			}
		})
	}
}

func TestTheLocalIssuersTokensAreAccepted(t *testing.T) {
	key, err := issuer.LoadOrCreateKey(filepath.Join(t.TempDir(), "key"))
	if err != nil {
		t.Fatal(err)
	}
	h, err := issuer.Handler("http://issuer.test", key)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(h)
	defer srv.Close()
	v, err := auth.New([]config.Issuer{{Tenant: "acme", Issuer: "http://issuer.test", Audience: "chat", JWKSURL: srv.URL + issuer.JWKSPath}}, auth.Options{})
	if err != nil {
		t.Fatal(err)
	}
	token, err := issuer.Mint(key, issuer.Claims{Issuer: "http://issuer.test", Audience: "chat", User: "alice", TTL: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	p, err := v.Verify(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	if p.User.String() != "acme/alice" || p.TokenID == "" {
		t.Errorf("%v %q, want acme/alice and an id", p.User, p.TokenID)
	}
}
