package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"
	"unicode/utf8"
)

const (
	// MaxMute is the longest that a user may be muted at a time.
	MaxMute = 30 * 24 * time.Hour
	// MaxMuteByBytes bounds who mutes.
	MaxMuteByBytes = 128
)

// Mute has a user send nothing until a time, or, lifted, takes back what was said of the user before. Several add up: a user is muted
// until the latest Until of those that were said after the last lifting. So what is said again, in a replay, is lifted all the same.
type Mute struct {
	User User
	// At is when it was kept, in milliseconds: readers go by it.
	At time.Time
	// Said is when it was said, in milliseconds, not after At.
	Said time.Time
	// Until is when it ends, in seconds, at most MaxMute after Said. A lifting has none.
	Until time.Time
	// By is the processor or the moderator who says so.
	By string
	// Lifted takes mutes back.
	Lifted bool
}

// Mutes keeps who is muted.
type Mutes interface {
	// Mute keeps the mute until it is over, a lifting for MaxMute. Repeatable. ErrInvalid or ErrInvalidID when CheckMute refuses it.
	Mute(ctx context.Context, m Mute) error
	// Mutes returns, strongly consistent, all that were kept at since or later and are not over, ordered by At.
	Mutes(ctx context.Context, since time.Time) ([]Mute, error)
}

// CheckMute says what is wrong with a mute, if anything.
func CheckMute(m Mute) error {
	if _, err := NewUser(m.User.Tenant(), m.User.ID()); err != nil {
		return err
	}
	switch {
	case m.By == "" || len(m.By) > MaxMuteByBytes || !utf8.ValidString(m.By):
		return fmt.Errorf("%w: who mutes has 1 to %d bytes of UTF-8", ErrInvalid, MaxMuteByBytes)
	case m.Said.UnixMilli() <= 0 || m.Said.After(m.At):
		return fmt.Errorf("%w: a mute that is kept before it is said", ErrInvalid)
	case m.Lifted && !m.Until.IsZero():
		return fmt.Errorf("%w: a lifting that ends", ErrInvalid)
	case !m.Lifted && (!m.Until.After(m.Said) || m.Until.Sub(m.Said) > MaxMute):
		return fmt.Errorf("%w: a mute lasts up to %s", ErrInvalid, MaxMute)
	}
	return nil
}

// Forgotten is when nothing depends on the mute any more.
func (m Mute) Forgotten() time.Time {
	if m.Lifted {
		return m.Said.Add(MaxMute).Truncate(time.Second)
	}
	return m.Until
}

// MuteKey orders mutes by time and tells those of one moment apart.
func MuteKey(m Mute) string {
	sum := sha256.Sum256([]byte(string(m.User.Tenant()) + "\x00" + m.User.ID() + "\x00" + m.By + "\x00" + fmt.Sprint(m.Lifted)))
	return RevocationsFrom(m.At) + hex.EncodeToString(sum[:16])
}
