package auth

import "errors"

// Why a token is refused. Errors wrap exactly one of these.
var (
	// ErrMalformed is a token that cannot be read, or lacks a claim.
	ErrMalformed = errors.New("the token is malformed")
	// ErrUnknownIssuer is a token of an issuer, or for an audience, that no tenant has.
	ErrUnknownIssuer = errors.New("the token's issuer and audience belong to no tenant")
	// ErrBadSignature is a token that none of its issuer's keys signed, or with an algorithm that is not accepted.
	ErrBadSignature = errors.New("the token's signature is not valid")
	// ErrExpired is a token past its expiry.
	ErrExpired = errors.New("the token has expired")
	// ErrNotYetValid is a token before its time.
	ErrNotYetValid = errors.New("the token is not valid yet")
	// ErrKeysUnavailable says that the issuer's keys could not be fetched: the token may be good, try again.
	ErrKeysUnavailable = errors.New("the issuer's keys are not available")
	// ErrRevoked is a token that was taken back, or one of a user or device whose tokens were.
	ErrRevoked = errors.New("the token was revoked")
	// ErrRevocationsUnknown says that what is revoked could not be read lately: the token may be good, try again.
	ErrRevocationsUnknown = errors.New("the revocations are not known")
	// ErrSuspended is a good token of a tenant that is not served.
	ErrSuspended = errors.New("the tenant is suspended")
	// ErrTenantUnknown says that it could not be found out which tenant the token's issuer speaks for: try again.
	ErrTenantUnknown = errors.New("the token's tenant is not known")
)

// Retryable says whether the same token may be accepted later.
func Retryable(err error) bool {
	return errors.Is(err, ErrKeysUnavailable) || errors.Is(err, ErrNotYetValid) || errors.Is(err, ErrRevocationsUnknown) ||
		errors.Is(err, ErrTenantUnknown)
}
