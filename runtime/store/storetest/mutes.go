package storetest

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chatcluster/chatcluster/runtime/store"
)

// mutes asks for what was kept since a time: a poller asks for the newest, one that starts for a month of them.
func mutes(t *testing.T, w *world) {
	now := time.Now().UTC().Truncate(time.Second)
	ann := w.user("ann")
	odd := w.user(strings.Repeat("#", store.MaxIDBytes))
	at := func(ago time.Duration) time.Time { return now.Add(-ago) }
	all := []store.Mute{
		{User: ann, At: at(29 * 24 * time.Hour), Said: at(29 * 24 * time.Hour), Until: now.Add(time.Hour), By: "spam"},
		{User: ann, At: at(25 * time.Hour), Said: at(25 * time.Hour), By: "moderator", Lifted: true},
		{User: odd, At: at(2 * time.Hour), Said: at(20 * 24 * time.Hour), Until: now.Add(24 * time.Hour), By: strings.Repeat("#", store.MaxMuteByBytes)},
		{User: ann, At: at(time.Minute).Add(3 * time.Millisecond), Said: at(time.Hour).Add(7 * time.Millisecond), Until: now.Add(time.Minute), By: "spam"},
		{User: ann, At: at(time.Minute).Add(3 * time.Millisecond), Said: at(time.Hour), Until: now.Add(time.Minute), By: "fraud"},
	}
	over := store.Mute{User: ann, At: at(3 * time.Hour), Said: at(3 * time.Hour), Until: at(time.Hour), By: "spam"}
	for _, m := range append(slices.Clone(all), over, all[3]) { // kept twice, it is one
		w.must(w.Mute(w.Context(), m))
	}
	mine := func(since time.Time) []store.Mute {
		t.Helper()
		found, err := w.Mutes(w.Context(), since)
		w.must(err)
		found = slices.DeleteFunc(found, func(m store.Mute) bool { return m.User.Tenant() != w.tenant })
		// Two of one moment come in either order.
		slices.SortStableFunc(found, func(a, b store.Mute) int {
			if c := a.At.Compare(b.At); c != 0 {
				return c
			}
			return strings.Compare(b.By, a.By)
		})
		return found
	}
	w.same(all, mine(at(30*24*time.Hour)))
	w.same(all[2:], mine(all[2].At))
	w.same(all[3:], mine(all[2].At.Add(time.Millisecond)))
	w.same(0, len(mine(now)))
}

func mutesInvalid(t *testing.T, w *world) {
	now := time.Now()
	good := store.Mute{User: w.user("ann"), At: now, Said: now, Until: now.Add(time.Hour), By: "spam"}
	cases := map[string]struct {
		reason string
		change func(*store.Mute)
		err    error
	}{
		"Nobody": {"a mute has a tenant and a user", func(m *store.Mute) { m.User = store.User{} }, store.ErrInvalidID},
		"By":     {"somebody says so", func(m *store.Mute) { m.By = "" }, store.ErrInvalid},
		"Over":   {"it would hold for nobody", func(m *store.Mute) { m.Until = now }, store.ErrInvalid},
		"Ever":   {"who starts reads a month", func(m *store.Mute) { m.Until = now.Add(store.MaxMute + time.Second) }, store.ErrInvalid},
		"Future": {"it is said before it is kept", func(m *store.Mute) { m.Said = now.Add(time.Second) }, store.ErrInvalid},
		"Lifted": {"a lifting has no end", func(m *store.Mute) { m.Lifted = true }, store.ErrInvalid},
	}
	for name, tc := range cases {
		m := good
		tc.change(&m)
		if err := w.Mute(w.Context(), m); !errors.Is(err, tc.err) {
			t.Errorf("%s: %s: %v, want %v", name, tc.reason, err, tc.err)
		}
	}
}
