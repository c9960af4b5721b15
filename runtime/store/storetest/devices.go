package storetest

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/chatcluster/chatcluster/runtime/store"
)

func devices(t *testing.T, w *world) {
	ctx, ann := w.Context(), w.user("ann")
	if got, err := w.Devices(ctx, ann); err != nil || len(got) != 0 {
		t.Fatalf("Devices = %v, %v; want none", got, err)
	}
	registered := time.UnixMilli(1_700_000_000_123).UTC()
	phone := store.Device{ID: "phone", Platform: "ios", PushChannel: "APNS", PushToken: "token-1", RegisteredAt: registered}
	stored, err := w.PutDevice(ctx, ann, phone)
	w.must(err)
	w.same(phone, stored)

	again := store.Device{ID: "phone", Platform: "android", PushChannel: "GCM", PushToken: "token-2", RegisteredAt: registered.Add(time.Hour)}
	stored, err = w.PutDevice(ctx, ann, again)
	w.must(err)
	again.RegisteredAt = registered
	w.same(again, stored)

	browser := store.Device{ID: "browser", Platform: "web", RegisteredAt: registered}
	_, err = w.PutDevice(ctx, ann, browser)
	w.must(err)
	got, err := w.Devices(ctx, ann)
	w.must(err)
	w.same([]store.Device{browser, again}, got)
	if got, err := w.Devices(ctx, w.user("bob")); err != nil || len(got) != 0 {
		t.Errorf("bob has ann's devices: %v, %v", got, err)
	}
	for _, id := range []string{"", "a\x00b", strings.Repeat("x", store.MaxIDBytes+1)} {
		if _, err := w.PutDevice(ctx, ann, store.Device{ID: id}); !errors.Is(err, store.ErrInvalidID) {
			t.Errorf("device %q: %v, want ErrInvalidID", id, err)
		}
	}
}

// A connect that finds a new device must not undo what registers its push token at the same moment.
func registeredDevices(t *testing.T, w *world) {
	ctx, ann := w.Context(), w.user("ann")
	first := store.Device{ID: "phone", Platform: "ios", RegisteredAt: time.UnixMilli(5).UTC()}
	w.must(w.RegisterDevice(ctx, ann, first))
	got, err := w.Devices(ctx, ann)
	w.must(err)
	w.same([]store.Device{first}, got)

	phone := store.Device{ID: "phone", Platform: "ios", PushChannel: "APNS", PushToken: "token", RegisteredAt: time.UnixMilli(9).UTC()}
	_, err = w.PutDevice(ctx, ann, phone)
	w.must(err)
	w.must(w.RegisterDevice(ctx, ann, store.Device{ID: "phone", Platform: "web", RegisteredAt: time.UnixMilli(11).UTC()}))
	phone.RegisteredAt = first.RegisteredAt
	got, err = w.Devices(ctx, ann)
	w.must(err)
	w.same([]store.Device{phone}, got)
	if err := w.RegisterDevice(ctx, ann, store.Device{}); !errors.Is(err, store.ErrInvalidID) {
		t.Errorf("a device without an id: %v, want ErrInvalidID", err)
	}
}

// A token is forgotten only while it is the stored one: the phone may have come back with a fresh one meanwhile.
func pushTokens(t *testing.T, w *world) {
	ctx, ann := w.Context(), w.user("ann")
	phone := store.Device{ID: "phone", Platform: "ios", PushChannel: "APNS", PushToken: "fresh", RegisteredAt: time.UnixMilli(1).UTC()}
	_, err := w.PutDevice(ctx, ann, phone)
	w.must(err)
	w.must(w.RemovePushToken(ctx, ann, "phone", "stale"))
	w.must(w.RemovePushToken(ctx, ann, "phone", ""))
	w.must(w.RemovePushToken(ctx, ann, "none", "fresh"))
	got, err := w.Devices(ctx, ann)
	w.must(err)
	w.same([]store.Device{phone}, got)
	for range 2 {
		w.must(w.RemovePushToken(ctx, ann, "phone", "fresh"))
	}
	got, err = w.Devices(ctx, ann)
	w.must(err)
	phone.PushToken, phone.PushChannel = "", ""
	w.same([]store.Device{phone}, got)
	err = w.RemovePushToken(ctx, ann, strings.Repeat("x", store.MaxIDBytes+1), "secret-token")
	if err != nil && strings.Contains(err.Error(), "secret-token") {
		t.Error("an error shows the token")
	}
}
