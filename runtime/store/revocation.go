package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"time"
)

// MaxTokenIDBytes bounds a token's id.
const MaxTokenIDBytes = 256

// Revocation takes tokens of a user back: with TokenID that one, with Device those that the device uses, else all. Tokens that were
// issued after At are not concerned, but for the one that TokenID names.
type Revocation struct {
	User    User
	Device  string
	TokenID string
	// At is when it was said, in milliseconds.
	At time.Time
	// Until is when the last token that it concerns has expired, in seconds: it may be forgotten then.
	Until time.Time
}

// Revocations keeps what is revoked.
type Revocations interface {
	// Revoke keeps the revocation until its Until. Repeatable. ErrInvalid or ErrInvalidID when CheckRevocation refuses it.
	Revoke(ctx context.Context, r Revocation) error
	// Revocations returns, strongly consistent, all that were said at since or later and are not over, ordered by At.
	Revocations(ctx context.Context, since time.Time) ([]Revocation, error)
}

// CheckRevocation says what is wrong with a revocation, if anything.
func CheckRevocation(r Revocation) error {
	if _, err := NewUser(r.User.Tenant(), r.User.ID()); err != nil {
		return err
	}
	if r.Device != "" {
		if err := CheckDevice(r.Device); err != nil {
			return err
		}
	}
	switch {
	case r.Device != "" && r.TokenID != "":
		return fmt.Errorf("%w: a revocation of both a device and a token", ErrInvalid)
	case len(r.TokenID) > MaxTokenIDBytes:
		return fmt.Errorf("%w: the token's id is too long", ErrInvalid)
	case r.At.UnixMilli() <= 0 || !r.Until.After(r.At):
		return fmt.Errorf("%w: a revocation that ends before it begins", ErrInvalid)
	}
	return nil
}

// RevocationKey orders revocations by time and tells those of one moment apart. The ids go in hashed: three of them would not fit
// into a key when every byte is escaped.
func RevocationKey(r Revocation) string {
	sum := sha256.Sum256([]byte(string(r.User.Tenant()) + "\x00" + r.User.ID() + "\x00" + r.Device + "\x00" + r.TokenID))
	return RevocationsFrom(r.At) + hex.EncodeToString(sum[:16])
}

// RevocationsFrom is lower than every key of at or later and greater than every earlier one.
func RevocationsFrom(at time.Time) string {
	ms := strconv.FormatInt(max(at.UnixMilli(), 0), 10)
	return "0000000000000"[:max(13-len(ms), 0)] + ms + "#"
}
