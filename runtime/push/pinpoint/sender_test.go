package pinpoint_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awspinpoint "github.com/aws/aws-sdk-go-v2/service/pinpoint"
	"github.com/aws/aws-sdk-go-v2/service/pinpoint/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/chatcluster/chatcluster/runtime/push"
	"github.com/chatcluster/chatcluster/runtime/push/pinpoint"
	"github.com/chatcluster/chatcluster/runtime/push/sink"
)

var errBoom = errors.New("boom")

// fakeAPI answers calls with its field and remembers them.
type fakeAPI struct {
	mu    sync.Mutex
	calls []*awspinpoint.SendMessagesInput
	send  func(n int, in *awspinpoint.SendMessagesInput) (map[string]types.MessageResult, error)
}

func (f *fakeAPI) SendMessages(ctx context.Context, in *awspinpoint.SendMessagesInput, _ ...func(*awspinpoint.Options)) (*awspinpoint.SendMessagesOutput, error) {
	if f.send == nil {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, in)
	results, err := f.send(len(f.calls), in)
	if err != nil {
		return nil, err
	}
	return &awspinpoint.SendMessagesOutput{MessageResponse: &types.MessageResponse{Result: results}}, nil
}

func status(s types.DeliveryStatus, code int32, message string) types.MessageResult {
	return types.MessageResult{DeliveryStatus: s, StatusCode: &code, StatusMessage: &message}
}

// each answers every address alike.
func each(r types.MessageResult) func(int, *awspinpoint.SendMessagesInput) (map[string]types.MessageResult, error) {
	return func(_ int, in *awspinpoint.SendMessagesInput) (map[string]types.MessageResult, error) {
		out := map[string]types.MessageResult{}
		for a := range in.MessageRequest.Addresses {
			out[a] = r
		}
		return out, nil
	}
}

func outcomes(results []push.Result) []string {
	var out []string
	for _, r := range results {
		out = append(out, r.Outcome.String())
	}
	return out
}

func TestAPushReachesThePhone(t *testing.T) {
	s, err := sink.New(sink.Options{})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(s)
	defer srv.Close()
	client := pinpoint.NewClient(aws.Config{Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider("AKID", "secret", "")}, srv.URL)
	app, err := client.CreateApp(t.Context(), &awspinpoint.CreateAppInput{CreateApplicationRequest: &types.CreateApplicationRequest{Name: aws.String("chat")}})
	if err != nil {
		t.Fatal(err)
	}
	id := *app.ApplicationResponse.Id
	badge := 7
	var messages []push.Message
	for _, c := range []push.Channel{push.APNS, push.APNSSandbox, push.GCM, push.ADM} {
		messages = append(messages, push.Message{
			Address: "token-" + string(c), Channel: c, Title: "bob", Body: "hello 👋", Badge: &badge, CollapseID: "c1", Data: map[string]string{"conversation": "x"},
		})
	}
	got := pinpoint.New(client, pinpoint.Options{}).Send(t.Context(), id, messages)
	if diff := cmp.Diff([]string{"delivered", "delivered", "delivered", "delivered"}, outcomes(got)); diff != "" {
		t.Fatalf("outcomes (-want +got):\n%s", diff)
	}
	resp, err := http.Get(srv.URL + "/messages")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var view sink.View
	if err := json.NewDecoder(resp.Body).Decode(&view); err != nil {
		t.Fatal(err)
	}
	if len(view.Phones) != 4 {
		t.Fatalf("%d phones, want 4", len(view.Phones))
	}
	for _, p := range view.Phones {
		want := []sink.Shown{{Title: "bob", Body: "hello 👋", CollapseID: "c1", Data: map[string]string{"conversation": "x"}, Count: 1}}
		if strings.HasPrefix(p.Channel, "APNS") {
			want[0].Badge = &badge
		}
		if diff := cmp.Diff(want, p.Messages, cmpopts.IgnoreFields(sink.Shown{}, "ID", "At")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", p.Channel, diff)
		}
	}

	gone := pinpoint.New(client, pinpoint.Options{}).Send(t.Context(), "absent", messages[:1])
	if diff := cmp.Diff([]push.Result{{Outcome: push.Failed, Reason: "NotFoundException"}}, gone); diff != "" {
		t.Errorf("an application that is gone (-want +got):\n%s", diff)
	}
}

