package protocol_test

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"sigs.k8s.io/yaml"

	"github.com/chatcluster/chatcluster/runtime/protocol"
)

const (
	asyncAPI = "../../docs/asyncapi.yaml"
	prose    = "../../docs/protocol.md"
	tutorial = "../../docs/tutorials/client.md"
)

// constants are the package's constants whose name begins with the prefix, as they are written.
func constants(t *testing.T, prefix string) []string {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			d, ok := n.(*ast.GenDecl)
			if !ok || d.Tok != token.CONST {
				return true
			}
			for _, s := range d.Specs {
				v := s.(*ast.ValueSpec)
				for i, id := range v.Names {
					lit, ok := v.Values[i].(*ast.BasicLit)
					if ok && strings.HasPrefix(id.Name, prefix) {
						out = append(out, strings.Trim(lit.Value, `"`))
					}
				}
			}
			return false
		})
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// fields are the JSON names of a struct's fields.
func fields(v any) []string {
	var out []string
	for _, f := range reflect.VisibleFields(reflect.TypeOf(v)) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// api is what the tests read of the AsyncAPI document.
type api struct {
	AsyncAPI   string
	Operations map[string]struct {
		Action   string
		Messages []struct {
			Ref string `json:"$ref"`
		}
	}
	Channels struct {
		Socket struct {
			Address  string
			Messages map[string]struct {
				Ref string `json:"$ref"`
			}
		}
	}
	Components struct {
		Messages map[string]struct {
			Summary string
			Payload struct {
				Properties map[string]struct{ Const string }
			}
			Examples []struct{ Payload json.RawMessage }
		}
		Schemas map[string]struct {
			Properties map[string]any
			Enum       []any
		}
	}
}

func readAPI(t *testing.T) (a api, raw any) {
	t.Helper()
	data, err := os.ReadFile(asyncAPI)
	if err != nil {
		t.Fatal(err)
	}
	data, err = yaml.YAMLToJSONStrict(data)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &a); err != nil {
		t.Fatal(err)
	}
	if raw, err = jsonschema.UnmarshalJSON(bytes.NewReader(data)); err != nil {
		t.Fatal(err)
	}
	return a, raw
}

// last is the last part of a reference.
func last(ref string) string { return ref[strings.LastIndexByte(ref, '/')+1:] }

// direction is one of the two operations: the messages by their names in the document.
func (a *api) direction(action string) (names []string) {
	for _, o := range a.Operations {
		if o.Action == action {
			for _, m := range o.Messages {
				names = append(names, last(a.Channels.Socket.Messages[last(m.Ref)].Ref))
			}
		}
	}
	return names
}

func same(t *testing.T, what string, want, got []string) {
	t.Helper()
	if diff := cmp.Diff(slices.Sorted(slices.Values(want)), slices.Sorted(slices.Values(got))); diff != "" {
		t.Errorf("%s, -in the code +in the document:\n%s", what, diff)
	}
}

func TestTheAsyncAPIDocumentIsComplete(t *testing.T) {
	a, _ := readAPI(t)
	if !strings.HasPrefix(a.AsyncAPI, "3.") || a.Channels.Socket.Address != "/v1/ws" {
		t.Errorf("AsyncAPI %q of channel %q", a.AsyncAPI, a.Channels.Socket.Address)
	}
	types := map[string]bool{}
	for action, frame := range map[string]any{"receive": protocol.ClientFrame{}, "send": protocol.ServerFrame{}} {
		found := map[string]bool{}
		for _, name := range a.direction(action) {
			m := a.Components.Messages[name]
			kind := m.Payload.Properties["type"].Const
			if kind == "" || m.Summary == "" || len(m.Examples) == 0 {
				t.Errorf("message %s lacks a type, a summary or an example", name)
			}
			types[kind] = true
			for f := range m.Payload.Properties {
				found[f] = true
			}
		}
		same(t, "fields of what the server would "+action, fields(frame), slices.Collect(maps.Keys(found)))
	}
	same(t, "frame types", constants(t, "Type"), slices.Collect(maps.Keys(types)))
	if n, m := len(a.Components.Messages), len(a.direction("receive"))+len(a.direction("send")); n != m {
		t.Errorf("%d messages, %d of them in an operation", n, m)
	}
	for name, v := range map[string]any{
		"Entry": protocol.Entry{}, "Member": protocol.Member{}, "Reaction": protocol.Reaction{}, "Verdict": protocol.Verdict{},
		"Presence": protocol.Presence{},
	} {
		same(t, "fields of "+name, fields(v), slices.Collect(maps.Keys(a.Components.Schemas[name].Properties)))
	}
	enum := func(name string) (out []string) {
		for _, v := range a.Components.Schemas[name].Enum {
			switch v := v.(type) {
			case string:
				out = append(out, v)
			case float64:
				out = append(out, strconv.Itoa(int(v)))
			}
		}
		return out
	}
	same(t, "error codes", constants(t, "Code"), enum("Code"))
	same(t, "close codes", constants(t, "Close"), enum("CloseCode"))
}

