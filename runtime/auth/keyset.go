package auth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"
)

// maxKeySetBytes bounds a key set's document.
const maxKeySetBytes = 1 << 20

// retryFetch is how soon Run repeats a failed fetch.
const retryFetch = 15 * time.Second

// keySet is the keys at one URL.
type keySet struct {
	url string
	// discover is the issuer whose OpenID configuration says where the keys are, where url is empty.
	discover string
	// plain allows addresses without TLS.
	plain bool
	// maxAge is how old keys get before they are fetched again by whoever needs them, zero where Run does that.
	maxAge  time.Duration
	client  *http.Client
	timeout time.Duration
	log     *slog.Logger

	keys atomic.Pointer[fetched]

	turn   chan struct{} // held by whoever fetches; guards what follows
	pause  time.Duration // between fetches on demand
	last   time.Time     // when the last fetch ended, whoever made it
	failed bool          // how
}

// fetched is a key set as it was at a time. It is never changed.
type fetched struct {
	keyfunc keyfunc.Keyfunc
	storage jwkset.Storage
	at      time.Time
}

func newKeySet(raw string, o Options) (*keySet, error) {
	if err := checkURL(raw, true); err != nil {
		return nil, fmt.Errorf("the key set's URL %w", err)
	}
	return &keySet{
		url:     raw,
		plain:   true,
		timeout: o.FetchTimeout,
		log:     o.Log,
		turn:    make(chan struct{}, 1),
		pause:   o.MinRefetch,
		client:  newClient(o.Transport),
	}, nil
}

func newClient(t http.RoundTripper) *http.Client {
	return &http.Client{
		Transport: t,
		// A redirect would let an open redirect of the issuer's site choose the keys.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func checkURL(raw string, plain bool) error {
	u, err := url.Parse(raw)
	switch {
	case err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || u.User != nil:
		return errors.New("is not an http or https URL without credentials")
	case u.Scheme != "https" && !plain:
		return errors.New("is not https, which is not allowed here")
	}
	return nil
}

// key returns the key, or the keys, that may have signed the token. Errors are the package's.
func (s *keySet) key(ctx context.Context, t *jwt.Token) (any, error) {
	now := s.keys.Load()
	if now == nil {
		var err error
		if now, err = s.fetchAfter(ctx, nil); err != nil {
			return nil, err
		}
	} else if s.maxAge > 0 && time.Since(now.at) > s.maxAge {
		now = s.renewed(ctx, now)
	}
	if id, named := t.Header["kid"].(string); named && !now.has(ctx, id) {
		// Perhaps the issuer has rotated its keys since the last fetch.
		newer, err := s.fetchAfter(ctx, now)
		if err != nil {
			return nil, err
		}
		now = newer
	}
	key, err := now.keyfunc.KeyfuncCtx(ctx)(t)
	if err != nil {
		return nil, ErrBadSignature
	}
	return key, nil
}

func (f *fetched) has(ctx context.Context, id string) bool {
	_, err := f.storage.KeyRead(ctx, id)
	return err == nil
}

// fetchAfter returns a set that is newer than old, or old where the limit allows no fetch. One caller fetches; those who
// waited for it take what it found.
func (s *keySet) fetchAfter(ctx context.Context, old *fetched) (*fetched, error) {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: %w", ErrKeysUnavailable, ctx.Err())
	}
	if now := s.keys.Load(); now != old {
		return now, nil
	}
	if time.Since(s.last) < s.pause {
		if s.failed {
			return nil, fmt.Errorf("%w: the last fetch failed a moment ago", ErrKeysUnavailable)
		}
		return old, nil
	}
	if err := s.fetch(ctx); err != nil {
		s.log.WarnContext(ctx, "key set not fetched", "url", s.name(), "error", err)
		return nil, fmt.Errorf("%w: %w", ErrKeysUnavailable, err)
	}
	return s.keys.Load(), nil
}

// renewed returns newer keys, or the old ones where somebody else is fetching, or they could not be fetched.
func (s *keySet) renewed(ctx context.Context, old *fetched) *fetched {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	default:
		return old
	}
	if s.keys.Load() == old && time.Since(s.last) >= min(s.maxAge, retryFetch) {
		if err := s.fetch(ctx); err != nil {
			s.log.WarnContext(ctx, "key set not fetched: the keys that are known stay in use", "url", s.name(), "error", err)
		}
	}
	return s.keys.Load()
}