func TestAnswersOfPlatforms(t *testing.T) {
	fcm := func(code, err, status string) string {
		return fmt.Sprintf(`{"errorMessage":"Invalid notification","channelType":"GCM","pushProviderStatusCode":"%s","pushProviderError":"%s","pushProviderResponse":"{\"status\":\"%s\"}"}`, code, err, status)
	}
	cases := map[string]struct {
		reason  string
		result  types.MessageResult
		outcome push.Outcome
		word    string
	}{
		"Accepted":  {"the platform took it", status(types.DeliveryStatusSuccessful, 200, "id"), push.Delivered, ""},
		"Duplicate": {"another address of the call reached the device", status(types.DeliveryStatusDuplicate, 200, ""), push.Delivered, ""},
		"Throttled": {"too much", status(types.DeliveryStatusThrottled, 429, ""), push.Throttled, "other"},
		"Temporary": {"the service does not repeat it, we do", status(types.DeliveryStatusTemporaryFailure, 503, ""), push.Retry, "other"},
		"Unknown":   {"nothing is known", status(types.DeliveryStatusUnknownFailure, 500, "?"), push.Retry, "other"},
		"New":       {"a status that does not exist yet", status("TIMEOUT", 408, ""), push.Retry, "other"},
		"OptOut":    {"the user wants none", status(types.DeliveryStatusOptOut, 400, ""), push.Invalid, "opt_out"},

		"APNs410": {"the platform says that the app is gone", status(types.DeliveryStatusPermanentFailure, 410,
			`{"errorMessage":"Unregistered or expired token","channelType":"APNS","pushProviderStatusCode":"410","pushProviderError":"Unregistered"}`), push.Unregistered, "Unregistered"},
		"APNsMisread": {"the service calls a wrong environment expired; deleting these would delete every token", status(types.DeliveryStatusPermanentFailure, 410,
			`{"errorMessage":"Unregistered or expired token","channelType":"APNS_SANDBOX","pushProviderStatusCode":"400","pushProviderError":"BadDeviceToken","pushProviderResponse":"{\"reason\":\"BadDeviceToken\"}"}`), push.Invalid, "BadDeviceToken"},
		"Plain410":     {"an older answer without JSON", status(types.DeliveryStatusPermanentFailure, 410, "Gone"), push.Unregistered, "other"},
		"PlainWord":    {"another", status(types.DeliveryStatusPermanentFailure, 400, "NotRegistered"), push.Unregistered, "NotRegistered"},
		"FCM404":       {"FCM's word for gone", status(types.DeliveryStatusPermanentFailure, 400, fcm("404", "Requested entity was not found.", "UNREGISTERED")), push.Unregistered, "Unregistered"},
		"FCM400":       {"not a token", status(types.DeliveryStatusPermanentFailure, 400, fcm("400", "The registration token is not a valid FCM registration token", "INVALID_ARGUMENT")), push.Invalid, "INVALID_ARGUMENT"},
		"FCMSender":    {"a token of another sender: our credentials may be the wrong ones", status(types.DeliveryStatusPermanentFailure, 403, fcm("403", "SenderId mismatch", "SENDER_ID_MISMATCH")), push.Invalid, "SENDER_ID_MISMATCH"},
		"FCM429":       {"FCM's quota", status(types.DeliveryStatusPermanentFailure, 400, fcm("429", "Quota exceeded", "QUOTA_EXCEEDED")), push.Throttled, "QUOTA_EXCEEDED"},
		"FCM503":       {"FCM is down", status(types.DeliveryStatusPermanentFailure, 500, fcm("503", "", "UNAVAILABLE")), push.Retry, "UNAVAILABLE"},
		"Credentials":  {"our key is refused", status(types.DeliveryStatusPermanentFailure, 400, `{"pushProviderStatusCode":403,"pushProviderError":"InvalidProviderToken"}`), push.Failed, "InvalidProviderToken"},
		"ADM":          {"ADM says so with 400", status(types.DeliveryStatusPermanentFailure, 400, `{"pushProviderStatusCode":"400","pushProviderResponse":"{\"reason\":\"Unregistered\"}"}`), push.Unregistered, "Unregistered"},
		"TooLarge":     {"the message is at fault", status(types.DeliveryStatusPermanentFailure, 400, `{"pushProviderStatusCode":"413","pushProviderError":"PayloadTooLarge"}`), push.Invalid, "PayloadTooLarge"},
		"NoChannel":    {"the application has no such channel: not the token's fault", status(types.DeliveryStatusPermanentFailure, 400, "No channel of type GCM is enabled for the application b31c"), push.Invalid, "no_channel"},
		"Nothing":      {"a refusal without words keeps the token", types.MessageResult{DeliveryStatus: types.DeliveryStatusPermanentFailure}, push.Invalid, "other"},
		"Garbage":      {"a number in place of an object", status(types.DeliveryStatusPermanentFailure, 400, "7"), push.Invalid, "other"},
		"Null":         {"null in place of an object", status(types.DeliveryStatusPermanentFailure, 400, "null"), push.Invalid, "other"},
		"NestedFields": {"objects in place of strings", status(types.DeliveryStatusPermanentFailure, 400, `{"pushProviderStatusCode":{"a":1},"pushProviderError":["Unregistered"]}`), push.Unregistered, "Unregistered"},
		"QuotesToken":  {"what a platform says may hold the token", status(types.DeliveryStatusPermanentFailure, 400, "bad address secret-token"), push.Invalid, "other"},
	}
	// Those that blame the token, which may be wrong once and is not again and again.
	strikes := []string{"APNsMisread", "FCM400", "FCMSender", "Nothing", "Garbage", "Null", "QuotesToken"}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			api := &fakeAPI{send: each(tc.result)}
			got := pinpoint.New(api, pinpoint.Options{Attempts: 1}).Send(t.Context(), "app", []push.Message{{Address: "secret-token", Channel: push.GCM, Title: "t", Body: "b"}})
			if diff := cmp.Diff([]push.Result{{Outcome: tc.outcome, Reason: tc.word, Strike: slices.Contains(strikes, name)}}, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

func TestTemporaryFailuresAreRepeatedForThoseThatFailed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := &fakeAPI{send: func(n int, in *awspinpoint.SendMessagesInput) (map[string]types.MessageResult, error) {
			out := map[string]types.MessageResult{}
			for a := range in.MessageRequest.Addresses {
				r := status(types.DeliveryStatusSuccessful, 200, "")
				if a == "slow" && n < 3 {
					r = status(types.DeliveryStatusThrottled, 429, "")
				}
				if a == "never" {
					r = status(types.DeliveryStatusTemporaryFailure, 503, "")
				}
				out[a] = r
			}
			return out, nil
		}}
		got := pinpoint.New(api, pinpoint.Options{Attempts: 4}).Send(t.Context(), "app", []push.Message{
			{Address: "slow", Channel: push.GCM}, {Address: "fine", Channel: push.GCM}, {Address: "never", Channel: push.APNS},
		})
		if diff := cmp.Diff([]string{"delivered", "delivered", "retry"}, outcomes(got)); diff != "" {
			t.Errorf("outcomes (-want +got):\n%s", diff)
		}
		var sizes []int
		for _, c := range api.calls {
			sizes = append(sizes, len(c.MessageRequest.Addresses))
		}
		if diff := cmp.Diff([]int{3, 2, 2, 1}, sizes); diff != "" {
			t.Errorf("addresses of each call (-want +got):\n%s", diff)
		}
	})
}

func TestCallsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		got := pinpoint.New(&fakeAPI{}, pinpoint.Options{Attempts: 2}).Send(t.Context(), "app", []push.Message{{Address: "a", Channel: push.GCM}})
		if diff := cmp.Diff([]push.Result{{Outcome: push.Retry, Reason: "no_answer"}}, got); diff != "" {
			t.Errorf("a service that never answers (-want +got):\n%s", diff)
		}
		if took := time.Since(start); took < 2*pinpoint.DefaultCallTimeout || took > 2*pinpoint.DefaultCallTimeout+time.Second {
			t.Errorf("took %v, want two calls of %v", took, pinpoint.DefaultCallTimeout)
		}

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start = time.Now()
		got = pinpoint.New(&fakeAPI{}, pinpoint.Options{}).Send(ctx, "app", []push.Message{{Address: "a", Channel: push.GCM}, {Address: "b", Channel: push.GCM, Body: "other"}})
		if diff := cmp.Diff([]string{"retry", "retry"}, outcomes(got)); diff != "" || time.Since(start) != time.Second {
			t.Errorf("after %v, want 1s (-want +got):\n%s", time.Since(start), diff)
		}
	})
}

func TestCallsHoldEqualMessagesAndEachAddressOnce(t *testing.T) {
	api := &fakeAPI{send: each(status(types.DeliveryStatusSuccessful, 200, ""))}
	var messages []push.Message
	for i := range 150 {
		messages = append(messages, push.Message{Address: fmt.Sprint("p", i), Channel: push.GCM, Body: "same"})
	}
	messages = append(messages,
		push.Message{Address: "p0", Channel: push.GCM, Body: "same"},
		push.Message{Address: "p0", Channel: push.GCM, Body: "another"},
		push.Message{Address: "p0", Channel: push.GCM, Body: "same", CollapseID: "c"},
	)
	got := pinpoint.New(api, pinpoint.Options{}).Send(t.Context(), "app", messages)
	for i, r := range got {
		if r.Outcome != push.Delivered {
			t.Fatalf("message %d: %+v", i, r)
		}
	}
	var sizes []int
	for _, c := range api.calls {
		sizes = append(sizes, len(c.MessageRequest.Addresses))
	}
	slices.Sort(sizes) // calls go side by side
	if diff := cmp.Diff([]int{1, 1, 50, 100}, sizes); diff != "" {
		t.Errorf("addresses of each call (-want +got):\n%s", diff)
	}
}

