package issuer

import (
	"errors"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
)

// MaxTTL bounds a token's life: a token cannot be called back, only outlived.
const MaxTTL = 30 * 24 * time.Hour

// Claims is what a token says.
type Claims struct {
	// Issuer is the `iss` that the verifier knows, usually the URL at which Handler is served.
	Issuer string
	// Audience is the `aud` that the verifier expects.
	Audience string
	// User becomes `sub`: the user's id within the tenant for which the issuer speaks.
	User string
	// Scope becomes `scope`: words with a space between two, for administrators; empty: the token has none.
	Scope string
	// Nonce becomes "nonce", for ID tokens; empty: the token has none.
	Nonce string
	// TTL is how long the token lives, more than 0 and at most MaxTTL; whole seconds count.
	TTL time.Duration
}

// Mint signs a token that is valid from now on.
func Mint(k *Key, c Claims) (string, error) {
	var errs []error
	for _, f := range []struct{ name, value string }{{"issuer", c.Issuer}, {"audience", c.Audience}, {"user", c.User}} {
		if f.value == "" {
			errs = append(errs, fmt.Errorf("%s is empty", f.name))
		}
	}
	if c.TTL < time.Second || c.TTL > MaxTTL {
		errs = append(errs, fmt.Errorf("the time to live is %v, not between 1s and %v", c.TTL, MaxTTL))
	}
	if err := errors.Join(errs...); err != nil {
		return "", fmt.Errorf("mint a token: %w", err)
	}
	id, err := uuid.NewRandom()
	if err != nil {
		return "", fmt.Errorf("mint a token: %w", err)
	}
	now := time.Now()
	token := jwt.NewWithClaims(jwt.SigningMethodES256, struct {
		jwt.RegisteredClaims
		Scope string `json:"scope,omitempty"`
		Nonce string `json:"nonce,omitempty"`
	}{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer:    c.Issuer,
			Audience:  jwt.ClaimStrings{c.Audience},
			Subject:   c.User,
			ID:        id.String(),
			IssuedAt:  jwt.NewNumericDate(now),
			NotBefore: jwt.NewNumericDate(now),
			ExpiresAt: jwt.NewNumericDate(now.Add(c.TTL)),
		},
		Scope: c.Scope,
		Nonce: c.Nonce,
	})
	token.Header["kid"] = k.id
	signed, err := token.SignedString(k.private)
	if err != nil {
		return "", fmt.Errorf("mint a token: %w", err)
	}
	return signed, nil
}
