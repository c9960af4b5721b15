package inbox

import (
	"context"
	"fmt"

	"github.com/chatcluster/chatcluster/runtime/store"
)

// Preferences is where they are kept: the store.
type Preferences interface {
	SetPreferences(ctx context.Context, u store.User, c store.Conv, ch store.PreferencesChange) (store.Preferences, error)
}

// Lists forgets cached lists.
type Lists interface {
	DropList(ctx context.Context, users ...store.User) error
}

// Marks publishes read marks.
type Marks interface {
	PublishMark(u store.User, c store.Conv, read uint64, done func(error))
}

// Settings changes what users want of their conversations, and sees to it that inboxes show it.
type Settings struct {
	store Preferences
	lists Lists
	marks Marks
}

// NewSettings returns settings that are kept in the store, and shown once the cached list is dropped.
func NewSettings(s Preferences, l Lists, m Marks) *Settings {
	return &Settings{store: s, lists: l, marks: m}
}

// SetPreferences changes the user's preferences and returns them as they are then. Repeatable: after an error that is not
// store.ErrNotFound they may be set already, and a list that is cached may not show them. Where the cache cannot be told now the projector is
// asked to tell it, which it does when the cache is back.
func (s *Settings) SetPreferences(ctx context.Context, u store.User, c store.Conv, ch store.PreferencesChange) (store.Preferences, error) {
	p, err := s.store.SetPreferences(ctx, u, c, ch)
	if err != nil {
		return p, fmt.Errorf("set preferences: %w", err)
	}
	dropped := s.lists.DropList(ctx, u)
	if dropped == nil {
		return p, nil
	}
	// A mark of nothing: it changes no mark, and the list of its user is dropped.
	told := make(chan error, 1)
	s.marks.PublishMark(u, c, 0, func(err error) { told <- err })
	select {
	case err = <-told:
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil {
		return p, fmt.Errorf("set preferences: no inbox is told: %w", err)
	}
	return p, nil
}
