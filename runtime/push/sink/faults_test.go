package sink_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/pinpoint/types"
	"github.com/google/go-cmp/cmp"

	"github.com/chatcluster/chatcluster/runtime/push"
	"github.com/chatcluster/chatcluster/runtime/push/pinpoint"
	"github.com/chatcluster/chatcluster/runtime/push/sink"
)

// fault posts a fault and expects the status.
func fault(t *testing.T, base, body string, want int) {
	t.Helper()
	resp, err := http.Post(base+"/faults", "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != want {
		t.Errorf("POST /faults %s: %d, want %d", body, resp.StatusCode, want)
	}
}

// Each failure of the service or a platform reaches the sender, and the sender makes of it what it should.
func TestFaultsReachTheSender(t *testing.T) {
	const gone = `{"delivery_status": "PERMANENT_FAILURE", "status_code": 410, "status_message": "{\"pushProviderStatusCode\":\"410\",\"pushProviderError\":\"Unregistered\"}", "prefix": "bad"}`
	cases := map[string]struct {
		reason string
		fault  string
		want   []push.Result // of good and bad, tried once
		shown  int           // phones that have the push
	}{
		"None":      {"", `{"prefix": "other", "omit": true}`, []push.Result{{Outcome: push.Delivered}, {Outcome: push.Delivered}}, 2},
		"Gone":      {"one token is dead", gone, []push.Result{{Outcome: push.Delivered}, {Outcome: push.Unregistered, Reason: "Unregistered"}}, 1},
		"BadToken":  {"one is refused as such", `{"prefix": "bad", "delivery_status": "PERMANENT_FAILURE", "status_message": "{\"pushProviderStatusCode\":\"400\",\"pushProviderError\":\"BadDeviceToken\"}"}`, []push.Result{{Outcome: push.Delivered}, {Outcome: push.Invalid, Reason: "BadDeviceToken", Strike: true}}, 1},
		"Throttled": {"one is throttled", `{"prefix": "bad", "delivery_status": "THROTTLED", "status_code": 429}`, []push.Result{{Outcome: push.Delivered}, {Outcome: push.Throttled, Reason: "other"}}, 1},
		"Partial":   {"one is missing in the answer", `{"prefix": "bad", "omit": true}`, []push.Result{{Outcome: push.Delivered}, {Outcome: push.Retry, Reason: "no_answer"}}, 2},
		"Down":      {"the call fails", `{"http_status": 503}`, []push.Result{{Outcome: push.Retry, Reason: "InternalServerErrorException"}, {Outcome: push.Retry, Reason: "InternalServerErrorException"}}, 0},
		"Quota":     {"the account is throttled", `{"http_status": 429, "error_type": "TooManyRequestsException"}`, []push.Result{{Outcome: push.Throttled, Reason: "TooManyRequestsException"}, {Outcome: push.Throttled, Reason: "TooManyRequestsException"}}, 0},
		"Forbidden": {"the role may not", `{"http_status": 403, "error_type": "ForbiddenException"}`, []push.Result{{Outcome: push.Failed, Reason: "ForbiddenException"}, {Outcome: push.Failed, Reason: "ForbiddenException"}}, 0},
		"Dropped":   {"the connection ends", `{"drop": "before"}`, []push.Result{{Outcome: push.Retry, Reason: "no_answer"}, {Outcome: push.Retry, Reason: "no_answer"}}, 0},
		"Lost":      {"the answer is lost", `{"drop": "after"}`, []push.Result{{Outcome: push.Retry, Reason: "no_answer"}, {Outcome: push.Retry, Reason: "no_answer"}}, 2},
		"Slow":      {"the sender does not wait for ever", `{"delay_ms": 60000}`, []push.Result{{Outcome: push.Retry, Reason: "no_answer"}, {Outcome: push.Retry, Reason: "no_answer"}}, 0},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			c, base := start(t, sink.Options{})
			app := createApp(t, c, "chat", nil)
			fault(t, base, tc.fault, http.StatusNoContent)
			o := pinpoint.Options{Attempts: 1}
			if name == "Slow" {
				o.CallTimeout = 50 * time.Millisecond
			}
			got := pinpoint.New(c, o).Send(t.Context(), *app.Id, []push.Message{
				{Address: "good", Channel: push.GCM, Body: "b"}, {Address: "bad", Channel: push.GCM, Body: "b"},
			})
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
			if n := len(view(t, base, nil).Phones); name != "Slow" && n != tc.shown {
				t.Errorf("%s: %d phones have it, want %d", tc.reason, n, tc.shown)
			}
			request(t, http.MethodDelete, base+"/faults", http.StatusNoContent)
			if got := string(request(t, http.MethodGet, base+"/faults", http.StatusOK)); got != "[]" {
				t.Errorf("faults left: %s", got)
			}
		})
	}
}

