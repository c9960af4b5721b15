package sink_test

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/pinpoint"
	"github.com/aws/aws-sdk-go-v2/service/pinpoint/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/chatcluster/chatcluster/runtime/push/sink"
)

func TestAnApplicationFromCreationToDeletion(t *testing.T) {
	c, _ := start(t, sink.Options{})
	ctx := t.Context()
	app := createApp(t, c, "chat", map[string]string{"chatcluster.io/uid": "1"})
	if want := "arn:aws:mobiletargeting:eu-central-1:000000000000:apps/" + *app.Id; *app.Arn != want {
		t.Errorf("ARN is %s, want %s", *app.Arn, want)
	}

	if _, err := c.TagResource(ctx, &pinpoint.TagResourceInput{ResourceArn: app.Arn, TagsModel: &types.TagsModel{Tags: map[string]string{"a": "1", "b": "2"}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.UntagResource(ctx, &pinpoint.UntagResourceInput{ResourceArn: app.Arn, TagKeys: []string{"a", "absent"}}); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"chatcluster.io/uid": "1", "b": "2"}
	tags, err := c.ListTagsForResource(ctx, &pinpoint.ListTagsForResourceInput{ResourceArn: app.Arn})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, tags.TagsModel.Tags); diff != "" {
		t.Errorf("ListTagsForResource (-want +got):\n%s", diff)
	}
	got, err := c.GetApp(ctx, &pinpoint.GetAppInput{ApplicationId: app.Id})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got.ApplicationResponse.Tags); diff != "" {
		t.Errorf("GetApp's tags (-want +got):\n%s", diff)
	}
	list, err := c.GetApps(ctx, &pinpoint.GetAppsInput{})
	if err != nil {
		t.Fatal(err)
	}
	if len(list.ApplicationsResponse.Item) != 1 {
		t.Fatalf("GetApps has %d applications, want 1", len(list.ApplicationsResponse.Item))
	}
	if diff := cmp.Diff(want, list.ApplicationsResponse.Item[0].Tags); diff != "" {
		t.Errorf("GetApps's tags, by which an owner finds its application (-want +got):\n%s", diff)
	}

	gone, err := c.DeleteApp(ctx, &pinpoint.DeleteAppInput{ApplicationId: app.Id})
	if err != nil {
		t.Fatal(err)
	}
	if *gone.ApplicationResponse.Id != *app.Id {
		t.Error("DeleteApp answers another application")
	}
	for name, call := range map[string]func() error{
		"GetApp":    func() error { _, err := c.GetApp(ctx, &pinpoint.GetAppInput{ApplicationId: app.Id}); return err },
		"DeleteApp": func() error { _, err := c.DeleteApp(ctx, &pinpoint.DeleteAppInput{ApplicationId: app.Id}); return err },
		"ListTags": func() error {
			_, err := c.ListTagsForResource(ctx, &pinpoint.ListTagsForResourceInput{ResourceArn: app.Arn})
			return err
		},
	} {
		err := call()
		var e smithy.APIError // the calls for tags model no exceptions of their own
		if !errors.As(err, &e) || e.ErrorCode() != "NotFoundException" || e.ErrorMessage() != "Resource not found" {
			t.Errorf("%s of a deleted application: %v, want a NotFoundException", name, err)
		}
	}
}

func TestGetAppsPages(t *testing.T) {
	c, _ := start(t, sink.Options{})
	want := map[string]bool{}
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		want[*createApp(t, c, name, nil).Id] = true
	}
	got := map[string]bool{}
	var token *string
	for range 5 {
		out, err := c.GetApps(t.Context(), &pinpoint.GetAppsInput{PageSize: aws.String("2"), Token: token})
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range out.ApplicationsResponse.Item {
			got[*a.Id] = true
		}
		if token = out.ApplicationsResponse.NextToken; token == nil {
			break
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("applications over all pages (-want +got):\n%s", diff)
	}
}

func TestRefusedApplications(t *testing.T) {
	many := map[string]string{}
	for i := range 51 {
		many[strings.Repeat("k", i+1)] = ""
	}
	c, _ := start(t, sink.Options{})
	cases := map[string]struct {
		reason string
		name   string
		tags   map[string]string
	}{
		"NoName":   {"a name is required", "", nil},
		"LongName": {"names are bounded", strings.Repeat("n", 65), nil},
		"Tags":     {"50 tags is the limit", "a", many},
		"AWSTag":   {"the prefix aws: is reserved", "a", map[string]string{"aws:x": "1"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := c.CreateApp(t.Context(), &pinpoint.CreateAppInput{
				CreateApplicationRequest: &types.CreateApplicationRequest{Name: aws.String(tc.name), Tags: tc.tags},
			})
			if e := new(types.BadRequestException); !errors.As(err, &e) {
				t.Errorf("%s: %v, want a BadRequestException", tc.reason, err)
			}
		})
	}
	for range 100 {
		createApp(t, c, "a", nil)
	}
	_, err := c.CreateApp(t.Context(), &pinpoint.CreateAppInput{CreateApplicationRequest: &types.CreateApplicationRequest{Name: aws.String("a")}})
	if e := new(types.BadRequestException); !errors.As(err, &e) {
		t.Errorf("application 101: %v, want a BadRequestException: an account has 100", err)
	}
}

