package auth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/chatcluster/chatcluster/runtime/config"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// Limits and defaults.
const (
	// MaxTokenBytes bounds a token.
	MaxTokenBytes = 8 << 10
	// Skew is how far an issuer's clock may be from ours.
	Skew = 30 * time.Second
	// MaxTokenLife is how far ahead a token's expiry may be: revocations are kept for that long.
	MaxTokenLife = 31 * 24 * time.Hour
	// DefaultRefreshInterval is how old a key set gets before Run fetches it again.
	DefaultRefreshInterval = 10 * time.Minute
	// DefaultMinRefetch is the least time between two fetches of a key set for the sake of unknown keys.
	DefaultMinRefetch = 10 * time.Second
	// DefaultFetchTimeout bounds one fetch.
	DefaultFetchTimeout = 5 * time.Second
)

// algorithms are the accepted ones (RFC 7518, RFC 8037); none of them is symmetric.
var algorithms = []string{"RS256", "ES256", "EdDSA"}

// Principal is whom a token speaks for.
type Principal struct {
	User store.User
	// Expires is the token's expiry, without the skew.
	Expires time.Time
	// Issued is the token's `iat`, zero when it has none.
	Issued time.Time
	// TokenID is the token's `jti`, empty when it has none.
	TokenID string
	// Device is the one device that may use the token, by its claim `device`; empty when the token names none.
	Device string
	// Scope are the words of the token's `scope` (RFC 8693) that begin with ScopePrefix, with a space between two. They are for
	// administration alone: a user needs none to chat.
	Scope string
}

// ScopePrefix begins the scopes that are ours.
const ScopePrefix = "chat."

// Has says whether the token has the scope.
func (p Principal) Has(scope string) bool {
	for s := range strings.SplitSeq(p.Scope, " ") {
		if s == scope && s != "" {
			return true
		}
	}
	return false
}

// claims are what is read of a token.
type claims struct {
	jwt.RegisteredClaims
	Device string `json:"device"`
	Scope  scope  `json:"scope"`
}

// scope is a claim that issuers use in forms of their own: one that is no text is none, and no reason to refuse who wants to chat.
type scope string

// UnmarshalJSON implements json.Unmarshaler.
func (s *scope) UnmarshalJSON(data []byte) error {
	var claim any
	if err := json.Unmarshal(data, &claim); err != nil {
		return err
	}
	text, _ := claim.(string)
	ours := slices.DeleteFunc(strings.Fields(text), func(word string) bool { return !strings.HasPrefix(word, ScopePrefix) })
	*s = scope(strings.Join(ours, " "))
	return nil
}

// Options of a Verifier; zero values mean the defaults.
type Options struct {
	// Transport carries the fetches of key sets; nil means http.DefaultTransport.
	Transport       http.RoundTripper
	RefreshInterval time.Duration
	MinRefetch      time.Duration
	FetchTimeout    time.Duration
	// Tenants are those that the configuration does not name; nil: there are none.
	Tenants Tenants
	// TenantTransport carries the fetches of their key sets; nil means PublicTransport.
	TenantTransport http.RoundTripper
	// TenantHTTP has their key sets fetched over plain HTTP, too.
	TenantHTTP bool
	// Log takes failed fetches; nil discards them.
	Log *slog.Logger
}

// Verifier verifies tokens. Make it with New.
type Verifier struct {
	trusted map[claimant]trust
	sets    []*keySet
	refresh time.Duration
	parser  *jwt.Parser

	// own are the tenants that the configuration names.
	own     map[store.Tenant]bool
	tenants Tenants
	pool    *keyPool
}

// claimant is what a token says of its origin.
type claimant struct{ issuer, audience string }

// trust is what an origin is trusted with.
type trust struct {
	tenant store.Tenant
	keys   *keySet
	// closed says that the tenant is not served.
	closed bool
}

// New returns a verifier for the issuers. It fetches nothing yet. The same issuer and audience for two tenants is an error.
func New(issuers []config.Issuer, o Options) (*Verifier, error) {
	o = o.withDefaults()
	v := &Verifier{
		trusted: map[claimant]trust{}, own: map[store.Tenant]bool{}, tenants: o.Tenants, pool: newKeyPool(o),
		refresh: o.RefreshInterval,
		parser: jwt.NewParser(jwt.WithValidMethods(algorithms), jwt.WithExpirationRequired(), jwt.WithLeeway(Skew),
			jwt.WithStrictDecoding()),
	}
	byURL := map[string]*keySet{}
	for _, is := range issuers {
		c := claimant{is.Issuer, is.Audience}
		if old, taken := v.trusted[c]; taken {
			return nil, fmt.Errorf("auth: tenants %q and %q share the issuer %q and the audience %q", old.tenant, is.Tenant, is.Issuer, is.Audience)
		}
		if _, err := store.NewUser(store.Tenant(is.Tenant), "x"); err != nil {
			return nil, fmt.Errorf("auth: issuer %q: %w", is.Issuer, err)
		}
		keys := byURL[is.JWKSURL]
		if keys == nil {
			var err error
			if keys, err = newKeySet(is.JWKSURL, o); err != nil {
				return nil, fmt.Errorf("auth: issuer %q: %w", is.Issuer, err)
			}
			byURL[is.JWKSURL] = keys
			v.sets = append(v.sets, keys)
		}
		v.trusted[c] = trust{tenant: store.Tenant(is.Tenant), keys: keys}
		v.own[store.Tenant(is.Tenant)] = true
	}
	return v, nil
}

