package storetest

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chatcluster/chatcluster/runtime/store"
)

// revocations asks for what was said since a time: a poller asks for the newest, one that starts for a month of them.
func revocations(t *testing.T, w *world) {
	now := time.Now().UTC().Truncate(time.Second)
	ann := w.user("ann")
	odd := w.user(strings.Repeat("#", store.MaxIDBytes))
	at := func(ago time.Duration) time.Time { return now.Add(-ago) }
	all := []store.Revocation{
		{User: ann, At: at(30 * 24 * time.Hour), Until: now.Add(time.Hour)},
		{User: ann, Device: "phone", At: at(25 * time.Hour), Until: now.Add(time.Hour)},
		{User: odd, Device: strings.Repeat("#", store.MaxIDBytes), At: at(2 * time.Hour), Until: now.Add(time.Hour)},
		{User: ann, TokenID: strings.Repeat("j", store.MaxTokenIDBytes), At: at(time.Minute), Until: now.Add(time.Hour)},
		{User: ann, At: at(time.Second).Add(7 * time.Millisecond), Until: now.Add(31 * 24 * time.Hour)},
	}
	over := store.Revocation{User: ann, At: at(3 * time.Hour), Until: at(time.Hour)}
	for _, r := range append(slices.Clone(all), over, all[3]) { // said twice, it is one
		w.must(w.Revoke(w.Context(), r))
	}
	mine := func(since time.Time) []store.Revocation {
		t.Helper()
		found, err := w.Revocations(w.Context(), since)
		w.must(err)
		return slices.DeleteFunc(found, func(r store.Revocation) bool { return r.User.Tenant() != w.tenant })
	}
	w.same(all, mine(at(31*24*time.Hour)))
	w.same(all[2:], mine(all[2].At))
	w.same(all[3:], mine(all[2].At.Add(time.Millisecond)))
	w.same(all[4:], mine(at(30*time.Second)))
	w.same(0, len(mine(now)))
}

func revocationsInvalid(t *testing.T, w *world) {
	now := time.Now()
	cases := map[string]struct {
		reason string
		r      store.Revocation
		err    error
	}{
		"Nobody": {"a revocation has a tenant and a user", store.Revocation{At: now, Until: now.Add(time.Hour)}, store.ErrInvalidID},
		"Device": {"ids are checked", store.Revocation{User: w.user("ann"), Device: "a\x00", At: now, Until: now.Add(time.Hour)}, store.ErrInvalidID},
		"Both": {
			"it is of a device or of a token", store.Revocation{User: w.user("ann"), Device: "d", TokenID: "j", At: now, Until: now.Add(time.Hour)},
			store.ErrInvalid,
		},
		"Long": {"ids are bounded", store.Revocation{User: w.user("ann"), TokenID: strings.Repeat("j", 257), At: now, Until: now.Add(time.Hour)}, store.ErrInvalid},
		"Over": {"it would hold for nobody", store.Revocation{User: w.user("ann"), At: now, Until: now}, store.ErrInvalid},
		"Ever": {"keys are ordered by its time", store.Revocation{User: w.user("ann"), Until: now}, store.ErrInvalid},
	}
	for name, tc := range cases {
		if err := w.Revoke(w.Context(), tc.r); !errors.Is(err, tc.err) {
			t.Errorf("%s: %s: %v, want %v", name, tc.reason, err, tc.err)
		}
	}
}
