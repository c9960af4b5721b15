package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/text/language"
)

// MaxDevices bounds a user's devices: each has a mark in every conversation.
const MaxDevices = 100

// ErrTooManyDevices says that a user has no room for one more.
var ErrTooManyDevices = fmt.Errorf("a user has at most %d devices", MaxDevices)

// CheckRoom returns ErrTooManyDevices unless the device is one of the user's or there is room for it. Who registers one asks first;
// of two that come at the same moment both may find room.
func CheckRoom(devices []Device, id string) error {
	if len(devices) < MaxDevices || slices.ContainsFunc(devices, func(d Device) bool { return d.ID == id }) {
		return nil
	}
	return ErrTooManyDevices
}

// Device is one of a user's devices.
type Device struct {
	ID string
	// Platform is ios, android, amazon, web or cli.
	Platform string
	// PushChannel is APNS, APNS_SANDBOX, GCM or ADM, empty for a device that takes no pushes.
	PushChannel string
	// PushToken is a secret: it never reaches a log or an error.
	PushToken    string
	RegisteredAt time.Time
	// Locale is the language that the device shows, as a BCP 47 tag; empty where it has said none.
	Locale      string
	Preferences DevicePreferences
	// Strikes is how often in a row the platform has refused the token. A device that registers again starts anew.
	Strikes int
}

// MaxLocaleBytes is as long as a tag may have to be (RFC 5646, section 4.4.1).
const MaxLocaleBytes = 35

// CheckLocale returns an error that wraps ErrInvalid unless the tag is empty or has the form of a BCP 47 tag. One whose parts are not
// known here, a new region's for example, has it too.
func CheckLocale(tag string) error {
	if tag == "" {
		return nil
	}
	var unknown language.ValueError
	if _, err := language.Parse(tag); len(tag) > MaxLocaleBytes || err != nil && !errors.As(err, &unknown) {
		return fmt.Errorf("%w: the locale is no BCP 47 tag of at most %d bytes", ErrInvalid, MaxLocaleBytes)
	}
	return nil
}

// DevicePreferences say which pushes a device wants.
type DevicePreferences struct {
	// Private pushes hold no content, sender or title.
	Private bool
	// QuietFrom and QuietTo are minutes of the day, in QuietZone (an IANA name), between which pushes wait; equal means never.
	QuietFrom, QuietTo int
	QuietZone          string
}

// minutesOfADay is where times of day end.
const minutesOfADay = 24 * 60

// Quiet says whether there are quiet hours.
func (p DevicePreferences) Quiet() bool { return p.QuietFrom != p.QuietTo }

// Check returns an error that wraps ErrInvalid unless the quiet hours are times of day in a known zone.
func (p DevicePreferences) Check() error {
	for _, m := range []int{p.QuietFrom, p.QuietTo} {
		if m < 0 || m >= minutesOfADay {
			return fmt.Errorf("%w: quiet hours at minute %d of the day", ErrInvalid, m)
		}
	}
	if len(p.QuietZone) > MaxIDBytes {
		return fmt.Errorf("%w: the time zone's name is longer than %d bytes", ErrInvalid, MaxIDBytes)
	}
	if !p.Quiet() {
		return nil
	}
	if _, err := time.LoadLocation(p.QuietZone); err != nil || p.QuietZone == "" || p.QuietZone == "Local" {
		return fmt.Errorf("%w: unknown time zone of the quiet hours", ErrInvalid)
	}
	return nil
}

// Devices keeps the device registry.
type Devices interface {
	// PutDevice writes the device with its preferences and without strikes; RegisteredAt (milliseconds) is kept from the first
	// time, and Locale where d has none. It returns the device as stored. ErrInvalidID when the device's id is not one, ErrInvalid
	// when its preferences or its locale are not.
	PutDevice(ctx context.Context, u User, d Device) (Device, error)
	// RegisterDevice makes the device known with its platform and RegisteredAt. What is stored of it already stays, but for the
	// locale where d has one: a push token that comes at the same moment is not lost. Errors as PutDevice's.
	RegisterDevice(ctx context.Context, u User, d Device) error
	// Devices returns all of the user's, strongly consistent, ordered by id.
	Devices(ctx context.Context, u User) ([]Device, error)
	// RemovePushToken forgets the token, and with it the channel, if it is still the stored one. It is no error when it is not.
	RemovePushToken(ctx context.Context, u User, device, token string) error
	// RemoveDevice forgets the device with all that is known of it, but for its marks. It is no error when there is none.
	RemoveDevice(ctx context.Context, u User, device string) error
	// StrikeToken counts one more refusal of the token, if it is still the stored one, and returns how many there are: 0 when
	// it is not. A call whose answer was lost may have counted.
	StrikeToken(ctx context.Context, u User, device, token string) (int, error)
	// ClearStrikes forgets the token's strikes, if it is still the stored one. It is no error when it is not.
	ClearStrikes(ctx context.Context, u User, device, token string) error
}
