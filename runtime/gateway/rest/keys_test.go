package rest_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/chatcluster/chatcluster/runtime/protocol"
)

// A key names what was asked for: asked again it is found, and for anything else it is refused, whatever the log has made of the first
// meanwhile.
func TestAKeyIsForOneRequest(t *testing.T) {
	_, url := realWorld(t)
	room := group(t, url, "bob", "carol")
	ask := func(method, path, body, key string) answered {
		t.Helper()
		return call(t, url, ask{method: method, path: path, token: "alice", body: body, head: http.Header{"Idempotency-Key": {key}}})
	}
	const thumb = "/messages/2/reactions/%F0%9F%91%8D"
	// In order: each with a key of its own.
	requests := []struct{ key, method, path, body string }{
		{"send", http.MethodPost, room + "/messages", `{"body":"hello"}`}, // 2
		{"other", http.MethodPost, room + "/messages", `{"body":"other"}`},
		{"react", http.MethodPut, room + thumb, ""},
		{"unreact", http.MethodDelete, room + thumb, ""},
		{"edit", http.MethodPatch, room + "/messages/2", `{"body":"hello!"}`},
		{"edit2", http.MethodPatch, room + "/messages/2", `{"body":"hello?"}`},
		{"rename", http.MethodPatch, room, `{"title":"team 2"}`},
		{"add", http.MethodPost, room + "/members", `{"users":["dave","erin"]}`},
		{"role", http.MethodPatch, room + "/members/bob", `{"role":"admin"}`},
		{"remove", http.MethodDelete, room + "/members/dave", ""},
		{"delete", http.MethodDelete, room + "/messages/2", ""},
	}
	first := map[string]protocol.Appended{}
	for _, r := range requests {
		a := ask(r.method, r.path, r.body, r.key)
		if a.StatusCode > http.StatusCreated {
			t.Fatalf("%s: status %d: %s", r.key, a.StatusCode, a.body)
		}
		first[r.key] = into[protocol.Appended](t, a, a.StatusCode)
	}
	for i, r := range requests {
		if again := into[protocol.Appended](t, ask(r.method, r.path, r.body, r.key), http.StatusOK); again != first[r.key] {
			t.Errorf("%s again: %+v, not %+v", r.key, again, first[r.key])
		}
		other := requests[(i+2)%len(requests)]
		wantProblem(t, ask(other.method, other.path, other.body, r.key), protocol.CodeKeyReused, "what "+other.key+" asked for with the key of "+r.key)
	}
	for _, tc := range []struct{ reason, key, method, path, body string }{
		{"another message", "other", http.MethodPost, room + "/messages", `{"body":"else"}`},
		{"another target", "unreact", http.MethodDelete, room + strings.Replace(thumb, "/2/", "/3/", 1), ""},
		{"another emoji", "react", http.MethodPut, room + "/messages/2/reactions/%F0%9F%8E%89", ""},
		{"another title", "rename", http.MethodPatch, room, `{"title":"team 3"}`},
		{"other members", "add", http.MethodPost, room + "/members", `{"users":["frank"]}`},
		{"members of another role", "add", http.MethodPost, room + "/members", `{"users":["dave","erin"],"role":"admin"}`},
		{"another member", "remove", http.MethodDelete, room + "/members/erin", ""},
		{"another role", "role", http.MethodPatch, room + "/members/bob", `{"role":"owner"}`},
		{"leaving", "remove", http.MethodPost, room + "/leave", ""},
	} {
		wantProblem(t, ask(tc.method, tc.path, tc.body, tc.key), protocol.CodeKeyReused, tc.reason)
	}
	if _, bobs := send(t, url, room, "bob", "send", "mine"); bobs.Seq <= first["delete"].Seq {
		t.Errorf("another's key is another: %+v", bobs)
	}
}

func TestAKeyOfAGroupIsForThatGroup(t *testing.T) {
	_, url := realWorld(t)
	create := func(body string) answered {
		t.Helper()
		return call(t, url, ask{method: http.MethodPost, path: "/v1/conversations", token: "alice", body: body, head: http.Header{"Idempotency-Key": {"k"}}})
	}
	made := into[protocol.Conversation](t, create(`{"kind":"group","title":"team","members":["bob","carol"]}`), http.StatusCreated)
	for reason, body := range map[string]string{
		"the same":            `{"kind":"group","title":"team","members":["bob","carol"]}`,
		"in another order":    `{"kind":"group","title":"team","members":["carol","bob","bob"]}`,
		"with what says none": `{"kind":"group","title":"team","members":["carol","bob","alice"]}`,
	} {
		if again := into[protocol.Conversation](t, create(body), http.StatusOK); again.ID != made.ID || again.Created {
			t.Errorf("%s: %+v", reason, again)
		}
	}
	for reason, body := range map[string]string{
		"another title": `{"kind":"group","title":"club","members":["bob","carol"]}`,
		"one more":      `{"kind":"group","title":"team","members":["bob","carol","dave"]}`,
		"one fewer":     `{"kind":"group","title":"team","members":["bob"]}`,
		"another":       `{"kind":"group","title":"team","members":["bob","dave"]}`,
	} {
		wantProblem(t, create(body), protocol.CodeKeyReused, reason)
	}
}
