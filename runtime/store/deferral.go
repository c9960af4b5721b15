package store

import (
	"context"
	"errors"
	"time"

	"github.com/cespare/xxhash/v2"
)

// DeferralShards is how many shards the deferred pushes have.
const DeferralShards = 64

// Deferral is a push that a device is owed, and at a later time: it sleeps, or its user has had too many.
type Deferral struct {
	User   User
	Device string
	Conv   Conv
	// Due is when, in milliseconds.
	Due time.Time
	// Seq is the last message that it is about.
	Seq uint64
	// Reserved is true when it has its place under the user's rate limit.
	Reserved bool
	// Attempts is how often it was refused for reasons that may pass.
	Attempts int
}

// Check returns an error that wraps ErrInvalid or ErrInvalidID unless the deferral can be stored.
func (d Deferral) Check() error {
	err := CheckDevice(d.Device)
	if d.User.Tenant() != d.Conv.Tenant() || d.User.ID() == "" || d.Conv.ID() == "" {
		err = errors.Join(err, ErrInvalid)
	}
	if d.Due.UnixMilli() < 0 {
		err = errors.Join(err, ErrInvalid)
	}
	return err
}

// DeferralShard returns the shard of the user's deferred pushes.
func DeferralShard(u User) int {
	return int(xxhash.Sum64String(string(u.tenant)+"\x00"+u.id) % DeferralShards)
}

// Deferrals keeps the pushes that come later. One is named by its due time, user, device and conversation.
type Deferrals interface {
	// Defer files the deferral. One that is there already is raised to the higher seq and else stays as it is.
	Defer(ctx context.Context, d Deferral) error
	// Deferred returns those of a shard that are due by that time, the earliest first, at most limit, strongly consistent.
	Deferred(ctx context.Context, shard int, by time.Time, limit int) ([]Deferral, error)
	// RemoveDeferral removes the deferral unless it was raised above d.Seq meanwhile. It is no error when there is none.
	RemoveDeferral(ctx context.Context, d Deferral) error
}
