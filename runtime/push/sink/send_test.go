package sink_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/pinpoint"
	"github.com/aws/aws-sdk-go-v2/service/pinpoint/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/chatcluster/chatcluster/runtime/push/sink"
)

func send(t *testing.T, c *pinpoint.Client, app *string, config *types.DirectMessageConfiguration, to map[string]types.AddressConfiguration) (map[string]types.MessageResult, error) {
	t.Helper()
	out, err := c.SendMessages(t.Context(), &pinpoint.SendMessagesInput{
		ApplicationId: app, MessageRequest: &types.MessageRequest{MessageConfiguration: config, Addresses: to},
	})
	if err != nil {
		return nil, err
	}
	return out.MessageResponse.Result, nil
}

func all(title, body, collapse string) *types.DirectMessageConfiguration {
	return &types.DirectMessageConfiguration{
		APNSMessage: &types.APNSMessage{Title: &title, Body: &body, CollapseId: &collapse, Badge: aws.Int32(3)},
		GCMMessage:  &types.GCMMessage{Title: &title, Body: &body, CollapseKey: &collapse},
		ADMMessage:  &types.ADMMessage{Title: &title, Body: &body, ConsolidationKey: &collapse},
	}
}

var ignoreGenerated = cmpopts.IgnoreFields(sink.Shown{}, "ID", "At")

func TestAPhoneShowsTheLastPushOfACollapseID(t *testing.T) {
	c, base := start(t, sink.Options{})
	app := createApp(t, c, "chat", nil)
	push := func(title, body, collapse string, to map[string]types.AddressConfiguration) {
		t.Helper()
		results, err := send(t, c, app.Id, all(title, body, collapse), to)
		if err != nil {
			t.Fatal(err)
		}
		for token, r := range results {
			if r.DeliveryStatus != types.DeliveryStatusSuccessful || aws.ToInt32(r.StatusCode) != 200 {
				t.Errorf("%s: %s %d", token, r.DeliveryStatus, aws.ToInt32(r.StatusCode))
			}
		}
	}
	gcm := map[string]types.AddressConfiguration{"phone": {ChannelType: types.ChannelTypeGcm}}
	push("bob", "hello", "c1", gcm)
	push("eve", "psst", "c2", gcm)
	push("bob", "2 new messages", "c1", map[string]types.AddressConfiguration{
		"phone":  {ChannelType: types.ChannelTypeGcm, BodyOverride: aws.String("two for you"), Context: map[string]string{"conversation": "x"}},
		"tablet": {ChannelType: types.ChannelTypeApns},
	})

	got := view(t, base, url.Values{"address": {"phone"}})
	want := sink.View{Phones: []sink.Phone{{
		Application: *app.Id, Channel: "GCM", Address: "phone",
		Messages: []sink.Shown{
			{Title: "eve", Body: "psst", CollapseID: "c2", Count: 1},
			{Title: "bob", Body: "two for you", CollapseID: "c1", Data: map[string]string{"conversation": "x"}, Count: 2},
		},
		All: []sink.Shown{
			{Title: "bob", Body: "hello", CollapseID: "c1", Count: 1},
			{Title: "eve", Body: "psst", CollapseID: "c2", Count: 1},
			{Title: "bob", Body: "two for you", CollapseID: "c1", Data: map[string]string{"conversation": "x"}, Count: 1},
		},
	}}}
	if diff := cmp.Diff(want, got, ignoreGenerated); diff != "" {
		t.Errorf("the phone (-want +got):\n%s", diff)
	}
	if got := view(t, base, nil); len(got.Phones) != 2 {
		t.Errorf("%d phones, want phone and tablet", len(got.Phones))
	}

	page := string(request(t, http.MethodGet, base+"/", http.StatusOK))
	for _, s := range []string{"two for you", "the last of 2", "psst", "badge 3", `http-equiv="refresh"`} {
		if !strings.Contains(page, s) {
			t.Errorf("the page does not show %q", s)
		}
	}

	request(t, http.MethodDelete, base+"/messages?address=phone", http.StatusNoContent)
	if got := view(t, base, nil); len(got.Phones) != 1 || got.Phones[0].Address != "tablet" {
		t.Errorf("after forgetting the phone: %v, want the tablet alone", got.Phones)
	}
	request(t, http.MethodDelete, base+"/messages", http.StatusNoContent)
	if diff := cmp.Diff(sink.View{Phones: []sink.Phone{}}, view(t, base, nil)); diff != "" {
		t.Errorf("after forgetting all (-want +got):\n%s", diff)
	}
}

func TestThePageEscapes(t *testing.T) {
	c, base := start(t, sink.Options{})
	app := createApp(t, c, "chat", nil)
	if _, err := send(t, c, app.Id, all("<script>alert(1)</script>", "b", ""), map[string]types.AddressConfiguration{"p": {ChannelType: types.ChannelTypeGcm}}); err != nil {
		t.Fatal(err)
	}
	if page := string(request(t, http.MethodGet, base+"/", http.StatusOK)); strings.Contains(page, "<script>") {
		t.Error("a push's title became a part of the page")
	}
}

func TestSilentPushesShowNothing(t *testing.T) {
	c, base := start(t, sink.Options{})
	app := createApp(t, c, "chat", nil)
	if _, err := send(t, c, app.Id, &types.DirectMessageConfiguration{APNSMessage: &types.APNSMessage{SilentPush: aws.Bool(true)}},
		map[string]types.AddressConfiguration{"p": {ChannelType: types.ChannelTypeApnsSandbox}}); err != nil {
		t.Fatal(err)
	}
	p := view(t, base, nil).Phones[0]
	if len(p.Messages) != 0 || len(p.All) != 1 {
		t.Errorf("shown %d, all %d; want 0 and 1", len(p.Messages), len(p.All))
	}
}

