package rest

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

const maxPushToken = 4096

// pushChannels are the channels through which a device can be reached.
var pushChannels = []string{"", "APNS", "APNS_SANDBOX", "GCM", "ADM"}

func (a *API) getDevices(c *call) (reply, error) {
	devices, err := a.o.Store.Devices(c.Context(), c.User)
	if err != nil {
		return reply{}, fmt.Errorf("read the devices: %w", err)
	}
	out := protocol.Devices{Devices: make([]protocol.DeviceDetails, len(devices))}
	for i, d := range devices {
		out.Devices[i] = deviceDetails(d)
	}
	return reply{status: http.StatusOK, body: out}, nil
}

// putDevice registers a device with its push token, or changes it.
func (a *API) putDevice(c *call) (reply, error) {
	id, err := c.device()
	if err != nil {
		return reply{}, err
	}
	if err := c.own(id); err != nil {
		return reply{}, err
	}
	var body protocol.Device
	if err := c.decode(&body, maxBody); err != nil {
		return reply{}, err
	}
	switch {
	case !slices.Contains(protocol.Platforms, body.Platform):
		return reply{}, invalid("platform is none of ios, android, amazon, web, cli")
	case !slices.Contains(pushChannels, body.PushChannel):
		return reply{}, invalid("push_channel is none of APNS, APNS_SANDBOX, GCM, ADM")
	case (body.PushChannel == "") != (body.PushToken == ""):
		return reply{}, invalid("push_channel and push_token go together")
	case len(body.PushToken) > maxPushToken:
		return reply{}, invalid("push_token is too long")
	case store.CheckLocale(body.Locale) != nil:
		return reply{}, invalid("locale is no BCP 47 tag of at most %d bytes", store.MaxLocaleBytes)
	}
	d := store.Device{
		ID: id, Platform: body.Platform, PushChannel: body.PushChannel, PushToken: body.PushToken, RegisteredAt: time.Now(), Locale: body.Locale,
	}
	devices, err := a.o.Store.Devices(c.Context(), c.User)
	if err != nil {
		return reply{}, fmt.Errorf("read the devices: %w", err)
	}
	if err := store.CheckRoom(devices, id); err != nil {
		return reply{}, refuse(protocol.CodeTooManyDevices, err.Error())
	}
	if old := slices.IndexFunc(devices, func(d store.Device) bool { return d.ID == id }); old >= 0 {
		d.Preferences = devices[old].Preferences
	}
	if p := body.Preferences; p != nil {
		if d.Preferences, err = storedPreferences(*p); err != nil {
			return reply{}, err
		}
	}
	if d, err = a.o.Store.PutDevice(c.Context(), c.User, d); err != nil {
		return reply{}, fmt.Errorf("write the device: %w", err)
	}
	return reply{status: http.StatusOK, body: deviceDetails(d)}, nil
}

// own refuses what a device does for itself with the token of another.
func (c *call) own(device string) error {
	if c.Device != "" && c.Device != device {
		return refuse(protocol.CodeForbidden, "the token is another device's")
	}
	return nil
}

// device is the one that the path names.
func (c *call) device() (string, error) {
	id := c.PathValue("device")
	if err := store.CheckDevice(id); err != nil {
		return "", invalid("%v", err)
	}
	return id, nil
}

// deviceDetails shows a device to its user: without its push token.
func deviceDetails(d store.Device) protocol.DeviceDetails {
	return protocol.DeviceDetails{
		ID: d.ID, Platform: d.Platform, PushChannel: d.PushChannel, RegisteredAtMS: max(d.RegisteredAt.UnixMilli(), 0),
		Locale: d.Locale, Preferences: shownPreferences(d.Preferences),
	}
}

func shownPreferences(p store.DevicePreferences) protocol.DevicePreferences {
	out := protocol.DevicePreferences{Private: p.Private}
	if p.Quiet() {
		out.DoNotDisturb = &protocol.DoNotDisturb{From: timeOfDay(p.QuietFrom), To: timeOfDay(p.QuietTo), TimeZone: p.QuietZone}
	}
	return out
}

// storedPreferences checks preferences.
func storedPreferences(p protocol.DevicePreferences) (out store.DevicePreferences, err error) {
	out.Private = p.Private
	if q := p.DoNotDisturb; q != nil {
		var ok [2]bool
		out.QuietFrom, ok[0] = minuteOfDay(q.From)
		out.QuietTo, ok[1] = minuteOfDay(q.To)
		out.QuietZone = q.TimeZone
		switch {
		case !ok[0] || !ok[1]:
			return out, invalid("do_not_disturb: from and to are no times of day such as 22:00")
		case !out.Quiet():
			return out, invalid("do_not_disturb: from and to are the same")
		}
	}
	if err := out.Check(); errors.Is(err, store.ErrInvalid) {
		return out, invalid("do_not_disturb: time_zone is no IANA name")
	}
	return out, err
}

func timeOfDay(minute int) string {
	return fmt.Sprintf("%02d:%02d", minute/60, minute%60)
}

func minuteOfDay(s string) (int, bool) {
	if len(s) != 5 || s[2] != ':' {
		return 0, false
	}
	h, err := strconv.ParseUint(s[:2], 10, 8)
	m, err2 := strconv.ParseUint(s[3:], 10, 8)
	if err != nil || err2 != nil || h > 23 || m > 59 {
		return 0, false
	}
	return int(60*h + m), true
}