func TestABadgeSplitsNoOtherPlatformsCalls(t *testing.T) {
	api := &fakeAPI{send: each(status(types.DeliveryStatusSuccessful, 200, ""))}
	var messages []push.Message
	for i := range 50 {
		badge := i
		messages = append(messages,
			push.Message{Address: fmt.Sprint("android", i), Channel: push.GCM, Body: "same", Badge: &badge},
			push.Message{Address: fmt.Sprint("iphone", i), Channel: push.APNS, Body: "same", Badge: aws.Int(i % 2)},
		)
	}
	pinpoint.New(api, pinpoint.Options{}).Send(t.Context(), "app", messages)
	got := map[string]int{}
	for _, c := range api.calls {
		config := c.MessageRequest.MessageConfiguration
		if config.GCMMessage != nil {
			got["android"] += len(c.MessageRequest.Addresses)
		} else {
			got[fmt.Sprint("iphone, badge ", *config.APNSMessage.Badge)] += len(c.MessageRequest.Addresses)
		}
	}
	if diff := cmp.Diff(map[string]int{"android": 50, "iphone, badge 0": 25, "iphone, badge 1": 25}, got); diff != "" || len(api.calls) != 3 {
		t.Errorf("%d calls, want 3 (-want +got):\n%s", len(api.calls), diff)
	}
}

func TestMessagesThatCannotBeSent(t *testing.T) {
	api := &fakeAPI{send: each(status(types.DeliveryStatusSuccessful, 200, ""))}
	got := pinpoint.New(api, pinpoint.Options{}).Send(t.Context(), "app", []push.Message{
		{Channel: push.GCM},
		{Address: "a", Channel: "SMS"},
		{Address: "a", Channel: push.GCM, CollapseID: strings.Repeat("c", 65)},
		{Address: "a", Channel: push.GCM, Data: map[string]string{"k": strings.Repeat("v", 4096)}},
		{Address: "a", Channel: push.GCM, Body: "fine"},
	})
	want := []push.Result{
		{Outcome: push.Invalid, Reason: "no_address"}, {Outcome: push.Invalid, Reason: "unknown_channel"},
		{Outcome: push.Invalid, Reason: "collapse_id_too_long"}, {Outcome: push.Invalid, Reason: "payload_too_large"}, {Outcome: push.Delivered},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("results (-want +got):\n%s", diff)
	}
	if len(pinpoint.New(api, pinpoint.Options{}).Send(t.Context(), "app", nil)) != 0 {
		t.Error("nothing to send has a result")
	}
}

