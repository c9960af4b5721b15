// Package openapitest holds an HTTP server to its OpenAPI document: what is asked and answered in tests must be as the document says, and all that it
// says must come to pass.
package openapitest

import (
	"bytes"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"sigs.k8s.io/yaml"
)

//go:embed openapi-3.1.schema.json
var rules []byte

// Document is an OpenAPI document, against which answers are checked. It is safe for concurrent use.
type Document struct {
	path    string
	text    string
	content map[string]any
	schemas *jsonschema.Compiler
	mux     *http.ServeMux

	mu       sync.Mutex
	compiled map[string]*jsonschema.Schema
	// seen are the operations' answers that a test provoked.
	seen map[string]bool
}

// documentURL is what answers are checked against, openURL what requests are: they may have more than is described.
const (
	documentURL = "https://chatcluster.io/openapi.json"
	openURL     = "https://chatcluster.io/open/openapi.json"
)

// Load reads the document at path.
func Load(path string) (*Document, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	asJSON, err := yaml.YAMLToJSON(data)
	if err != nil {
		return nil, err
	}
	content, err := jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
	if err != nil {
		return nil, err
	}
	closed, err := jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
	if err != nil {
		return nil, err
	}
	closeObjects(closed)
	d := &Document{
		path: path, text: string(data), content: content.(map[string]any), schemas: jsonschema.NewCompiler(), mux: http.NewServeMux(),
		compiled: map[string]*jsonschema.Schema{}, seen: map[string]bool{},
	}
	d.schemas.AssertFormat()
	if err := errors.Join(d.schemas.AddResource(documentURL, closed), d.schemas.AddResource(openURL, content)); err != nil {
		return nil, err
	}
	for path := range in(d.content, "paths") {
		d.mux.Handle(path, http.NotFoundHandler())
	}
	return d, nil
}

// closeObjects has objects take no property that is not described: clients must bear more, the document must not know less.
func closeObjects(v any) {
	switch v := v.(type) {
	case map[string]any:
		if v["type"] == "object" && v["properties"] != nil && v["additionalProperties"] == nil {
			v["additionalProperties"] = false
		}
		for _, e := range v {
			closeObjects(e)
		}
	case []any:
		for _, e := range v {
			closeObjects(e)
		}
	}
}

// in walks into an object, to nil where there is nothing.
func in(v map[string]any, path ...string) map[string]any {
	for _, p := range path {
		v, _ = v[p].(map[string]any)
	}
	return v
}

// resolve follows a reference, and returns the pointer of what it found.
func (d *Document) resolve(pointer ...string) (map[string]any, []string) {
	v := in(d.content, pointer...)
	if ref, ok := v["$ref"].(string); ok {
		return d.resolve(strings.Split(strings.TrimPrefix(ref, "#/"), "/")...)
	}
	return v, pointer
}

// schema is the one at a pointer.
func (d *Document) schema(t testing.TB, base string, pointer []string) *jsonschema.Schema {
	t.Helper()
	escape := strings.NewReplacer("~", "~0", "/", "~1")
	url := base + "#"
	for _, p := range pointer {
		url += "/" + escape.Replace(p)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if s := d.compiled[url]; s != nil {
		return s
	}
	s, err := d.schemas.Compile(url)
	if err != nil {
		t.Fatalf("%s: %v", url, err)
	}
	d.compiled[url] = s
	return s
}

// Operation names an operation.
func Operation(method, path string) string { return strings.ToUpper(method) + " " + path }

// Operations are the document's, with the statuses of each.
func (d *Document) Operations() map[string][]string {
	out := map[string][]string{}
	for path := range in(d.content, "paths") {
		for method := range in(d.content, "paths", path) {
			out[Operation(method, path)] = slices.Sorted(maps.Keys(in(d.content, "paths", path, method, "responses")))
		}
	}
	return out
}

// Check requires an answer to be as the document says, and notes that it came. What was asked must be as the document says too
// when the server took it.
func (d *Document) Check(t testing.TB, asked string, res *http.Response, body string) {
	t.Helper()
	req := res.Request
	_, path := d.mux.Handler(req)
	if strings.Contains(req.URL.Path, "//") {
		return // the multiplexer would find it
	}
	at := []string{"paths", path, strings.ToLower(req.Method)}
	if in(d.content, at...) == nil {
		return // no operation
	}
	status := strconv.Itoa(res.StatusCode)
	name := Operation(req.Method, path) + " " + status
	described, pointer := d.resolve(append(slices.Clone(at), "responses", status)...)
	if described == nil {
		t.Errorf("%s is not described: %s", name, body)
		return
	}
	for header := range in(described, "headers") {
		if res.Header.Get(header) == "" {
			t.Errorf("%s has no %s", name, header)
		}
	}
	kind := res.Header.Get("Content-Type")
	switch content := in(described, "content"); {
	case content == nil && body != "":
		t.Errorf("%s has a body: %s", name, body)
	case content != nil && content[kind] == nil:
		t.Errorf("%s is %s", name, kind)
	case content != nil && in(content, kind)["schema"] != nil:
		d.validate(t, documentURL, name, append(slices.Clone(pointer), "content", kind, "schema"), body)
	}
	if res.StatusCode < 300 && asked != "" {
		d.validate(t, openURL, name+" was given for what", append(slices.Clone(at), "requestBody", "content", "application/json", "schema"), asked)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.seen[name] = true
}

func (d *Document) validate(t testing.TB, base, what string, pointer []string, body string) {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(body))
	if err == nil {
		err = d.schema(t, base, pointer).Validate(v)
	}
	if err != nil {
		t.Errorf("%s is not as described: %s: %v", what, body, err)
	}
}

// unseen are the answers of the document that no test has provoked.
func (d *Document) unseen() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []string
	for op, statuses := range d.Operations() {
		for _, s := range statuses {
			if !d.seen[op+" "+s] {
				out = append(out, op+" "+s)
			}
		}
	}
	slices.Sort(out)
	return out
}