// schemaOf compiles a message's payload.
func schemaOf(t *testing.T, raw any, name string) *jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft7) // AsyncAPI 3's
	if err := c.AddResource("mem:///asyncapi.json", raw); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("mem:///asyncapi.json#/components/messages/" + name + "/payload")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// valid says what is wrong with a frame by the document, or by the code.
func valid(t *testing.T, schema *jsonschema.Schema, into any, data []byte) error {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		return err
	}
	if err := schema.Validate(v); err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	return d.Decode(into)
}

func TestTheExamplesAreValid(t *testing.T) {
	a, raw := readAPI(t)
	kinds := map[string]bool{}
	for action, frame := range map[string]func() any{
		"receive": func() any { return new(protocol.ClientFrame) }, "send": func() any { return new(protocol.ServerFrame) },
	} {
		for _, name := range a.direction(action) {
			schema := schemaOf(t, raw, name)
			for _, e := range a.Components.Messages[name].Examples {
				f := frame()
				if err := valid(t, schema, f, e.Payload); err != nil {
					t.Errorf("%s: %s: %v", name, e.Payload, err)
				}
				if s, ok := f.(*protocol.ServerFrame); ok {
					for _, e := range s.Entries {
						kinds[e.Kind] = true
					}
				}
				// What the code writes again must be valid too, but for what it leaves out when it is empty.
				again, err := json.Marshal(f)
				if err != nil {
					t.Fatal(err)
				}
				if err := valid(t, schema, frame(), again); err != nil {
					t.Errorf("%s, written by the code: %s: %v", name, again, err)
				}
			}
			if err := valid(t, schema, frame(), []byte(`{"type":"dance"}`)); err == nil {
				t.Errorf("%s takes a frame of another type", name)
			}
		}
	}
	same(t, "kinds of entry with an example", constants(t, "Kind"), slices.Collect(maps.Keys(kinds)))
}

func TestTheProseIsComplete(t *testing.T) {
	data, err := os.ReadFile(prose)
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	named := map[string]bool{}
	for _, m := range regexp.MustCompile("`([^`\n]+)`").FindAllStringSubmatch(text, -1) {
		for _, word := range strings.FieldsFunc(m[1], func(r rune) bool { return r == ',' || r == ' ' || r == '.' || r == '[' || r == ']' }) {
			named[word] = true
		}
	}
	want := func(what string, names []string) {
		for _, n := range names {
			if !named[n] {
				t.Errorf("%s %s is not in the text as `%s`", what, n, n)
			}
		}
	}
	want("frame type", constants(t, "Type"))
	want("error code", constants(t, "Code"))
	want("close code", constants(t, "Close"))
	want("kind of entry", constants(t, "Kind"))
	want("action", constants(t, "Action"))
	for _, v := range []any{
		protocol.ClientFrame{}, protocol.ServerFrame{}, protocol.Entry{}, protocol.Member{}, protocol.Reaction{}, protocol.Verdict{}, protocol.Presence{},
	} {
		want("field", fields(v))
	}

	// Every frame in the text is one of the document's.
	a, raw := readAPI(t)
	byType := map[string]map[string]*jsonschema.Schema{"C": {}, "S": {}}
	for action, side := range map[string]string{"receive": "C", "send": "S"} {
		for _, name := range a.direction(action) {
			byType[side][a.Components.Messages[name].Payload.Properties["type"].Const] = schemaOf(t, raw, name)
		}
	}
	lesson, err := os.ReadFile(tutorial)
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^ {4}(C|S): (\{.*\})$`).FindAllStringSubmatch(text+string(lesson), -1) {
		var f struct{ Type string }
		if err := json.Unmarshal([]byte(m[2]), &f); err != nil {
			t.Errorf("%s: %v", m[2], err)
			continue
		}
		schema := byType[m[1]][f.Type]
		if schema == nil {
			t.Errorf("%s: no such frame", m[2])
			continue
		}
		into := any(new(protocol.ClientFrame))
		if m[1] == "S" {
			into = new(protocol.ServerFrame)
		}
		if err := valid(t, schema, into, []byte(m[2])); err != nil {
			t.Errorf("%s: %v", m[2], err)
		}
		shown[m[1]+f.Type] = true
	}
	for side, frames := range byType {
		for kind := range frames {
			if !shown[side+kind] {
				t.Errorf("no example of %s from %s in the text", kind, side)
			}
		}
	}
}
