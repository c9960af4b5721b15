package main

import (
	"context"

	"github.com/chatcluster/chatcluster/runtime/readmodel/inbox"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// settled is a store whose preferences show in inboxes once they are set.
type settled struct {
	store.Store
	settings *inbox.Settings
}

// SetPreferences implements store.Memberships.
func (s settled) SetPreferences(ctx context.Context, u store.User, c store.Conv, ch store.PreferencesChange) (store.Preferences, error) {
	return s.settings.SetPreferences(ctx, u, c, ch)
}