// name says whose keys they are, for the log.
func (s *keySet) name() string {
	if s.url == "" {
		return s.discover
	}
	return s.url
}

// keepFresh fetches at once and then every interval, spread by a tenth so that pods do not call in step.
func (s *keySet) keepFresh(ctx context.Context, interval time.Duration) {
	for {
		wait := interval
		if err := s.fetchInTurn(ctx); err != nil {
			wait = min(interval, retryFetch)
			if ctx.Err() == nil {
				s.log.WarnContext(ctx, "key set not fetched: the keys that are known stay in use", "url", s.url, "error", err)
			}
		}
		timer := time.NewTimer(wait - time.Duration(rand.Int64N(int64(wait)/10+1)))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}

func (s *keySet) fetchInTurn(ctx context.Context) error {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
		return s.fetch(ctx)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// fetch replaces the keys. The caller holds the turn. A caller that goes away in the middle leaves no trace, or others would
// wait for a fetch that nobody made.
func (s *keySet) fetch(ctx context.Context) error {
	err := s.get(ctx)
	if ctx.Err() == nil {
		s.last, s.failed = time.Now(), err != nil
	}
	return err
}

func (s *keySet) get(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	from := s.url
	if from == "" {
		var err error
		if from, err = s.discovered(ctx); err != nil {
			return err
		}
	}
	data, err := s.document(ctx, from, "application/jwk-set+json, application/json")
	if err != nil {
		return err
	}
	f, err := parseKeySet(ctx, data)
	if err != nil {
		return err
	}
	s.keys.Store(f)
	return nil
}

// discovered asks the issuer's OpenID configuration where the keys are (OpenID Connect Discovery 1.0, section 4).
func (s *keySet) discovered(ctx context.Context) (string, error) {
	data, err := s.document(ctx, strings.TrimSuffix(s.discover, "/")+"/.well-known/openid-configuration", "application/json")
	if err != nil {
		return "", fmt.Errorf("OpenID configuration: %w", err)
	}
	var found struct {
		Issuer  string `json:"issuer"`
		JWKSURI string `json:"jwks_uri"`
	}
	switch err := json.Unmarshal(data, &found); {
	case err != nil:
		return "", errors.New("the OpenID configuration is not JSON")
	case found.Issuer != s.discover:
		return "", errors.New("the OpenID configuration is another issuer's")
	}
	if err := checkURL(found.JWKSURI, s.plain); err != nil {
		return "", fmt.Errorf("the OpenID configuration's jwks_uri %w", err)
	}
	return found.JWKSURI, nil
}

// document fetches what is at the URL.
func (s *keySet) document(ctx context.Context, from, accept string) ([]byte, error) {
	if err := checkURL(from, s.plain); err != nil {
		return nil, fmt.Errorf("the URL %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", accept)
	resp, err := s.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the key server answered %d", resp.StatusCode)
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxKeySetBytes+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxKeySetBytes {
		return nil, fmt.Errorf("the key set is larger than %d bytes", maxKeySetBytes)
	}
	return data, nil
}

// parseKeySet takes the keys that can verify and passes over the others: issuers publish keys for encryption, and of kinds
// that are not accepted here. A set without any is an error, so that it replaces no good one.
func parseKeySet(ctx context.Context, data []byte) (*fetched, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(data, &set); err != nil {
		return nil, errors.New("the key set is not JSON")
	}
	storage := jwkset.NewMemoryStorage()
	some := false
	for _, raw := range set.Keys {
		jwk, err := jwkset.NewJWKFromRawJSON(raw, jwkset.JWKMarshalOptions{}, jwkset.JWKValidateOptions{})
		if err != nil || jwk.Marshal().USE == jwkset.UseEnc {
			continue
		}
		if err := storage.KeyWrite(ctx, jwk); err != nil {
			return nil, err
		}
		some = true
	}
	if !some {
		return nil, errors.New("the key set has no key that can verify a signature")
	}
	k, err := keyfunc.New(keyfunc.Options{Ctx: ctx, Storage: storage})
	if err != nil {
		return nil, err
	}
	return &fetched{keyfunc: k, storage: storage, at: time.Now()}, nil
}