func TestAPushThatThePlatformRefuses(t *testing.T) {
	c, base := start(t, sink.Options{RequireChannels: true})
	app := createApp(t, c, "chat", nil)
	for _, o := range channelOps(t, c, app.Id) {
		if o.platform == "APNS" || o.platform == "ADM" {
			if err := o.update(); err != nil {
				t.Fatal(err)
			}
		}
	}
	cases := map[string]struct {
		reason  string
		config  *types.DirectMessageConfiguration
		channel types.ChannelType
		want    types.DeliveryStatus
		message string
	}{
		"Good":       {"the channel is there", all("t", "b", "c"), types.ChannelTypeApns, types.DeliveryStatusSuccessful, ""},
		"NoChannel":  {"the application has no GCM", all("t", "b", "c"), types.ChannelTypeGcm, types.DeliveryStatusPermanentFailure, "No channel of type GCM"},
		"TooLarge":   {"APNs takes 4 KB", all("t", strings.Repeat("x", 4096), "c"), types.ChannelTypeApns, types.DeliveryStatusPermanentFailure, `"pushProviderStatusCode":"413"`},
		"LargeADM":   {"ADM takes 6 KB", all("t", strings.Repeat("x", 4096), "c"), types.ChannelTypeAdm, types.DeliveryStatusSuccessful, ""},
		"CollapseID": {"64 bytes is the limit", all("t", "b", strings.Repeat("c", 65)), types.ChannelTypeApns, types.DeliveryStatusPermanentFailure, "BadCollapseId"},
		"NoMessage":  {"there is none for ADM", &types.DirectMessageConfiguration{}, types.ChannelTypeAdm, types.DeliveryStatusPermanentFailure, "There is no message"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			results, err := send(t, c, app.Id, tc.config, map[string]types.AddressConfiguration{name: {ChannelType: tc.channel}})
			if err != nil {
				t.Fatal(err)
			}
			r := results[name]
			if r.DeliveryStatus != tc.want || !strings.Contains(aws.ToString(r.StatusMessage), tc.message) {
				t.Errorf("%s: %s %q, want %s with %q", tc.reason, r.DeliveryStatus, aws.ToString(r.StatusMessage), tc.want, tc.message)
			}
			if shown := len(view(t, base, url.Values{"address": {name}}).Phones) == 1; shown != (tc.want == types.DeliveryStatusSuccessful) {
				t.Errorf("%s: shown is %v", tc.reason, shown)
			}
		})
	}
}

func TestRefusedCalls(t *testing.T) {
	c, _ := start(t, sink.Options{})
	app := createApp(t, c, "chat", nil)
	many := map[string]types.AddressConfiguration{}
	for i := range 101 {
		many[fmt.Sprint("p", i)] = types.AddressConfiguration{ChannelType: types.ChannelTypeGcm}
	}
	one := map[string]types.AddressConfiguration{"p": {ChannelType: types.ChannelTypeGcm}}
	cases := map[string]struct {
		reason string
		app    string
		req    *types.MessageRequest
		is     func(error) bool
	}{
		"NoApp":     {"there is no such application", "absent", &types.MessageRequest{MessageConfiguration: all("t", "b", ""), Addresses: one}, isA[*types.NotFoundException]},
		"TooMany":   {"100 addresses is the limit", *app.Id, &types.MessageRequest{MessageConfiguration: all("t", "b", ""), Addresses: many}, isA[*types.BadRequestException]},
		"Nobody":    {"it goes to nobody", *app.Id, &types.MessageRequest{MessageConfiguration: all("t", "b", "")}, isA[*types.BadRequestException]},
		"SMS":       {"only pushes live on", *app.Id, &types.MessageRequest{MessageConfiguration: all("t", "b", ""), Addresses: map[string]types.AddressConfiguration{"p": {ChannelType: types.ChannelTypeSms}}}, isA[*types.BadRequestException]},
		"Endpoints": {"endpoints ended", *app.Id, &types.MessageRequest{MessageConfiguration: all("t", "b", ""), Endpoints: map[string]types.EndpointSendConfiguration{"e": {}}}, isA[*types.BadRequestException]},
		"TooLarge":  {"a request has 1 MiB", *app.Id, &types.MessageRequest{MessageConfiguration: all("t", strings.Repeat("b", 1<<20), ""), Addresses: one}, isA[*types.PayloadTooLargeException]},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := c.SendMessages(t.Context(), &pinpoint.SendMessagesInput{ApplicationId: &tc.app, MessageRequest: tc.req})
			if !tc.is(err) {
				t.Errorf("%s: %v", tc.reason, err)
			}
		})
	}
}

func isA[E error](err error) bool {
	var e E
	return errors.As(err, &e)
}

func TestMemoryIsBounded(t *testing.T) {
	c, base := start(t, sink.Options{MaxMessages: 3})
	app := createApp(t, c, "chat", nil)
	for i := range 5 {
		if _, err := send(t, c, app.Id, all("t", fmt.Sprint(i), ""), map[string]types.AddressConfiguration{"p": {ChannelType: types.ChannelTypeGcm}}); err != nil {
			t.Fatal(err)
		}
	}
	p := view(t, base, nil).Phones[0]
	if len(p.All) != 3 || p.All[0].Body != "2" {
		t.Errorf("%d pushes from %q, want the last 3", len(p.All), p.All[0].Body)
	}
}
