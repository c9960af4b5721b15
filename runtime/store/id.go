package store

import (
	"errors"
	"fmt"
	"unicode/utf8"
)

// MaxIDBytes bounds every id: three of them and their separators stay far below DynamoDB's 2,048 bytes for a partition
// key and 1,024 for a sort key even when each byte is escaped.
const MaxIDBytes = 128

// ErrInvalidID is wrapped by every error about an id's form.
var ErrInvalidID = errors.New("invalid id")

// Tenant is whose data it is.
type Tenant string

// Conv names a conversation of a tenant. Make it with NewConv.
type Conv struct {
	tenant Tenant
	id     string
}

// User names a user of a tenant. Make it with NewUser.
type User struct {
	tenant Tenant
	id     string
}

// NewConv returns the conversation id of tenant, or an error that wraps ErrInvalidID.
func NewConv(tenant Tenant, id string) (Conv, error) {
	if err := errors.Join(checkID("tenant", string(tenant)), checkID("conversation", id)); err != nil {
		return Conv{}, err
	}
	return Conv{tenant: tenant, id: id}, nil
}

// NewUser returns the user id of tenant, or an error that wraps ErrInvalidID.
func NewUser(tenant Tenant, id string) (User, error) {
	if err := errors.Join(checkID("tenant", string(tenant)), checkID("user", id)); err != nil {
		return User{}, err
	}
	return User{tenant: tenant, id: id}, nil
}

// CheckDevice returns an error that wraps ErrInvalidID when id cannot name a device.
func CheckDevice(id string) error { return checkID("device", id) }

// Tenant returns the conversation's tenant.
func (c Conv) Tenant() Tenant { return c.tenant }

// ID returns the conversation's id within its tenant.
func (c Conv) ID() string { return c.id }

// String is for logs: ids are not secret.
func (c Conv) String() string { return string(c.tenant) + "/" + c.id }

// Tenant returns the user's tenant.
func (u User) Tenant() Tenant { return u.tenant }

// ID returns the user's id within its tenant.
func (u User) ID() string { return u.id }

// String is for logs: ids are not secret.
func (u User) String() string { return string(u.tenant) + "/" + u.id }

// checkID accepts 1 to MaxIDBytes bytes of printable UTF-8. Separators are allowed: implementations encode.
func checkID(what, id string) error {
	switch {
	case id == "":
		return fmt.Errorf("%w: %s is empty", ErrInvalidID, what)
	case len(id) > MaxIDBytes:
		return fmt.Errorf("%w: %s is longer than %d bytes", ErrInvalidID, what, MaxIDBytes)
	case !utf8.ValidString(id):
		return fmt.Errorf("%w: %s is not UTF-8", ErrInvalidID, what)
	}
	for _, r := range id {
		if r < 0x20 || r == 0x7f {
			return fmt.Errorf("%w: %s has a control character", ErrInvalidID, what)
		}
	}
	return nil
}