func (o Options) withDefaults() Options {
	if o.Transport == nil {
		o.Transport = http.DefaultTransport
	}
	if o.TenantTransport == nil {
		o.TenantTransport = PublicTransport()
	}
	if o.RefreshInterval <= 0 {
		o.RefreshInterval = DefaultRefreshInterval
	}
	if o.MinRefetch <= 0 {
		o.MinRefetch = DefaultMinRefetch
	}
	if o.FetchTimeout <= 0 {
		o.FetchTimeout = DefaultFetchTimeout
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// Run fetches the configuration's key sets now and keeps them fresh until ctx ends, then returns nil. A failed fetch is logged and tried
// again, sooner than a good one.
func (v *Verifier) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	for _, s := range v.sets {
		wg.Go(func() { s.keepFresh(ctx, v.refresh) })
	}
	wg.Wait()
	return nil
}

// Verify returns whom the token speaks for. Errors wrap one of the package's errors. It waits at most for one fetch of the
// issuer's keys, and no longer than ctx.
func (v *Verifier) Verify(ctx context.Context, token string) (Principal, error) {
	if len(token) > MaxTokenBytes {
		return Principal{}, fmt.Errorf("%w: it is longer than %d bytes", ErrMalformed, MaxTokenBytes)
	}
	var (
		c      claims
		origin trust
		reason error
	)
	parsed, err := v.parser.ParseWithClaims(token, &c, func(t *jwt.Token) (any, error) {
		if origin, reason = v.origin(ctx, c.RegisteredClaims); reason != nil {
			return nil, reason
		}
		var key any
		key, reason = origin.keys.key(ctx, t)
		return key, reason
	})
	if reason != nil {
		return Principal{}, reason
	}
	if err != nil || !parsed.Valid {
		return Principal{}, refusal(err)
	}
	if origin.closed {
		return Principal{}, ErrSuspended
	}
	user, err := store.NewUser(origin.tenant, c.Subject)
	switch {
	case err != nil:
		return Principal{}, fmt.Errorf("%w: its subject cannot name a user", ErrMalformed)
	case c.Device != "" && store.CheckDevice(c.Device) != nil:
		return Principal{}, fmt.Errorf("%w: its device cannot name one", ErrMalformed)
	case len(c.ID) > store.MaxTokenIDBytes:
		return Principal{}, fmt.Errorf("%w: its id is too long", ErrMalformed)
	case time.Until(c.ExpiresAt.Time) > MaxTokenLife+Skew:
		return Principal{}, fmt.Errorf("%w: it would outlive its revocation", ErrMalformed)
	}
	p := Principal{User: user, Expires: c.ExpiresAt.Time, TokenID: c.ID, Device: c.Device, Scope: string(c.Scope)}
	if c.IssuedAt != nil {
		p.Issued = c.IssuedAt.Time
	}
	return p, nil
}

// origin finds the tenant for which the token's issuer speaks. A token for audiences of two tenants could be replayed from
// one to the other, so it is of neither.
func (v *Verifier) origin(ctx context.Context, c jwt.RegisteredClaims) (trust, error) {
	var found trust
	if v.tenants != nil && len(c.Audience) > maxAudiences {
		return trust{}, fmt.Errorf("%w: it is for more than %d audiences", ErrMalformed, maxAudiences)
	}
	for _, audience := range c.Audience {
		t, err := v.trust(ctx, claimant{c.Issuer, audience})
		if errors.Is(err, ErrUnknownIssuer) {
			continue
		}
		if err != nil {
			return trust{}, err
		}
		if found.keys != nil && found.tenant != t.tenant {
			return trust{}, fmt.Errorf("%w: it is for two tenants", ErrUnknownIssuer)
		}
		found = t
	}
	if found.keys == nil {
		return trust{}, ErrUnknownIssuer
	}
	return found, nil
}

// refusal says why the library refused a token, in our words: its own may quote the token.
func refusal(err error) error {
	switch {
	// The signature comes first: of a token that nobody signed, no claim means anything.
	case errors.Is(err, jwt.ErrTokenSignatureInvalid), errors.Is(err, jwt.ErrTokenUnverifiable):
		return ErrBadSignature
	case errors.Is(err, jwt.ErrTokenExpired):
		return ErrExpired
	case errors.Is(err, jwt.ErrTokenNotValidYet), errors.Is(err, jwt.ErrTokenUsedBeforeIssued):
		return ErrNotYetValid
	case errors.Is(err, jwt.ErrTokenRequiredClaimMissing):
		return fmt.Errorf("%w: it has no expiry", ErrMalformed)
	default:
		return ErrMalformed
	}
}
