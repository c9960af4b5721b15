package admin

import (
	"fmt"
	"net/http"
	"time"

	"github.com/chatcluster/chatcluster/runtime/httpapi"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// maxMute is the longest mute: what takes longer is a matter for the identity provider.
const maxMute = 30 * 24 * time.Hour

func ok(body any) (httpapi.Reply, error) {
	return httpapi.Reply{Status: http.StatusOK, Body: body}, nil
}

func nothing() (httpapi.Reply, error) { return httpapi.Reply{Status: http.StatusNoContent}, nil }

// getUsers searches users by the beginning of their ids.
func (c *call) getUsers() (httpapi.Reply, error) {
	prefix, err := c.text("prefix", store.MaxIDBytes)
	if err != nil {
		return httpapi.Reply{}, err
	}
	limit, err := c.pageSize()
	if err != nil {
		return httpapi.Reply{}, err
	}
	after, err := c.idCursor()
	if err != nil {
		return httpapi.Reply{}, err
	}
	found, err := c.a.o.Model.Users(c.Context(), c.tenant, prefix, after, limit+1)
	if err != nil {
		return httpapi.Reply{}, err
	}
	out := Users{Users: found}
	if len(found) > limit {
		out.Users, out.Next = found[:limit], cursorOf(found[limit-1])
	}
	return ok(out)
}

// getUser shows a user. One of whom nothing is known looks like one who has nothing: identity is the provider's.
func (c *call) getUser() (httpapi.Reply, error) {
	u, err := c.user()
	if err != nil {
		return httpapi.Reply{}, err
	}
	devices, err := c.a.o.Store.Devices(c.Context(), u)
	if err != nil {
		return httpapi.Reply{}, fmt.Errorf("read the devices: %w", err)
	}
	out := User{ID: u.ID(), Devices: make([]Device, len(devices))}
	for i, d := range devices {
		out.Devices[i] = Device{ID: d.ID, Platform: d.Platform, PushChannel: d.PushChannel, RegisteredAtMS: d.RegisteredAt.UnixMilli(), Locale: d.Locale}
	}
	if out.Conversations, out.Left, err = c.a.o.Model.CountPlaces(c.Context(), u); err != nil {
		return httpapi.Reply{}, err
	}
	if c.a.o.Mutes != nil {
		until, err := c.a.o.Mutes.MutedUntil(c.Context(), u)
		if err != nil {
			return httpapi.Reply{}, fmt.Errorf("read mutes: %w", err)
		}
		if !until.IsZero() {
			out.MutedUntilMS = until.UnixMilli()
		}
	}
	return ok(out)
}

// putMute has a user send nothing for a while.
func (c *call) putMute() (httpapi.Reply, error) {
	u, err := c.user()
	if err != nil {
		return httpapi.Reply{}, err
	}
	var body Mute
	if err := c.decode(&body); err != nil {
		return httpapi.Reply{}, err
	}
	if body.ForSeconds < 1 || body.ForSeconds > int64(maxMute/time.Second) {
		return httpapi.Reply{}, httpapi.Invalid("for_seconds is not between 1 and %d", int64(maxMute/time.Second))
	}
	if c.a.o.Mutes == nil {
		return httpapi.Reply{}, notHere("mutes")
	}
	until := c.a.now().Add(time.Duration(body.ForSeconds) * time.Second).Truncate(time.Second)
	c.note("for_seconds", fmt.Sprint(body.ForSeconds))
	if err := c.begin(); err != nil {
		return httpapi.Reply{}, err
	}
	if err := c.a.o.Mutes.Mute(c.Context(), u, until, c.by()); err != nil {
		return httpapi.Reply{}, fmt.Errorf("mute: %w", err)
	}
	return ok(Mute{ForSeconds: body.ForSeconds, UntilMS: until.UnixMilli()})
}

// deleteMute takes all mutes of a user back, processors' included.
func (c *call) deleteMute() (httpapi.Reply, error) {
	u, err := c.user()
	if err != nil {
		return httpapi.Reply{}, err
	}
	if c.a.o.Mutes == nil {
		return httpapi.Reply{}, notHere("mutes")
	}
	if err := c.begin(); err != nil {
		return httpapi.Reply{}, err
	}
	if err := c.a.o.Mutes.Unmute(c.Context(), u, c.by()); err != nil {
		return httpapi.Reply{}, fmt.Errorf("unmute: %w", err)
	}
	return nothing()
}