func TestFaultsAreCounted(t *testing.T) {
	c, base := start(t, sink.Options{})
	app := createApp(t, c, "chat", nil)
	fault(t, base, `{"next": 2, "delivery_status": "THROTTLED", "status_code": 429}`, http.StatusNoContent)
	fault(t, base, `{"application": "another", "http_status": 500}`, http.StatusNoContent)
	var got []types.DeliveryStatus
	for range 3 {
		results, err := send(t, c, app.Id, all("t", "b", ""), map[string]types.AddressConfiguration{"p": {ChannelType: types.ChannelTypeGcm}})
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, results["p"].DeliveryStatus)
	}
	want := []types.DeliveryStatus{types.DeliveryStatusThrottled, types.DeliveryStatusThrottled, types.DeliveryStatusSuccessful}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("answers (-want +got):\n%s", diff)
	}
}

func TestFaultsThatAreRefused(t *testing.T) {
	_, base := start(t, sink.Options{})
	for reason, body := range map[string]string{
		"it would do nothing":          `{"prefix": "x"}`,
		"it is no JSON":                `{`,
		"a success is none":            `{"http_status": 200}`,
		"nobody waits that long":       `{"delay_ms": 60001}`,
		"it counts backwards":          `{"next": -1, "omit": true}`,
		"it is dropped in no such way": `{"drop": "sideways"}`,
		"it is too large":              `{"omit": true, "prefix": "` + strings.Repeat("x", 70_000) + `"}`,
	} {
		t.Run(reason, func(t *testing.T) { fault(t, base, body, http.StatusBadRequest) })
	}
	for range 100 {
		fault(t, base, `{"omit": true}`, http.StatusNoContent)
	}
	fault(t, base, `{"omit": true}`, http.StatusBadRequest)
}

func TestThePageShowsBadgesAndPrivatePushes(t *testing.T) {
	c, base := start(t, sink.Options{})
	app := createApp(t, c, "chat", nil)
	for i := range 2 {
		if _, err := send(t, c, app.Id, &types.DirectMessageConfiguration{APNSMessage: &types.APNSMessage{
			Body: aws.String(fmt.Sprint(i+1, " new messages")), Badge: aws.Int32(int32(i + 7)), CollapseId: aws.String("c"),
		}}, map[string]types.AddressConfiguration{"p": {ChannelType: types.ChannelTypeApns}}); err != nil {
			t.Fatal(err)
		}
	}
	p := view(t, base, nil).Phones[0]
	if p.Badge == nil || *p.Badge != 8 || len(p.Messages) != 1 {
		t.Errorf("badge %v, %d messages; want the last badge and the last push", p.Badge, len(p.Messages))
	}
	page := string(request(t, http.MethodGet, base+"/", http.StatusOK))
	for _, s := range []string{`<span class="badge">8</span>`, "<b>Chat</b>2 new messages"} {
		if !strings.Contains(page, s) {
			t.Errorf("the page does not show %q", s)
		}
	}
}
