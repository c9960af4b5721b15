package docs

import (
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// call is a request that a page has people make with curl.
type call struct{ method, path, body string }

// callOf reads curl's arguments. It is false where what is called is not ours.
func callOf(c Command) (call, bool) {
	var got call
	for i, a := range c.Args {
		next := ""
		if i+1 < len(c.Args) {
			next = c.Args[i+1]
		}
		switch {
		case a == "-X":
			got.method = next
		case a == "-d":
			got.body = next
		case strings.HasPrefix(a, "http://127.0.0.1:18080/"), strings.HasPrefix(a, "$ADMIN/"):
			u, err := url.Parse(strings.Replace(a, "$ADMIN", "/admin/v1", 1))
			if err != nil {
				return call{}, false
			}
			got.path = u.Path
		}
	}
	if got.method == "" {
		got.method = map[bool]string{true: "GET", false: "POST"}[got.body == ""]
	}
	return got, got.path != ""
}

// document is an OpenAPI document as far as requests go.
type document struct {
	Paths map[string]map[string]struct {
		RequestBody struct {
			Content map[string]struct{ Schema schema }
		}
	}
	Components struct{ Schemas map[string]schema }
}

type schema struct {
	Ref        string `json:"$ref"`
	Required   []string
	Properties map[string]any
}

// problem says what the document has against a call, and nothing where it takes it.
func (d document) problem(c call) string {
	for template, operations := range d.Paths {
		if !regexp.MustCompile("^" + regexp.MustCompile(`\{[^}]+\}`).ReplaceAllString(template, "[^/]+") + "$").MatchString(c.path) {
			continue
		}
		operation, ok := operations[strings.ToLower(c.method)]
		if !ok {
			continue // another template may fit as well
		}
		if c.body == "" {
			return ""
		}
		var body map[string]any
		if err := json.Unmarshal([]byte(c.body), &body); err != nil {
			return "the body is no JSON object: " + err.Error()
		}
		s := operation.RequestBody.Content["application/json"].Schema
		if name, ok := strings.CutPrefix(s.Ref, "#/components/schemas/"); ok {
			s = d.Components.Schemas[name]
		}
		for name := range body {
			if _, known := s.Properties[name]; !known {
				return "the request has no " + name
			}
		}
		for _, name := range s.Required {
			if _, there := body[name]; !there {
				return "the request lacks " + name
			}
		}
		return ""
	}
	return "no operation is " + c.method + " " + c.path
}

func documents(t *testing.T) []document {
	t.Helper()
	var all []document
	for _, name := range []string{"openapi.yaml", "admin-openapi.yaml"} {
		text, err := os.ReadFile(filepath.Join(root, "docs", name))
		if err != nil {
			t.Fatal(err)
		}
		var d document
		if err := yaml.Unmarshal(text, &d); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		all = append(all, d)
	}
	return all
}

func TestCurlAsksForWhatIsThere(t *testing.T) {
	docs := documents(t)
	checked := 0
	for _, c := range commands(t, "curl") {
		asked, ours := callOf(c)
		if !ours {
			continue
		}
		checked++
		var problems []string
		for _, d := range docs {
			problems = append(problems, d.problem(asked))
		}
		if !slices.Contains(problems, "") {
			t.Errorf("%s: %s", c, strings.Join(problems, "; "))
		}
	}
	if checked < 10 {
		t.Errorf("only %d calls were found", checked)
	}
}

func TestCallsThatAreWrong(t *testing.T) {
	docs := documents(t)
	cases := map[string]struct {
		reason string
		call   call
		want   string
	}{
		"Fine":    {"as the quickstart has it", call{"PUT", "/v1/devices/phone", `{"platform":"android","push_token":"x","push_channel":"GCM"}`}, ""},
		"Path":    {"there is no such thing", call{"GET", "/v1/devicez", ""}, "no operation is GET /v1/devicez"},
		"Method":  {"it is not done to this", call{"DELETE", "/v1/inbox", ""}, "no operation is DELETE /v1/inbox"},
		"Field":   {"a name that has changed", call{"PUT", "/v1/devices/phone", `{"platform":"ios","token":"x"}`}, "the request has no token"},
		"Lacking": {"what must be said", call{"POST", "/v1/conversations", `{"user":"bob"}`}, "the request lacks kind"},
		"JSON":    {"a quote too few", call{"POST", "/v1/conversations", `{"user:"bob"}`}, "the body is no JSON object: "},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := docs[0].problem(tc.call); (tc.want == "") != (got == "") || !strings.HasPrefix(got, tc.want) {
				t.Errorf("%s: %q, want %q", tc.reason, got, tc.want)
			}
		})
	}
}
