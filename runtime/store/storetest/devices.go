package storetest

import (
	"errors"
	"strings"
	"sync"
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

// A device says its language when it registers and when it connects, each as it is then.
func deviceLocales(t *testing.T, w *world) {
	ctx, ann := w.Context(), w.user("ann")
	phone := store.Device{ID: "phone", Platform: "ios", RegisteredAt: time.UnixMilli(5).UTC()}
	put := func(locale string) {
		t.Helper()
		d := phone
		d.Locale = locale
		_, err := w.PutDevice(ctx, ann, d)
		w.must(err)
	}
	register := func(locale string) {
		t.Helper()
		d := phone
		d.Locale = locale
		w.must(w.RegisterDevice(ctx, ann, d))
	}
	for _, tc := range []struct {
		reason string
		change func()
		want   string
	}{
		{"none is said", func() { register("") }, ""},
		{"a connect says one", func() { register("de") }, "de"},
		{"the next one another", func() { register("pt-BR") }, "pt-BR"},
		{"what is not said stays", func() { register("") }, "pt-BR"},
		{"nor does a new push token change it", func() { put("") }, "pt-BR"},
		{"it is registered with another", func() { put("zh-Hans-CN") }, "zh-Hans-CN"},
		{"a region that is not known yet", func() { put("en-XQ") }, "en-XQ"},
	} {
		tc.change()
		got, err := w.Devices(ctx, ann)
		w.must(err)
		if len(got) != 1 || got[0].Locale != tc.want {
			t.Errorf("%s: %+v, want locale %q", tc.reason, got, tc.want)
		}
	}
	for _, bad := range []string{"e", "-", "en_", "deutsch deutschland", "en\u00e9", strings.Repeat("en-", 20) + "en"} {
		d := phone
		d.Locale = bad
		if _, err := w.PutDevice(ctx, ann, d); !errors.Is(err, store.ErrInvalid) {
			t.Errorf("PutDevice with locale %q: %v, want ErrInvalid", bad, err)
		}
		if err := w.RegisterDevice(ctx, ann, d); !errors.Is(err, store.ErrInvalid) {
			t.Errorf("RegisterDevice with locale %q: %v, want ErrInvalid", bad, err)
		}
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

func devicePreferences(t *testing.T, w *world) {
	ctx, ann := w.Context(), w.user("ann")
	phone := store.Device{ID: "phone", Platform: "ios", PushChannel: "APNS", PushToken: "token", RegisteredAt: time.UnixMilli(1).UTC()}
	for _, p := range []store.DevicePreferences{
		{Private: true, QuietFrom: 22 * 60, QuietTo: 7 * 60, QuietZone: "Europe/Berlin"},
		{QuietFrom: 0, QuietTo: 24*60 - 1, QuietZone: "UTC"},
		{},
	} {
		phone.Preferences = p
		stored, err := w.PutDevice(ctx, ann, phone)
		w.must(err)
		w.same(phone, stored)
		// What connects or loses its token keeps its preferences.
		w.must(w.RegisterDevice(ctx, ann, store.Device{ID: "phone", Platform: "ios", RegisteredAt: time.UnixMilli(2).UTC()}))
		w.must(w.RemovePushToken(ctx, ann, "phone", "token"))
		got, err := w.Devices(ctx, ann)
		w.must(err)
		w.same(p, got[0].Preferences)
	}
	for name, p := range map[string]store.DevicePreferences{
		"before the day":  {QuietFrom: -1, QuietTo: 5, QuietZone: "UTC"},
		"after the day":   {QuietFrom: 5, QuietTo: 24 * 60, QuietZone: "UTC"},
		"no zone":         {QuietFrom: 5, QuietTo: 6},
		"an unknown zone": {QuietFrom: 5, QuietTo: 6, QuietZone: "Middle/Earth"},
		"the pod's zone":  {QuietFrom: 5, QuietTo: 6, QuietZone: "Local"},
		"a long name":     {QuietZone: strings.Repeat("x", store.MaxIDBytes+1)},
	} {
		phone.Preferences = p
		if _, err := w.PutDevice(ctx, ann, phone); !errors.Is(err, store.ErrInvalid) {
			t.Errorf("quiet hours of %s: %v, want ErrInvalid", name, err)
		}
	}
}

func removedDevices(t *testing.T, w *world) {
	ctx, ann := w.Context(), w.user("ann")
	phone := store.Device{
		ID: "phone", Platform: "ios", PushChannel: "APNS", PushToken: "token", RegisteredAt: time.UnixMilli(1).UTC(),
		Preferences: store.DevicePreferences{Private: true},
	}
	browser := store.Device{ID: "browser", Platform: "web", RegisteredAt: time.UnixMilli(1).UTC()}
	for _, d := range []store.Device{phone, browser} {
		_, err := w.PutDevice(ctx, ann, d)
		w.must(err)
	}
	w.must(w.RemoveDevice(ctx, w.user("bob"), "phone"))
	for range 2 {
		w.must(w.RemoveDevice(ctx, ann, "phone"))
		got, err := w.Devices(ctx, ann)
		w.must(err)
		w.same([]store.Device{browser}, got)
	}
	// It comes back as a new one.
	again := store.Device{ID: "phone", Platform: "ios", RegisteredAt: time.UnixMilli(9).UTC()}
	w.must(w.RegisterDevice(ctx, ann, again))
	got, err := w.Devices(ctx, ann)
	w.must(err)
	w.same([]store.Device{browser, again}, got)
	if err := w.RemoveDevice(ctx, ann, ""); !errors.Is(err, store.ErrInvalidID) {
		t.Errorf("a device without an id: %v, want ErrInvalidID", err)
	}
}

func strikes(t *testing.T, w *world) {
	ctx, ann := w.Context(), w.user("ann")
	phone := store.Device{ID: "phone", Platform: "ios", PushChannel: "APNS", PushToken: "token", RegisteredAt: time.UnixMilli(1).UTC()}
	put := func() {
		t.Helper()
		_, err := w.PutDevice(ctx, ann, phone)
		w.must(err)
	}
	strike := func(token string, want int) {
		t.Helper()
		n, err := w.StrikeToken(ctx, ann, "phone", token)
		w.must(err)
		if n != want {
			t.Errorf("%d strikes, want %d", n, want)
		}
		got, err := w.Devices(ctx, ann)
		w.must(err)
		if len(got) > 0 && want > 0 && got[0].Strikes != want {
			t.Errorf("%d strikes are stored, want %d", got[0].Strikes, want)
		}
	}
	strike("token", 0) // of nobody, which makes no device
	got, err := w.Devices(ctx, ann)
	w.must(err)
	w.same([]store.Device(nil), got)

	put()
	strike("token", 1)
	strike("token", 2)
	strike("stale", 0)
	strike("", 0)
	strike("token", 3)
	w.must(w.ClearStrikes(ctx, ann, "phone", "stale"))
	strike("token", 4)
	w.must(w.RegisterDevice(ctx, ann, store.Device{ID: "phone", Platform: "ios", RegisteredAt: time.UnixMilli(2).UTC()}))
	strike("token", 5) // to connect says nothing about the token
	for range 2 {
		w.must(w.ClearStrikes(ctx, ann, "phone", "token"))
	}
	w.must(w.ClearStrikes(ctx, ann, "none", "token"))
	strike("token", 1)
	put() // to register does: the app has just got it from its platform
	strike("token", 1)
	if _, err := w.StrikeToken(ctx, ann, "", "token"); !errors.Is(err, store.ErrInvalidID) {
		t.Errorf("a device without an id: %v, want ErrInvalidID", err)
	}
}

func strikesConcurrent(t *testing.T, w *world) {
	ctx, ann := w.Context(), w.user("ann")
	_, err := w.PutDevice(ctx, ann, store.Device{ID: "phone", Platform: "ios", PushChannel: "APNS", PushToken: "token", RegisteredAt: time.UnixMilli(1).UTC()})
	w.must(err)
	const n = 16
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			if _, err := w.StrikeToken(ctx, ann, "phone", "token"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	got, err := w.Devices(ctx, ann)
	w.must(err)
	if got[0].Strikes != n {
		t.Errorf("%d strikes, want %d", got[0].Strikes, n)
	}
}
