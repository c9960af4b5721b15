package rest

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/chatcluster/chatcluster/runtime/protocol"
	"github.com/chatcluster/chatcluster/runtime/store"
)

const maxPushToken = 4096

// pushChannels are the channels through which a device can be reached.
var pushChannels = []string{"", "APNS", "APNS_SANDBOX", "GCM", "ADM"}

// putDevice registers a device with its push token. The answer never holds the token.
func (a *API) putDevice(c *call) (reply, error) {
	var body protocol.Device
	if err := c.decode(&body, maxBody); err != nil {
		return reply{}, err
	}
	id := c.PathValue("device")
	if err := store.CheckDevice(id); err != nil {
		return reply{}, invalid("%s", err.Error())
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
	}
	d, err := a.o.Store.PutDevice(c.Context(), c.User, store.Device{
		ID: id, Platform: body.Platform, PushChannel: body.PushChannel, PushToken: body.PushToken,
	})
	if err != nil {
		return reply{}, fmt.Errorf("write the device: %w", err)
	}
	return reply{status: http.StatusOK, body: protocol.Device{Platform: d.Platform, PushChannel: d.PushChannel}}, nil
}
