package sink

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// FuzzAPI sends any body to any call: the answer is JSON, an error has Pinpoint's shape, and nothing is the sink's fault.
func FuzzAPI(f *testing.F) {
	const id = "0123456789abcdef0123456789abcdef"
	f.Add("POST", "/v1/apps", `{"Name":"chat","tags":{"a":"b"}}`)
	f.Add("GET", "/v1/apps?page-size=1&token=x", "")
	f.Add("POST", "/v1/tags/arn%3Aaws%3Amobiletargeting%3Aus-east-1%3A0%3Aapps%2F"+id, `{"tags":{"":""}}`)
	f.Add("PUT", "/v1/apps/"+id+"/channels/gcm", `{"ServiceJson":"{}"}`)
	f.Add("POST", "/v1/apps/"+id+"/messages", `{"Addresses":{"p":{"ChannelType":"GCM"}},"MessageConfiguration":{"GCMMessage":{"Title":"t","Body":"b","CollapseKey":"c"}}}`)
	f.Add("POST", "/v1/apps/"+id+"/messages", `{"Addresses":{"p":null},"MessageConfiguration":null}`)
	f.Fuzz(func(t *testing.T, method, target, body string) {
		s, err := New(Options{})
		if err != nil {
			t.Fatal(err)
		}
		s.apps[id] = &app{ID: id, Tags: map[string]string{}, Channels: map[string]*channel{}}
		if !strings.HasPrefix(target, "/v1/") {
			return
		}
		r, err := http.NewRequest(method, "http://sink"+target, strings.NewReader(body))
		if err != nil {
			return
		}
		r.Header.Set("X-Amz-Date", "20261123T000000Z")
		r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=A/20261123/us-east-1/mobiletargeting/aws4_request, SignedHeaders=host, Signature="+strings.Repeat("0", 64))
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code >= http.StatusInternalServerError {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		if w.Code >= http.StatusBadRequest && w.Header().Get("X-Amzn-Errortype") != "" {
			var e struct{ Message, RequestID string }
			if json.Unmarshal(bytes.TrimSpace(w.Body.Bytes()), &e) != nil || e.Message == "" || e.RequestID == "" {
				t.Fatalf("%d with an error of another shape: %s", w.Code, w.Body)
			}
		}
		s.view(filter{})
	})
}