func TestBodiesAreCutByRune(t *testing.T) {
	for name, body := range map[string]string{
		"ASCII": strings.Repeat("x", 10_000), "Emoji": strings.Repeat("👋", 5_000), "Escapes": strings.Repeat("\"\n<", 5_000), "Invalid": strings.Repeat("a\xff", 5_000),
	} {
		t.Run(name, func(t *testing.T) {
			api := &fakeAPI{send: each(status(types.DeliveryStatusSuccessful, 200, ""))}
			pinpoint.New(api, pinpoint.Options{}).Send(t.Context(), "app", []push.Message{{Address: "a", Channel: push.GCM, Title: body, Body: body}})
			m := api.calls[0].MessageRequest.MessageConfiguration.GCMMessage
			payload, err := json.Marshal([]string{*m.Title, *m.Body})
			if err != nil {
				t.Fatal(err)
			}
			if n := len(payload); n > push.MaxPayloadBytes-400 || n < push.MaxPayloadBytes/2 {
				t.Errorf("title and body take %d bytes", n)
			}
			if !utf8.ValidString(*m.Body) || !strings.HasSuffix(*m.Body, "…") {
				t.Errorf("the body ends in %q", (*m.Body)[len(*m.Body)-8:])
			}
		})
	}
}

func TestWholeCallsThatFail(t *testing.T) {
	cases := map[string]struct {
		reason string
		code   int
		kind   string
		want   push.Result
	}{
		"Forbidden": {"the role may not", 403, "ForbiddenException", push.Result{Outcome: push.Failed, Reason: "ForbiddenException"}},
		"Throttled": {"the account is throttled", 429, "TooManyRequestsException", push.Result{Outcome: push.Throttled, Reason: "TooManyRequestsException"}},
		"Down":      {"the service fails", 500, "InternalServerErrorException", push.Result{Outcome: push.Retry, Reason: "InternalServerErrorException"}},
		"Strange":   {"what it calls itself is not repeated", 400, "SomethingWithSecretToken", push.Result{Outcome: push.Failed, Reason: "call_refused"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("X-Amzn-Errortype", tc.kind)
				w.WriteHeader(tc.code)
				_, _ = w.Write([]byte(`{"Message":"no secret-token here"}`))
			}))
			defer srv.Close()
			client := pinpoint.NewClient(aws.Config{Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider("AKID", "secret", "")}, srv.URL)
			var log strings.Builder
			s := pinpoint.New(client, pinpoint.Options{Attempts: 1, Log: slog.New(slog.NewTextHandler(&log, nil))})
			got := s.Send(t.Context(), "app", []push.Message{{Address: "secret-token", Channel: push.GCM}})
			if diff := cmp.Diff([]push.Result{tc.want}, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
			if log.Len() == 0 || strings.Contains(log.String(), "secret-token") {
				t.Errorf("the log is %q", log.String())
			}
		})
	}
	api := &fakeAPI{send: func(int, *awspinpoint.SendMessagesInput) (map[string]types.MessageResult, error) { return nil, errBoom }}
	got := pinpoint.New(api, pinpoint.Options{Attempts: 1}).Send(t.Context(), "app", []push.Message{{Address: "a", Channel: push.GCM}})
	if diff := cmp.Diff([]push.Result{{Outcome: push.Retry, Reason: "no_answer"}}, got); diff != "" {
		t.Errorf("no connection (-want +got):\n%s", diff)
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add("PERMANENT_FAILURE", int32(410), `{"pushProviderStatusCode":"400","pushProviderError":"BadDeviceToken"}`)
	f.Add("PERMANENT_FAILURE", int32(400), `{"pushProviderStatusCode":null}`)
	f.Add("", int32(0), "")
	f.Fuzz(func(t *testing.T, delivery string, code int32, message string) {
		r := status(types.DeliveryStatus(delivery), code, message)
		got := pinpoint.New(&fakeAPI{send: each(r)}, pinpoint.Options{Attempts: 1}).Send(t.Context(), "app", []push.Message{{Address: "a", Channel: push.GCM}})
		if len(got) != 1 {
			t.Fatalf("%d results", len(got))
		}
		if got[0].Outcome == push.Delivered && delivery != "SUCCESSFUL" && delivery != "DUPLICATE" {
			t.Fatal("a push that was not accepted counts as delivered")
		}
		if got[0].Outcome == push.Unregistered && delivery != "PERMANENT_FAILURE" {
			t.Fatal("a token is forgotten for what is not permanent")
		}
	})
}
