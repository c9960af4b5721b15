package inbox_test

import (
	"context"
	"errors"
	"testing"

	"github.com/chatcluster/chatcluster/runtime/readmodel/inbox"
	"github.com/chatcluster/chatcluster/runtime/readmodel/readmodeltest"
	"github.com/chatcluster/chatcluster/runtime/store"
)

type settingsWorld struct {
	stored, dropped, published error
	calls                      []string
}

func (w *settingsWorld) SetPreferences(context.Context, store.User, store.Conv, store.PreferencesChange) (store.Preferences, error) {
	w.calls = append(w.calls, "store")
	return store.Preferences{Pinned: true}, w.stored
}

func (w *settingsWorld) DropList(context.Context, ...store.User) error {
	w.calls = append(w.calls, "drop")
	return w.dropped
}

func (w *settingsWorld) PublishMark(_ store.User, _ store.Conv, read uint64, done func(error)) {
	if read != 0 {
		w.calls = append(w.calls, "a mark is raised")
	}
	w.calls = append(w.calls, "publish")
	done(w.published)
}

func TestSettings(t *testing.T) {
	l := readmodeltest.NewLog(t, "acme", "c", store.Group)
	errBoom := errors.New("boom")
	for _, tc := range []struct {
		name   string
		world  settingsWorld
		want   error
		calls  []string
		reason string
	}{
		{"all is well", settingsWorld{}, nil, []string{"store", "drop"}, "the list is dropped after the store has it"},
		{"no membership", settingsWorld{stored: store.ErrNotFound}, store.ErrNotFound, []string{"store"}, "nothing has changed"},
		{"cache away", settingsWorld{dropped: errBoom}, nil, []string{"store", "drop", "publish"}, "the projector tells the cache when it is back"},
		{"cache and Kafka away", settingsWorld{dropped: errBoom, published: errBoom}, errBoom, []string{"store", "drop", "publish"}, "the client asks again"},
	} {
		yes := true
		_, err := inbox.NewSettings(&tc.world, &tc.world, &tc.world).SetPreferences(t.Context(), l.User("ann"), l.Conv, store.PreferencesChange{Pinned: &yes})
		if !errors.Is(err, tc.want) || len(tc.world.calls) != len(tc.calls) {
			t.Errorf("%s: %v after %v, want %v after %v: %s", tc.name, err, tc.world.calls, tc.want, tc.calls, tc.reason)
		}
	}
}
