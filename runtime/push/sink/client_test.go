package sink_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/pinpoint"
	"github.com/aws/aws-sdk-go-v2/service/pinpoint/types"

	"github.com/chatcluster/chatcluster/runtime/push/sink"
)

// start serves a sink and returns the SDK's own client for it, so that the wire format is the SDK's.
func start(t *testing.T, o sink.Options) (*pinpoint.Client, string) {
	t.Helper()
	s, err := sink.New(o)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	return pinpoint.New(pinpoint.Options{
		Region:           "eu-central-1",
		BaseEndpoint:     aws.String(srv.URL),
		Credentials:      credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "example", ""),
		RetryMaxAttempts: 1,
	}), srv.URL
}

func createApp(t *testing.T, c *pinpoint.Client, name string, tags map[string]string) *types.ApplicationResponse {
	t.Helper()
	out, err := c.CreateApp(t.Context(), &pinpoint.CreateAppInput{
		CreateApplicationRequest: &types.CreateApplicationRequest{Name: aws.String(name), Tags: tags},
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.ApplicationResponse
}

func view(t *testing.T, base string, q url.Values) sink.View {
	t.Helper()
	var v sink.View
	if err := json.Unmarshal(request(t, http.MethodGet, base+"/messages?"+q.Encode(), http.StatusOK), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func request(t *testing.T, method, url string, want int) []byte {
	t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body := make([]byte, 0, 1024)
	for {
		chunk := make([]byte, 4096)
		n, err := resp.Body.Read(chunk)
		body = append(body, chunk[:n]...)
		if err != nil {
			break
		}
	}
	if resp.StatusCode != want {
		t.Fatalf("%s %s: %d %s, want %d", method, url, resp.StatusCode, body, want)
	}
	return body
}