// Main runs a package's tests, and requires after a run of all of them that each answer of the documents was given at least once. It returns
// the exit code.
func Main(m *testing.M, load func() (*Document, error)) int {
	flag.Parse()
	code := m.Run()
	whole := true
	for _, name := range []string{"test.run", "test.skip", "test.list", "test.fuzz"} {
		whole = whole && flag.Lookup(name).Value.String() == ""
	}
	if code != 0 || !whole {
		return code
	}
	d, err := load()
	if err != nil {
		fmt.Println(err)
		return 1
	}
	if missing := d.unseen(); len(missing) > 0 {
		fmt.Printf("%s describes answers that no test provokes:\n%s\n", d.path, strings.Join(missing, "\n"))
		return 1
	}
	return 0
}

// Valid requires the document to be one of OpenAPI 3.1, and its examples to be as it says.
func (d *Document) Valid(t *testing.T) {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(rules))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("openapi-3.1.schema.json", v); err != nil {
		t.Fatal(err)
	}
	if err := c.MustCompile("openapi-3.1.schema.json").Validate(any(d.content)); err != nil {
		t.Error(err)
	}
	for name := range in(d.content, "components", "schemas") {
		schema := d.schema(t, documentURL, []string{"components", "schemas", name})
		examples, _ := in(d.content, "components", "schemas", name)["examples"].([]any)
		for _, e := range examples {
			if err := schema.Validate(e); err != nil {
				t.Errorf("an example of %s: %v", name, err)
			}
		}
	}
	for name := range in(d.content, "components", "responses") {
		problem := in(d.content, "components", "responses", name, "content", "application/problem+json")
		if err := d.schema(t, documentURL, []string{"components", "schemas", "Problem"}).Validate(problem["example"]); err != nil {
			t.Errorf("the example of %s: %v", name, err)
		}
	}
}

// Serves requires the operations that are served to be the document's.
func (d *Document) Serves(t *testing.T, served []string) {
	t.Helper()
	slices.Sort(served)
	if diff := cmp.Diff(slices.Sorted(maps.Keys(d.Operations())), served); diff != "" {
		t.Errorf("-described +served:\n%s", diff)
	}
}

// Tidy requires everything in the document to be used and named.
func (d *Document) Tidy(t *testing.T) {
	t.Helper()
	for kind := range in(d.content, "components") {
		for name := range in(d.content, "components", kind) {
			if ref := "'#/components/" + kind + "/" + name + "'"; kind != "securitySchemes" && !strings.Contains(d.text, ref) {
				t.Errorf("nothing refers to %s", ref)
			}
		}
	}
	seen := map[any]bool{}
	for path := range in(d.content, "paths") {
		for method := range in(d.content, "paths", path) {
			op := in(d.content, "paths", path, method)
			if op["operationId"] == nil || seen[op["operationId"]] || op["summary"] == nil {
				t.Errorf("%s %s: operationId %v, summary %v", method, path, op["operationId"], op["summary"])
			}
			seen[op["operationId"]] = true
		}
	}
}