func TestTheStateFileKeepsApplicationsAndNoSecrets(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sink.json")
	c, _ := start(t, sink.Options{StatePath: path})
	app := createApp(t, c, "chat", map[string]string{"owner": "demo"})
	if _, err := c.UpdateAdmChannel(t.Context(), &pinpoint.UpdateAdmChannelInput{ApplicationId: app.Id, ADMChannelRequest: &types.ADMChannelRequest{
		ClientId: aws.String("adm-id"), ClientSecret: aws.String("adm-secret"), Enabled: aws.Bool(true),
	}}); err != nil {
		t.Fatal(err)
	}

	again, _ := start(t, sink.Options{StatePath: path})
	got, err := again.GetApp(t.Context(), &pinpoint.GetAppInput{ApplicationId: app.Id})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"owner": "demo"}, got.ApplicationResponse.Tags); diff != "" {
		t.Errorf("tags after a restart (-want +got):\n%s", diff)
	}
	if _, err := again.GetAdmChannel(t.Context(), &pinpoint.GetAdmChannelInput{ApplicationId: app.Id}); err != nil {
		t.Errorf("the channel after a restart: %v", err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(data), "adm-") {
		t.Error("the state file holds the channel's credential")
	}
	if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := sink.New(sink.Options{StatePath: path}); err == nil {
		t.Error("a damaged state file was taken for an empty one: every cluster's application would be gone")
	}
}

func TestACallThatCannotBeWrittenDownDoesNotHappen(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	c, _ := start(t, sink.Options{StatePath: filepath.Join(dir, "sink.json")})
	createApp(t, c, "kept", nil)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	_, err := c.CreateApp(t.Context(), &pinpoint.CreateAppInput{CreateApplicationRequest: &types.CreateApplicationRequest{Name: aws.String("lost")}})
	if e := new(types.InternalServerErrorException); !errors.As(err, &e) {
		t.Fatalf("%v, want an InternalServerErrorException", err)
	}
	list, err := c.GetApps(t.Context(), &pinpoint.GetAppsInput{})
	if err != nil {
		t.Fatal(err)
	}
	if len(list.ApplicationsResponse.Item) != 1 || *list.ApplicationsResponse.Item[0].Name != "kept" {
		t.Errorf("applications after the failure: %d, want the first alone", len(list.ApplicationsResponse.Item))
	}
}

func TestEveryCallWantsASignature(t *testing.T) {
	_, base := start(t, sink.Options{})
	good := "AWS4-HMAC-SHA256 Credential=AKID/20261123/us-east-1/mobiletargeting/aws4_request, SignedHeaders=host;x-amz-date, Signature=" + strings.Repeat("a", 64)
	cases := map[string]struct {
		reason, auth, date string
		want               int
	}{
		"None":    {"nobody calls AWS unsigned", "", "20261123T000000Z", http.StatusForbidden},
		"Bearer":  {"another scheme", "Bearer x", "20261123T000000Z", http.StatusForbidden},
		"Service": {"signed for another service", strings.Replace(good, "mobiletargeting", "pinpoint", 1), "20261123T000000Z", http.StatusForbidden},
		"NoDate":  {"the signature covers a date", good, "", http.StatusForbidden},
		"Good":    {"the form is right", good, "20261123T000000Z", http.StatusOK},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+"/v1/apps", nil)
			if err != nil {
				t.Fatal(err)
			}
			for k, v := range map[string]string{"Authorization": tc.auth, "X-Amz-Date": tc.date} {
				if v != "" {
					req.Header.Set(k, v)
				}
			}
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			if resp.StatusCode != tc.want {
				t.Errorf("%s: %d, want %d", tc.reason, resp.StatusCode, tc.want)
			}
		})
	}
}

func TestCallsThatEndedAreRefused(t *testing.T) {
	c, _ := start(t, sink.Options{})
	app := createApp(t, c, "chat", nil)
	_, err := c.GetSegments(t.Context(), &pinpoint.GetSegmentsInput{ApplicationId: app.Id})
	if err == nil || !strings.Contains(err.Error(), "AccessDeniedException") {
		t.Errorf("GetSegments: %v, want it refused: segments ended on 2026-10-30", err)
	}
}
