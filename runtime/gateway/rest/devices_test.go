package rest_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/chatcluster/chatcluster/runtime/gateway/gatewaytest"
)

func TestADevicesPushTokenIsKeptAndNotShown(t *testing.T) {
	w := gatewaytest.New(t)
	g := w.Gateway("g1", nil)
	const secret = "token-of-the-phone"
	a := call(t, g.URL, ask{
		method: http.MethodPut, path: "/v1/devices/phone", token: "alice", body: `{"platform":"ios","push_channel":"APNS","push_token":"` + secret + `"}`,
	})
	if a.StatusCode != http.StatusOK || strings.Contains(a.body, secret) {
		t.Errorf("status %d, body %s", a.StatusCode, a.body)
	}
	// Connecting changes nothing of it.
	w.Hello(g.URL, "alice", "phone")
	devices, err := w.Store.Devices(t.Context(), w.User("alice"))
	if err != nil || len(devices) != 1 || devices[0].PushToken != secret || devices[0].PushChannel != "APNS" {
		t.Errorf("devices = %+v, %v", devices, err)
	}
}
